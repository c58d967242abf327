"""The process that reads feeds, with limits on work and memory."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from appealbridge.markup.feed import read
from appealbridge.markup.worker_client import CPU_SECONDS, IDLE_SECONDS, MEMORY, receive, send, text
from appealbridge.model.errors import SourceDown


def main() -> None:
    """Answer requests until there are no more."""
    # A sandbox that forbids this has limits of its own.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # Where memory runs out for all, this process is the one to end, and not the daemon.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):
        os.nice(10)
    while True:
        # The next question is not sent before the last answer was read, so none waits in a buffer.
        ready, _, _ = select.select([sys.stdin], [], [], IDLE_SECONDS)
        question = receive(sys.stdin.buffer) if ready else None
        body = None if question is None else receive(sys.stdin.buffer)
        if question is None or body is None:
            return
        send(sys.stdout.buffer, *_answer(orjson.loads(question), body))


def _answer(question: Mapping[str, str], body: bytes) -> Iterator[bytes]:
    """Yield the feed's own data, then each entry separately, so that the reader never has much to do at once."""
    # The signal of this timer ends the process, even from within a regular expression.
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        reading = read(body, question["url"], question["content_type"])
    except SourceDown as down:
        yield orjson.dumps({"down": text(str(down))})
        return
    except MemoryError:
        yield orjson.dumps(
            {"down": "the feed takes more memory to read than any real one; not read"}
        )
        return
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    notes = [text(note) for note in reading.notes]
    yield orjson.dumps({"entries": len(reading.entries), "notes": notes, "whole": reading.whole})
    for entry in reading.entries:
        yield orjson.dumps([getattr(entry, name) for name in entry.__slots__])


main()
