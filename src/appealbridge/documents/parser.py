"""
Turns the events of the YAML parser into plain values, and keeps the place of each.

The parser is libyaml, through PyYAML. It only reports what is where: the meaning of words (YAML
1.2), unique keys, and every limit are decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from appealbridge.documents.lines import lines_of
from appealbridge.documents.messages.hints import (
    INDENTED_WITH,
    NO_BREAK_SPACE,
    hint_for,
    template_without_quotes,
)
from appealbridge.documents.messages.syntax import BEGUN_BEFORE, syntax_message
from appealbridge.documents.path import Path
from appealbridge.documents.scalars import plain

DEPTH_LIMIT = 64
_TOO_DEEP, _LESS_DEEP = f"nested deeper than {DEPTH_LIMIT} levels", "use fewer levels"

_NO_ESCAPE = "found invalid Unicode character escape code"

_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
"""One character written as two escapes, as JSON does; libyaml knows only `\\U0001f600`."""

Tags = Mapping[str, Callable[[str], Any] | str]
"""Turns the text of a tagged scalar into a value, or raises why it is not allowed, with the cure after a semicolon."""


class Flaw(Exception):
    """Why a text is not a document: a place (counted from 0), words and a cure. Never leaves this package."""

    def __init__(
        self, line: int, column: int, problem: str, cure: str, path: Path = (), width: int = 1
    ) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column
        self.problem = problem
        self.cure = cure
        self.path = path
        self.width = width


class Node(NamedTuple):
    """A value, the parser's event that began it, and the nodes and key events inside it."""

    value: Any
    event: Any
    children: dict[str, Node] | list[Node] | None
    keys: dict[str, Any] | None


def compose(text: str, tags: Tags) -> Node | None:
    """Return the one document of a text, `None` if it is empty; raise `Flaw`."""
    lines = partial(lines_of, text)
    try:
        return _Composer(CParser(text).get_event, tags, lines).document()
    except YAMLError as error:
        if (
            getattr(error, "problem", "") == _NO_ESCAPE
            and (whole := _PAIR.sub(_joined, text)) != text
        ):
            return compose(whole, tags)
        raise _syntax_flaw(error, text) from None


def _joined(pair: re.Match[str]) -> str:
    high, low = int(pair[2], 16), int(pair[3], 16)
    return f"{pair[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


class _Composer:
    def __init__(
        self, following: Callable[[], Any], tags: Tags, lines: Callable[[], list[str]]
    ) -> None:
        self._next = following
        self._lines = lines
        self._tags = tags
        self._path: list[str | int] = []

    def document(self) -> Node | None:
        self._next()
        if isinstance(self._next(), StreamEndEvent):
            return None
        node = self._node(self._next())
        self._next()
        after = self._next()
        if isinstance(after, DocumentStartEvent):
            raise self._flaw(
                after, "a second document in one file", "put each into its own file, without ---"
            )
        return node

    def _node(self, event: Any) -> Node:
        if event.__class__ is ScalarEvent:
            # `implicit` says first that the word is bare, then that it is quoted or a block; a tag is neither.
            bare, quoted = event.implicit
            if "\0" in event.value:
                raise self._no_character(event)
            if quoted and event.anchor is None:
                return Node(event.value, event, None, None)
            return Node(self._bare(event) if bare else self._tagged(event), event, None, None)
        if isinstance(event, AliasEvent):
            raise self._flaw(
                event,
                "references with * are not allowed",
                "put text that begins with * in quotes, or write the value out",
            )
        if len(self._path) >= DEPTH_LIMIT:
            raise self._flaw(event, _TOO_DEEP, _LESS_DEEP)
        self._refuse_anchor(event)
        if event.tag is not None:
            raise self._flaw(event, f"unknown tag {event.tag}", "delete it")
        if isinstance(event, MappingStartEvent):
            return self._mapping(event)
        assert isinstance(event, SequenceStartEvent)  # noqa: S101 - the parser knows no other
        return self._sequence(event)

    def _no_character(self, event: Any) -> Flaw:
        return self._flaw(event, "this escape code means no character", "delete it")

    def _mapping(self, start: Any) -> Node:
        value: dict[str, Any] = {}
        children: dict[str, Node] = {}
        keys: dict[str, Any] = {}
        path = self._path
        following = self._next
        while (event := following()).__class__ is not MappingEndEvent:
            key = self._key(event)
            if key in keys:
                first = keys[key].start_mark.line + 1
                path.append(key)
                raise self._flaw(
                    event, f'"{key}" is given twice, first on line {first}', "keep one of the two"
                )
            keys[key] = event
            path.append(key)
            node = self._node(following())
            path.pop()
            children[key] = node
            value[key] = node.value
        return Node(value, _whole(start, event), children, keys)

    def _sequence(self, start: Any) -> Node:
        children: list[Node] = []
        path = self._path
        while (event := self._next()).__class__ is not SequenceEndEvent:
            path.append(len(children))
            children.append(self._node(event))
            path.pop()
        return Node([child.value for child in children], _whole(start, event), children, None)

    def _key(self, event: Any) -> str:
        if event.__class__ is not ScalarEvent:
            raise self._no_name(event)
        if event.anchor is not None or not any(event.implicit):
            self._refuse_anchor(event)
            raise self._flaw(event, f"unknown tag {event.tag}", "delete it")
        if "\0" in event.value:
            raise self._no_character(event)
        key: str = event.value
        if key.startswith(NO_BREAK_SPACE) and self._indents(event):
            raise self._flaw(event, INDENTED_WITH, "use spaces")
        return key

    def _indents(self, event: Any) -> bool:
        mark = event.start_mark
        return not self._lines()[mark.line][: mark.column].strip(" -")

    def _no_name(self, event: Any) -> Flaw:
        """Return what is wrong with a list or mapping before a colon: usually it is a template."""
        mark = event.start_mark
        hint = template_without_quotes(self._lines(), mark.line, mark.column)
        if hint is None:
            message = "a name cannot be a list or a mapping"
            return self._flaw(event, message, 'put a template in quotes: "{{ … }}"')
        return Flaw(*hint, tuple(self._path), 2)

    def _bare(self, event: Any) -> Any:
        self._refuse_anchor(event)
        try:
            return plain(event.value)
        except ValueError as error:
            raise self._flaw(event, str(error), "put it in quotes if it is text") from None

    def _tagged(self, event: Any) -> Any:
        self._refuse_anchor(event)
        meaning = self._tags.get(event.tag)
        if meaning is None:
            known = ", ".join(tag for tag, use in self._tags.items() if not isinstance(use, str))
            cure = "put text that begins with ! in quotes, or delete it"
            raise self._flaw(
                event, f"unknown tag {event.tag}", f"known here: {known}" if known else cure
            )
        if isinstance(meaning, str):
            problem, _, cure = meaning.partition("; ")
            raise self._flaw(event, problem, cure)
        try:
            return meaning(event.value)
        except ValueError as error:
            raise self._flaw(event, str(error), "") from None

    def _refuse_anchor(self, event: Any) -> None:
        if event.anchor is not None:
            raise self._flaw(
                event,
                "anchors with & are not allowed",
                "put text that begins with & in quotes, or write the value out where it is needed",
            )

    def _flaw(self, event: Any, problem: str, cure: str) -> Flaw:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if start.line == end.line else 1
        return Flaw(start.line, start.column, problem, cure, tuple(self._path), max(1, width))


def _whole(start: Any, end: Any) -> Any:
    """Return the beginning of a list or mapping, extended to its closing bracket if it has brackets."""
    if start.flow_style:
        start.end_mark = end.end_mark
    return start


def _syntax_flaw(error: YAMLError, text: str) -> Flaw:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        # Only the errors about characters have no mark, but a position in characters or bytes.
        index = next((i for i, c in enumerate(text) if not _allowed(c)), 0)
        line, column = text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1)
        return Flaw(line, column, "control characters are not allowed", "delete it")
    lines = lines_of(text)
    if mark.line < len(lines) and lines[mark.line].startswith("%"):
        message = "YAML directives (lines that begin with %) are not allowed"
        return Flaw(mark.line, 0, message, "delete it", width=len(lines[mark.line]))
    complaint = str(getattr(error, "problem", error))
    if complaint == "exceeded maximum nesting depth":  # libyaml reads ahead of us
        return Flaw(mark.line, mark.column, _TOO_DEEP, _LESS_DEEP)
    at = lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
    problem, cure = syntax_message(complaint, at)
    begun = getattr(error, "context_mark", None)
    if begun is not None and problem in BEGUN_BEFORE:
        mark = begun
    hint = hint_for(complaint, lines, mark.line, mark.column)
    return Flaw(*hint) if hint is not None else Flaw(mark.line, mark.column, problem, cure)


def _allowed(character: str) -> bool:
    return character in "\t\n\r\x85" or "\x20" <= character <= "\x7e" or character >= "\xa0"
