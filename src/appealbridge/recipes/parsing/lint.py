"""
Notes about texts that would be published differently from what their author sees.

All are notes, not errors: nobody can know that “quotes” are not wanted, but nobody should find them
in a post first.
"""

from __future__ import annotations

import re

from appealbridge.documents import Path, path_text, texts_in
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.templates.scope import BUILT_IN_NAMES

_ANYTHING = re.compile(
    r"[“”„‘’‹›«»%\[]|<<|\$\{|^[^\"\n]*\w\" *$| #\w|\{ +\{ *[A-Za-z_]|(?<!\{)\{ *[A-Za-z_]\w* *[.\[|}]",
    re.MULTILINE,
)
"""A file without any of these has nothing to report."""

_NAMES = frozenset(("action", "after", "channel", "id", "mode", "template", "trigger"))
"""Values that are never published, so a comment after them is a comment."""

_TYPOGRAPHIC = re.compile(r"[“”„‘’][^“”„]*[“”‘’]")
_HASHTAG = re.compile(r"#\w+")
_WORKED_OUT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_ONE_BRACE = re.compile(r"\{ *(?:\{ +)?(([A-Za-z_]\w*)(?: *[.\[|][^{}\n]*| *))\}(?: *\})?")


_OTHER_BRACKETS = re.compile(
    r"<+ *([A-Za-z_][\w.]*) *>+|[‹«]+ *([A-Za-z_][\w.]*) *[›»]+|%([A-Za-z_][\w.]*)%|\$\{ *([A-Za-z_][\w.]*) *\}"
    r"|\[ *([A-Za-z_][\w.]*) *\]"
)
"""A name as other programs mark it: `<<title>>`, `%title%`, `[appeal.title]`."""


def note_mistakes(reading: ParsingContext) -> None:
    """Add a note about each such text in the variables and actions."""
    document = reading.document
    if not isinstance(document.value, dict) or not _ANYTHING.search(document.text):
        return
    wrong = {problem.path for problem in reading.problems}
    for part in ("variables", "actions"):
        for path, text in texts_in(document.value.get(part), (part,)):
            if path[-1] not in _NAMES and path_text(path) not in wrong:
                _note_comment(reading, path)
                _note_quotes(reading, path)
                _note_braces(reading, path, text)
                _note_brackets(reading, path, text)


def _note_comment(reading: ParsingContext, path: Path) -> None:
    place = reading.document.comment(path)
    if place is None:
        return
    line = reading.document.line(place.line)
    hashtag = _HASHTAG.match(line, place.column - 1)
    if hashtag is not None:
        message = f'"{hashtag[0]}" begins a comment, which is not published'
        reading.note_at(path, place, message, "put the whole text in quotes")


def _note_quotes(reading: ParsingContext, path: Path) -> None:
    bare = reading.document.bare(path)
    if _TYPOGRAPHIC.fullmatch(bare):
        message = "these are typographic quotes, and they are published with the text"
        cure = "use straight ones: \" or '"
    elif bare.endswith('"') and bare.count('"') % 2:
        message = "this quote closes nothing, and it is published with the text"
        cure = "put one before the text too, or delete it"
    else:
        return
    reading.note_at(path, reading.document.place(path), message, cure)


def _note_brackets(reading: ParsingContext, path: Path, text: str) -> None:
    for match in _OTHER_BRACKETS.finditer(_WORKED_OUT.sub(" ", text)):
        name = next(filter(None, match.groups()))
        suggestion = _meant(reading, name, plain=match[0].startswith("["))
        if suggestion:
            place = reading.document.within(path, match[0])
            message = "this is published as it is written"
            reading.note_at(path, place, message, f"a value is written {{{{ {suggestion} }}}}")


def _meant(reading: ParsingContext, name: str, *, plain: bool) -> str:
    """Return the value that a name between other brackets means; empty if it is ordinary text, as `[missing]` is."""
    first, _, rest = name.partition(".")
    if first in reading.variables or (rest and first in BUILT_IN_NAMES):
        return name
    if plain or rest:
        return ""
    if first in (reading.fields.appeal or ()):
        return f"appeal.{first}"
    return f"event.data.{first}" if first in (reading.fields.data or ()) else ""


def _note_braces(reading: ParsingContext, path: Path, text: str) -> None:
    for match in _ONE_BRACE.finditer(_WORKED_OUT.sub(" ", text)):
        if match[2] in reading.variables or match[2] in BUILT_IN_NAMES:
            place = reading.document.within(path, match[0])
            message = "this is published as it is written"
            cure = f"a value goes in two braces: {{{{ {match[1].strip()} }}}}"
            reading.note_at(path, place, message, cure)
