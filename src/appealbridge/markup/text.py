"""
From HTML to what a reader sees, in plain words.

The HTML is a stranger's, and as long as a stranger likes: each letter of it is looked at a bounded
number of times, whatever is left open in it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "div", "dl", "dd", "dt", "figure", "footer"}
    | {"form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"}
    | {"p", "pre", "section", "table", "tr", "ul"}
)
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_SPACES = re.compile(r"[ \t\r\n\f]+")
_EMPTY_LINES = re.compile(r"\n{3,}")

_TAG = re.compile(
    r"""
    < (?P<end> /? ) (?P<name> [a-zA-Z] [^\s/>]*+ )
    (?P<rest> (?: [^>=]++ | = \s*+ (?: " [^"]*+ (?: " | \Z ) | ' [^']*+ (?: ' | \Z ) )? )*+ )
    (?: > | \Z )
    """,
    re.VERBOSE,
)
"""A tag, to the end of the text where it is left open; a quote counts only where a value begins."""
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?/][^>]*+(?:>|\Z)", re.DOTALL)
"""A comment, and what browsers take for one: sections, declarations, instructions."""
_RAW_ENDS = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s=/]+)\s*+(?:=\s*+(?:"(?P<double>[^"]*)|'(?P<single>[^']*)|(?P<bare>[^\s]*)))?"""
)
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")
"""A number that is no character's, of more digits than Python cares to read."""


class Tag(NamedTuple):
    """One tag: its name in lower case, whether it closes, and what stands behind its name."""

    name: str
    closes: bool
    rest: str

    def get(self, name: str) -> str:
        """Return an attribute's value, empty where it has none."""
        for found in _ATTRIBUTE.finditer(self.rest):
            if found["name"].lower() == name:
                return unescaped(found["double"] or found["single"] or found["bare"] or "").strip()
        return ""


def unescaped(text: str) -> str:
    """Return a text with what HTML writes as `&amp;` or `&#8364;` put back."""
    return html.unescape(_NO_CHARACTER.sub("\ufffd", text) if "&#" in text else text)


def pieces(markup: str) -> Iterator[str | Tag]:
    """Yield texts and tags in their order, without comments and scripts. No markup is malformed."""
    at = 0
    while at < len(markup):
        mark = markup.find("<", at)
        if mark != at:
            end = len(markup) if mark < 0 else mark
            yield unescaped(markup[at:end])
            at = end
            continue
        tag = _TAG.match(markup, at)
        if tag is None:
            comment = _COMMENT.match(markup, at)
            if comment is None:
                yield "<"
            at = at + 1 if comment is None else comment.end()
            continue
        at = tag.end()
        yield Tag(tag["name"].lower(), bool(tag["end"]), tag["rest"])
        raw = None if tag["end"] else _RAW_ENDS.get(tag["name"].lower())
        if raw is not None:
            close = raw.search(markup, at)
            at = len(markup) if close is None else close.start()


def html_to_text(markup: str) -> str:
    """Return the text of HTML: paragraphs apart by an empty line, `<br>` as a line's end, links with their address."""
    reader = _Reader()
    for piece in pieces(markup):
        if isinstance(piece, str):
            reader.text(piece)
        elif piece.closes:
            reader.ends(piece)
        else:
            reader.begins(piece)
    lines = "\n".join(line.strip() for line in "".join(reader.parts).split("\n"))
    return _EMPTY_LINES.sub("\n\n", lines).strip()


class _Reader:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self._unseen = 0
        self._link: tuple[str, int] | None = None

    def begins(self, tag: Tag) -> None:
        if tag.name in _UNSEEN:
            self._unseen += 1
        elif tag.name == "br":
            self.parts.append("\n")
        elif tag.name in _BLOCKS:
            self.parts.append("\n- " if tag.name == "li" else "\n\n")
        elif tag.name == "a":
            self._link = (tag.get("href"), len(self.parts))

    def ends(self, tag: Tag) -> None:
        if tag.name in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag.name in _BLOCKS:
            self.parts.append("\n" if tag.name == "li" else "\n\n")
        elif tag.name == "a" and self._link is not None:
            address, begin = self._link
            self._link = None
            told = "".join(self.parts[begin:])
            if address.startswith(("http:", "https:")) and address not in told:
                self.parts.append(f" ({address})")

    def text(self, text: str) -> None:
        if not self._unseen:
            self.parts.append(_SPACES.sub(" ", text))
