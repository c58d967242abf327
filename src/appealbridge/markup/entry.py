"""
Turns an entry from the feed parser into the data of an event. Pure.

A title, a summary and a content are read as what they are declared to be; where a feed declares nothing,
as RSS does, as what they surely are.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson

from appealbridge.markup.dates import moment
from appealbridge.markup.text import html_to_text, paragraphs, pieces, put_back, unsure_to_text

ENTRY_SIZE = 256 * 1024
"""How many bytes the event of an entry may have."""

ADDRESS_LIMIT = 2000
"""How many characters an address may have; platforms and browsers take no longer ones."""

LIST_LIMIT = 100
"""How many tags, enclosures and pictures of an entry are read, of each."""

_SCHEMES = ("http://", "https://")
_PAGES = frozenset({"", "text/html", "application/xhtml+xml"})
_FEEDS = frozenset(
    {"application/atom+xml", "application/rss+xml", "application/json", "application/feed+json"}
)
_PLAIN = "text/plain"
_PICTURE = re.compile(r"\.(?:jpe?g|jfif|png|gif|webp|avif|heic|bmp|tiff?|svg)$", re.IGNORECASE)
_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_IMAGE = re.compile(r"image|(?:jpe?g|png|gif|webp)$", re.IGNORECASE)
_NO_PICTURE = re.compile(r"\.(?:mp4|m4v|webm|mov|avi|ogv|m3u8|mp3|m4a|ogg|wav|pdf)$", re.IGNORECASE)
_NO_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """
    One entry of a feed.

    `guid` is Atom's id or RSS's guid and `link` its page, each empty where it has none; `data` are
    the fields of the event, without those that it does not have, and `size` how many bytes they are as
    JSON. `time` is Unix seconds UTC. `seen` changes when what a reader sees does. `plain` names those of
    `summary` and `content` that are no HTML.
    """

    guid: str
    link: str
    data: Mapping[str, Any]
    time: float | None
    seen: str = ""
    size: int = 0
    plain: Sequence[str] = ()

    @property
    def html(self) -> str:
        """All of its text as HTML, empty where it has none."""
        name = "content" if self.data.get("content") else "summary"
        text = str(self.data.get(name, ""))
        return paragraphs(text) if name in self.plain else text


@dataclass(frozen=True, slots=True)
class Context:
    """What an entry's feed says for all of them: its address, its language, and whether it is Atom."""

    url: str
    language: str
    atom: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """A text and its declared type."""

    value: str
    plain: bool

    def text(self, context: Context) -> str:
        """Return what a reader sees of it."""
        if not self.plain:
            text = html_to_text(self.value)
            # What was escaped twice over comes out of this as markup.
            return text if context.atom else unsure_to_text(text)
        if context.atom:
            return "\n".join(" ".join(line.split()) for line in self.value.split("\n")).strip()
        return unsure_to_text(self.value)

    def line(self, context: Context) -> str:
        """Return a title, in one line."""
        if self.plain:
            return " ".join(self.text(context).split())
        text = html_to_text(self.value)
        return " ".join((text if context.atom else put_back(text)).split())


def entry_of(raw: Mapping[str, Any], context: Context) -> tuple[FeedEntry, bool]:
    """Return an entry, and whether it has a date that cannot be read."""
    raw = _storable(raw)
    content = _content(raw)
    summary = _summary(raw, content)
    title = _told(raw, "title")
    dates = {name: _date(raw, name) for name in ("published", "updated")}
    if not context.atom and dates["published"] is None:
        dates["published"] = dates["updated"]
    guid, link = str(raw.get("id") or "").strip(), _link(raw, context)
    data = {
        "title": title.line(context) if title else "",
        "link": link,
        "id": guid,
        "summary": summary.value if summary else "",
        "content": content.value if content else "",
        "text": summary.text(context) if summary else "",
        "author": " ".join(put_back(str(raw.get("author") or "")).split()),
        "published": _iso(dates["published"]),
        "updated": _iso(dates["updated"]),
    }
    base = _base(raw, context)
    enclosures = _enclosures(raw, base)
    lists = {
        "tags": _tags(raw),
        "enclosures": enclosures,
        "images": _images(raw, enclosures, f"{data['content']}\n{data['summary']}", base),
    }
    whole = {name: value for name, value in data.items() if value} | lists
    time = next((at for at in dates.values() if at is not None), None)
    plain = {"summary": summary, "content": content}
    entry = FeedEntry(
        guid=guid,
        link=link,
        data=whole,
        time=time,
        seen=_seen(whole, content.text(context) if content and content != summary else ""),
        plain=[name for name, told in plain.items() if told and told.plain],
    )
    unread = time is None and any(raw.get(name) for name in dates)
    return entry, unread


def fitting(entry: FeedEntry) -> tuple[FeedEntry | None, bool]:
    """Return the entry within `ENTRY_SIZE`, or `None`, and whether its long texts were left out or cut for that."""
    data = dict(entry.data)
    size = _size(data)
    cut = size > ENTRY_SIZE
    for name in ("content", "summary"):
        if size > ENTRY_SIZE:
            data.pop(name, None)
            size = _size(data)
    if size > ENTRY_SIZE and "text" in data:
        # A character takes up to four bytes, so that this surely fits.
        data["text"] = _cut(data["text"], ENTRY_SIZE // 5)
        size = _size(data)
    if size > ENTRY_SIZE:
        return None, True
    return replace(entry, data=data, size=size), cut


def _size(data: Mapping[str, Any]) -> int:
    return len(orjson.dumps(data))


def _cut(text: str, limit: int) -> str:
    """Cut a text at a word; one that is a single word is cut anywhere."""
    return f"{text[:limit].rsplit(None, 1)[0]} …" if len(text) > limit else text


def _storable(value: Any) -> Any:
    """Replace what is no text in UTF-8, and leave out control characters; they can stand in a feed escaped."""
    if isinstance(value, str):
        return _NO_TEXT.sub("", value.encode("utf-8", "replace").decode())
    if isinstance(value, dict):
        # The parser's own mappings answer for names that they do not have, with a warning.
        return {name: _storable(inner) for name, inner in dict.items(value)}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


# -- texts ----------------------------------------------------------------------------------------


def _told(raw: Mapping[str, Any], name: str) -> _Told | None:
    value = str(raw.get(name) or "")
    kind = (raw.get(f"{name}_detail") or {}).get("type")
    return _Told(value, kind == _PLAIN) if value else None


def _content(raw: Mapping[str, Any]) -> _Told | None:
    told = (
        _Told(one["value"], one.get("type") == _PLAIN)
        for one in raw.get("content") or ()
        if one.get("value")
    )
    return next(told, None)


def _summary(raw: Mapping[str, Any], content: _Told | None) -> _Told | None:
    """Return the summary; where there is none, the parser has put the content there."""
    summary = _told(raw, "summary")
    if summary is None or (content is not None and summary.value == content.value):
        return content
    return summary


def _tags(raw: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "term": " ".join(put_back(str(tag.get("term") or tag.get("label"))).split()),
            "scheme": str(tag.get("scheme") or ""),
        }
        for tag in (raw.get("tags") or ())[:LIST_LIMIT]
        if tag.get("term") or tag.get("label")
    ]


# -- dates ----------------------------------------------------------------------------------------


def _date(raw: Mapping[str, Any], name: str) -> float | None:
    """Return a date in Unix seconds UTC; Greek, Hungarian and Korean ones as the parser reads them."""
    text = str(raw.get(name) or "")
    at = moment(text)
    parsed = raw.get(f"{name}_parsed")
    if at is None and parsed and not text.isascii():
        try:
            return float(calendar.timegm(tuple(parsed)))
        except (ValueError, OverflowError, TypeError):
            return None
    return at


def _iso(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# -- addresses ------------------------------------------------------------------------------------


def _base(raw: Mapping[str, Any], context: Context) -> str:
    """Return what an entry's relative addresses are relative to."""
    details = [raw.get("title_detail"), raw.get("summary_detail"), *(raw.get("content") or ())]
    base = next((str(one["base"]) for one in details if one and one.get("base")), context.url)
    return base if base.startswith(_SCHEMES) else context.url


def _whole(address: Any, base: str) -> str:
    """Return an address made whole, empty where it is none that can be followed."""
    address = "".join(str(address or "").split("\n")).strip().replace(" ", "%20")
    if not address or len(address) > ADDRESS_LIMIT:
        return ""
    try:
        whole = urljoin(base, address)
        urlsplit(whole)
    except ValueError:
        return ""
    return whole if whole.startswith(_SCHEMES) and len(whole) <= ADDRESS_LIMIT else ""


def _link(raw: Mapping[str, Any], context: Context) -> str:
    """
    Return the address of the entry's page.

    Of several pages that is the one in the entry's own language, or of which no language is said. Where
    there is no page, a document is one.
    """
    if original := _whole(raw.get("feedburner_origlink"), context.url):
        return original
    own = str((raw.get("title_detail") or {}).get("language") or context.language).lower()
    pages: list[tuple[str, int]] = []
    others: list[tuple[str, int]] = []
    for link in raw.get("links") or ():
        kind = str(link.get("type") or "").partition(";")[0].strip()
        if link.get("rel", "alternate") == "alternate" and kind not in _FEEDS:
            address = _whole(link.get("href"), context.url)
            (pages if kind in _PAGES else others).append((address, _far(link, own)))
    found = [(far, address) for address, far in pages or others if address]
    if found:
        # Where there are several, Atom's first and RSS's last one is meant.
        return min(found if context.atom else reversed(found), key=itemgetter(0))[1]
    return "" if context.atom else _whole(raw.get("link"), context.url)


def _far(link: Mapping[str, Any], own: str) -> int:
    """Return how far a page's language is from the entry's own: the same, unsaid, another."""
    told = str(link.get("hreflang") or "").lower()
    if not told or not own:
        return 1 if told else 0
    same = told.partition("-")[0] == own.partition("-")[0]
    return 0 if told == own else 1 if same else 3


def _enclosures(raw: Mapping[str, Any], base: str) -> list[dict[str, str]]:
    found = (
        {"url": _whole(link.get("href"), base), "type": str(link.get("type") or "")}
        for link in raw.get("links") or ()
        if link.get("rel") == "enclosure"
    )
    return [one for one in found if one["url"]][:LIST_LIMIT]


def _images(
    raw: Mapping[str, Any], enclosures: Sequence[Mapping[str, str]], markup: str, base: str
) -> list[dict[str, str]]:
    """Return the entry's pictures: enclosed, attached as media, shown in its text; each once."""
    found = [(one["url"], "") for one in enclosures if _is_picture(one["type"], "", one["url"], "")]
    found += [(address, "") for address in _media(raw)]
    found += _shown(markup)
    if not found:
        thumbnails = raw.get("media_thumbnail") or ()
        found = [(_text(one, "url"), "") for one in thumbnails if not _is_icon(_text(one, "width"))]
    if not found:
        found = [(_text(raw.get("image") or {}, "href"), "")]
    # What stands behind a # is for whoever shows the picture, and makes it no other one.
    whole = [(_whole(address.partition("#")[0], base), alt) for address, alt in found]
    words = {address: alt for address, alt in whole if alt}
    addresses = dict.fromkeys(address for address, _ in whole if address)
    return [{"url": one, "alt": words.get(one, "")} for one in addresses][:LIST_LIMIT]


def _text(raw: Mapping[str, Any], name: str) -> str:
    return str(raw.get(name) or "")


def _media(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield the addresses of attached pictures; of one in several sizes, which differ in their query, the widest."""
    widest: dict[str, tuple[int, str]] = {}
    for one in raw.get("media_content") or ():
        kind, medium, address, width = (
            _text(one, name) for name in ("type", "medium", "url", "width")
        )
        if _is_picture(kind, medium, address, width):
            size = int(width) if width.isdecimal() and len(width) < 9 else 0
            name = address.partition("?")[0] if size else address
            if size >= widest.get(name, (-1, ""))[0]:
                widest[name] = (size, address)
    yield from (address for _, address in widest.values())


def _is_picture(kind: str, medium: str, address: str, width: str) -> bool:
    """Tell a picture by what is said of it, by how its address ends, or by its having a width."""
    if medium or kind not in _UNTYPED:
        return medium == "image" or (not medium and _IMAGE.match(kind) is not None)
    path = address.partition("?")[0].partition("#")[0]
    return bool(_PICTURE.search(path)) or (bool(width) and not _NO_PICTURE.search(path))


def _is_icon(width: str) -> bool:
    """Tell a portrait of the author's, or the like, from a picture of what the entry is about."""
    return width.isdecimal() and len(width) < 3


def _shown(markup: str) -> Iterator[tuple[str, str]]:
    """Yield address and description of every `<img>`; one of a dot's size only counts who looks."""
    for tag in pieces(markup):
        if not isinstance(tag, str) and tag.name == "img":
            dot = {tag.get("width"), tag.get("height")} & {"0", "1"}
            if not dot:
                yield tag.get("src"), tag.get("alt")


def _seen(data: Mapping[str, Any], content: str) -> str:
    """Return a digest of what a reader sees, which ignores markup and a change from `http` to `https`."""
    parts = [data.get("title", ""), _unschemed(data.get("link", "")), data.get("text", ""), content]
    parts += [_unschemed(one["url"]) for one in data["enclosures"]]
    parts += [f"{_unschemed(one['url'])} {one['alt']}" for one in data["images"]]
    told = orjson.dumps([" ".join(str(part).split()) for part in parts])
    return hashlib.sha256(told).hexdigest()


def _unschemed(address: str) -> str:
    return address.partition("://")[2] or address
