"""
Where feeds are read: in a process of its own, which a hostile one may freeze, fill or crash.

The library that reads them is patient with everything that feeds really do, and for that takes
minutes over what is made to be slow; meanwhile nothing else in its process would move.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple, cast

import orjson

from appealbridge.markup.feed import Entry
from appealbridge.model.errors import SourceDown

CPU_SECONDS = 15
"""How much work one feed may be; those that are really published take less than one."""

MEMORY = 400 * 1024 * 1024
"""How many bytes of address space the process may have, its program included."""

IDLE_SECONDS = 90.0
"""After so long without work the process ends; the next feed starts another."""

_PATIENCE = 60.0
"""How many seconds, by the clock on the wall, a process is waited for that does not even get to work."""

_HANDED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "TMPDIR")
"""What it learns of our environment, where secrets may stand."""


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    questions: BinaryIO
    answers: BinaryIO


class Apart:
    """One process at a time, started when it is needed. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def entries(
        self, body: bytes, url: str, content_type: str
    ) -> tuple[Sequence[Entry], Sequence[str]]:
        """Return what `markup.feed.entries` does, or raise `SourceDown` as it does; block until then."""
        question = orjson.dumps({"url": text(url), "content_type": text(content_type)})
        with self._lock:
            try:
                answer = self._answer(question, body)
            except OSError as error:
                raise SourceDown(f"no process to read the feed in: {error}") from None
        if answer is None:
            raise SourceDown("the feed takes longer or more memory to read than any real one")
        told = orjson.loads(answer)
        if "down" in told:
            raise SourceDown(told["down"])
        return [Entry(*entry) for entry in told["entries"]], told["notes"]

    def close(self) -> None:
        """End the process, if there is one."""
        running, self._running = self._running, None
        if running is not None:
            running.process.kill()
            running.process.wait()
            with suppress(OSError):  # what was not sent yet is sent to nobody
                running.questions.close()
            running.answers.close()

    def _answer(self, question: bytes, body: bytes) -> bytes | None:
        """Return what the process says, `None` where it ended instead."""
        rested = True
        while rested:
            running = self._running = self._running or _started()
            answer = _asked(running, question, body)
            if answer is not None:
                return answer
            # It ends well only where it went to rest before it heard the question.
            rested = running.process.wait() == 0
            self.close()
        return None


def _asked(running: _Running, question: bytes, body: bytes) -> bytes | None:
    overdue = threading.Timer(_PATIENCE, running.process.kill)
    overdue.start()
    try:
        send(running.questions, question, body)
        return receive(running.answers)
    except BrokenPipeError:
        return None
    finally:
        overdue.cancel()


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


def receive(stream: BinaryIO) -> bytes | None:
    """Read one part, `None` where the other process is gone."""
    head = stream.read(8)
    length = int.from_bytes(head, "big")
    part = stream.read(length) if len(head) == 8 else b""
    return part if len(head) == 8 and len(part) == length else None


def text(value: str) -> str:
    """Return a text with what is none replaced, so that it can be sent."""
    return value.encode("utf-8", "replace").decode()


_APART = Apart()
atexit.register(_APART.close)

entries_apart = _APART.entries
"""Reads a feed in the one process that this program keeps for it."""
