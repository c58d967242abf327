"""Installs, starts and stops the real servers. Each runs on loopback, on a high port, with a folder of its own."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "appealbridge-real"
"""Where servers are installed, once for all checkouts on this machine."""

WITHOUT = os.environ.get("WITHOUT", "").replace(",", " ").split()
"""The servers that whoever runs the tests does not want."""

INSTALLED_WITHIN = 600.0
STARTED_WITHIN = 90.0
STOPPED_WITHIN = 20.0


def install(name: str) -> Path:
    """
    Run the server's script `install`, and return the folder that it installed into.

    Skip the test only if it was asked for; a server that cannot be installed is a failure.
    """
    if name in WITHOUT:
        pytest.skip(f"WITHOUT names {name}")
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [HERE / name / "install", folder],
            env={**os.environ, "PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALLED_WITHIN,
            check=False,
        )
    assert done.returncode == 0, f"{name} cannot be installed:\n{done.stdout[-4000:]}"
    return folder


@contextmanager
def running(
    command: Sequence[str | Path], port: int, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server that listens on a port of loopback while the context lasts, with all that it starts."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, port, log)
        yield process
    finally:
        _stop(process)


def free_port() -> int:
    """Return a high port of loopback that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def output_of(command: Sequence[str | Path], **options: str) -> str:
    """Return what a command prints; fail with its errors if it fails."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **options},
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + STARTED_WITHIN
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(
        f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-4000:]}"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and everything that it started: they are one process group."""
    if process.stdin is not None:
        process.stdin.close()
    for name in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, name)
            process.wait(STOPPED_WITHIN)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
