"""
The daemon on real servers, read back by clients that are not ours: `make test-real`.

A server is a folder here with an idempotent script `install FOLDER`, and a `test_*.py` beside it. Its fixture starts
and stops it on a high port of loopback (`servers.running`). `house.house` runs the daemon, `losing.Losing` loses
answers.
"""
