"""
From a text in a recipe to a function of the scope: a constant, a JSONPath, or a template.

Nearly every template only puts names into words. Those are cut up here and joined again, which
costs a tenth of what Jinja costs; all others are parsed by Jinja at load and compiled at first use.
Both reach values by `scope.reach`, and a test holds them to the same results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from jinja2 import nodes

from appealbridge.plugin.jsonpath import JsonPath, compile_path
from appealbridge.recipes.environment import HTML, LOOP_LIMIT, TEXT, Environment
from appealbridge.recipes.filters import LIMIT, bounded
from appealbridge.recipes.scope import ABSENT, Missing, Scope, Unfillable, reach
from appealbridge.recipes.syntax import Chain, Malformed, Parsed, chain_text, parse


@dataclass(frozen=True, slots=True)
class Expression:
    """
    A compiled text.

    `fill` returns its value in a scope or raises `Unfillable`: any JSON value for a JSONPath or a
    template of one expression, a text otherwise. `chains` are the names it reads, `literal` is its
    fixed words, `constant` says that there is nothing else.
    """

    text: str
    chains: tuple[Chain, ...]
    literal: str
    constant: bool
    fill: Callable[[Scope], Any]


def is_template(text: str) -> bool:
    """Tell whether a text has anything of a template."""
    return "{{" in text or "{%" in text or "{#" in text


@lru_cache(maxsize=8192)
def compile_text(text: str) -> Expression:
    """Compile a text as options and variables have it; raise `Malformed`."""
    if text.startswith(("$.", "$[")):
        return compile_jsonpath(text)
    return compile_template(text)


def compile_jsonpath(text: str) -> Expression:
    """Compile a JSONPath, whose root is the event's data."""
    try:
        path = compile_path(text)
    except ValueError as error:
        raise Malformed(str(error), "for example $.title or $.tags[0].term") from None
    return Expression(text, (("event", ("data",)),), "", constant=False, fill=_path_filler(path))


def compile_template(text: str, *, html: bool = False) -> Expression:
    """Compile a template; one last line end is left out, as YAML's blocks put one there unasked."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not is_template(text):
        constant = text.removesuffix("\n")
        return Expression(text, (), constant, constant=True, fill=lambda _: constant)
    simple = None if html else _simple(text.removesuffix("\n"))
    return simple or _jinja(text, HTML if html else TEXT)


def _path_filler(path: JsonPath) -> Callable[[Scope], Any]:
    def fill(scope: Scope) -> Any:
        try:
            found = path.all(scope.data)
        except Exception as error:  # noqa: BLE001 - the library raises whatever odd data makes it stumble over
            raise Unfillable(f"{path.text}: {error}") from None
        if len(found) == 1 and found[0] is not None:
            return found[0]
        if len(found) > 1:
            return found
        raise Unfillable(f"{path.text} finds nothing in the event")

    return fill


# -- templates that only put names into words -----------------------------------------------------

_PUT = re.compile(
    r"\{\{ *([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]{1,4}\])*) *\}\}"
)
_KEY = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")
_RESERVED = frozenset(
    [
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "not",
        "loop",
        "self",
        "super",
        "varargs",
        "kwargs",
        "caller",
    ]
)


def _simple(text: str) -> Expression | None:
    """Return the expression of a text in which names stand in {{ }}, `None` where there is more."""
    pieces = _PUT.split(text)
    words, names, tails = pieces[::3], pieces[1::3], pieces[2::3]
    if not names or any(is_template(word) for word in words) or not _RESERVED.isdisjoint(names):
        return None
    chains = tuple(
        (name, tuple(m[1] or int(m[2]) for m in _KEY.finditer(tail)))
        for name, tail in zip(names, tails, strict=True)
    )
    literal = "".join(words)
    if len(chains) == 1 and not literal:
        return Expression(text, chains, "", constant=False, fill=_native(chains[0]))
    return Expression(text, chains, literal, constant=False, fill=_joined(words, chains))


def _native(chain: Chain) -> Callable[[Scope], Any]:
    def fill(scope: Scope) -> Any:
        value = _follow(scope, chain)
        return value if type(value) is str else _plain(value)

    return fill


def _plain(value: Any) -> Any:
    """Return a value as JSON could have it; raise `Unfillable` where it is nothing of the kind."""
    if isinstance(value, (str, bool, int, float, list, dict)):
        return value
    if isinstance(value, datetime):
        return str(value)
    if isinstance(value, (tuple, Iterator)):
        return list(islice(value, LIMIT))
    raise Unfillable("the template has no value that can be used")


def _joined(words: list[str], chains: tuple[Chain, ...]) -> Callable[[Scope], str]:
    def fill(scope: Scope) -> str:
        parts = [words[0]]
        for chain, word in zip(chains, words[1:], strict=True):
            value = _follow(scope, chain)
            if type(value) is not str:
                value = _word(value, chain)
            parts.append(value)
            parts.append(word)
        text = "".join(parts)
        if len(text) > 50_000:
            _bounded(text)
        return text

    return fill


def _word(value: Any, chain: Chain) -> str:
    if isinstance(value, (list, tuple, dict)):
        raise Unfillable(
            f"{chain_text(chain)} is a list or mapping; choose an entry, or use join_and"
        )
    return str(_plain(value))


def _follow(scope: Scope, chain: Chain) -> Any:
    name, keys = chain
    value: Any = scope[name] if name in scope else ABSENT  # noqa: SIM401 - `get` would pass variables by
    for key in keys:
        if value is ABSENT or type(value) is Missing:
            break
        value = reach(value, key)
    if value is ABSENT or value is None or callable(value):
        raise Unfillable(_missing_words(chain))
    if type(value) is Missing:
        raise Unfillable(_hint(value, chain))
    return value


def _missing_words(chain: Chain) -> str:
    text = chain_text(chain)
    return f'{text} is missing; say a default aloud: {{{{ {text} | default("…") }}}}'


def _hint(value: Missing, chain: Chain) -> str:
    hint: str | None = value._undefined_hint  # noqa: SLF001 - Jinja has no other way to ask
    return hint or _missing_words(chain)


def _bounded(text: str) -> None:
    try:
        bounded(len(text))
    except ValueError as error:
        raise Unfillable(str(error)) from None


# -- all others -----------------------------------------------------------------------------------


def _jinja(text: str, environment: Environment) -> Expression:
    parsed = parse(text, environment)
    filler = _Filler(text, parsed, environment)
    return Expression(text, parsed.chains, parsed.literal, constant=False, fill=filler)


class _Filler:
    """Fills one Jinja template; compiled when it is first used, since most recipes wait long for that."""

    def __init__(self, text: str, parsed: Parsed, environment: Environment) -> None:
        self._text = text
        self._chains = parsed.chains
        self._native = parsed.expression is not None and environment is TEXT
        self._environment = environment
        self._template: Any = None

    def __call__(self, scope: Scope) -> Any:
        scope.steps_left = LOOP_LIMIT
        try:
            template = self._template or self._compile()
            context = template.new_context(scope, shared=True)
            text = _together(template.root_render_func(context))
            return self._value(context.vars["_value"]) if self._native else text
        except Unfillable:
            raise
        except Exception as error:  # noqa: BLE001 - an expression may raise anything; the run says what
            raise Unfillable(self._words(scope, error)) from None

    def _compile(self) -> Any:
        tree = self._environment.parse(self._text)
        if self._native:
            (output,) = tree.body
            assert isinstance(output, nodes.Output)  # noqa: S101 - `expression` has seen it
            tree.body = [nodes.Assign(nodes.Name("_value", "store"), output.nodes[0], lineno=1)]
        self._template = self._environment.bind(tree)
        return self._template

    def _value(self, value: Any) -> Any:
        if isinstance(value, Missing):
            str(value)  # raises, in its own words
        if isinstance(value, str):
            bounded(len(value))
        return _plain(value)

    def _words(self, scope: Scope, error: Exception) -> str:
        """Name the expression at fault, where the error is that a value is missing."""
        if type(error).__name__ == "UndefinedError":
            for chain in self._chains:
                try:
                    _follow(scope, chain)
                except Unfillable as failure:
                    if chain_text(chain) not in self._defaulted():
                        return str(failure)
        return str(error) or type(error).__name__

    def _defaulted(self) -> set[str]:
        """Return the chains for which the template itself says what to do without them."""
        guarded = re.findall(
            r"([\w.\[\]]+)\s*(?:\|\s*d(?:efault)?\b|is\s+(?:not\s+)?(?:un)?defined)", self._text
        )
        return set(guarded)


def _together(pieces: Any) -> str:
    size = 0
    kept = []
    for piece in pieces:
        size += len(piece)
        bounded(size)
        kept.append(piece)
    return "".join(kept)
