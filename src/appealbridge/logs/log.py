"""
The door that the rest of the program speaks through, with the ids of what it is busy with bound once.

    log = standard_log(clock.now, clean=redactor)
    log.bind(run=run.id).info(Said.DELIVERED, delivery=delivery.id, channel=delivery.channel)
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO, Literal

from appealbridge.logs.output import PRIORITIES, Output, unchanged
from appealbridge.logs.said import Level, Said, Value


class Log:
    """Says things, with the fields bound to it."""

    __slots__ = ("_bound", "output")

    def __init__(self, output: Output, bound: Mapping[str, Value] | None = None) -> None:
        self.output = output
        self._bound = bound or {}

    def bind(self, **fields: Value) -> Log:
        """Return a log that adds `fields` to every line; a line's own field of that name wins."""
        return Log(self.output, {**self._bound, **fields})

    def debug(self, said: Said, **fields: Value) -> None:
        """Say what only someone who looks for a fault wants to know."""
        if self.output.level <= Level.DEBUG:
            self.output.say(Level.DEBUG, said, {**self._bound, **fields})

    def info(self, said: Said, **fields: Value) -> None:
        """Say what happened as it should."""
        if self.output.level <= Level.INFO:
            self.output.say(Level.INFO, said, {**self._bound, **fields})

    def warning(self, said: Said, **fields: Value) -> None:
        """Say what went otherwise and is being dealt with."""
        if self.output.level <= Level.WARNING:
            self.output.say(Level.WARNING, said, {**self._bound, **fields})

    def error(self, said: Said, **fields: Value) -> None:
        """Say what a person has to look at."""
        self.output.say(Level.ERROR, said, {**self._bound, **fields})


def standard_log(
    now: Callable[[], float],
    *,
    level: Level = Level.INFO,
    form: Literal["auto", "json", "text"] = "auto",
    clean: Callable[[str], str] = unchanged,
) -> Log:
    """
    Return a log to standard error, whose last lines go out even if nobody flushes it.

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


def last_words(text: str) -> str:
    """
    Return what a program says on standard error when it gives up.

    Where the journal reads it, every line is marked as an error, or nobody who asks for trouble alone
    would learn why the daemon does not start.
    """
    if not _is_journal(sys.stderr.buffer, os.environ.get("JOURNAL_STREAM", "")):
        return text
    error = PRIORITIES[Level.ERROR].decode()
    return "\n".join(f"{error}{line}" for line in text.splitlines())


def _is_journal(stream: BinaryIO, announced: str) -> bool:
    """Return whether the stream is the very one that systemd announced; a redirected one is not."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return announced == f"{status.st_dev}:{status.st_ino}"
