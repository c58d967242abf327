"""Makes renditions in a separate process, which a hostile picture may freeze, fill or crash."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import orjson

from appealbridge.media.library import missing_library
from appealbridge.media.values import (
    SOURCE_BYTES,
    ImageLimits,
    ImageRefused,
    RendererUnavailable,
    Rendition,
)
from appealbridge.worker import Worker, WorkerEnded

MEMORY = 832 * 1024 * 1024
"""The largest address space of the process in bytes, including its program; 50 megapixels need most of it."""

CPU_SECONDS = 45
"""The CPU time for one rendition; one of 50 megapixels takes about ten seconds."""

IDLE_SECONDS = 30.0
"""How many seconds the process waits for work before it ends."""

PATIENCE = 120.0
"""How many seconds of real time to wait for a process that gets no CPU time."""

_MODULE = "appealbridge.media"
_CHANCES = 2


class Renderer:
    """
    Makes renditions without holding the event loop, one after the other.

    The process is started when it is needed and ends when it has been idle. `close` ends it at once.
    """

    def __init__(self) -> None:
        self._worker = Worker(_MODULE, patience=PATIENCE, part_limit=2 * SOURCE_BYTES)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._closed = False

    async def render(self, data: bytes, limits: ImageLimits) -> Rendition:
        """
        Return a picture as a platform with these limits gets it.

        Raise `ImageRefused` if it cannot be sent, and `RendererUnavailable` if no process could do the work.
        """
        missing = missing_library()
        if missing:
            raise RendererUnavailable(missing)
        if self._closed:
            raise RendererUnavailable("the program is stopping")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._render, data, limits)

    def close(self) -> None:
        """End the process; what is under way is `RendererUnavailable`."""
        self._closed = True
        self._thread.shutdown(wait=False)
        self._worker.close()

    def _render(self, data: bytes, limits: ImageLimits) -> Rendition:
        request = orjson.dumps({**asdict(limits), "media_types": sorted(limits.media_types)})
        for _ in range(_CHANCES):
            if self._closed:
                raise RendererUnavailable("the program is stopping")
            try:
                return self._worker.ask([request, data], lambda part: _answer(part, limits))
            except WorkerEnded:
                continue  # somebody may have ended it by mistake, so the picture gets another chance
            except OSError as error:
                raise RendererUnavailable(f"no process to read the picture in: {error}") from None
        if self._closed:
            raise RendererUnavailable("the program is stopping")
        raise too_costly()


def too_costly() -> ImageRefused:
    """Return the refusal of a picture that takes more than the process may use."""
    return ImageRefused(
        "the picture takes longer or more memory to read than any real one",
        "open it in another program, save it again as JPEG or PNG, and send that",
    )


def _answer(part: Callable[[], bytes], limits: ImageLimits) -> Rendition:
    """Read a process's answer. A picture may have taken it over, so nothing that it says is trusted."""
    try:
        head = orjson.loads(part())
        if "refused" in head:
            reason, cure = (str(text)[:300] for text in head["refused"])
            raise ImageRefused(reason, cure)
        media_type, width, height = head["media_type"], int(head["width"]), int(head["height"])
    except (ValueError, TypeError, KeyError):
        raise WorkerEnded from None
    data = part()
    if media_type not in limits.media_types or len(data) > limits.max_bytes:
        raise WorkerEnded
    return Rendition(data, media_type, width, height, hashlib.sha256(data).hexdigest())
