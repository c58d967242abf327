"""Unpacks and decodes the bytes from a server to text in UTF-8. Pure."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator

from appealbridge.model.errors import SourceDown

UNPACKED_LIMIT = 10 * 1024 * 1024
"""How many bytes a packed feed may have when it is unpacked: as many as one that is not."""

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
"""How `<` begins where no byte order mark does."""
_DECLARED = re.compile(rb"<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_NOT_MEANT = frozenset(
    {
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "utf-7",
        "utf-16",
        "utf-32",
    }
)
"""What Python calls encodings and no feed is written in, some of them slow; and those that need a mark."""
_ONE_BYTE = bytes(range(0xC2))
"""Bytes that begin no character of several bytes in UTF-8."""
_SINGLE_BYTE = ("utf-8", "ascii", "cp125", "iso8859", "latin", "koi8", "mac")


def unpacked(body: bytes) -> bytes:
    """Unpack what was packed by gzip or deflate without a header that says so; return anything else unchanged."""
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

    What is declared wrongly is set right: bytes that are UTF-8 are read as that, unless another encoding
    is declared in which a character takes several bytes too.
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
            return text.encode()  # a word that was cut within a letter makes it no other encoding
    for name in declared:
        try:
            return body.decode(name).encode()
        except (UnicodeError, LookupError):
            continue
    return _recoded(body, "cp1252")


def _declared(body: bytes, content_type: str) -> Iterator[str]:
    """Yield the encodings that are declared and known, by Python's names; Latin-1 means its Windows form."""
    found = (_CHARSET.search(content_type), _DECLARED.search(body[:4096]))
    for one in found:
        if one is None:
            continue
        word = one[1] if isinstance(one[1], str) else one[1].decode("ascii")
        try:
            name = codecs.lookup(word).name
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
