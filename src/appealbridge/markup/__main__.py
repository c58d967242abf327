"""The process that reads feeds: a question in, an answer out, within bounds of work and memory."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from appealbridge.markup.apart import CPU_SECONDS, IDLE_SECONDS, MEMORY, receive, send, text
from appealbridge.markup.feed import entries
from appealbridge.model.errors import SourceDown


def main() -> None:
    """Answer until nobody asks any more."""
    # Where a sandbox around us forbids even this, it has bounds of its own.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with suppress(OSError):
        os.nice(10)
    while True:
        # The next question is not sent before the last answer was read, so none waits in a buffer.
        ready, _, _ = select.select([sys.stdin], [], [], IDLE_SECONDS)
        question = receive(sys.stdin.buffer) if ready else None
        body = None if question is None else receive(sys.stdin.buffer)
        if question is None or body is None:
            return
        send(sys.stdout.buffer, orjson.dumps(_answer(orjson.loads(question), body)))


def _answer(question: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    # The signal of this timer ends the process, even from within a regular expression.
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        found, notes = entries(body, question["url"], question["content_type"])
    except SourceDown as down:
        return {"down": text(str(down))}
    except MemoryError:
        return {"down": "the feed takes more memory to read than any real one; not read"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    told = [[entry.guid, entry.link, entry.data, entry.time] for entry in found]
    return {"entries": told, "notes": [text(note) for note in notes]}


main()
