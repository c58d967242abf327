"""
Loads the program once, and forks for each process that a test starts.

    python -m tests.fork_server SOCKET

`forking.py` asks it on the socket. It has no thread, no event loop and no file but those that it was given, so that a
forked process begins with nothing but what Python and the imports of the program leave behind.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import runpy
import select
import signal
import socket
import struct
import sys
import time
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_BYTES = 128 * 1024
"""How long a request may be; nearly all of it is the environment."""

FILES = 4
"""Standard input, output and error, and the socket on which the process's id and later its exit status is told."""

NUMBER = struct.Struct("i")
UNCHANGED = {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}
"""The signals that nobody can change, and those that Python ignores in each process."""

NOT_LOADED = ("appealbridge.worker", "appealbridge.testing")


class Children:
    """The processes that run, and the socket of each."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._poll = select.poll()  # unlike epoll, this is no file that a process would inherit
        self._poll.register(requests, select.POLLIN)
        self._running: dict[int, tuple[int, int]] = {}

    def next_request(self) -> tuple[bytes, list[int]]:
        """Wait for a request and its files, and tell meanwhile who has ended."""
        while True:
            for file, _ in self._poll.poll():
                if file == self._requests.fileno():
                    request, files, _, _ = socket.recv_fds(self._requests, MOST_BYTES, FILES)
                    return request, files
                self._tell_end(file)

    def tell_begin(self, pid: int, status: int) -> None:
        """Tell the id of a process that has begun."""
        watched = os.pidfd_open(pid)
        self._running[watched] = pid, status
        self._poll.register(watched, select.POLLIN)
        _tell(status, pid)

    def _tell_end(self, watched: int) -> None:
        pid, status = self._running.pop(watched)
        self._poll.unregister(watched)
        os.close(watched)
        _, ended = os.waitpid(pid, 0)
        _tell(status, os.waitstatus_to_exitcode(ended))
        os.close(status)


def _tell(status: int, number: int) -> None:
    try:
        os.write(status, NUMBER.pack(number))
    except OSError:  # the test is over
        return


def serve(requests: socket.socket) -> Mapping[str, Any] | None:
    """Fork for each request: return it in the new process, and nothing in this one when nobody asks any more."""
    children = Children(requests)
    while True:
        request, files = children.next_request()
        if not request:
            return None
        wanted: Mapping[str, Any] = json.loads(request)
        pid = os.fork()
        if not pid:
            requests.detach()
            _become(wanted, files)
            return wanted
        *standard, status = files
        children.tell_begin(pid, status)
        for file in standard:
            os.close(file)


def _become(wanted: Mapping[str, Any], files: list[int]) -> None:
    """Give this process what a new one would have."""
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.umask(wanted["umask"])
    for kind, limits in wanted["limits"]:
        resource.setrlimit(kind, limits)
    for name in signal.valid_signals() - UNCHANGED:
        usual = signal.default_int_handler if name == signal.SIGINT else signal.SIG_DFL
        signal.signal(name, signal.SIG_IGN if name in wanted["ignored"] else usual)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(number: int, old: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return a standard stream as Python makes it at its start, with the same options as the `old` one."""
    mode = "w" if number else "r"
    unbuffered = old.write_through
    binary = os.fdopen(number, f"{mode}b", 0 if unbuffered and number else -1, closefd=False)
    stream = io.TextIOWrapper(
        binary,
        old.encoding,
        old.errors,
        newline="\n",
        line_buffering=not unbuffered and (number == 2 or binary.isatty()),
        write_through=unbuffered,
    )
    stream.mode = mode  # type: ignore[misc] # as Python sets it
    return stream


def run(first: str, *rest: str) -> None:
    """Run what `python FIRST REST` runs."""
    if first == "-m":
        sys.path[0] = str(Path.cwd())
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.path[0] = ""
        sys.argv = ["-c", *rest[1:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), vars(main))  # noqa: S102 - a test's own
    else:
        sys.path[0] = os.path.dirname(first)  # noqa: PTH120 - as Python does
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def load() -> None:
    """Import every module of the program."""
    import appealbridge

    for module in pkgutil.walk_packages(appealbridge.__path__, "appealbridge."):
        if not module.name.endswith("__main__") and not module.name.startswith(NOT_LOADED):
            importlib.import_module(module.name)


if __name__ == "__main__":
    load()
    gc.collect()
    # A thread would not be there in the processes, but what it holds would stay locked.
    assert len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - a number is all
    gc.freeze()  # a search for garbage would copy the memory that the processes share
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    if request is not None:
        run(*request["arguments"])
