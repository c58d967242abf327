"""The process that makes renditions, with limits on work and memory."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from appealbridge.media.renderer import CPU_SECONDS, IDLE_SECONDS, MEMORY, too_costly
from appealbridge.media.rendering import render
from appealbridge.media.values import ImageLimits, ImageRefused
from appealbridge.worker import serve


def _answer(request: bytes, data: bytes) -> Iterator[bytes]:
    """Yield the facts of the rendition and then the rendition, or why the picture is refused."""
    try:
        rendition = render(data, ImageLimits(**orjson.loads(request)))
    except ImageRefused as refused:
        yield _refusal(refused)
        return
    except MemoryError:
        yield _refusal(too_costly())
        return
    size = {"width": rendition.width, "height": rendition.height}
    yield orjson.dumps({"media_type": rendition.media_type, **size})
    yield rendition.data


def _refusal(refused: ImageRefused) -> bytes:
    return orjson.dumps({"refused": [refused.reason, refused.cure]})


serve(_answer, memory=MEMORY, cpu_seconds=CPU_SECONDS, idle_seconds=IDLE_SECONDS)
