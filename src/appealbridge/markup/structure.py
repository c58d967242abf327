"""
Finds the feed and its entries in an answer, and repairs malformed XML. Pure.

Text before the feed and after it is left out, and so is an incomplete last entry. Malformed XML is repaired if its
meaning is certain, so that an entry reads the same whatever is wrong next to it. Entries that cannot be repaired are
returned as documents of their own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.entities import html5
from xml.parsers import expat

from appealbridge.markup.text import is_marked_up
from appealbridge.model.errors import SourceDown

ENTRY_LIMIT = 2000
TAG_LIMIT = 100_000
ENTITY_LIMIT = 500
"""How many entities a feed may declare; feeds that do so declare HTML's names of letters."""

EXPANSION_LIMIT = 1024 * 1024
"""The total length, in bytes, of all uses of a feed's own entities."""

_DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>\n'
_NAME = rb"[a-zA-Z_\x80-\xff][\w.\-\x80-\xff]*+"
_TOKEN = re.compile(
    rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    rb"|<(?P<end>/?)(?:(?P<prefix>%b):)?(?P<name>%b)"
    rb"(?P<rest>(?:\s(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)?/?)>" % (_NAME, _NAME),
    re.DOTALL,
)
_ROOTS = frozenset({b"rss", b"feed", b"rdf", b"channel"})
_ENTRIES = frozenset({b"item", b"entry"})
_IDS = frozenset({b"id", b"guid"})
_PERMALINK = re.compile(rb"\s*+(?:<!\[CDATA\[)?+\s*+https?:", re.IGNORECASE)
_NO_PERMALINK = re.compile(rb"ispermalink\s*=\s*[\"']\s*false", re.IGNORECASE)
_HREF = re.compile(rb"(?:^|\s)(?:href|url|uri)\s*=", re.IGNORECASE)
_TAG_LIKE = re.compile(r"<[a-zA-Z]")

_ENTITY = re.compile(
    rb"<!ENTITY\s+(?P<name>[\w.\-]{1,60})\s+(?:\"(?P<a>[^\"]{0,200})\"|'(?P<b>[^']{0,200})')\s*>"
)
_HARMLESS = re.compile(rb"(?:[^&%<]|&#\w{1,8};)*+")
_PREDEFINED = frozenset({b"lt", b"gt", b"amp", b"quot", b"apos"})
_REFERENCE = re.compile(
    rb"&(?:#(?:[xX](?P<hex>[0-9a-fA-F]+)|(?P<number>[0-9]+));|(?P<name>[\w.\-]{1,60});)?"
)
_NO_CHARACTER = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
_PREFIX_USED = re.compile(rb"(?:<|\s)(%b):%b(?=[\s=/>])" % (_NAME, _NAME))
_PREFIX_DECLARED = re.compile(rb"\sxmlns:(%b)\s*=\s*[\"']([^\"'<>]*)[\"']" % _NAME)
_NAMESPACES = {
    b"atom": b"http://www.w3.org/2005/Atom",
    b"content": b"http://purl.org/rss/1.0/modules/content/",
    b"dc": b"http://purl.org/dc/elements/1.1/",
    b"dcterms": b"http://purl.org/dc/terms/",
    b"feedburner": b"http://rssnamespace.org/feedburner/ext/1.0",
    b"itunes": b"http://www.itunes.com/DTDs/PodCast-1.0.dtd",
    b"media": b"http://search.yahoo.com/mrss/",
    b"rdf": b"http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
"""The namespaces of prefixes that feeds often forget to declare."""


@dataclass(slots=True)
class Structure:
    """
    The parts of a feed: `document` is well formed and has all entries that can be repaired.

    The others are in `apart`, by their place among all entries, each as its own document. `whole` is false if the feed
    breaks off.
    """

    document: bytes
    apart: dict[int, bytes] = field(default_factory=dict)
    whole: bool = True
    notes: list[str] = field(default_factory=list)


def structure(text: bytes) -> Structure | None:
    """
    Return the parts of a text in UTF-8; `None` if it does not contain the beginning of a feed.

    Raise `SourceDown` for content that only an attack needs.
    """
    if text.count(b"<") > TAG_LIMIT:
        raise SourceDown(f"the feed has more than {TAG_LIMIT} tags; not read")
    outline = _Outline(text)
    entities = _entities(text if outline.begin is None else text[: outline.begin])
    if outline.begin is None:
        return None
    notes = []
    if outline.cut:
        notes.append(f"the feed has more than {ENTRY_LIMIT} entries; the first ones were read")
    if not outline.whole:
        notes.append("the feed breaks off; an entry that is not whole was left out")
    parts = Structure(outline.document(), whole=outline.whole, notes=notes)
    wrong = _wrong(parts.document)
    if wrong:
        _repair(parts, outline, entities)
    if wrong and (parts.apart or not entities):
        notes.append(f"the feed is malformed ({wrong}); what could be read was read")
    return parts


class _Outline:
    """
    The result of one walk along the tags: the text before the first entry, all entries, and the tags left open.

    On the way it corrects what would mislead the parser: an id is not a relative address, a link of Atom has its
    address in an attribute, and words in angle brackets are not markup.
    """

    def __init__(self, text: bytes) -> None:
        self.begin: int | None = None
        self.head: list[bytes] = []
        self.entries: list[list[bytes]] = []
        self.open: list[bytes] = []
        self.whole = False
        self.cut = False
        self._text = text
        self._at = 0
        self._atom = False
        self._entry: list[bytes] | None = None
        self._name = b""
        self._link_open = False
        self._description: tuple[int, int] | None = None
        for token in _TOKEN.finditer(text):
            if token["name"] is not None and self._ends_with(token):
                break
        # An entry that is still open here is left out: half a sentence about a suspect must not be published.

    def document(self) -> bytes:
        """Return the feed with all its entries; open tags are closed."""
        return self.around(b"".join(b"".join(entry) for entry in self.entries))

    def around(self, entries: bytes, head: bytes | None = None) -> bytes:
        """Return a document with only these entries."""
        head = b"".join(self.head) if head is None else head
        closing = b"".join(b"</%b>" % name for name in reversed(self.open))
        return _DECLARATION + head + entries + closing

    def bare(self) -> bytes:
        """Return only the tags that are open before the first entry, with their declarations."""
        tags = [token[0] for token in _TOKEN.finditer(b"".join(self.head)) if token["name"]]
        opened = (
            next((tag for tag in tags if tag.startswith(b"<" + name)), b"<%b>" % name)
            for name in self.open
        )
        return b"".join(opened)

    def _ends_with(self, token: re.Match[bytes]) -> bool:
        """Read one tag; return whether it ends the feed."""
        local = token["name"].lower()
        if self.begin is None:
            if local in _ROOTS and not token["end"]:
                self.begin = self._at = token.start()
                self._atom = local == b"feed"
                self._opens(token)
                self.whole = not self.open
            return self.whole
        name = _full(token)
        if token["end"] and self.open and name == self.open[0]:
            self._close(token.start())
            self.whole = True
            return True
        if local in _ENTRIES and token["prefix"] in (None, b"rss", b"atom", self._root_prefix()):
            return self._bound(token)
        if self._entry is not None:
            if token["end"] and name in self.open:
                self._close(token.start())
            else:
                self._inside(token, local)
        elif not self.entries:
            self._opens(token)
        return False

    def _root_prefix(self) -> bytes | None:
        prefix, colon, _ = self.open[0].partition(b":")
        return prefix if colon else None

    def _opens(self, token: re.Match[bytes]) -> None:
        """Record which tags are open before the first entry."""
        self.head.append(self._text[self._at : token.end()])
        self._at = token.end()
        name = _full(token)
        if not token["end"] and not token["rest"].endswith(b"/"):
            self.open.append(name)
        elif token["end"] and name in self.open[1:]:
            while self.open.pop() != name:
                pass

    def _bound(self, token: re.Match[bytes]) -> bool:
        """Read a tag at which an entry begins or ends."""
        if token["end"]:
            if self._entry is not None:
                self._close(token.end())
            return False
        self._close(token.start())  # the entry before may not have been closed
        if len(self.entries) >= ENTRY_LIMIT:
            self.cut = self.whole = True
            return True
        if not self.entries:
            self.head.append(self._text[self._at : token.start()])
        self._at = token.start()
        self._entry = []
        if token["rest"].endswith(b"/"):
            self._close(token.end())
        return False

    def _close(self, end: int) -> None:
        if self._entry is not None:
            self._entry.append(self._text[self._at : end])
            self.entries.append(self._entry)
        self._entry, self._description, self._link_open = None, None, False
        self._at = end

    def _inside(self, token: re.Match[bytes], local: bytes) -> None:
        """Correct what the parser would misread."""
        closed = token["rest"].endswith(b"/")
        foreign = token["prefix"] not in (None, b"atom", self._root_prefix())
        media = token["prefix"] == b"media"
        if token["end"]:
            if local == b"link" and self._link_open:
                self._link_open = False
                self._instead(token, b"</no-link>")
            elif local == b"description" and self._description is not None:
                self._end_description(token, plain=media)
            return
        self._description = None
        if closed or (foreign and not media):
            return
        if local == b"description":
            if (media or not self._atom) and not token["rest"].strip():
                self._instead(token, token[0])
                self._description = (len(self._entry or ()) - 1, token.end())
        elif media:
            return
        elif local in _IDS:
            link = (
                local == b"guid"
                and not _NO_PERMALINK.search(token["rest"])
                and _PERMALINK.match(self._text, token.end()) is not None
            )
            tag = b'<%b isPermaLink="%b">' % (_full(token), b"true" if link else b"false")
            self._instead(token, tag)
        elif (
            local == b"link" and (self._atom or token["prefix"]) and not _HREF.search(token["rest"])
        ):
            self._link_open = True
            self._instead(token, b"<no-link>")

    def _instead(self, token: re.Match[bytes], tag: bytes) -> None:
        assert self._entry is not None  # noqa: S101 - only asked inside an entry
        self._entry += (self._text[self._at : token.start()], tag)
        self._at = token.end()

    def _end_description(self, token: re.Match[bytes], *, plain: bool) -> None:
        """
        Declare a description without markup as plain text, because it may contain words in angle brackets.

        `plain` descriptions are plain text unless they contain markup. Others are HTML, unless they contain something
        that only looks like markup.
        """
        assert self._entry is not None and self._description is not None  # noqa: S101, PT018
        place, begin = self._description
        self._description = None
        raw = self._text[begin : token.start()]
        if not plain and b"<" not in raw and b"&" not in raw:
            return
        text = "".join(
            part if escaped else html.unescape(part)
            for part, escaped in _texts(raw.decode(errors="replace"))
        )
        if (plain or _TAG_LIKE.search(text)) and not is_marked_up(text):
            self._entry[place] = b'<%b type="text/plain">' % _full(token)


def _texts(raw: str) -> list[tuple[str, bool]]:
    """Return the texts of an element without children, and whether each is CDATA, in which nothing is escaped."""
    parts = []
    for piece in raw.split("<![CDATA["):
        inside, end, after = piece.partition("]]>")
        parts += [(inside, True), (after, False)] if end else [(piece, False)]
    return parts


def _full(token: re.Match[bytes]) -> bytes:
    return b"%b:%b" % (token["prefix"], token["name"]) if token["prefix"] else token["name"]


def _entities(prolog: bytes) -> Mapping[bytes, bytes]:
    """Return a feed's own entities; raise `SourceDown` if they refer to other entities or to files."""
    declared = prolog.lower().count(b"<!entity")
    entities = list(_ENTITY.finditer(prolog)) if declared else []
    values = {entity["name"]: entity["a"] or entity["b"] or b"" for entity in entities}
    harmless = (
        name in _PREDEFINED or _HARMLESS.fullmatch(value) is not None
        for name, value in values.items()
    )
    if declared != len(entities) or declared > ENTITY_LIMIT or not all(harmless):
        raise SourceDown(
            "the feed declares entities (<!ENTITY) that stand for others or for files, which none needs; not read"
        )
    return {name: value for name, value in values.items() if name not in _PREDEFINED}


def _wrong(document: bytes) -> str:
    """Return why a document is not well formed; empty if it is."""
    parser = expat.ParserCreate(namespace_separator=" ")
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        return expat.ErrorString(error.code)
    return ""


def _repair(parts: Structure, outline: _Outline, entities: Mapping[bytes, bytes]) -> None:
    """Make the document well formed; move entries that cannot be repaired to `apart`."""
    repairs = _Repairs(entities)
    head = repairs.repaired(b"".join(outline.head))
    entries = [repairs.repaired(b"".join(entry)) for entry in outline.entries]
    head = _with_prefixes(head, entries)
    parts.document = outline.around(b"".join(entries), head)
    if not _wrong(parts.document):
        return
    if _wrong(outline.around(b"", head)):
        head = _with_prefixes(repairs.repaired(outline.bare()), entries)
    for place, entry in enumerate(entries):
        alone = outline.around(entry, head)
        if _wrong(alone):
            parts.apart[place] = alone
    good = (entry for place, entry in enumerate(entries) if place not in parts.apart)
    parts.document = outline.around(b"".join(good), head)


class _Repairs:
    def __init__(self, entities: Mapping[bytes, bytes]) -> None:
        self._entities = entities
        self._left = EXPANSION_LIMIT

    def repaired(self, piece: bytes) -> bytes:
        """Return a piece with `&` and `<` escaped where they are text, without comments and HTML's names of letters."""
        piece = _NO_CHARACTER.sub(b"", piece)
        parts: list[bytes] = []
        at = 0
        for token in _TOKEN.finditer(piece):
            parts.append(self._text(piece[at : token.start()]))
            at = token.end()
            if token["name"] is not None:
                parts.append(_REFERENCE.sub(self._reference, token[0]))
            elif token[0].startswith(b"<![CDATA["):
                parts.append(token[0])
        parts.append(self._text(piece[at:]))
        return b"".join(parts)

    def _text(self, text: bytes) -> bytes:
        text = _REFERENCE.sub(self._reference, text) if b"&" in text else text
        return text.replace(b"<", b"&lt;").replace(b"]]>", b"]]&gt;")

    def _reference(self, reference: re.Match[bytes]) -> bytes:
        digits, base = (reference["hex"], 16) if reference["hex"] else (reference["number"], 10)
        if digits:
            return _character(int(digits, base) if len(digits) <= 8 else -1)
        name = reference["name"]
        if name in _PREDEFINED:
            return reference[0]
        if name in self._entities:
            value = _REFERENCE.sub(self._reference, self._entities[name])
            self._left -= len(value)
            if self._left < 0:
                raise SourceDown(
                    "the feed's own entities come to more than any feed needs; not read"
                )
            return value
        letters = html5.get(f"{name.decode('ascii', 'replace')};") if name else None
        if letters is None:
            return b"&amp;" + reference[0][1:]
        return html.escape(letters, quote=True).encode()


def _character(code: int) -> bytes:
    """Return the reference to a character: nothing for a control character, U+FFFD if there is no such character."""
    if 0 <= code < 32 and code not in (9, 10, 13):
        return b""
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF):
        return "\ufffd".encode()
    return b"&#%d;" % code


def _with_prefixes(head: bytes, entries: Sequence[bytes]) -> bytes:
    """Declare prefixes that the feed uses without declaring them, at its beginning."""
    root = _TOKEN.search(head)
    if root is None:
        return head
    whole = (head, *entries)
    declared = {
        prefix: address for part in whole for prefix, address in _PREFIX_DECLARED.findall(part)
    }
    at_root = {prefix for prefix, _ in _PREFIX_DECLARED.findall(root[0])}
    used = {prefix for part in whole for prefix in _PREFIX_USED.findall(part)}
    missing = sorted(used - at_root - {b"xml", b"xmlns"})[:100]
    more = b"".join(
        b' xmlns:%b="%b"'
        % (prefix, declared.get(prefix) or _NAMESPACES.get(prefix) or b"urn:undeclared:" + prefix)
        for prefix in missing
    )
    end = root.end() - (2 if root["rest"].endswith(b"/") else 1)
    return head[:end] + more + head[end:]
