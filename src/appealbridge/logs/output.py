"""
Writes log lines, without secrets, once per iteration of the event loop.

So a busy moment costs one search for secrets and one write. Warnings and errors are written at once.
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from appealbridge.logs.events import Level, LogEvent, Value
from appealbridge.logs.lines import Fields, for_a_machine, for_a_person

BUFFER_LIMIT = 250
"""How many lines may wait for one write."""

_Line = tuple[str, Level, LogEvent, Fields]

PRIORITIES = {Level.DEBUG: b"<7>", Level.INFO: b"<6>", Level.WARNING: b"<4>", Level.ERROR: b"<3>"}
"""The priority prefix that systemd's journal reads from a line."""


def unchanged(text: str) -> str:
    """Return the text unchanged: for a program without secrets."""
    return text


class Output:
    """
    One binary stream, shared by every `Log` and by the libraries. Safe from any thread.

    `now` gives Unix seconds UTC. `clean` takes every known secret out of a text; each text of a
    line passes it. With `terminal` lines are for a person's eyes. With `journal` each carries the
    priority that systemd's journal reads off its front.
    """

    def __init__(
        self,
        stream: BinaryIO,
        now: Callable[[], float],
        *,
        level: Level = Level.INFO,
        clean: Callable[[str], str] = unchanged,
        terminal: bool = False,
        journal: bool = False,
    ) -> None:
        self.level = level
        self.lost = 0
        """How many lines could not be written, because nothing reads them any more."""
        self._stream = stream
        self._now = now
        self._clean = clean
        self._form = for_a_person if terminal else for_a_machine
        self._priorities = PRIORITIES if journal else None
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._millisecond = -1
        self._at = ""

    def say(self, level: Level, event: LogEvent, fields: Mapping[str, Value]) -> None:
        """Write one line, soon."""
        line = (self._stamp(), level, event, _plain(fields))
        with self._lock:
            self._lines.append(line)
            waiting = len(self._lines)
        if waiting >= BUFFER_LIMIT or level >= Level.WARNING:
            self.flush()
        elif waiting == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:  # no event loop in this thread that could write it later
                self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            if not self._lines:
                return
            lines, self._lines = self._lines, []
            try:
                written = [self._bytes(*line) for line in self._cleaned(lines)]
                self._stream.write(b"".join(written))
                self._stream.flush()
            except Exception:  # noqa: BLE001 - neither a closed pipe nor a line that cannot be written may end what is told of
                self.lost += len(lines)

    def _stamp(self) -> str:
        millisecond = int(self._now() * 1000)
        if millisecond != self._millisecond:  # many lines of a busy moment share theirs
            second, rest = divmod(millisecond, 1000)
            date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._at, self._millisecond = f"{date}.{rest:03d}Z", millisecond
        return self._at

    def _bytes(self, at: str, level: Level, event: LogEvent, fields: Fields) -> bytes:
        line = self._form(at, level, event, fields)
        return line if self._priorities is None else self._priorities[level] + line

    def _cleaned(self, lines: Sequence[_Line]) -> Sequence[_Line]:
        # One search of all texts together is cheap. Only if it finds something is each one cleaned.
        # Before they become JSON, because a quote in a secret would be escaped there.
        together = "\0".join(
            [text for *_, fields in lines for text in fields.values() if isinstance(text, str)]
        )
        if self._clean(together) == together:
            return lines
        return [
            (
                at,
                level,
                event,
                {
                    name: self._clean(value) if isinstance(value, str) else value
                    for name, value in fields.items()
                },
            )
            for at, level, event, fields in lines
        ]


def _plain(fields: Mapping[str, Value]) -> Fields:
    """Turn exceptions into text, because their tracebacks would keep objects in memory."""
    return {
        name: "".join(traceback.format_exception(value)).rstrip()
        if isinstance(value, BaseException)
        else value
        for name, value in fields.items()
    }
