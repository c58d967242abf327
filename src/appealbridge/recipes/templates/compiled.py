"""A template that Jinja fills. It is checked when the recipe is read, and compiled at its first use."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import UndefinedError, nodes

from appealbridge.recipes.planning.shortening import marked, source_of
from appealbridge.recipes.templates.environment import TEXT, Environment, shortenable
from appealbridge.recipes.templates.limits import LOOP_LIMIT, OutOfTime, bounded
from appealbridge.recipes.templates.scope import Missing, NotThere, Scope, Unfillable
from appealbridge.recipes.templates.syntax import chain_text, parse
from appealbridge.recipes.templates.values import follow, plain_value


class JinjaFiller:
    """
    Fills one template. Raise `Malformed` when made, `Unfillable` when called.

    A text that is a single expression has that expression's own value, which may be a list.
    """

    def __init__(self, text: str, environment: Environment = TEXT) -> None:
        parsed = parse(text, environment)
        self.chains = parsed.chains
        self.literal = parsed.literal
        self.marked = marked(parsed.tree)
        self.source = None if parsed.expression is None else source_of(parsed.expression)
        self._text = text
        self._native = parsed.expression is not None and environment is TEXT
        self._environment = environment
        self._template: Any = None
        self._shortenable: Any = None

    def __call__(self, scope: Scope) -> Any:
        """Return the filled template."""
        scope.steps_left = LOOP_LIMIT
        scope.budget.check()
        try:
            fits = scope.shortening is None or self._native
            template = self._template if fits else self._shortenable
            if template is None:
                compile_ = self._compile if fits else self._compile_shortenable
                template = scope.budget.without(compile_)
            context = template.new_context(scope, shared=True)
            text = _together(template.root_render_func(context))
            return self._value(context.vars["_value"]) if self._native else text
        except (Unfillable, OutOfTime):
            raise
        except UndefinedError as error:
            raise NotThere(self._words(scope, error)) from None
        except Exception as error:  # noqa: BLE001 - an expression may raise anything; the run says what
            raise Unfillable(_words_of(error)) from None

    def _compile(self) -> Any:
        tree = self._environment.parse(self._text)
        if self._native:
            (output,) = tree.body
            assert isinstance(output, nodes.Output)  # noqa: S101 - `Parsed.expression` has seen it
            tree.body = [nodes.Assign(nodes.Name("_value", "store"), output.nodes[0], lineno=1)]
        self._template = self._environment.bind(tree)
        return self._template

    def _compile_shortenable(self) -> Any:
        """Return the template in a form that writes a shortened text."""
        tree = shortenable(self._environment.parse(self._text))
        self._shortenable = self._environment.bind(tree)
        return self._shortenable

    def _value(self, value: Any) -> Any:
        if isinstance(value, Missing):
            str(value)  # raises with its own message
        plain = plain_value(value)
        if isinstance(plain, list):
            for entry in plain:
                if isinstance(entry, Missing):
                    str(entry)  # raises too
        return plain

    def _words(self, scope: Scope, error: UndefinedError) -> str:
        """Raise an error that names the expression without a value."""
        guarded = set(_GUARDED.findall(self._text))
        for chain in self.chains:
            try:
                follow(scope, chain)
            except Unfillable as failure:
                if chain_text(chain) not in guarded:
                    return str(failure)
        return _words_of(error)


_GUARDED = re.compile(r"([\w.\[\]]+)\s*(?:\|\s*d(?:efault)?\b|is\s+(?:not\s+)?(?:un)?defined)")
"""A chain for which the template has a default or a test."""


def _words_of(error: Exception) -> str:
    return str(error) or type(error).__name__


def _together(pieces: Any) -> str:
    size = 0
    parts = []
    for piece in pieces:
        size += len(piece)
        bounded(size)
        parts.append(piece)
    return "".join(parts)
