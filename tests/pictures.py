"""A corpus of pictures for tests, drawn here. Every function returns the bytes of one file."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO

from PIL import Image, ImageCms, ImageDraw, ImageFilter

SECRET = b"51.5014N 0.1419W Aisha"
"""What is hidden in the metadata and must not come out."""


def drawn(width=640, height=480, mode="RGB"):
    """A scene with its corners in four colours, so that one sees how it is turned."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    corner_w, corner_h = max(1, width // 4), max(1, height // 4)
    for left, top, colour in (
        (0, 0, "red"),
        (width - corner_w, 0, "lime"),
        (0, height - corner_h, "blue"),
        (width - corner_w, height - corner_h, "yellow"),
    ):
        draw.rectangle((left, top, left + corner_w - 1, top + corner_h - 1), fill=colour)
    return image.convert(mode)


def noisy(width, height):
    """A picture with so many details that it needs many bytes."""
    draws = random.Random(13)
    small = Image.frombytes(
        "RGB", (width // 4, height // 4), draws.randbytes(3 * (width // 4) * (height // 4))
    )
    return small.resize((width, height)).filter(ImageFilter.UnsharpMask(1, 100))


def saved(image, kind, **options):
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def exif(orientation=1):
    values = Image.Exif()
    values[0x0112] = orientation
    values[0x010E] = SECRET.decode()
    values.get_ifd(0x8825)[1] = "N"
    values.get_ifd(0x8825)[2] = (51.0, 30.0, 5.0)
    return values.tobytes()


def jpeg(image=None, **options):
    return saved(image or drawn(), "JPEG", **{"quality": 85, **options})


def png(image=None, **options):
    return saved(image or drawn(), "PNG", **options)


def turned(orientation):
    """A JPEG that is upright only when its EXIF orientation is followed."""
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = drawn() if back is None else drawn().transpose(back)
    return jpeg(image, exif=exif(orientation))


def chunk(name, content):
    return (
        struct.pack(">I", len(content)) + name + content
        + struct.pack(">I", zlib.crc32(name + content))
    )  # fmt: skip


def with_chunk(data, name, content):
    """A PNG with a chunk after its head."""
    return data[:33] + chunk(name, content) + data[33:]


def with_segment(data, marker, content):
    """A JPEG with a segment after its start."""
    return (
        data[:2]
        + b"\xff"
        + bytes([marker])
        + struct.pack(">H", len(content) + 2)
        + content
        + data[2:]
    )


def deep_png():
    """16 bits for each of red, green and blue."""
    width, height = 64, 48
    row = b"\x00" + b"".join(struct.pack(">HHH", 1024 * x, 65535, 300) for x in range(width))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row * height))
        + chunk(b"IEND", b"")
    )


def deep_grey():
    image = Image.new("I;16", (64, 48), 32896)
    return png(image)


def bomb():
    """A PNG of some kilobytes that claims 20,000 × 20,000 pixels, and has them."""
    line = zlib.compressobj()
    packed = b"".join(line.compress(bytes(20_001)) for _ in range(2_000)) + line.flush()
    return header_of(20_000, 20_000)[:-12] + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def header_of(width, height):
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IEND", b"")
    )


def text_bomb():
    """A PNG whose comment unpacks to 64 MB."""
    packed = b"Comment\x00\x00" + zlib.compress(bytes(64 * 1024 * 1024), 9)
    return with_chunk(png(), b"zTXt", packed)


def profile_bomb():
    packed = b"x\x00\x00" + zlib.compress(bytes(64 * 1024 * 1024), 9)
    return with_chunk(png(), b"iCCP", packed)


def polyglot():
    """A JPEG that is also a web page with a script, and has an archive behind it."""
    data = with_segment(jpeg(), 0xFE, b"<script>alert(1)</script>" + SECRET)
    return data + b"PK\x03\x04" + SECRET * 10


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile():
    """
    A profile that is far from sRGB: it makes red of green.

    It is that of sRGB with the colours of two channels exchanged.
    """
    profile = bytearray(srgb_profile())
    tags = {
        bytes(profile[at : at + 4]): at
        for at in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12)
    }
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


def transparent():
    """Transparent on the left, opaque on the right."""
    image = drawn(mode="RGBA")
    image.paste((255, 0, 0, 0), (0, 0, 320, 480))
    return image


def palette_png():
    image = drawn().quantize(16)
    return png(image, transparency=0)


def animated(kind):
    frames = [drawn(), Image.new("RGB", (640, 480), "black")]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, loop=0)


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100)
HEIC_BY_BRAND = b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heic" + bytes(100)
AVIF = b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avifmiaf" + bytes(100)
AVIF_BY_BRAND = b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif" + bytes(100)
SVG = b'<?xml version="1.0"?>\n<!-- a map -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41" + bytes(100)
MOV = b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  " + bytes(100)
WEBM = b"\x1a\x45\xdf\xa3" + bytes(100)
PDF = b"%PDF-1.7\n"
PAGE = b"<!DOCTYPE html><html><body>Not found"
