"""Compiles texts of recipes: constants, JSONPaths and templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from markupsafe import escape

from appealbridge.plugin.jsonpath import JsonPath, compile_path
from appealbridge.recipes.planning.shortening import Source
from appealbridge.recipes.templates.compiled import JinjaFiller
from appealbridge.recipes.templates.environment import HTML, TEXT
from appealbridge.recipes.templates.fast_path import cut_up, is_template, joined, native
from appealbridge.recipes.templates.public_text import without_invisible
from appealbridge.recipes.templates.scope import NotThere, Scope, Unfillable
from appealbridge.recipes.templates.syntax import Chain, Malformed


@dataclass(frozen=True, slots=True)
class Expression:
    """
    A compiled text.

    `fill` returns its value for a scope or raises `Unfillable`: any JSON value for a JSONPath or a
    single expression (`whole`), otherwise text. `chains` are the names that it reads, `literal` its
    fixed words, and `constant` says that there is nothing else. `source` is where the value comes
    from, as far as it may be shortened, and `marked` says that a part is marked for shortening.
    """

    text: str
    chains: tuple[Chain, ...]
    literal: str
    constant: bool
    fill: Callable[[Scope], Any]
    source: Source | None = None
    marked: bool = False
    whole: bool = False


@lru_cache(maxsize=8192)
def compile_text(text: str) -> Expression:
    """Compile the text of an option or a variable; raise `Malformed`."""
    if text[:1] == "$":
        if text[1:2] in ("", ".", "["):
            return compile_jsonpath(text)
        if _ALMOST_A_PATH.fullmatch(text):
            raise Malformed(f'"{text}" is not a JSONPath', f"write $.{text[1:]}")
    return compile_template(text)


@lru_cache(maxsize=1024)
def compile_html(text: str) -> Expression:
    """Compile an HTML text, in which every value is escaped; raise `Malformed`."""
    expression = compile_text(text)
    if expression.constant:
        return expression
    if not is_template(text):
        return replace(expression, fill=_escaped(expression.fill))
    return compile_template(text, html=True)


def _escaped(fill: Callable[[Scope], Any]) -> Callable[[Scope], Any]:
    def filled(scope: Scope) -> Any:
        value = fill(scope)
        return str(escape(value)) if isinstance(value, str) else value

    return filled


_ALMOST_A_PATH = re.compile(r"\$[A-Za-z_][\w.\[\]]*")
"""A name after a dollar sign: neither a path nor a price."""


def compile_jsonpath(text: str) -> Expression:
    """Compile a JSONPath into the event's data; raise `Malformed`."""
    try:
        path = compile_path(text)
    except ValueError as error:
        problem, _, cure = str(error).partition("; ")
        raise Malformed(problem, cure or "for example $.title or $.tags[0].term") from None
    names = _FIRST_NAMES.match(text)
    keys = tuple(names[1].split(".")[1:]) if names is not None else ()
    chains: tuple[Chain, ...] = (("event", ("data", *keys)),)
    fill, source = _finder(path), Source(("event",))
    return Expression(text, chains, "", constant=False, fill=fill, source=source, whole=True)


_FIRST_NAMES = re.compile(r"\$((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


def compile_template(text: str, *, html: bool = False) -> Expression:
    """Compile a template, without the line end that YAML's blocks add."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    if not is_template(text):
        return Expression(text, (), text, constant=True, fill=_constant(text))
    cut = None if html else cut_up(text)
    if cut is None:
        filler = JinjaFiller(text, HTML if html else TEXT)
        return Expression(
            text, filler.chains, filler.literal, constant=False, fill=filler, source=filler.source,
            marked=filler.marked,
        )  # fmt: skip
    literals, pieces = cut
    literal = "".join(literals)
    chains = tuple(chain for piece in pieces for chain in piece.chains)
    alone = len(pieces) == 1 and not literal
    return Expression(
        text,
        chains,
        literal,
        constant=False,
        fill=native(pieces[0]) if alone else joined(literals, pieces),
        source=pieces[0].source if alone else None,
        marked=any(piece.marked for piece in pieces),
        whole=alone,
    )


def _constant(text: str) -> Callable[[Scope], str]:
    if without_invisible(text) == text:
        return lambda _: text

    def fill(scope: Scope) -> str:
        scope.keep(text)
        return text

    return fill


def _finder(path: JsonPath) -> Callable[[Scope], Any]:
    def fill(scope: Scope) -> Any:
        if path.searches:
            scope.budget.check()
        try:
            values = path.all(scope.data)
        except Exception as error:  # noqa: BLE001 - the library raises whatever odd data makes it stumble over
            raise Unfillable(f"{path.text}: {error}") from None
        if len(values) == 1 and values[0] is not None:
            return values[0]
        if len(values) > 1:
            return values
        raise NotThere(f"{path.text} finds nothing in the event")

    return fill
