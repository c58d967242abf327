"""From HTML to what a reader sees, in plain words."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "div", "dl", "dd", "dt", "figure", "footer"}
    | {"form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"}
    | {"p", "pre", "section", "table", "tr", "ul"}
)
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_SPACES = re.compile(r"[ \t\r\n\f]+")
_LINES = re.compile(r"\s*\n\s*\n\s*")


def html_to_text(markup: str) -> str:
    """Return the text of HTML: paragraphs apart by an empty line, `<br>` as a line's end, links with their address."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.text()


class Markup(HTMLParser):
    """A parser that nothing can trip: a section of a kind unknown to it is a comment, as browsers hold it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Skip `<![foo[`, over which the parser itself would stumble."""
        return self.parse_bogus_comment(i, report)


class _Reader(Markup):
    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._unseen = 0
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self._parts.append("\n")
        elif tag in _BLOCKS:
            self._parts.append("\n- " if tag == "li" else "\n\n")
        elif tag == "a":
            self._link = (dict(attrs).get("href") or "", len(self._parts))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self._parts.append("\n" if tag == "li" else "\n\n")
        elif tag == "a" and self._link is not None:
            address, begin = self._link
            self._link = None
            if address.startswith(("http:", "https:")) and address not in "".join(
                self._parts[begin:]
            ):
                self._parts.append(f" ({address})")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._parts.append(_SPACES.sub(" ", data))

    def text(self) -> str:
        lines = "\n".join(line.strip() for line in "".join(self._parts).split("\n"))
        return _LINES.sub("\n\n", lines).strip()
