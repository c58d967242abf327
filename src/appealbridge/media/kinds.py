"""
Tells what a file is by its first bytes, never by its name or what a server says. Pure.

What is refused here never reaches a decoder.
"""

from __future__ import annotations

import re

from appealbridge.media.values import GIF, JPEG, PNG, WEBP, ImageRefused

SEND_INSTEAD = "send a JPEG or PNG instead"

_SVG = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!DOCTYPE\s+svg|<!--|<svg)", re.IGNORECASE)
_WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)", re.IGNORECASE)

_ACCEPTED = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
}
_REFUSED = {
    b"%PDF": "a PDF",
    b"BM": "a BMP picture",
    b"II*\x00": "a TIFF or raw picture",
    b"MM\x00*": "a TIFF or raw picture",
    b"8BPS": "a Photoshop file",
    b"\x00\x00\x01\x00": "an icon",
    b"\xff\x0a": "a JPEG XL picture",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL picture",
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"\x1f\x8b": "a compressed file",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x1a\x45\xdf\xa3": "a video",
    b"\x00\x00\x01\xba": "a video",
    b"\x00\x00\x01\xb3": "a video",
    b"OggS": "a video",
    b"FLV\x01": "a video",
    b"0&\xb2u\x8ef\xcf\x11": "a video",
}
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF = frozenset({b"avif", b"avis"})
_STILL = frozenset({b"mif1", b"msf1", b"mif2"})


def media_type(data: bytes) -> str:
    """Return the media type of a picture; raise `ImageRefused` for everything that is not published."""
    if not data:
        raise ImageRefused("the file is empty", SEND_INSTEAD)
    for start, accepted in _ACCEPTED.items():
        if data.startswith(start):
            return accepted
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    raise _refused(data)


def _refused(data: bytes) -> ImageRefused:
    if data[4:8] == b"ftyp":
        return _refused_box(data)
    if _WEB_PAGE.match(data):
        return ImageRefused(
            "this is a web page and not a picture",
            "write the address of the picture itself",
        )
    # A drawing may begin with much else, so its name is looked for in the beginning.
    if _SVG.match(data) and b"<svg" in data[:4096].lower():
        return ImageRefused(
            "this is an SVG drawing, which the platforms do not take",
            "send it as PNG instead",
        )
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return _video()
    for start, kind in _REFUSED.items():
        if data.startswith(start):
            if kind == "a video":
                return _video()
            return ImageRefused(f"this is {kind}, which is not published", SEND_INSTEAD)
    return ImageRefused("this is not a picture of a known kind", SEND_INSTEAD)


def _refused_box(data: bytes) -> ImageRefused:
    """Return why a file in the format of MP4 is refused; HEIC and AVIF have it too."""
    length = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, length, 4))}
    if brands & _AVIF:
        return ImageRefused(
            "this is an AVIF picture, which the platforms do not take", SEND_INSTEAD
        )
    if brands & _HEIC or data[8:12] in _STILL:
        return ImageRefused(
            "this is a HEIC picture, which the platforms do not take",
            "send it as JPEG instead; an iPhone takes JPEG with Settings, Camera, Formats, Most Compatible",
        )
    return _video()


def _video() -> ImageRefused:
    return ImageRefused("this is a video, and only pictures are published", SEND_INSTEAD)
