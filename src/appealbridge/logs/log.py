"""
The log object that the rest of the program uses; ids are bound to it once.

    log = standard_log(clock.now, clean=redactor)
    log.bind(run_id=run.id).info(LogEvent.DELIVERED, delivery_id=delivery.id, channel=delivery.channel)
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO, Literal

from appealbridge.logs.events import Level, LogEvent, Value
from appealbridge.logs.output import PRIORITIES, Output, unchanged


class Log:
    """Writes log lines, with the fields bound to it."""

    __slots__ = ("_bound", "output")

    def __init__(self, output: Output, bound: Mapping[str, Value] | None = None) -> None:
        self.output = output
        self._bound = bound or {}

    def bind(self, **fields: Value) -> Log:
        """Return a log that adds `fields` to every line; a line's own field of that name wins."""
        return Log(self.output, {**self._bound, **fields})

    def debug(self, event: LogEvent, **fields: Value) -> None:
        """Log what only helps to find a fault."""
        if self.output.level <= Level.DEBUG:
            self.output.say(Level.DEBUG, event, {**self._bound, **fields})

    def info(self, event: LogEvent, **fields: Value) -> None:
        """Log what went as it should."""
        if self.output.level <= Level.INFO:
            self.output.say(Level.INFO, event, {**self._bound, **fields})

    def warning(self, event: LogEvent, **fields: Value) -> None:
        """Log a problem that is being dealt with."""
        if self.output.level <= Level.WARNING:
            self.output.say(Level.WARNING, event, {**self._bound, **fields})

    def error(self, event: LogEvent, **fields: Value) -> None:
        """Log a problem that needs a person."""
        self.output.say(Level.ERROR, event, {**self._bound, **fields})


def standard_log(
    now: Callable[[], float],
    *,
    level: Level = Level.INFO,
    form: Literal["auto", "json", "text"] = "auto",
    clean: Callable[[str], str] = unchanged,
) -> Log:
    """
    Return a log to standard error. Its last lines are written even if nobody flushes it.

    `form` is JSON, text for a person, or text on a terminal and JSON elsewhere.
    """
    stream = sys.stderr.buffer
    output = Output(
        stream,
        now,
        level=level,
        clean=clean,
        terminal=form == "text" or (form == "auto" and stream.isatty()),
        journal=_is_journal(stream, os.environ.get("JOURNAL_STREAM", "")),
    )
    atexit.register(output.flush)
    return Log(output)


def final_message(text: str) -> str:
    """
    Return a message with which a program ends, for standard error.

    For systemd's journal every line is marked as an error; otherwise somebody who lists only errors
    would not see why the daemon does not start.
    """
    if not _is_journal(sys.stderr.buffer, os.environ.get("JOURNAL_STREAM", "")):
        return text
    error = PRIORITIES[Level.ERROR].decode()
    return "\n".join(f"{error}{line}" for line in text.splitlines())


def _is_journal(stream: BinaryIO, announced: str) -> bool:
    """Return whether the stream is the one that systemd announced; a redirected one is not."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return announced == f"{status.st_dev}:{status.st_ino}"
