"""
From the bytes of a feed to its entries, or to why they are no feed. Pure, but slow: it runs in a process apart.

A feed is whatever a stranger's server sends. What is malformed is read as far as it surely goes;
what could cost without end (entities, tags, entries without end) is refused or cut before parsing.
"""

from __future__ import annotations

import calendar
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from appealbridge.markup.text import html_to_text, pieces
from appealbridge.model.errors import SourceDown

ENTRY_LIMIT = 2000
ENTRY_SIZE = 1024 * 1024
"""How many bytes an entry may have: as many as what comes by a webhook."""

TAG_LIMIT = 100_000

_ENTRY_END = re.compile(rb"</(?:item|entry)\s*>", re.IGNORECASE)
_BARE_ID = re.compile(
    rb"<((?:\w+:)?(?:id|guid(?=[^<>]*>\s*+(?:<!\[CDATA\[)?+\s*+(?!https?:))))"
    rb"(?:\s+isPermaLink\s*=\s*[\"']true[\"'])?\s*>",
    re.IGNORECASE,
)
"""Atom's ids, and guids that are no address: the parser would take them for relative links, and prefix them."""
_FEED_END = re.compile(rb"</(?:rss|feed|rdf:rdf)\s*>", re.IGNORECASE)
_PAGE = re.compile(rb"\s*(?:<!doctype\s+html|<html)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One entry as its feed tells it.

    `guid` is Atom's id or RSS's guid and `link` its page, each empty where it has none; `data` are
    the fields of the event, without those that it does not have; `time` is Unix seconds UTC.
    """

    guid: str
    link: str
    data: Mapping[str, Any]
    time: float | None


def entries(body: bytes, url: str, content_type: str) -> tuple[Sequence[Entry], Sequence[str]]:
    """
    Return a feed's entries, newest first where it dates them all, and what is worth telling about it.

    `url` is its address, for relative links. Raise `SourceDown` for what is no feed.
    """
    whole, notes = _bounded(body)
    try:
        parsed = _parse(whole, url, content_type)
        found = [_entry(raw) for raw in parsed["entries"]]
    except Exception as error:  # noqa: BLE001 - on hostile text the parser breaks in ways of its own
        raise SourceDown(f"the feed cannot be read: {type(error).__name__}: {error}") from None
    if not parsed.get("version") and not found:
        raise SourceDown(_no_feed(body, parsed))
    wrong = parsed.get("bozo_exception")
    # An encoding declared wrongly, or a text type for XML, has been set right by the parser.
    if wrong is not None and type(wrong).__name__ == "SAXParseException":
        notes.append(f"the feed is malformed ({wrong.getMessage()}); what could be read was read")
        if found and _FEED_END.search(whole[-200:]) is None:
            notes.append("its last entry may be cut off and was left out")
            found.pop()
    fitting = [entry for entry in found if len(orjson.dumps(entry.data)) <= ENTRY_SIZE]
    if len(fitting) < len(found):
        told = f"{len(found) - len(fitting)} entries longer than {ENTRY_SIZE // 1024} KiB were left out"
        notes.append(told)
        found = fitting
    if all(entry.time is not None for entry in found):
        found.sort(key=lambda entry: entry.time or 0.0, reverse=True)
    return found, notes


def _bounded(body: bytes) -> tuple[bytes, list[str]]:
    """Return what may be parsed; refuse what only an attack needs."""
    if b"<!entity" in body[:65_536].lower():
        raise SourceDown(
            "the feed declares entities of its own (<!ENTITY), which none needs; not read"
        )
    notes = []
    for count, end in enumerate(_ENTRY_END.finditer(body), start=1):
        if count == ENTRY_LIMIT and _ENTRY_END.search(body, end.end()):
            body = body[: end.end()] + b"</channel></rss>"
            notes.append(f"the feed has more than {ENTRY_LIMIT} entries; the first ones were read")
            break
    if body.count(b"<") > TAG_LIMIT:
        raise SourceDown(f"the feed has more than {TAG_LIMIT} tags; not read")
    return body, notes


def _parse(body: bytes, url: str, content_type: str) -> Mapping[str, Any]:
    # It takes 120 ms to import, and only those who read feeds need it.
    import feedparser

    headers = {"content-type": content_type or "application/xml", "content-location": url}
    # A stream, since text or bytes would be tried as an address and as a file's name first.
    stream = io.BytesIO(_BARE_ID.sub(rb'<\1 isPermaLink="false">', body))
    parsed: Mapping[str, Any] = feedparser.parse(stream, response_headers=headers)
    return parsed


def _no_feed(body: bytes, parsed: Mapping[str, Any]) -> str:
    if not body.strip():
        return "the answer is empty, not a feed"
    if _PAGE.match(body):
        return "the answer is an HTML page, not a feed; give the address of the feed itself"
    wrong = parsed.get("bozo_exception")
    return f"the answer is no RSS or Atom feed{f': {wrong}' if wrong else ''}"


def _entry(raw: Mapping[str, Any]) -> Entry:
    raw = _storable(raw)
    content = next((c.get("value") for c in raw.get("content") or () if c.get("value")), None)
    summary = raw.get("summary") or content
    published, updated = _time(raw, "published_parsed"), _time(raw, "updated_parsed")
    guid, link = str(raw.get("id") or "").strip(), _link(raw)
    data = {
        "title": _title(raw),
        "link": link,
        "id": guid,
        "summary": summary,
        "content": content,
        "text": html_to_text(summary) if summary else None,
        "author": raw.get("author"),
        "published": _iso(published),
        "updated": _iso(updated),
    }
    enclosures = _enclosures(raw)
    lists = {
        "tags": _tags(raw),
        "enclosures": enclosures,
        "images": _images(raw, enclosures, f"{content or ''}\n{summary or ''}"),
    }
    told = {name: value for name, value in data.items() if value}
    time = published or updated
    return Entry(guid, link, told | lists, None if time is None else time.timestamp())


def _link(raw: Mapping[str, Any]) -> str:
    link = str(raw.get("link") or "").strip()
    return link if link.startswith(_SCHEMES) else ""


_SCHEMES = ("http://", "https://")


def _storable(value: Any) -> Any:
    """Replace what is no text in UTF-8, and NUL, which some databases refuse; they can stand in a feed escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "")
    if isinstance(value, dict):
        # The parser's own mappings answer for names that they do not have, with a warning.
        return {name: _storable(inner) for name, inner in dict.items(value)}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


def _title(raw: Mapping[str, Any]) -> str:
    title = str(raw.get("title") or "")
    return " ".join((html_to_text(title) if "<" in title else title).split())


def _time(raw: Mapping[str, Any], name: str) -> datetime | None:
    parsed = raw.get(name)
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError):
        return None


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _tags(raw: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"term": str(tag.get("term") or tag.get("label")), "scheme": str(tag.get("scheme") or "")}
        for tag in raw.get("tags") or ()
        if tag.get("term") or tag.get("label")
    ]


def _enclosures(raw: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"url": str(link["href"]), "type": str(link.get("type") or "")}
        for link in raw.get("links") or ()
        if link.get("rel") == "enclosure" and link.get("href")
    ]


def _images(
    raw: Mapping[str, Any], enclosures: Sequence[Mapping[str, str]], markup: str
) -> list[dict[str, str]]:
    """Return the entry's pictures: enclosed, attached as media, shown in its text; each once."""
    found = [(e["url"], "") for e in enclosures if e["type"].startswith("image/")]
    found += [
        (str(media.get("url") or ""), "")
        for media in raw.get("media_content") or ()
        if media.get("medium") == "image" or str(media.get("type") or "").startswith("image/")
    ]
    found += _shown(markup)
    if not found:
        found = [(str(t.get("url") or ""), "") for t in raw.get("media_thumbnail") or ()]
    words = {url: alt for url, alt in found if alt}
    return [
        {"url": url, "alt": words.get(url, "")}
        for url in dict.fromkeys(url for url, _ in found)
        if url.startswith(_SCHEMES)
    ]


def _shown(markup: str) -> list[tuple[str, str]]:
    """Return address and description of every `<img>`."""
    tags = (piece for piece in pieces(markup) if not isinstance(piece, str))
    return [(tag.get("src"), tag.get("alt")) for tag in tags if tag.name == "img"]
