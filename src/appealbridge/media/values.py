"""What a platform takes, what is sent to it, and why a picture is not."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

JPEG, PNG, WEBP, GIF = "image/jpeg", "image/png", "image/webp", "image/gif"
MEDIA_TYPES = frozenset({JPEG, PNG, WEBP, GIF})

SOURCE_BYTES = 20 * 1024 * 1024
"""The largest file that is read as a picture."""

SOURCE_PIXELS = 50_000_000
"""The most pixels that a picture may have before it is made smaller."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """
    The pictures that a platform takes. `None` is no limit.

    `media_types` are of `MEDIA_TYPES`, at least JPEG or PNG. Without `transparency` a picture is put on white.
    """

    media_types: Set[str]
    max_bytes: int
    max_pixels: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    transparency: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "media_types", frozenset(self.media_types))
        if not self.media_types <= MEDIA_TYPES or not self.media_types & {JPEG, PNG}:
            raise ValueError(f"media_types must be JPEG or PNG, and at most {sorted(MEDIA_TYPES)}")
        numbers = (self.max_bytes, self.max_pixels, self.max_width, self.max_height)
        if any(number is not None and number < 1 for number in numbers):
            raise ValueError("a limit of a picture must be 1 or more")

    def size_within(self, width: int, height: int) -> tuple[int, int]:
        """Return the largest size within the limits that has the same shape, but is not larger."""
        if self.max_width and width > self.max_width:
            width, height = self.max_width, max(1, height * self.max_width // width)
        if self.max_height and height > self.max_height:
            width, height = max(1, width * self.max_height // height), self.max_height
        if self.max_pixels and width * height > self.max_pixels:
            factor = (self.max_pixels / (width * height)) ** 0.5
            width, height = max(1, int(width * factor)), max(1, int(height * factor))
            # A picture of one line would still have too many.
            width, height = min(width, self.max_pixels), min(height, self.max_pixels)
        return width, height


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture as one platform gets it, upright and without metadata; `sha256` is in hexadecimal digits."""

    data: bytes
    media_type: str
    width: int
    height: int
    sha256: str


class ImageRefused(Exception):
    """A picture cannot be sent, today or tomorrow; `cure` says what to send instead."""

    def __init__(self, reason: str, cure: str) -> None:
        self.reason, self.cure = reason, cure
        super().__init__(f"{reason}; {cure}")


class RendererUnavailable(Exception):
    """No process could do the work. The picture is not at fault, so it may be tried again."""
