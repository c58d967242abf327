"""
A process of our own with little memory, time and knowledge, for data from strangers that may freeze, fill or crash it.

It is started when it is needed, answers one request after the other, and ends when it has been idle for a while.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

T = TypeVar("T")

_HANDED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "TMPDIR")
"""The environment variables that a process gets. Others may contain secrets."""


class WorkerEnded(Exception):
    """The process ended instead of answering, or was ended because it took too long or gave no valid answer."""


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    requests: BinaryIO
    answers: BinaryIO


class Worker:
    """
    One process of a module at a time. Its methods may be called from any thread, and block.

    `patience` is how many seconds of real time it has for one request, `part_limit` the longest part of an answer.
    """

    def __init__(self, module: str, *, patience: float, part_limit: int) -> None:
        self.patience = patience
        self._module = module
        self._part_limit = part_limit
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def ask(self, request: Sequence[bytes], read: Callable[[Callable[[], bytes]], T]) -> T:
        """
        Send a request; return what `read` makes of the answer, whose parts it gets by calling its argument.

        `read` raises `WorkerEnded` for an answer that is not valid. Raise it too if the process ends instead of
        answering, and `OSError` if it cannot be started.
        """
        with self._lock:
            while True:
                running = self._running = self._running or self._started()
                try:
                    return self._request(running, request, read)
                except WorkerEnded:
                    running.process.kill()
                    # It ends with 0 only if it was idle too long, just before it got the request.
                    if running.process.wait() != 0:
                        raise
                finally:
                    if running.process.poll() is not None:
                        self.close()

    def close(self) -> None:
        """End the process, if there is one."""
        running, self._running = self._running, None
        if running is not None:
            running.process.kill()
            running.process.wait()
            with suppress(OSError):  # it may have unsent data
                running.requests.close()
            running.answers.close()

    def _request(
        self, running: _Running, request: Sequence[bytes], read: Callable[[Callable[[], bytes]], T]
    ) -> T:
        overdue = threading.Timer(self.patience, running.process.kill)
        overdue.daemon = True
        overdue.start()
        try:
            send(running.requests, request)
            return read(lambda: self._received(running))
        except (BrokenPipeError, ValueError):  # no valid answer, or `close` was called meanwhile
            raise WorkerEnded from None
        finally:
            overdue.cancel()

    def _received(self, running: _Running) -> bytes:
        part = receive(running.answers, self._part_limit)
        if part is None:
            raise WorkerEnded
        return part

    def _started(self) -> _Running:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _HANDED_ON if name in os.environ},
            cwd="/",
            start_new_session=True,  # a Ctrl-C on the terminal is for the daemon
        )
        return _Running(process, cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout))


def serve(
    answer: Callable[[bytes, bytes], Iterable[bytes]],
    *,
    memory: int,
    cpu_seconds: float,
    idle_seconds: float,
) -> None:
    """
    Be such a process: answer requests of two parts until there are no more.

    `memory` is the largest address space in bytes, including the program; `cpu_seconds` is for one request.
    """
    import resource  # only where such a process runs: commands for recipes work without Unix

    # A sandbox that forbids this has its own limits.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # If the machine runs out of memory, this process is to be killed and not the daemon.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):
        os.nice(10)
    while True:
        # The next request is sent after the last answer was read, so none is waiting in a buffer.
        ready, _, _ = select.select([sys.stdin], [], [], idle_seconds)
        first = receive(sys.stdin.buffer) if ready else None
        second = None if first is None else receive(sys.stdin.buffer)
        if first is None or second is None:
            return
        # The signal of this timer ends the process, even from within a library that is not Python's.
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        parts = list(answer(first, second))
        signal.setitimer(signal.ITIMER_PROF, 0)
        del first, second
        send(sys.stdout.buffer, parts)


def send(stream: BinaryIO, parts: Iterable[bytes]) -> None:
    """Write parts to the other process, each after its length."""
    for part in parts:
        stream.write(len(part).to_bytes(8, "big"))
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, limit: int = 2**32) -> bytes | None:
    """Read one part, `None` if the other process has ended, or the part is longer than `limit`."""
    head = stream.read(8)
    length = int.from_bytes(head, "big")
    if len(head) < 8 or length > limit:
        return None
    part = stream.read(length)
    return part if len(part) == length else None
