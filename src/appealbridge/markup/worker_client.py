"""
Reads feeds in separate processes, which a hostile feed may freeze, fill or crash.

The library for feeds takes minutes for one that is made to be slow, and nothing else runs in its process meanwhile.
"""

from __future__ import annotations

import atexit
from collections import deque
from collections.abc import Callable

import orjson

from appealbridge.markup.entry import ENTRY_SIZE, FeedEntry
from appealbridge.markup.feed import FeedReading
from appealbridge.markup.structure import ENTRY_LIMIT
from appealbridge.model.errors import SourceDown
from appealbridge.worker import Worker, WorkerEnded

CPU_SECONDS = 10
"""The CPU time for one feed; real feeds take less than one second."""

MEMORY = 256 * 1024 * 1024
"""The largest address space of the process in bytes, including its program."""

IDLE_SECONDS = 90.0
"""How many seconds a process waits for work before it ends."""

PATIENCE = 30.0
"""How many seconds of real time to wait for a process that gets no CPU time."""


class FeedProcess:
    """One process at a time, started when it is needed. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self.worker = Worker("appealbridge.markup", patience=PATIENCE, part_limit=2 * ENTRY_SIZE)

    def read(self, body: bytes, url: str, content_type: str) -> FeedReading:
        """Return what `markup.feed.read` returns, or raise `SourceDown`; block until then."""
        request = orjson.dumps({"url": text(url), "content_type": text(content_type)})
        try:
            return self.worker.ask([request, body], _reading)
        except WorkerEnded:
            raise SourceDown(
                "the feed takes longer or more memory to read than any real one"
            ) from None
        except OSError as error:
            raise SourceDown(f"no process to read the feed in: {error}") from None

    def close(self) -> None:
        """End the process, if there is one."""
        self.worker.close()


def _reading(part: Callable[[], bytes]) -> FeedReading:
    feed = orjson.loads(part())
    if "down" in feed:
        raise SourceDown(feed["down"])
    count = min(feed["entries"], ENTRY_LIMIT)
    entries = [FeedEntry(*orjson.loads(part())) for _ in range(count)]
    return FeedReading(entries, feed["notes"], feed["whole"])


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
