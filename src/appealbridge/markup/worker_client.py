"""
Reads feeds in a separate process, which a hostile feed may freeze, fill or crash.

The library that reads them is patient with everything that feeds really do, and for that takes
minutes over what is made to be slow; meanwhile nothing else in its process would move.
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
"""How much work one feed may be; those that are really published take less than one."""

MEMORY = 256 * 1024 * 1024
"""How many bytes of address space the process may have, its program included."""

IDLE_SECONDS = 90.0
"""After so long without work the process ends; the next feed starts another."""

PATIENCE = 30.0
"""How many seconds, by the clock on the wall, a process is waited for that does not even get to work."""

_HANDED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "TMPDIR")
"""The environment variables that it gets. Others may contain secrets."""


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    questions: BinaryIO
    answers: BinaryIO


class Apart:
    """One process at a time, started when it is needed. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def read(self, body: bytes, url: str, content_type: str) -> FeedReading:
        """Return what `markup.feed.read` does, or raise `SourceDown` as it does; block until then."""
        question = orjson.dumps({"url": text(url), "content_type": text(content_type)})
        with self._lock:
            try:
                answer = self._answer(question, body)
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
            with suppress(OSError):  # what was not sent yet is sent to nobody
                running.questions.close()
            running.answers.close()

    def _answer(self, question: bytes, body: bytes) -> FeedReading | None:
        """Return the process's answer, `None` if it ended instead."""
        rested = True
        while rested:
            running = self._running = self._running or _started()
            try:
                return _asked(running, question, body)
            except _EndedError:
                # It ends well only where it went to rest before it heard the question.
                rested = running.process.wait() == 0
            finally:
                if running.process.poll() is not None:
                    self.close()
        return None


class _EndedError(Exception):
    """The process has ended, or must be ended because its answer is not valid."""


def _asked(running: _Running, question: bytes, body: bytes) -> FeedReading:
    overdue = threading.Timer(PATIENCE, running.process.kill)
    overdue.start()
    try:
        send(running.questions, question, body)
        told = orjson.loads(_heard(running))
        if "down" in told:
            raise SourceDown(told["down"])
        count = min(told["entries"], ENTRY_LIMIT)
        entries = [FeedEntry(*orjson.loads(_heard(running))) for _ in range(count)]
        return FeedReading(entries, told["notes"], told["whole"])
    except BrokenPipeError:
        raise _EndedError from None
    finally:
        overdue.cancel()


def _heard(running: _Running) -> bytes:
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
    """Write parts to the other process, each with its length before it."""
    for part in parts:
        stream.write(len(part).to_bytes(8, "big"))
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, limit: int = 2**32) -> bytes | None:
    """Read one part, `None` where the other process is gone, or sends a part longer than `limit`."""
    head = stream.read(8)
    length = int.from_bytes(head, "big")
    if len(head) < 8 or length > limit:
        return None
    part = stream.read(length)
    return part if len(part) == length else None


def text(value: str) -> str:
    """Return a text with what is none replaced, so that it can be sent."""
    return value.encode("utf-8", "replace").decode()


class Aparts:
    """As many processes as feeds are read at a time, used again one feed after the other. Safe from any thread."""

    def __init__(self) -> None:
        self._idle: deque[Apart] = deque()

    def read(self, body: bytes, url: str, content_type: str) -> FeedReading:
        """Read a feed, as `Apart.read` does."""
        # The last one used first, so that those not needed can end.
        try:
            apart = self._idle.pop()
        except IndexError:
            apart = Apart()
        try:
            return apart.read(body, url, content_type)
        finally:
            self._idle.append(apart)

    def close(self) -> None:
        """End all idle processes."""
        for apart in self._idle:
            apart.close()


_APARTS = Aparts()
atexit.register(_APARTS.close)

read_apart = _APARTS.read
"""Reads a feed in one of the processes kept for this."""
