"""
Makes a rendition with Pillow. Pure, but only for a process that a picture may freeze, fill or crash.

What fits is not decoded and encoded again, so a platform gets the pixels that people approved.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from io import BytesIO

from PIL import Image, ImageChops, ImageCms

from appealbridge.media.kinds import media_type
from appealbridge.media.stripping import StrippedImage, damaged, strip
from appealbridge.media.values import (
    GIF,
    JPEG,
    PNG,
    SOURCE_BYTES,
    SOURCE_PIXELS,
    WEBP,
    ImageLimits,
    ImageRefused,
    Rendition,
)

Image.MAX_IMAGE_PIXELS = None  # there is a limit of our own, which says what to do

_FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", GIF: "GIF"}
_QUALITIES = (95, 90, 85, 80, 75)
_FULL_COLOUR = 90
"""From this quality on colours have as many pixels as brightness, so that red letters stay sharp."""

_WEBP_PIXELS = 12_000_000
"""WebP takes ten times as long as JPEG, so a picture of more pixels is not made a WebP."""

_SMALLEST = 16
"""A picture is not made smaller than this on its longer side to save bytes."""

_ORIENTATION = 0x0112
_ROTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_PROFILE_MODES = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}
_GREY = frozenset({"1", "L", "LA", "I", "I;16", "I;16B"})
_KEPT_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_UNSEEN = 2
"""A difference between colours, of 255, that nobody sees."""


def render(data: bytes, limits: ImageLimits) -> Rendition:
    """Return a picture as a platform with these limits gets it; raise `ImageRefused` if there is no way."""
    if len(data) > SOURCE_BYTES:
        raise ImageRefused(
            f"the file is larger than {SOURCE_BYTES // 1024**2} MB", "send a smaller picture"
        )
    kind = media_type(data)
    stripped = strip(data, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is decoded or refused
        try:
            return _rendition(stripped, kind, limits)
        except (ImageRefused, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a decoder may raise anything
            raise damaged() from None


def _rendition(stripped: StrippedImage, kind: str, limits: ImageLimits) -> Rendition:
    image: Image.Image = Image.open(BytesIO(stripped.data), formats=[_FORMATS[kind]])
    _check_size(*image.size)
    turn = _turn(stripped.exif)
    upright = _swapped(image.size, turn)
    target = limits.size_within(*upright)
    if target != upright:
        image.draft(None, _swapped(target, turn))  # of a JPEG no more is decoded than is needed
    image.load()
    lossless = kind in (PNG, GIF) or (kind == WEBP and b"VP8L" in stripped.data[:4096])
    to_srgb = _to_srgb(image, stripped.profile)
    covered = not limits.transparency and _is_transparent(image)
    converted = turn is not None or to_srgb is not None or covered or image.mode == "CMYK"
    fits = (
        target == upright and kind in limits.media_types and len(stripped.data) <= limits.max_bytes
    )
    if stripped.as_it_is and fits and not converted:
        return _made(stripped.data, kind, upright)
    image = _in_srgb(image, to_srgb)
    if covered:
        image = _on_white(image)
    if image.size != _swapped(target, turn):
        image = _resized(image, _swapped(target, turn))
    if turn is not None:
        image = image.transpose(turn)
    return _within(image, limits, lossless=lossless)


def _made(data: bytes, kind: str, size: tuple[int, int]) -> Rendition:
    return Rendition(data, kind, *size, hashlib.sha256(data).hexdigest())


def _check_size(width: int, height: int) -> None:
    if width * height > SOURCE_PIXELS:
        raise ImageRefused(
            f"the picture has {width} × {height} pixels, more than {SOURCE_PIXELS // 1_000_000} megapixels",
            "send it in a smaller size",
        )


def _turn(exif: bytes) -> Image.Transpose | None:
    """Return how a picture must be turned to be upright."""
    if not exif:
        return None
    values = Image.Exif()
    try:
        values.load(exif)
        return _ROTATIONS.get(values.get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it says nothing
        return None


def _swapped(size: tuple[int, int], turn: Image.Transpose | None) -> tuple[int, int]:
    sideways = turn is not None and turn in {_ROTATIONS[number] for number in _SIDEWAYS}
    return (size[1], size[0]) if sideways else size


# Colours


def _to_srgb(image: Image.Image, profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Return what makes sRGB of the picture's colours; `None` if they are sRGB, or the profile says nothing valid."""
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _PROFILE_MODES.get(source.profile.xcolor_space.strip().upper(), "")
        grey = image.mode in _GREY
        if not mode or (mode == "CMYK") != (image.mode == "CMYK") or (mode == "L" and not grey):
            return None
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), mode, "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
        return transform if _changes(transform) else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _changes(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether anybody could see what a transform does; many profiles are sRGB by other names."""
    if transform.input_mode == "CMYK":
        return True
    steps = range(0, 256, 15)
    if transform.input_mode == "L":
        pixels = bytes(steps)
    else:
        pixels = bytes(value for r in steps for g in steps for b in steps for value in (r, g, b))
    width = len(pixels) // len(transform.input_mode)
    before = Image.frombytes(transform.input_mode, (width, 1), pixels)
    after = transform.apply(before)
    differences = ImageChops.difference(before.convert("RGB"), after)
    return max(differences.tobytes()) > _UNSEEN


def _in_srgb(image: Image.Image, to_srgb: ImageCms.ImageCmsTransform | None) -> Image.Image:
    """Return a picture in 8-bit sRGB: black and white, a palette, grey or RGB, the last two also with transparency."""
    if image.mode.startswith("I"):
        image = image.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if to_srgb is None:
        return image if image.mode in _KEPT_MODES else image.convert("RGB")
    alpha = image.convert("RGBA").getchannel("A") if _is_transparent(image) else None
    grey = image.mode in _GREY
    if image.mode != to_srgb.input_mode:
        image = image.convert(to_srgb.input_mode)
    image = to_srgb.apply(image)
    if grey:
        image = image.convert("L")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _is_transparent(image: Image.Image) -> bool:
    """Return whether any pixel is not wholly opaque."""
    if not image.has_transparency_data:
        return False
    alpha = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    opaque = alpha.getchannel("A").histogram()[-1]
    return opaque < alpha.width * alpha.height


def _on_white(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


# Sizes


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a picture in another size; a palette or black and white gets all colours first."""
    if image.mode in ("1", "P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.has_transparency_data and image.mode not in ("RGBA", "LA"):
        image = image.convert("RGBA")
    return image.resize(size, Image.Resampling.LANCZOS)


def _within(image: Image.Image, limits: ImageLimits, *, lossless: bool) -> Rendition:
    """Return the best encoding that is small enough: without loss, then in lower qualities, then in smaller sizes."""
    transparent = _is_transparent(image)
    small = image.width * image.height <= _WEBP_PIXELS
    lossy = _lossy_kind(limits, transparent=transparent and small)
    if lossy == WEBP and not small:
        image = _resized(image, ImageLimits({PNG}, 1, _WEBP_PIXELS).size_within(*image.size))
    data = b""
    for kind, data in _encodings(image, limits, lossy, lossless=lossless or lossy == PNG):
        if len(data) <= limits.max_bytes:
            return _made(data, kind, image.size)
    smaller, factor = image, 1.0
    while max(smaller.size) > _SMALLEST:
        factor *= min(0.9, max(0.5, (limits.max_bytes / len(data)) ** 0.5))
        width, height = image.size
        smaller = _resized(image, (max(1, int(width * factor)), max(1, int(height * factor))))
        data = _encoded(smaller, lossy, _QUALITIES[-1])
        if len(data) <= limits.max_bytes:
            return _made(data, lossy, smaller.size)
    raise ImageRefused(
        f"the picture cannot be made as small as {limits.max_bytes} bytes", "send a simpler one"
    )


def _lossy_kind(limits: ImageLimits, *, transparent: bool) -> str:
    """Return the media type whose quality can be lowered, PNG if there is none."""
    # Poor letters on a transparent picture help nobody, so it is rather put on white than made small.
    order = (WEBP, JPEG) if transparent else (JPEG, WEBP)
    return next((kind for kind in order if kind in limits.media_types), PNG)


def _encodings(
    image: Image.Image, limits: ImageLimits, lossy: str, *, lossless: bool
) -> Iterator[tuple[str, bytes]]:
    if lossless and PNG in limits.media_types:
        yield PNG, _encoded(image, PNG)
    if lossy != PNG:
        for quality in _QUALITIES:
            yield lossy, _encoded(image, lossy, quality)


def _encoded(image: Image.Image, kind: str, quality: int = 0) -> bytes:
    """Return a picture as a file without metadata."""
    target = BytesIO()
    if kind == PNG:
        transparency = image.info.get("transparency")
        bare = {} if transparency is None else {"transparency": transparency}
        image.save(target, "PNG", icc_profile=None, pnginfo=None, **bare)
    elif kind == JPEG:
        flat = _on_white(image) if _is_transparent(image) else image
        if flat.mode not in ("L", "RGB"):
            flat = flat.convert("L" if flat.mode in _GREY else "RGB")
        fine = {"subsampling": 0} if quality >= _FULL_COLOUR else {}
        flat.save(target, "JPEG", quality=quality, **fine)
    else:
        image.save(target, "WEBP", quality=quality)
    return target.getvalue()
