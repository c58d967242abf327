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
    # A sandbox that forbids this has its own limits.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # If the machine runs out of memory, this process is to be killed and not the daemon.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):
        os.nice(10)
    while True:
        # The next request is sent after the last answer was read, so none is waiting in a buffer.
        ready, _, _ = select.select([sys.stdin], [], [], IDLE_SECONDS)
        request = receive(sys.stdin.buffer) if ready else None
        body = None if request is None else receive(sys.stdin.buffer)
        if request is None or body is None:
            return
        send(sys.stdout.buffer, *_answer(orjson.loads(request), body))


def _answer(request: Mapping[str, str], body: bytes) -> Iterator[bytes]:
    """Yield the data of the feed, then each entry on its own, so that the daemon never has much to do at once."""
    # The signal of this timer ends the process, even from within a regular expression.
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        reading = read(body, request["url"], request["content_type"])
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
