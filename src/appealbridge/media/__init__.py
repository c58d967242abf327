"""Makes of a picture what a platform takes. Pillow is needed only in the process that does the work."""

from appealbridge.media.values import (
    SOURCE_BYTES,
    ImageLimits,
    ImageRefused,
    RendererUnavailable,
    Rendition,
)

__all__ = [
    "SOURCE_BYTES",
    "ImageLimits",
    "ImageRefused",
    "RendererUnavailable",
    "Rendition",
]
