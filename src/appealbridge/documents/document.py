"""A YAML document: its value, and the place of everything in it."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from appealbridge.documents.diagnostic import InvalidDocuments, Level, Problem, unexpected
from appealbridge.documents.lines import lines_of
from appealbridge.documents.parser import Flaw, Node, Tags, compose
from appealbridge.documents.path import Path, path_text

SIZE_LIMIT = 1024 * 1024
"""The largest size of a document in bytes. Real ones have a few thousand."""


class Place(NamedTuple):
    """The place of something: line and column from 1, and how many characters of that line it takes."""

    line: int
    column: int
    width: int


class Document:
    """
    One document with its text, its file's name, and its `value`.

    The value is made of dict (with text keys), list, str, int, float, bool and None, and of
    whatever the functions given for tags returned.
    """

    def __init__(self, file: str, text: str, root: Node | None) -> None:
        self.file = file
        self.text = text
        self._root = root
        self.value: Any = root.value if root is not None else None

    @cached_property
    def _lines(self) -> list[str]:
        return lines_of(self.text)

    def line(self, number: int) -> str:
        """Return a line of the text; the first is 1."""
        return self._lines[number - 1]

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return the place of a value, or with `key` of its name; if it is missing, of the nearest thing above it."""
        node, name, whole = self._find(path)
        if node is None:
            return Place(1, 1, 1)
        event = name if name is not None and (key or not whole) else node.event
        return self._span(event)

    def within(self, path: Path, needle: str = "", line: int = 1) -> Place:
        """
        Return the place of `needle` inside a text, or of its line number `line` (from 1) if it is not there.

        A quoted text is searched as it is written, so that an escape before the needle moves nothing.
        """
        node, _, _ = self._find(path)
        if node is None or node.children is not None:
            return self.place(path)
        start, end = node.event.start_mark, node.event.end_mark
        first = start.line + (1 if node.event.style in ("|", ">") else 0)
        for number in range(min(first + line - 1, end.line), min(end.line + 1, len(self._lines))):
            source = self._lines[number]
            begin = start.column if number == start.line else 0
            match = whole_word(needle).search(source, begin) if needle else None
            if match is not None:
                return Place(number + 1, match.start() + 1, len(needle))
        number = min(first + line - 1, end.line, len(self._lines) - 1)
        if number == start.line:
            return self._span(node.event)
        source = self._lines[number]
        indent = len(source) - len(source.lstrip())
        return Place(number + 1, indent + 1, max(1, len(source.strip())))

    def bare(self, path: Path) -> str:
        """Return the source of a text that has no quotes and no bar; else nothing."""
        node = self._unenclosed(path)
        if node is None:
            return ""
        start, end = node.event.start_mark, node.event.end_mark
        return "" if start.line != end.line else self._lines[start.line][start.column : end.column]

    def comment(self, path: Path) -> Place | None:
        """Return where a comment begins after a text without quotes, on the text's last line."""
        node = self._unenclosed(path)
        if node is None:
            return None
        end = node.event.end_mark
        source = self._lines[end.line] if end.line < len(self._lines) else ""
        comment = source[end.column :].lstrip()
        if not comment.startswith("#"):
            return None
        return Place(end.line + 1, len(source) - len(comment) + 1, len(comment.rstrip()))

    def _unenclosed(self, path: Path) -> Node | None:
        """Return the text if it has no quotes and no bar, else `None`."""
        node, _, whole = self._find(path)
        plain = node is not None and whole and node.children is None and not node.event.style
        return node if plain else None

    def problem(
        self,
        path: Path,
        message: str,
        cure: str = "",
        *,
        key: bool = False,
        level: Level = "error",
        place: Place | None = None,
        fault: bool = False,
    ) -> Problem:
        """Return a problem with the value at `path`, or with `key` with its name; `place` gives its exact place."""
        where = place or self.place(path, key=key)
        line = self._lines[where.line - 1] if where.line <= len(self._lines) else ""
        return Problem(
            file=self.file,
            line=where.line,
            column=where.column,
            path=path_text(path),
            problem=message,
            cure=cure,
            level=level,
            fault=fault,
            source_line=line,
            width=max(1, min(where.width, len(line) - where.column + 1)),
        )

    def _find(self, path: Path) -> tuple[Node | None, Any, bool]:
        """Return the node at a path or the nearest above, the event of its name, and whether it was found."""
        node, name = self._root, None
        for part in path:
            if node is None or node.children is None:
                # One word may stand for a list of it.
                return node, name, node is not None and part == 0
            try:
                child = node.children[part]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                return node, name, False
            name = node.keys[part] if node.keys is not None else None  # type: ignore[index]
            node = child
        return node, name, True

    def _span(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        line = self._lines[start.line] if start.line < len(self._lines) else ""
        stop = end.column if end.line == start.line else len(line)
        if stop <= start.column:  # a block collection begins without a character of its own
            stop = len(line.split(" #", 1)[0].rstrip())
        return Place(start.line + 1, start.column + 1, max(1, stop - start.column))


@lru_cache(maxsize=64)
def whole_word(needle: str) -> re.Pattern[str]:
    """Return a pattern that finds these words where they are not part of longer ones."""
    begin = r"(?<!\w)" if needle[:1].isalnum() else ""
    end = r"(?!\w)" if needle[-1:].isalnum() else ""
    return re.compile(begin + re.escape(needle) + end)


def read(text: str | bytes, file: str, tags: Tags | None = None) -> Document:
    """
    Return the YAML 1.2 document in a text.

    `tags` are functions from a scalar's text to a value, by tag (`!secret`); a `ValueError` of
    theirs becomes a problem at its place. Raise `InvalidDocuments` for anything that is not one
    document: never anything else.
    """
    try:
        whole = decoded(text)
        return Document(file, whole, compose(whole, tags or {}))
    except Flaw as flaw:
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        raise InvalidDocuments([flaw_problem(flaw, file, shown)]) from None
    except Exception as error:
        raise InvalidDocuments([unexpected(file, error)]) from error


def decoded(text: str | bytes) -> str:
    """Return the bytes of a document as text; raise `Flaw`."""
    if len(text) > SIZE_LIMIT:
        raise Flaw(0, 0, f"longer than {SIZE_LIMIT // 1024} KiB", "split it into several files")
    try:
        raw = text.encode() if isinstance(text, str) else text
        return raw.decode()
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
    except UnicodeEncodeError as error:
        before = error.object[: error.start]
    line, column = before.count("\n"), len(before) - (before.rfind("\n") + 1)
    raise Flaw(line, column, "this character is not UTF-8", "save the file as UTF-8")


def flaw_problem(flaw: Flaw, file: str, text: str) -> Problem:
    """Return the problem for a flaw in a text."""
    lines = lines_of(text)
    # The parser reports an unfinished document after its last line, which nobody can see.
    line = min(flaw.line, len(lines) - 1)
    source = lines[line]
    column = min(flaw.column, len(source)) if line == flaw.line else len(source)
    return Problem(
        file=file,
        line=line + 1,
        column=column + 1,
        path=path_text(flaw.path),
        problem=flaw.problem,
        cure=flaw.cure,
        source_line=source[:400],
        width=max(1, min(flaw.width, len(source) - column)),
    )
