"""A forked process is like one that was started anew, in all that a program of ours could notice."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from tests import forking

FACTS = """
import asyncio, gc, json, locale, os, resource, signal, sys, threading, time
print(json.dumps({
    "arguments": sys.argv, "path": sys.path[0], "folder": os.getcwd(), "main": __name__,
    "environment": dict(os.environ), "zone": time.tzname, "encoding": sys.getfilesystemencoding(),
    "files": sorted(os.listdir("/proc/self/fd")), "locale": locale.setlocale(locale.LC_CTYPE),
    "umask": os.umask(0), "group": os.getpgid(0), "session": os.getsid(0), "user": os.getresuid(),
    "limits": [resource.getrlimit(n) for n in range(resource.RLIM_NLIMITS)] if hasattr(resource, "RLIM_NLIMITS")
        else [resource.getrlimit(v) for k, v in sorted(vars(resource).items()) if k.startswith("RLIMIT_")],
    "signals": {int(s): str(signal.getsignal(s)).split(" at ")[0] for s in signal.valid_signals()},
    "masked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "threads": [each.name for each in threading.enumerate()], "main thread": threading.current_thread().name,
    "streams": [[s.encoding, s.errors, s.line_buffering, s.write_through, s.isatty(), s.fileno(), s.mode, s.closed]
        for s in (sys.stdin, sys.stdout, sys.stderr)],
    "same streams": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
    "garbage": [gc.isenabled(), gc.get_threshold()], "read": sys.stdin.read(),
    "timer": signal.getitimer(signal.ITIMER_REAL), "nice": os.nice(0), "flags": repr(sys.flags),
}, sort_keys=True))
"""


def anew(*arguments, folder=None, environment=None, given=b""):
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, input=given, capture_output=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def odd():
    """Let this process have another umask, limit and ignored signals than when its forks' parent was started."""
    kept = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    mask, limits = os.umask(0o027), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0] - 7, limits[1]))
    yield
    for name, handler in kept.items():
        signal.signal(name, handler)
    os.umask(mask)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("interrupt", [signal.SIG_IGN, signal.default_int_handler])
def test_it_finds_the_same_as_one_that_was_started_anew(tmp_path, odd, interrupt):
    forking.run("-c", "0")
    signal.signal(signal.SIGINT, interrupt)
    environment = {**os.environ, "TZ": "Asia/Tokyo", "ONLY": "this"}
    environment.pop("HOME", None)
    more = {"folder": tmp_path, "environment": environment, "given": b"to be read"}
    one, another = (run("-c", FACTS, "an argument", **more) for run in (anew, forking.run))
    assert json.loads(another.stdout) == json.loads(one.stdout)
    assert (one.stderr, another.stderr) == (b"", b"")


@pytest.mark.parametrize("arguments", [
    ("-m", "appealbridge", "--version"), ("-m", "appealbridge", "chekc"), ("-m", "appealbridge"),
    ("-m", "appealbridge.practice", "--help"), ("-m", "appealbridge", "check", "--config", "none.yaml"),
], ids=" ".join)  # fmt: skip
def test_a_command_prints_and_ends_as_it_does_when_started_anew(tmp_path, arguments):
    one, another = (run(*arguments, folder=tmp_path) for run in (anew, forking.run))
    assert (another.returncode, another.stdout, another.stderr) == (
        one.returncode, one.stdout, one.stderr,
    )  # fmt: skip


@pytest.mark.parametrize("end", [
    "sys.exit(3)", "sys.exit('why')", "1 / 0", "os._exit(7)", "os.kill(os.getpid(), 9)", "os.abort()",
    "os.kill(os.getpid(), 15)", "atexit.register(print, 'at last')",
    "threading.Timer(0.01, print, ['in time']).start()", "print('no end', end='')",
    "os.close(1); print('nowhere')",
])  # fmt: skip
def test_it_ends_in_every_way_that_another_does(end):
    program = f"import atexit, os, sys, threading\n{end}"
    one, another = (run("-c", program) for run in (anew, forking.run))
    assert (another.returncode, another.stdout) == (one.returncode, one.stdout)
    assert another.stderr.splitlines()[-1:] == one.stderr.splitlines()[-1:]


def test_a_script_is_run_with_its_arguments(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint(__name__, sys.argv, sys.path[0])")
    one, another = (run(str(script), "a", folder=tmp_path) for run in (anew, forking.run))
    assert another.stdout == one.stdout


def test_no_two_draw_the_same_numbers():
    program = (
        "import random, secrets, uuid; print(random.random(), secrets.token_hex(), uuid.uuid4())"
    )
    drawn = [forking.run("-c", program).stdout.split() for _ in range(2)]
    assert all(one != another for one, another in zip(*drawn, strict=True))


async def test_it_has_its_own_number_and_hears_signals_and_is_told_of_by_its_number():
    program = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(100)"
    process = await forking.start("-c", program, stdout=forking.PIPE)
    assert int(await process.stdout.readline()) == process.pid
    assert process.returncode is None
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == process.returncode == -signal.SIGTERM
    assert await process.stdout.read() == b""


async def test_several_run_at_once_and_each_end_is_told_to_its_own():
    program = "import sys; sys.exit(int(sys.stdin.read()))"
    processes = await asyncio.gather(
        *(forking.start("-c", program, given=str(number).encode()) for number in range(5))
    )
    assert await asyncio.gather(*(each.wait() for each in processes)) == [*range(5)]


def test_what_python_reads_at_its_start_needs_a_new_process():
    with pytest.raises(ValueError, match="start it anew"):
        forking.run("-c", "0", environment={**os.environ, "PYTHONUTF8": "0"})
