"""What becomes of a message once its pictures are there, or cannot be fetched. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import orjson

from appealbridge.media.values import ImageLimits
from appealbridge.model.value import value
from appealbridge.plugin.message_images import Illustrated, Image, StoredImage

RenditionKey = tuple[str, str]
"""What a rendition is made of: the source of the picture, and the limits for which it is made."""


@value
class RequiredRendition:
    """One image of a delivery that needs a rendition; `number` is its place in the message, from 1."""

    number: int
    image: Image
    limits: ImageLimits

    @property
    def source(self) -> str:
        """The address or the file of the picture."""
        return self.image.url or self.image.file

    @property
    def key(self) -> RenditionKey:
        """What its rendition is made of."""
        limits = self.limits
        sizes = (limits.max_bytes, limits.max_pixels, limits.max_width, limits.max_height)
        text = f"{','.join(sorted(limits.media_types))} {sizes} {limits.transparency}"
        return self.source, text


def with_renditions(
    message: Illustrated,
    required: Sequence[RequiredRendition],
    renditions: Mapping[RenditionKey, StoredImage],
) -> Illustrated:
    """Return a message with the images that have a rendition. Where they came from is no part of what is approved."""
    images = tuple(
        Image(alt=each.image.alt, stored=renditions[each.key])
        for each in required
        if each.key in renditions
    )
    return message.model_copy(update={"images": images})


def content_of(message: Illustrated) -> tuple[str, str]:
    """Return a message as it is stored, and its SHA-256."""
    content = orjson.dumps(message.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return content.decode(), hashlib.sha256(content).hexdigest()


def described(failed: Mapping[RenditionKey, str], required: Sequence[RequiredRendition]) -> str:
    """Return which images of a message cannot be fetched, and why."""
    return "; ".join(
        f"image {each.number} ({each.source}): {failed[each.key]}"
        for each in required
        if each.key in failed
    )[:1000]
