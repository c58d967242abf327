"""What a server sends is unpacked and decoded, whatever it is said to be."""

import gzip
import zlib

import pytest

from appealbridge.markup.encoding import UNPACKED_LIMIT, unpacked, utf8
from appealbridge.model.errors import SourceDown

TEXT = "<rss>Man’s café – £5</rss>"


def head(encoding):
    return f'<?xml version="1.0" encoding="{encoding}"?>'


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_is_packed_without_saying_so_is_unpacked(pack):
    assert unpacked(pack(TEXT.encode())) == TEXT.encode()


def test_what_is_not_packed_stays_as_it_is():
    assert unpacked(b"xyz") == b"xyz"
    assert unpacked(b"") == b""


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_is_packed_is_unpacked_within_a_bound(pack):
    with pytest.raises(SourceDown, match="longer than 10 MiB"):
        unpacked(pack(b" " * (UNPACKED_LIMIT + 1)))


@pytest.mark.parametrize(
    "body", [gzip.compress(TEXT.encode(), mtime=0)[:-9], b"\x1f\x8bnothing", b"x\x9cnothing"]
)
def test_what_is_packed_badly_is_said_to_be(body):
    with pytest.raises(SourceDown, match="packed"):
        unpacked(body)


@pytest.mark.parametrize(
    ("expected", "http", "real"),
    [
        ("utf-8", "", "utf-8"),
        ("utf-8", "", "utf-8-sig"),
        ("utf-8", "", "cp1252"),
        ("iso-8859-1", "", "cp1252"),
        ("iso-8859-1", "", "utf-8"),
        ("windows-1252", "", "utf-8"),
        ("utf-8", "text/xml; charset=ISO-8859-1", "utf-8"),
        ("nonsense", "text/xml; charset=nonsense", "utf-8"),
        ("idna", "", "utf-8"),
        ("utf-16", "", "utf-16"),
        ("utf-16", "", "utf-16-be"),
        ("utf-16", "", "utf-8"),
        ("utf-8", "text/xml; charset=windows-1252", "cp1252"),
    ],
)
def test_an_encoding_declared_wrongly_is_set_right(expected, http, real):
    text = head(expected) + TEXT
    assert utf8(text.encode(real), http).decode() == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("windows-1251", "Дело"), ("koi8-r", "Дело"), ("gb2312", "寻人启事"), ("Shift_JIS", "行方不明"),
     ("euc-kr", "실종"), ("iso-8859-7", "Αγνοείται"), ("Big5", "尋人")],
)  # fmt: skip
def test_another_alphabet_is_read_as_it_is_declared(encoding, text):
    text = head(encoding) + text
    assert utf8(text.encode(encoding), "").decode() == text


def test_a_letter_that_was_cut_in_two_makes_a_feed_no_other_encoding():
    body = ("Man’s car – café" * 9).encode() + "’".encode()[:2]
    assert utf8(body, "").decode() == "Man’s car – café" * 9 + "\ufffd"
