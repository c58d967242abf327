"""Unpacks and decodes the bytes from a server to text in UTF-8. Pure."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator

from appealbridge.model.errors import SourceDown

UNPACKED_LIMIT = 10 * 1024 * 1024
"""The largest feed in bytes after unpacking, which is the limit for other feeds too."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
"""How a text without a byte order mark begins, if its first character is `<`."""
_DECLARED = re.compile(rb"<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_NOT_MEANT = frozenset({
    "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7", "utf-16", "utf-32",
})  # fmt: skip
"""Python's encodings that no feed uses, some of which are slow; and those that need a byte order mark."""
_ONE_BYTE = bytes(range(0xC2))
"""Bytes that do not begin a character of several bytes in UTF-8."""
_SINGLE_BYTE = ("utf-8", "ascii", "cp125", "iso8859", "latin", "koi8", "mac")


def unpacked(body: bytes) -> bytes:
    """Unpack a body that is packed by gzip or deflate although no header says so; return any other unchanged."""
    if body[:2] == b"\x1f\x8b":
        packing = zlib.MAX_WBITS | 16
    elif body[:1] == b"x" and len(body) > 2 and int.from_bytes(body[:2], "big") % 31 == 0:
        packing = zlib.MAX_WBITS
    else:
        return body
    reader = zlib.decompressobj(packing)
    try:
        whole = reader.decompress(body, UNPACKED_LIMIT + 1)
    except zlib.error as error:
        raise SourceDown(f"the answer is packed and cannot be unpacked: {error}") from None
    if not reader.eof and len(whole) <= UNPACKED_LIMIT:
        raise SourceDown("the answer is packed, and breaks off")
    if len(whole) > UNPACKED_LIMIT:
        raise SourceDown(f"the answer is longer than {UNPACKED_LIMIT // 1024 // 1024} MiB unpacked")
    return whole


def utf8(body: bytes, content_type: str) -> bytes:
    """
    Return the text of a feed in UTF-8.

    Declarations are often wrong: bytes that are valid UTF-8 are read as UTF-8, unless the declared encoding also uses
    several bytes for a character.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return _recoded(body[len(mark) :], name)
    for start, name in _UNMARKED:
        if body.startswith(start):
            return _recoded(body, name)
    declared = list(_declared(body, content_type))
    if all(name.startswith(_SINGLE_BYTE) for name in declared):
        text = body.decode(errors="replace")
        wrong = text.count("\ufffd")
        if not wrong or wrong * 4 < len(body.translate(None, _ONE_BYTE)):
            return text.encode()  # a text that was cut inside a letter is still UTF-8
    for name in declared:
        try:
            return body.decode(name).encode()
        except (UnicodeError, LookupError):
            continue
    return _recoded(body, "cp1252")


def _declared(body: bytes, content_type: str) -> Iterator[str]:
    """Yield the declared encodings by Python's names, if known; Latin-1 is read as its Windows form."""
    in_header, in_body = _CHARSET.search(content_type), _DECLARED.search(body[:4096])
    declared = (in_header and in_header[1], in_body and in_body[1].decode("ascii"))
    for label in filter(None, declared):
        try:
            name = codecs.lookup(label).name
        except (LookupError, ValueError):
            continue
        if name in ("iso8859-1", "ascii"):
            name = "cp1252"
        elif name in ("gb2312", "gbk"):
            name = "gb18030"
        if name not in _NOT_MEANT:
            yield name


def _recoded(body: bytes, name: str) -> bytes:
    return body.decode(name, "replace").encode("utf-8", "replace")
