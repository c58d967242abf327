"""
Turns HTML into the plain text that a reader sees.

The HTML comes from strangers and may be long, so each letter is looked at a limited
number of times, even if tags are not closed.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "button",
        "caption",
        "center",
        "dd",
        "details",
    }
    | {"dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form"}
    | {
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "legend",
        "li",
        "listing",
        "main",
    }
    | {
        "menu",
        "nav",
        "ol",
        "optgroup",
        "option",
        "p",
        "plaintext",
        "pre",
        "search",
        "section",
        "select",
    }
    | {"summary", "table", "tbody", "textarea", "tfoot", "thead", "tr", "ul", "xmp"}
)
"""Elements that stand on lines of their own."""
_ROWS = frozenset({"dd", "dt", "li", "option", "tbody", "tfoot", "thead", "tr"})
"""Those of them that follow one another without an empty line between: rows, terms, points of a list."""
_CELLS = frozenset({"td", "th"})
_IN_TITLES = frozenset(
    {
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "br",
        "cite",
        "code",
        "del",
        "dfn",
        "div",
    }
    | {
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "nobr",
        "ol",
    }
    | {"p", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u"}
    | {"ul", "var", "wbr"}
)
"""Elements that stand in titles although nothing says that they are HTML; no word that is text in angle brackets."""
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANKS = re.compile(r"[ \t]{2,}")
_EMPTY_LINES = re.compile(r"\n{3,}")

_TEXT = re.compile(r"(?:[^<]++|<(?![a-zA-Z/!?]))++")
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
_MARK = rf"/?(?:{'|'.join(sorted(_IN_TITLES))})(?=[\s/>])"
_MARKUP = re.compile(rf"<(?:{_MARK}[^<>]*>|!--)", re.IGNORECASE)
_NO_MARKUP = re.compile(rf"<(?!{_MARK}|!--)", re.IGNORECASE)
"""A `<` before anything but the name of an element that people put into titles."""
_SURELY_MARKUP = re.compile(
    rf"<(?:{_MARK}|!--|(?:applet|audio|body|embed|frame|head|hr|html|iframe|input|meta|object|picture|source"
    r"|t[dhr]|table|video)(?=[\s/>])|/[a-z][^\s<>]*+\s*+>|[a-z][^\s<>]*+\s[^<>=]*+=[^<>]*+>)",
    re.IGNORECASE,
)
"""A tag that has attributes, closes something, or has the name of an element that is no ordinary word."""
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
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
        text = _TEXT.match(markup, at)
        if text is not None:
            at = text.end()
            yield unescaped(text[0])
            continue
        tag = _TAG.match(markup, at)
        if tag is None:
            comment = _COMMENT.match(markup, at)
            at = len(markup) if comment is None else comment.end()
            continue
        at = tag.end()
        yield Tag(tag["name"].lower(), bool(tag["end"]), tag["rest"])
        raw = None if tag["end"] else _RAW_ENDS.get(tag["name"].lower())
        if raw is not None:
            close = raw.search(markup, at)
            at = len(markup) if close is None else close.start()


def html_to_text(markup: str) -> str:
    """Return the text of HTML: paragraphs apart by an empty line, `<br>` as a line's end, links with their address."""
    lines = (_BLANKS.sub(" ", line).strip() for line in _seen(markup, whole=True).split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def html_to_lines(markup: str) -> str:
    """Return the words of HTML alone: a line to a paragraph, without empty lines, marks and addresses."""
    lines = (" ".join(line.split()) for line in _seen(markup, whole=False).split("\n"))
    return "\n".join(filter(None, lines))


def paragraphs(text: str) -> str:
    """Return plain text as HTML: paragraphs where lines are empty, line ends kept, all else escaped."""
    blocks = (block.strip() for block in re.split(r"\n[ \t\r]*\n", text.replace("\r\n", "\n")))
    return "\n".join(
        "<p>{}</p>".format(html.escape(block, quote=False).replace("\n", "<br>\n"))
        for block in blocks
        if block
    )


def unsure_to_text(text: str) -> str:
    """
    Return the text of what may be HTML or plain text and does not say which.

    What is surely markup is taken out and what is written as `&amp;` or `&#8364;` is put back, also where
    that was done twice over; all else is text, `<login>` too.
    """
    if _MARKUP.search(text):
        text = html_to_text(_NO_MARKUP.sub("&lt;", text))
    return put_back(text)


def is_marked_up(text: str) -> bool:
    """Return whether a text that does not say what it is has markup in it, and not only words in angle brackets."""
    return _SURELY_MARKUP.search(text) is not None


def put_back(text: str) -> str:
    """Return a text with the references to characters put back that whoever wrote it escaped once too often."""
    for _ in range(2):
        if "&" not in text:
            break
        text = _REFERENCE.sub(lambda found: unescaped(found[0]), text)
    return text


def _seen(markup: str, *, whole: bool) -> str:
    """Return what a reader sees; only the `whole` of it has marks for a list's points and links' addresses."""
    reader = _Reader(whole)
    for piece in pieces(markup):
        if isinstance(piece, str):
            reader.text(piece)
        elif piece.closes:
            reader.ends(piece)
        else:
            reader.begins(piece)
    return "".join(reader.parts)


class _Reader:
    """Collects what is seen; line ends are kept back until something stands behind them."""

    def __init__(self, whole: bool) -> None:
        self.parts: list[str] = []
        self._whole = whole
        self._unseen: Counter[str] = Counter()
        self._ends = 0
        self._mark = ""
        self._link: tuple[str, int] | None = None

    def begins(self, tag: Tag) -> None:
        if tag.name in _BLOCKS:
            self._unseen.pop("head", None)  # browsers, too, end an open head here
        if tag.name in _UNSEEN:
            self._unseen[tag.name] += 1
        elif tag.name == "br":
            self._ends += 1
        elif tag.name == "a":
            self._link = (tag.get("href"), len(self.parts)) if self._whole else None
        else:
            self._parts(tag.name)
            if tag.name == "li" and self._whole:
                self._mark = "- "

    def ends(self, tag: Tag) -> None:
        if tag.name in _UNSEEN:
            self._unseen[tag.name] -= 1
            if self._unseen[tag.name] <= 0:
                del self._unseen[tag.name]
        elif tag.name == "a" and self._link is not None:
            address, begin = self._link
            self._link = None
            told = "".join(self.parts[begin:])
            if address.startswith(("http:", "https:")) and address not in told:
                self.parts.append(f" ({address})")
        else:
            self._parts(tag.name)

    def text(self, text: str) -> None:
        text = _SPACES.sub(" ", text)
        if self._ends:
            text = text.removeprefix(" ")
        if not text or self._unseen:
            return
        self.parts.append("\n" * min(self._ends, 2) + self._mark + text)
        self._ends, self._mark = 0, ""

    def _parts(self, name: str) -> None:
        """Take note that an element begins or ends which parts what stands before it from what follows."""
        if name in _CELLS and not self._ends:
            self.parts.append(" ")
        elif name in _BLOCKS:
            self._ends = max(self._ends, 1 if name in _ROWS else 2)
