"""
Reads the entries of a feed from its bytes. Pure, but slow: it runs in a separate process.

A feed may contain anything. A malformed one is read as far as its meaning is certain; whatever could take endless
time or memory (entities, tags, entries, addresses) is refused or cut.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appealbridge.markup.encoding import unpacked, utf8
from appealbridge.markup.entry import ENTRY_SIZE, Context, FeedEntry, entry_of, fitting
from appealbridge.markup.structure import structure
from appealbridge.model.errors import SourceDown

TIMES = 3
ROOM = 1024 * 1024
MOST = 16 * 1024 * 1024
"""All entries together have at most `TIMES` as many bytes as the feed plus `ROOM`, and at most `MOST`."""

_PAGE = re.compile(rb"\s*(?:<!doctype\s+html|<html)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FeedReading:
    """
    The content of a feed: its entries, newest first if all have dates, and notes about it.

    `whole` is false if it breaks off. Then the next poll must read it again, even if it is unchanged.
    """

    entries: Sequence[FeedEntry]
    notes: Sequence[str] = ()
    whole: bool = True


def entries(body: bytes, url: str, content_type: str) -> tuple[Sequence[FeedEntry], Sequence[str]]:
    """Return only a feed's entries and notes, for whoever tries a feed in Python; the rest is as for `read`."""
    reading = read(body, url, content_type)
    return reading.entries, reading.notes


def read(body: bytes, url: str, content_type: str) -> FeedReading:
    """Read a feed; `url` is its address, for relative links. Raise `SourceDown` if it is not a feed."""
    body = unpacked(body)
    try:
        text = utf8(body, content_type)
        parts = structure(text)
        parsed = _parse(text if parts is None else parts.document, url)
        raws = list(parsed["entries"])
        if not parsed.get("version") and not raws:
            raise SourceDown(_no_feed(body, parsed))
        language = str(parsed["feed"].get("language") or "")
        context = Context(url, language, str(parsed.get("version")).startswith("atom"))
        pairs = [entry_of(raw, context) for raw in raws]
        for place, document in (parts.apart if parts else {}).items():
            alone = _parse(document, url)
            pairs[place:place] = [entry_of(raw, context) for raw in alone["entries"][:1]]
    except (SourceDown, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - hostile text can make the parser raise anything
        raise SourceDown(f"the feed cannot be read: {type(error).__name__}: {error}") from None
    notes = parts.notes if parts else []
    unread = sum(unread for _, unread in pairs)
    if unread:
        dates = "date of 1 item" if unread == 1 else f"dates of {unread} items"
        notes.append(f"the {dates} cannot be read")
    listed = [entry for entry, _ in pairs]
    if all(entry.time is not None for entry in listed):
        listed.sort(key=lambda entry: entry.time or 0.0, reverse=True)
    listed = _bounded(listed, len(body), notes)
    return FeedReading(listed, notes, parts is None or parts.whole)


def _bounded(listed: Sequence[FeedEntry], length: int, notes: list[str]) -> list[FeedEntry]:
    """Return the entries that may be stored of a feed of so many bytes; add a note about what is cut or left out."""
    left = min(MOST, TIMES * length + ROOM)
    entries: list[FeedEntry] = []
    cut = long = 0
    for place, entry in enumerate(listed):
        fits, was_cut = fitting(entry)
        if fits is None:
            long += 1
            continue
        left -= fits.size
        if left < 0:
            many = len(listed) - place
            notes.append(f"{many} entries were left out: together they are too long to store")
            break
        entries.append(fits)
        cut += was_cut
    if cut:
        notes.append(
            f"the texts of {cut} entries are longer than {ENTRY_SIZE // 1024} KiB and were cut"
        )
    if long:
        notes.append(f"{long} entries longer than {ENTRY_SIZE // 1024} KiB were left out")
    return entries


def _parse(document: bytes, url: str) -> Mapping[str, Any]:
    # The import takes 120 ms, and is only needed for feeds.
    import feedparser

    headers = {"content-type": "application/xml; charset=utf-8", "content-location": url}
    # A stream, because text or bytes would first be tried as an address and as the name of a file.
    parsed: Mapping[str, Any] = feedparser.parse(io.BytesIO(document), response_headers=headers)
    return parsed


def _no_feed(body: bytes, parsed: Mapping[str, Any]) -> str:
    if not body.strip():
        return "the answer is empty, not a feed"
    if _PAGE.match(body):
        return "the answer is an HTML page, not a feed; give the address of the feed itself"
    wrong = parsed.get("bozo_exception")
    return f"the answer is not an RSS or Atom feed{f': {wrong}' if wrong else ''}"
