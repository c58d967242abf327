"""Passes what libraries log through Python's `logging` into our log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from appealbridge.logs.events import Level, LogEvent, Value
from appealbridge.logs.log import Log


@contextmanager
def libraries(log: Log) -> Iterator[None]:
    """While open, everything that libraries log or warn of goes through `log`, from `info` upwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = [_Handler(log)]
    root.setLevel(max(log.output.level, Level.INFO))
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)


class _Handler(logging.Handler):
    """Turns a library's record into a line of our log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = max((level for level in Level if level <= record.levelno), default=Level.DEBUG)
        fields: dict[str, Value] = {"logger": record.name, "text": _message(record)}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = record.exc_info[1]
        self._log.output.say(level, LogEvent.LIBRARY, fields)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's mistake in its own arguments is not worth a crash
        return str(record.msg)
