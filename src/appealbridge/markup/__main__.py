"""The process that reads feeds, with limits on work and memory."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from appealbridge.markup.feed import read
from appealbridge.markup.worker_client import CPU_SECONDS, IDLE_SECONDS, MEMORY, text
from appealbridge.model.errors import SourceDown
from appealbridge.worker import serve


def _answer(request: bytes, body: bytes) -> Iterator[bytes]:
    """Yield the data of the feed, then each entry on its own, so that the daemon never has much to do at once."""
    feed = orjson.loads(request)
    try:
        reading = read(body, feed["url"], feed["content_type"])
    except SourceDown as down:
        yield orjson.dumps({"down": text(str(down))})
        return
    except MemoryError:
        yield orjson.dumps(
            {"down": "the feed takes more memory to read than any real one; not read"}
        )
        return
    notes = [text(note) for note in reading.notes]
    yield orjson.dumps({"entries": len(reading.entries), "notes": notes, "whole": reading.whole})
    for entry in reading.entries:
        yield orjson.dumps([getattr(entry, name) for name in entry.__slots__])


serve(_answer, memory=MEMORY, cpu_seconds=CPU_SECONDS, idle_seconds=IDLE_SECONDS)
