"""Makes of a picture what a platform takes."""

from appealbridge.media.values import ImageLimits, ImageRefused, Rendition

__all__ = ["ImageLimits", "ImageRefused", "Rendition"]
