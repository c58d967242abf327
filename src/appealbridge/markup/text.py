"""
Turns HTML into the plain text that a reader sees.

The HTML comes from strangers and may be long, so the time is proportional to its length, even if tags are not closed.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hgroup", "hr", "legend", "li", "listing", "main", "menu", "nav", "ol",
    "optgroup", "option", "p", "plaintext", "pre", "search", "section", "select", "summary", "table", "tbody",
    "textarea", "tfoot", "thead", "tr", "ul", "xmp",
})  # fmt: skip
"""Elements that are on lines of their own."""
_ROWS = frozenset({"dd", "dt", "li", "option", "tbody", "tfoot", "thead", "tr"})
"""Blocks that follow one another without an empty line: rows, terms, items of a list."""
_CELLS = frozenset({"td", "th"})
_IN_TITLES = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "blockquote", "br", "cite", "code", "del", "dfn", "div",
    "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "i", "img", "ins", "kbd", "li", "mark", "nobr", "ol", "p",
    "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "ul", "var", "wbr",
})  # fmt: skip
"""Elements that people put in titles that are not declared as HTML. None is a word that may be in angle brackets."""
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
"""A tag; to the end of the text if it is left open. A quote counts only at the beginning of a value."""
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?/][^>]*+(?:>|\Z)", re.DOTALL)
"""A comment, and what browsers treat as one: sections, declarations, instructions."""
_RAW_ENDS = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s=/]+)\s*+(?:=\s*+(?:"(?P<double>[^"]*)|'(?P<single>[^']*)|(?P<bare>[^\s]*)))?"""
)
_MARK = rf"/?(?:{'|'.join(sorted(_IN_TITLES))})(?=[\s/>])"
_MARKUP = re.compile(rf"<(?:{_MARK}[^<>]*>|!--)", re.IGNORECASE)
_NO_MARKUP = re.compile(rf"<(?!{_MARK}|!--)", re.IGNORECASE)
"""A `<` that does not begin an element of `_IN_TITLES`."""
_SURELY_MARKUP = re.compile(
    rf"<(?:{_MARK}|!--|(?:applet|audio|body|embed|frame|head|hr|html|iframe|input|meta|object|picture|source"
    r"|t[dhr]|table|video)(?=[\s/>])|/[a-z][^\s<>]*+\s*+>|[a-z][^\s<>]*+\s[^<>=]*+=[^<>]*+>)",
    re.IGNORECASE,
)
"""A tag that has attributes, closes an element, or has the name of an element that is not an ordinary word."""
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")
"""The number of no character, with more digits than Python reads."""


class Tag(NamedTuple):
    """One tag: its name in lower case, whether it closes an element, and everything after its name."""

    name: str
    closes: bool
    rest: str

    def get(self, name: str) -> str:
        """Return an attribute's value, empty if there is none."""
        for attribute in _ATTRIBUTE.finditer(self.rest):
            if attribute["name"].lower() == name:
                value = attribute["double"] or attribute["single"] or attribute["bare"] or ""
                return unescaped(value).strip()
        return ""


def unescaped(text: str) -> str:
    """Return a text in which references such as `&amp;` and `&#8364;` are the characters themselves."""
    return html.unescape(_NO_CHARACTER.sub("\ufffd", text) if "&#" in text else text)


def pieces(markup: str) -> Iterator[str | Tag]:
    """Yield texts and tags in their order, without comments and scripts. Any text is valid markup."""
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
    """Return the text of HTML: empty lines between paragraphs, `<br>` as a line end, links with their address."""
    text = seen_text(markup, link=_with_address, marks=True)
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def html_to_lines(markup: str) -> str:
    """Return the words of HTML: one line for each paragraph, without empty lines, list marks and addresses."""
    lines = (" ".join(line.split()) for line in seen_text(markup).split("\n"))
    return "\n".join(filter(None, lines))


def _with_address(tag: Tag, before: str, text: str) -> str:
    address = tag.get("href")
    is_page = address.startswith(("http:", "https:"))
    return f"{text} ({address})" if is_page and address not in text else text


def paragraphs(text: str) -> str:
    """Return plain text as HTML: a paragraph after each empty line, line ends kept, everything else escaped."""
    blocks = (block.strip() for block in re.split(r"\n[ \t\r]*\n", text.replace("\r\n", "\n")))
    return "\n".join(
        "<p>{}</p>".format(html.escape(block, quote=False).replace("\n", "<br>\n"))
        for block in blocks
        if block
    )


def unsure_to_text(text: str) -> str:
    """
    Return the text of something that may be HTML or plain text.

    What is certainly markup is removed, and references such as `&amp;` become characters, even if they were escaped
    twice. Everything else is text, `<login>` for example.
    """
    if _MARKUP.search(text):
        text = html_to_text(_NO_MARKUP.sub("&lt;", text))
    return put_back(text)


def is_marked_up(text: str) -> bool:
    """Return whether a text of unknown type contains markup, and not only words in angle brackets."""
    return _SURELY_MARKUP.search(text) is not None


def put_back(text: str) -> str:
    """Return a text without references to characters that were escaped once too often."""
    for _ in range(2):
        if "&" not in text:
            break
        text = _REFERENCE.sub(lambda reference: unescaped(reference[0]), text)
    return text


def seen_text(
    markup: str,
    *,
    link: Callable[[Tag, str, str], str] | None = None,
    marks: bool = False,
    pictures: bool = False,
) -> str:
    """
    Return the text that a reader of HTML sees, with its line ends.

    `link` returns the text of a link from its tag, the character before it and its own text. With `marks`
    list items begin with a dash, with `pictures` their descriptions are part of the text.
    """
    reader = _SeenText(link, marks, pictures)
    for piece in pieces(markup):
        if isinstance(piece, str):
            reader.text(piece)
        elif piece.closes:
            reader.ends(piece)
        else:
            reader.begins(piece)
    return "".join(reader.parts)


class _SeenText:
    """Collects what is seen. Line ends wait until text follows them."""

    def __init__(
        self, link: Callable[[Tag, str, str], str] | None, marks: bool, pictures: bool
    ) -> None:
        self.parts: list[str] = []
        self._link_text = link
        self._marks = marks
        self._pictures = pictures
        self._unseen: Counter[str] = Counter()
        self._ends = 0
        self._mark = ""
        self._link: tuple[Tag, int] | None = None

    def begins(self, tag: Tag) -> None:
        if tag.name in _BLOCKS:
            self._unseen.pop("head", None)  # browsers end an open head here, too
        if tag.name in _UNSEEN:
            self._unseen[tag.name] += 1
        elif tag.name == "br":
            self._ends += 1
        elif tag.name == "a":
            self._end_lines()  # or they would be part of the link's text
            self._link = (tag, len(self.parts))
        elif tag.name == "img" and self._pictures:
            self.text(tag.get("alt"))
        else:
            self._separate(tag.name)
            if tag.name == "li" and self._marks:
                self._mark = "- "

    def ends(self, tag: Tag) -> None:
        if tag.name in _UNSEEN:
            self._unseen[tag.name] -= 1
            if self._unseen[tag.name] <= 0:
                del self._unseen[tag.name]
        elif tag.name == "a":
            self._end_link()
        else:
            self._separate(tag.name)

    def _end_link(self) -> None:
        if self._link is not None and self._link_text is not None:
            tag, begin = self._link
            before = "".join(self.parts[begin - 1 : begin])[-1:]
            self.parts[begin:] = [self._link_text(tag, before, "".join(self.parts[begin:]))]
        self._link = None

    def text(self, text: str) -> None:
        text = _SPACES.sub(" ", text)
        if self._ends:
            text = text.removeprefix(" ")
        if not text or self._unseen:
            return
        self._end_lines()
        self.parts.append(text)

    def _end_lines(self) -> None:
        if self._unseen:
            return
        if begin := "\n" * min(self._ends, 2) + self._mark:
            self.parts.append(begin)
        self._ends, self._mark = 0, ""

    def _separate(self, name: str) -> None:
        """Separate the text before a cell or block from the text after it."""
        if name in _CELLS and not self._ends:
            self.parts.append(" ")
        elif name in _BLOCKS:
            self._ends = max(self._ends, 1 if name in _ROWS else 2)
