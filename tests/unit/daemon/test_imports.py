"""What few daemons need takes no memory in the others: it is imported when it is first used."""

import subprocess
import sys

RARELY_NEEDED = ("argon2", "segno", "nh3", "PIL", "rich", "jsonschema")
"""Passwords, codes for a second factor, HTML of a website, pictures, tables in a terminal, the editor's schema."""


def test_a_start_imports_nothing_that_only_some_need():
    program = (
        "import sys, appealbridge.daemon.process, appealbridge.cli.main\n"
        f"print(*[name for name in {RARELY_NEEDED!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.stdout.strip(), ended.stderr) == ("", "")
