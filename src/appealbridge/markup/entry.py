"""
Turns an entry from the feed parser into the data of an event. Pure.

Titles, summaries and contents are read as their declared type. RSS declares none, so there the type is decided from
the text.
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
"""The largest event of an entry, in bytes."""

ADDRESS_LIMIT = 2000
"""The longest address in characters; platforms and browsers accept no longer ones."""

LIST_LIMIT = 100
"""How many tags, enclosures and pictures of an entry are read."""

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

    `guid` is Atom's id or RSS's guid and `link` its page; each is empty if there is none. `data` are the fields of the
    event, without empty ones, and `size` is their length as JSON in bytes. `time` is in Unix seconds UTC. `seen`
    changes when the visible content does. `plain` says which of `summary` and `content` are not HTML.
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
        """The whole text as HTML, empty if there is none."""
        name = "content" if self.data.get("content") else "summary"
        text = str(self.data.get(name, ""))
        return paragraphs(text) if name in self.plain else text


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for all entries of a feed: its address, its language, and whether it is Atom."""

    url: str
    language: str
    atom: bool


@dataclass(frozen=True, slots=True)
class _Text:
    """A text and whether it is declared as plain."""

    value: str
    plain: bool

    def text(self, context: Context) -> str:
        """Return the visible text."""
        if not self.plain:
            text = html_to_text(self.value)
            # A text that was escaped twice is markup now.
            return text if context.atom else unsure_to_text(text)
        if context.atom:
            return "\n".join(" ".join(line.split()) for line in self.value.split("\n")).strip()
        return unsure_to_text(self.value)

    def line(self, context: Context) -> str:
        """Return a title on one line."""
        if self.plain:
            return " ".join(self.text(context).split())
        text = html_to_text(self.value)
        return " ".join((text if context.atom else put_back(text)).split())


def entry_of(raw: Mapping[str, Any], context: Context) -> tuple[FeedEntry, bool]:
    """Return an entry, and whether it has a date that cannot be read."""
    raw = _storable(raw)
    content = _content(raw)
    summary = _summary(raw, content)
    title = _text_of(raw, "title")
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
        plain=[name for name, text in plain.items() if text and text.plain],
    )
    unread = time is None and any(raw.get(name) for name in dates)
    return entry, unread


def fitting(entry: FeedEntry) -> tuple[FeedEntry | None, bool]:
    """Return the entry within `ENTRY_SIZE`, or `None`, and whether its texts were left out or cut."""
    data = dict(entry.data)
    size = _size(data)
    cut = size > ENTRY_SIZE
    for name in ("content", "summary"):
        if size > ENTRY_SIZE:
            data.pop(name, None)
            size = _size(data)
    if size > ENTRY_SIZE and "text" in data:
        # A character has up to four bytes, so this certainly fits.
        data["text"] = _cut(data["text"], ENTRY_SIZE // 5)
        size = _size(data)
    if size > ENTRY_SIZE:
        return None, True
    return replace(entry, data=data, size=size), cut


def _size(data: Mapping[str, Any]) -> int:
    return len(orjson.dumps(data))


def _cut(text: str, limit: int) -> str:
    """Cut a text after a word, or inside it if it is a single word."""
    return f"{text[:limit].rsplit(None, 1)[0]} …" if len(text) > limit else text


def _storable(value: Any) -> Any:
    """Remove control characters, and replace what is not valid UTF-8; a feed can contain them escaped."""
    if isinstance(value, str):
        return _NO_TEXT.sub("", value.encode("utf-8", "replace").decode())
    if isinstance(value, dict):
        # The parser's own mappings return values for missing names, with a warning.
        return {name: _storable(inner) for name, inner in dict.items(value)}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


# -- texts ----------------------------------------------------------------------------------------


def _text_of(raw: Mapping[str, Any], name: str) -> _Text | None:
    value = str(raw.get(name) or "")
    kind = (raw.get(f"{name}_detail") or {}).get("type")
    return _Text(value, kind == _PLAIN) if value else None


def _content(raw: Mapping[str, Any]) -> _Text | None:
    texts = (
        _Text(content["value"], content.get("type") == _PLAIN)
        for content in raw.get("content") or ()
        if content.get("value")
    )
    return next(texts, None)


def _summary(raw: Mapping[str, Any], content: _Text | None) -> _Text | None:
    """Return the summary; if there is none, the parser has put the content in its place."""
    summary = _text_of(raw, "summary")
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
    """Return a date in Unix seconds UTC; the parser reads Greek, Hungarian and Korean ones."""
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
    """Return the base of an entry's relative addresses."""
    details = [raw.get("title_detail"), raw.get("summary_detail"), *(raw.get("content") or ())]
    base = next((str(text["base"]) for text in details if text and text.get("base")), context.url)
    return base if base.startswith(_SCHEMES) else context.url


def _whole(address: Any, base: str) -> str:
    """Return an absolute address, empty if it is not one of the web."""
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

    Of several pages this is the one in the entry's own language, or one without a declared language. If there is no
    page, it is a document.
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
    ranked = [(far, address) for address, far in pages or others if address]
    if ranked:
        # If there are several, Atom means the first one and RSS the last.
        return min(ranked if context.atom else reversed(ranked), key=itemgetter(0))[1]
    return "" if context.atom else _whole(raw.get("link"), context.url)


def _far(link: Mapping[str, Any], own: str) -> int:
    """Return how different a page's language is from the entry's own, from 0 (the same) to 3."""
    language = str(link.get("hreflang") or "").lower()
    if not language or not own:
        return 1 if language else 0
    same = language.partition("-")[0] == own.partition("-")[0]
    return 0 if language == own else 1 if same else 3


def _enclosures(raw: Mapping[str, Any], base: str) -> list[dict[str, str]]:
    enclosures = (
        {"url": _whole(link.get("href"), base), "type": str(link.get("type") or "")}
        for link in raw.get("links") or ()
        if link.get("rel") == "enclosure"
    )
    return [enclosure for enclosure in enclosures if enclosure["url"]][:LIST_LIMIT]


def _images(
    raw: Mapping[str, Any], enclosures: Sequence[Mapping[str, str]], markup: str, base: str
) -> list[dict[str, str]]:
    """Return the entry's pictures, each once: enclosed, attached as media, or shown in its text."""
    images = [
        (enclosure["url"], "")
        for enclosure in enclosures
        if _is_picture(enclosure["type"], "", enclosure["url"], "")
    ]
    images += [(address, "") for address in _media(raw)]
    images += _shown(markup)
    if not images:
        listed = raw.get("media_thumbnail") or ()
        thumbnails = [(_text(each, "url"), _text(each, "width")) for each in listed]
        # One that is as small as an icon shows the author and not what the entry is about.
        images = [(url, "") for url, w in thumbnails if not (w.isdecimal() and len(w) < 3)]
    if not images:
        images = [(_text(raw.get("image") or {}, "href"), "")]
    # The fragment after a # does not make it another picture.
    whole = [(_whole(address.partition("#")[0], base), alt) for address, alt in images]
    alts = {address: alt for address, alt in whole if alt}
    addresses = dict.fromkeys(address for address, _ in whole if address)
    return [{"url": address, "alt": alts.get(address, "")} for address in addresses][:LIST_LIMIT]


def _text(raw: Mapping[str, Any], name: str) -> str:
    return str(raw.get(name) or "")


def _media(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield the addresses of attached pictures. Sizes of one picture differ in their query; the widest is taken."""
    widest: dict[str, tuple[int, str]] = {}
    for media in raw.get("media_content") or ():
        kind, medium, address, width = (
            _text(media, name) for name in ("type", "medium", "url", "width")
        )
        if _is_picture(kind, medium, address, width):
            size = int(width) if width.isdecimal() and len(width) < 9 else 0
            name = address.partition("?")[0] if size else address
            if size >= widest.get(name, (-1, ""))[0]:
                widest[name] = (size, address)
    yield from (address for _, address in widest.values())


def _is_picture(kind: str, medium: str, address: str, width: str) -> bool:
    """Return whether this is a picture, by its declared type, the end of its address, or because it has a width."""
    if medium or kind not in _UNTYPED:
        return medium == "image" or (not medium and _IMAGE.match(kind) is not None)
    path = address.partition("?")[0].partition("#")[0]
    return bool(_PICTURE.search(path)) or (bool(width) and not _NO_PICTURE.search(path))


def _shown(markup: str) -> Iterator[tuple[str, str]]:
    """Yield the address and description of every `<img>`, except tracking pixels."""
    for tag in pieces(markup):
        if isinstance(tag, str) or tag.name != "img":
            continue
        if not {tag.get("width"), tag.get("height")} & {"0", "1"}:
            yield tag.get("src"), tag.get("alt")


def _seen(data: Mapping[str, Any], content: str) -> str:
    """Return a digest of the visible content, which ignores markup and a change from `http` to `https`."""
    parts = [data.get("title", ""), _unschemed(data.get("link", "")), data.get("text", ""), content]
    parts += [_unschemed(enclosure["url"]) for enclosure in data["enclosures"]]
    parts += [f"{_unschemed(image['url'])} {image['alt']}" for image in data["images"]]
    seen = orjson.dumps([" ".join(str(part).split()) for part in parts])
    return hashlib.sha256(seen).hexdigest()


def _unschemed(address: str) -> str:
    return address.partition("://")[2] or address
