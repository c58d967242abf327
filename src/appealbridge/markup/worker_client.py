"""
Reads feeds in separate processes, which a hostile feed may freeze, fill or crash.

The library for feeds takes minutes for one that is made to be slow, and nothing else runs in its process meanwhile.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import BinaryIO, NamedTuple, cast

import orjson

from appealbridge.markup.entry import ENTRY_SIZE, FeedEntry
from appealbridge.markup.feed import FeedReading
from appealbridge.markup.structure import ENTRY_LIMIT
from appealbridge.model.errors import SourceDown

CPU_SECONDS = 10
"""The CPU time for one feed; real feeds take less than one second."""

MEMORY = 256 * 1024 * 1024
"""The largest address space of the process in bytes, including its program."""

IDLE_SECONDS = 90.0
"""How many seconds a process waits for work before it ends."""

PATIENCE = 30.0
"""How many seconds of real time to wait for a process that gets no CPU time."""

_HANDED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "TMPDIR")
"""The environment variables that a process gets. Others may contain secrets."""


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    requests: BinaryIO
    answers: BinaryIO


class FeedProcess:
    """One process at a time, started when it is needed. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def read(self, body: bytes, url: str, content_type: str) -> FeedReading:
        """Return what `markup.feed.read` returns, or raise `SourceDown`; block until then."""
        request = orjson.dumps({"url": text(url), "content_type": text(content_type)})
        with self._lock:
            try:
                answer = self._answer(request, body)
            except OSError as error:
                raise SourceDown(f"no process to read the feed in: {error}") from None
        if answer is None:
            raise SourceDown("the feed takes longer or more memory to read than any real one")
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        running, self._running = self._running, None
        if running is not None:
            running.process.kill()
            running.process.wait()
            with suppress(OSError):  # it may have unsent data
                running.requests.close()
            running.answers.close()

    def _answer(self, request: bytes, body: bytes) -> FeedReading | None:
        """Return the process's answer, `None` if it ended instead."""
        idle = True
        while idle:
            running = self._running = self._running or _started()
            try:
                return _asked(running, request, body)
            except _EndedError:
                # It ends with 0 only if it was idle too long, just before it got the request.
                idle = running.process.wait() == 0
            finally:
                if running.process.poll() is not None:
                    self.close()
        return None


class _EndedError(Exception):
    """The process has ended, or must be ended because its answer is not valid."""


def _asked(running: _Running, request: bytes, body: bytes) -> FeedReading:
    overdue = threading.Timer(PATIENCE, running.process.kill)
    overdue.start()
    try:
        send(running.requests, request, body)
        feed = orjson.loads(_received(running))
        if "down" in feed:
            raise SourceDown(feed["down"])
        count = min(feed["entries"], ENTRY_LIMIT)
        entries = [FeedEntry(*orjson.loads(_received(running))) for _ in range(count)]
        return FeedReading(entries, feed["notes"], feed["whole"])
    except BrokenPipeError:
        raise _EndedError from None
    finally:
        overdue.cancel()


def _received(running: _Running) -> bytes:
    part = receive(running.answers, 2 * ENTRY_SIZE)
    if part is None:
        running.process.kill()
        raise _EndedError
    return part


def _started() -> _Running:
    process = subprocess.Popen(
        [sys.executable, "-m", "appealbridge.markup"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _HANDED_ON if name in os.environ},
        cwd="/",
        start_new_session=True,  # a Ctrl-C on the terminal is for the daemon
    )
    return _Running(process, cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout))


def send(stream: BinaryIO, *parts: bytes) -> None:
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


def text(value: str) -> str:
    """Return a text that can be encoded as UTF-8: lone surrogates are replaced."""
    return value.encode("utf-8", "replace").decode()


class FeedProcesses:
    """As many processes as feeds are read at the same time. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._idle: deque[FeedProcess] = deque()

    def read(self, body: bytes, url: str, content_type: str) -> FeedReading:
        """Read a feed, as `FeedProcess.read` does."""
        # The last one used first, so that those not needed can end.
        try:
            process = self._idle.pop()
        except IndexError:
            process = FeedProcess()
        try:
            return process.read(body, url, content_type)
        finally:
            self._idle.append(process)

    def close(self) -> None:
        """End all idle processes."""
        for process in self._idle:
            process.close()


_PROCESSES = FeedProcesses()
atexit.register(_PROCESSES.close)

read_in_process = _PROCESSES.read
"""Reads a feed in one of these processes."""
