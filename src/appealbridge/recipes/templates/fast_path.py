"""
Fills simple templates, which only put values between words, without Jinja.

Nearly every template is one. The same few expressions are in hundreds of recipes, so each is
compiled once. A plain name is looked up directly, which takes a tenth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from appealbridge.recipes.planning.shortening import Source
from appealbridge.recipes.templates.compiled import JinjaFiller
from appealbridge.recipes.templates.limits import LIMIT, bounded
from appealbridge.recipes.templates.public_text import without_invisible
from appealbridge.recipes.templates.scope import Scope, Unfillable
from appealbridge.recipes.templates.syntax import Chain, Malformed
from appealbridge.recipes.templates.values import follow, plain_value, word

_PIECE = re.compile(r"""(?<!\{)\{\{((?:[^{}'"]|'[^'\\\n]*'|"[^"\\\n]*")*)\}\}(?!\})""")
_NAME = re.compile(r" *([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]{1,4}\])*) *")
_KEY = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")
_RESERVED = frozenset(
    ("true", "false", "none", "True", "False", "None", "not", "loop", "self", "super", "varargs",
     "kwargs", "caller")
)  # fmt: skip

_SIGNS = ("-", "+")


class Piece(NamedTuple):
    """
    One expression: its text, the names that it reads, and the function that returns its value.

    `source` is where the value comes from, as far as it may be shortened; `marked` says that it is
    marked for shortening.
    """

    text: str
    chains: tuple[Chain, ...]
    fill: Callable[[Scope], Any]
    source: Source | None = None
    marked: bool = False


def is_template(text: str) -> bool:
    """Return whether a text contains any part of a template."""
    return "{{" in text or "{%" in text or "{#" in text


def cut_up(text: str) -> tuple[list[str], list[Piece]] | None:
    """Return the words and the expressions between them, `None` if the text is more complex; raise `Malformed`."""
    parts = _PIECE.split(text)
    literals, sources = parts[::2], parts[1::2]
    controls_blanks = any(part.startswith(_SIGNS) or part.endswith(_SIGNS) for part in sources)
    if controls_blanks or any(map(is_template, literals)):
        return None
    pieces: list[Piece] = []
    wrong: Malformed | None = None
    chains: list[Chain] = []
    line = 1
    for before, source in zip(literals, sources, strict=False):
        line += before.count("\n")
        try:
            pieces.append(_piece(source))
            chains += pieces[-1].chains
        except Malformed as flaw:
            chains += flaw.chains
            wrong = wrong or Malformed(flaw.problem, flaw.cure, flaw.needle, line + flaw.line - 1)
        line += source.count("\n")
    if wrong is not None:
        wrong.chains = tuple(chains)
        raise wrong
    return literals, pieces


@lru_cache(maxsize=8192)
def _piece(source: str) -> Piece:
    name = _NAME.fullmatch(source)
    if name is None or name[1] in _RESERVED:
        filler = JinjaFiller("{{" + source + "}}")
        return Piece(source.strip(), filler.chains, filler, filler.source, filler.marked)
    keys = tuple(match[1] or int(match[2]) for match in _KEY.finditer(name[2]))
    chain = (name[1], keys)
    return Piece(source.strip(), (chain,), lambda scope: follow(scope, chain), Source((name[1],)))


def native(piece: Piece) -> Callable[[Scope], Any]:
    """Return the function for a single expression, which returns its own value."""
    fill = piece.fill

    def filled(scope: Scope) -> Any:
        value = fill(scope)
        return value if type(value) is str else plain_value(value)

    return filled


def joined(literals: list[str], pieces: list[Piece]) -> Callable[[Scope], str]:
    """Return the function that joins words and values into one text."""
    first = literals[0]
    rest = [
        (piece.text, piece.fill, piece.source, after)
        for piece, after in zip(pieces, literals[1:], strict=True)
    ]
    authored = any(map(_special, literals))

    def filled(scope: Scope) -> str:
        parts = [first]
        shortening = scope.shortening
        for text, fill, source, after in rest:
            value = fill(scope)
            if type(value) is not str:
                value = word(value, text)
            if not (value.isascii() and value.isprintable()) or "@" in value or len(value) > LIMIT:
                value = scope.publishable(value)
            if shortening is not None and source is not None:
                value = shortening.printed(value, source)
            parts += (value, after)
        whole = "".join(parts)
        if len(whole) > LIMIT:
            _refuse(len(whole))
        if authored:
            _keep(parts, whole, scope)
        return whole

    return filled


_AT = ("@", "＠")


def _special(text: str) -> bool:
    """Return whether the author's words have invisible characters, or an @ before an expression."""
    return text[-1:] in _AT or without_invisible(text) != text


def _keep(parts: list[str], whole: str, scope: Scope) -> None:
    """Record the author's text: if it is a variable's, it is checked again where it is printed."""
    scope.keep(whole)
    place = 0
    for number, part in enumerate(parts):
        place += len(part)
        if number % 2 == 0 and part[-1:] in _AT and (name := _MENTIONED.match(whole, place)):
            scope.keep(f"@{name[0].lower()}")


_MENTIONED = re.compile(r"[\w-]{1,100}")


def _refuse(size: int) -> None:
    try:
        bounded(size)
    except ValueError as error:
        raise Unfillable(str(error)) from None
