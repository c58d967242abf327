"""Small pictures for tests, drawn without a library."""

import hashlib
import struct
import zlib

from appealbridge.plugin.images import Image, StoredImage


def png(width: int = 40, height: int = 30, colour: bytes = b"\x0a\x64\xc8") -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * width) * height
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def stored(data: bytes, alt: str) -> Image:
    """Return an image of a message whose rendition is this PNG of the usual size."""
    return Image(
        file="drawn.png",
        alt=alt,
        stored=StoredImage(
            sha256=hashlib.sha256(data).hexdigest(),
            media_type="image/png",
            width=40,
            height=30,
            size=len(data),
        ),
    )
