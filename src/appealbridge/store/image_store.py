"""The part of a store's interface that is about images; the rest, and what holds for all of it, is in `base`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from appealbridge.model.delivery import Delivery
from appealbridge.store.records import Preparation, Rendered, StoredUpload, Unprepared


class ImageQueries(Protocol):
    """Reads images, for the engine and for people."""

    async def images(self, delivery_id: str) -> Sequence[Rendered]:
        """Return the renditions of a delivery's images, in their order."""


class ImageStore(Protocol):
    """
    Stores images of deliveries: what is to be prepared, the renditions by their SHA-256, and their uploads.

    A new delivery with `images` is stored as `planned`, with its hold, and as unprepared. It expires and can be
    cancelled like any other that waits. The bytes of a rendition are kept while a delivery that still has its content
    shows it.
    """

    async def keep_media(self, sha256: str, data: bytes, now: float) -> None:
        """Store the bytes of a rendition, before anything refers to it."""

    async def media(self, sha256: str) -> bytes:
        """Return the bytes of a rendition; raise `NotFound`."""

    async def forget_media(self, before: float) -> int:
        """Remove the bytes that no delivery shows, and that were not stored since a time; return how many."""

    async def unprepared(self, now: float, limit: int) -> Sequence[Unprepared]:
        """Return deliveries whose preparation is due, the longest due first."""

    async def next_preparation(self) -> float | None:
        """Return when the next preparation is due."""

    async def keep_images(self, images: Sequence[Rendered]) -> None:
        """Store renditions of images, in place of earlier ones of the same images."""

    async def images_of_run(self, run_id: str) -> Sequence[Rendered]:
        """Return the renditions of the images of all deliveries of a run."""

    async def postpone(self, delivery_id: str, due_at: float, reason: str, now: float) -> None:
        """Prepare a delivery later, because of this reason, if it still waits for that."""

    async def prepared(self, preparation: Preparation) -> Delivery | None:
        """Store the end of a preparation; return the delivery, `None` if it no longer waited for that."""

    async def uploads(self, delivery_id: str) -> Sequence[StoredUpload]:
        """Return what a platform has of a delivery's images, in their order."""

    async def leftover_uploads(self, limit: int) -> Sequence[StoredUpload]:
        """Return published uploads of deliveries that ended unpublished."""

    async def forget_upload(self, delivery_id: str, number: int) -> None:
        """Forget an upload that is removed from its platform."""
