"""
Takes metadata out of pictures without decoding them. Pure.

Only the parts that make up the picture are kept, so that no place, name, thumbnail or hidden file goes out, whatever
new kind of metadata somebody invents. What follows the end of the picture is cut off.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from appealbridge.media.values import GIF, JPEG, PNG, WEBP, ImageRefused

_PARTS = 20_000
"""The most parts of one file; real pictures have some hundreds."""


@dataclass(frozen=True, slots=True)
class StrippedImage:
    """
    A picture without metadata, and what was said there about how to show it.

    `profile` is its ICC profile, `exif` its EXIF data, both empty if it has none. `as_it_is` is false if it can only be
    sent after it was decoded and encoded again.
    """

    data: bytes
    profile: bytes = b""
    exif: bytes = b""
    as_it_is: bool = True


class _CutOffError(Exception):
    """The file ends before the picture does."""


def strip(data: bytes, media_type: str) -> StrippedImage:
    """Return a picture of a media type without metadata; raise `ImageRefused` if it is cut off or no such picture."""
    try:
        return _STRIP[media_type](data)
    except _CutOffError:
        raise ImageRefused(
            "the picture is cut off: the file ends before the picture does",
            "send the whole file again",
        ) from None


def damaged() -> ImageRefused:
    """Return the refusal of a picture that cannot be decoded."""
    return ImageRefused(
        "the picture is damaged and cannot be read",
        "open it in another program, save it again as JPEG or PNG, and send that",
    )


def _take(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) < length:
        raise _CutOffError
    return part


# JPEG: segments, each with a marker and a length, and after some of them the compressed picture.

_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_END, _SCAN, _APP0, _APP1, _APP2, _ADOBE = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_TABLES = frozenset({0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD})
_FRAMES = frozenset(range(0xC0, 0xD0)) - _TABLES - {0xC8}
_USUAL_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_ICC, _EXIF, _JFIF = b"ICC_PROFILE\x00", b"Exif\x00\x00", b"JFIF\x00"


def _strip_jpeg(data: bytes) -> StrippedImage:
    parts = [b"\xff\xd8"]
    profile: dict[int, bytes] = {}
    exif, usual = b"", True
    for marker, content, scan in _segments(data):
        if marker in _TABLES or marker in _FRAMES:
            usual = usual and (marker not in _FRAMES or marker in _USUAL_FRAMES)
        elif marker == _APP0 and content.startswith(_JFIF) and len(content) >= 12:
            content = content[:12] + b"\x00\x00"  # without its thumbnail
        elif marker == _APP1 and content.startswith(_EXIF):
            exif = exif or content[len(_EXIF) :]
            continue
        elif marker == _APP2 and content.startswith(_ICC) and len(content) > 14:
            profile[content[12]] = content[14:]
            continue
        elif marker != _ADOBE or not content.startswith(b"Adobe"):
            continue
        parts += b"\xff%c" % marker, (len(content) + 2).to_bytes(2, "big"), content, scan
    parts.append(b"\xff\xd9")
    whole_profile = b"".join(profile[number] for number in sorted(profile))
    return StrippedImage(b"".join(parts), whole_profile, exif, usual)


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the marker and the content of each segment, and what of the picture follows it."""
    at = 2
    for _ in range(_PARTS):
        while _take(data, at, 2) == b"\xff\xff":  # markers may be padded
            at += 1
        start, marker = data[at : at + 2]
        if start != 0xFF or marker == 0:
            raise damaged()
        at += 2
        if marker == _END:
            return
        if marker in _ALONE:
            continue
        length = int.from_bytes(_take(data, at, 2), "big")
        if length < 2:
            raise damaged()
        content = _take(data, at + 2, length - 2)
        at += length
        scan = b""
        if marker == _SCAN:
            following = _NEXT_MARKER.search(data, at)
            if following is None:
                raise _CutOffError
            scan = data[at : following.start()]
            at = following.start()
        yield marker, content, scan
    raise damaged()


# PNG: chunks, each with a length, a name and a checksum.

_PNG_START = b"\x89PNG\r\n\x1a\n"
_CHUNKS = frozenset({
    b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM", b"sBIT",
})  # fmt: skip
_PROFILE_BYTES = 8 * 1024 * 1024


def _strip_png(data: bytes) -> StrippedImage:
    parts, profile, exif, deep = [_PNG_START], b"", b"", False
    for name, content, chunk in _chunks(data):
        if name in _CHUNKS:
            parts.append(chunk)
            deep = deep or (name == b"IHDR" and content[8:9] == b"\x10")
        elif name == b"iCCP":
            profile = profile or _unpacked(content.partition(b"\x00")[2][1:])
        elif name == b"eXIf":
            exif = exif or content
    return StrippedImage(b"".join(parts), profile, exif, not deep)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the name, the content and the whole of each chunk, up to the last one of the picture."""
    at = len(_PNG_START)
    for _ in range(_PARTS):
        head = _take(data, at, 8)
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        chunk = _take(data, at, length + 12)
        yield name, chunk[8:-4], chunk
        if name == b"IEND":
            return
        at += len(chunk)
    raise damaged()


def _unpacked(packed: bytes) -> bytes:
    """Return what zlib packed; empty if it is damaged or far larger than any profile."""
    unpack = zlib.decompressobj()
    try:
        profile = unpack.decompress(packed, _PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpack.eof else b""


# WebP: a RIFF file. If it has a chunk VP8X, this says in its first byte what else there is.

_WEBP_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
_ANIMATED = 0x02
_ONLY_ALPHA = 0x10


def _strip_webp(data: bytes) -> StrippedImage:
    end = 8 + int.from_bytes(_take(data, 4, 4), "little")
    if len(data) < end:
        raise _CutOffError
    parts, profile, exif, animated = [], b"", b"", False
    for name, content in _riff_chunks(data, end):
        if name == b"VP8X" and content:
            animated = bool(content[0] & _ANIMATED)
            content = bytes([content[0] & (_ONLY_ALPHA | _ANIMATED)]) + content[1:]
        if name in _WEBP_CHUNKS:
            padding = b"\x00" * (len(content) % 2)
            parts.append(name + len(content).to_bytes(4, "little") + content + padding)
        elif name == b"ICCP":
            profile = profile or content
        elif name == b"EXIF":
            exif = exif or content.removeprefix(_EXIF)
    body = b"WEBP" + b"".join(parts)
    return StrippedImage(
        b"RIFF" + len(body).to_bytes(4, "little") + body, profile, exif, not animated
    )


def _riff_chunks(data: bytes, end: int) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    for _ in range(_PARTS):
        if at + 8 > end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise _CutOffError
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise damaged()


# GIF: a header with a palette, then blocks. Only the first picture is kept.

_EXTENSION, _PICTURE, _GRAPHIC_CONTROL = 0x21, 0x2C, 0xF9


def _strip_gif(data: bytes) -> StrippedImage:
    head = _take(data, 0, 13)
    at = 13 + _palette(head[10])
    parts = [_take(data, 0, at)]
    control = b""
    for _ in range(_PARTS):
        kind = _take(data, at, 1)[0]
        if kind == _EXTENSION:
            end = _sub_blocks(data, at + 2)
            if _take(data, at + 1, 1)[0] == _GRAPHIC_CONTROL:
                control = data[at:end]
            at = end
        elif kind == _PICTURE:
            start = at + 10 + _palette(_take(data, at, 10)[9]) + 1
            end = _sub_blocks(data, start)
            return StrippedImage(b"".join((*parts, control, data[at:end], b";")))
        else:
            raise damaged()
    raise damaged()


def _palette(flags: int) -> int:
    """Return how many bytes of palette follow."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> int:
    """Return where a chain of blocks ends."""
    while length := _take(data, at, 1)[0]:
        at += length + 1
    return at + 1


_STRIP: dict[str, Callable[[bytes], StrippedImage]] = {
    JPEG: _strip_jpeg,
    PNG: _strip_png,
    WEBP: _strip_webp,
    GIF: _strip_gif,
}
