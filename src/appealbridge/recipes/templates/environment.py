"""Jinja2 for recipes: sandboxed, with limits, and strict about missing values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from appealbridge.recipes.planning.shortening import Source, source_of
from appealbridge.recipes.templates.filters import FILTERS
from appealbridge.recipes.templates.limits import (
    ARGUMENT_LIMIT,
    LIMIT,
    LOOP_LIMIT,
    NO_BOUND,
    LimitExceeded,
    bounded,
    bounded_number,
    bounded_text,
)
from appealbridge.recipes.templates.scope import ABSENT, Missing, Scope, reach


class Environment(ImmutableSandboxedEnvironment):
    """Compiles templates, which reach values only through `scope.reach`."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "**", "%"))

    def __init__(self, *, html: bool) -> None:
        super().__init__(undefined=Missing, autoescape=html, finalize=_printed)
        self.globals.clear()
        self.filters.clear()
        self.filters.update(FILTERS)
        self.filters["_counted"] = _counted
        self.filters["_shortenable"] = _shortenable
        self.filters["_concat"] = _concat_html if html else _concat

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute, or a value that raises when it is used."""
        value = reach(obj, attribute)
        return self._missing(obj, attribute) if value is ABSENT else value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item, or a value that raises when it is used."""
        value = reach(obj, argument)
        return self._missing(obj, argument) if value is ABSENT else value

    def _missing(self, obj: Any, key: Any) -> Any:
        # A field of a missing value is missing for the same reason.
        return obj if isinstance(obj, Missing) else Missing(obj=obj, name=str(key))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate; refuse results that would be huge."""
        bounded_number(left)
        bounded_number(right)
        if operator == "%" and isinstance(left, str):
            raise ValueError("% cannot format texts here; write {{ … }} where the value goes")
        if operator == "*":
            bounded(_size(left) * _times(right) + _size(right) * _times(left))
        if operator == "+":
            bounded(_size(left) + _size(right))
        if operator == "**" and (abs(left) > 1e6 or abs(right) > 64):
            raise LimitExceeded("the result of ** is too large")
        return bounded_number(super().call_binop(context, operator, left, right))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a value's own function; refuse texts that are too long."""
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "this")
        for text in (*args, *kwargs.values()):
            if isinstance(text, str) and len(text) > ARGUMENT_LIMIT:
                raise LimitExceeded(
                    f"{name} takes at most {ARGUMENT_LIMIT} characters in its brackets"
                )
        if isinstance(owner, str):
            bounded_text(owner, name)
        return super().call(context, obj, *args, **kwargs)

    def bind(self, tree: nodes.Template) -> Any:
        """Return the compiled template of a checked tree, its loops counted."""
        return self.from_string(_Harness().visit(tree))


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, tuple)) else 0


def _times(value: Any) -> int:
    return max(0, value) if isinstance(value, int) else 0


class _Harness(NodeTransformer):
    """Changes a tree so that loops count their rounds, and ~ checks the size of its result."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - named after Jinja's node
        """Count the rounds."""
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_counted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        """Limit the size of a result."""
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_concat", [], [], None, None, lineno=node.lineno)


def shortenable(tree: nodes.Template) -> nodes.Template:
    """Return a checked tree in which printed values may be shortened."""
    own: set[str] = set()
    for node in tree.find_all((nodes.Assign, nodes.For, nodes.With)):
        for target, value in _bound(node):
            source = source_of(value)
            if source is None or own.issuperset(source.names):
                names = [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name)
                own.update(name.name for name in names)
    _Shortenable(frozenset(own)).visit(tree)
    return tree


def _bound(node: nodes.Node) -> Iterable[tuple[nodes.Expr, nodes.Expr]]:
    """Return the names that a statement assigns, each with its value."""
    match node:
        case nodes.Assign():
            return [(node.target, node.node)]  # type: ignore[list-item] # Jinja says less of it than it knows
        case nodes.For():
            return [(node.target, node.iter)]  # type: ignore[list-item]
        case nodes.With():
            return zip(node.targets, node.values, strict=True)
    return ()


class _Shortenable(NodeTransformer):
    """Marks the values that a template prints for shortening, except those with the recipe's own words."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802
        """Let the values of one output be shortened."""
        node.nodes = [self._printed(child) for child in node.nodes]
        return node

    def _printed(self, node: nodes.Expr) -> nodes.Expr:
        source = None if isinstance(node, nodes.TemplateData) else source_of(node)
        if source is None or self._own.issuperset(source.names):
            return node
        args: list[nodes.Expr] = [nodes.Const(source.names), nodes.Const(source.texts)]
        return nodes.Filter(node, "_shortenable", args, [], None, None, lineno=node.lineno)


@pass_context
def _shortenable(
    context: Context, value: Any, names: tuple[str, ...], texts: tuple[str, ...]
) -> Any:
    scope = context.parent
    if not isinstance(scope, Scope) or scope.shortening is None:
        return value
    if isinstance(value, str):
        value = scope.publishable(value)
    return scope.shortening.printed(value, Source(names, texts))


@pass_context
def _counted(context: Context, items: Any) -> list[Any]:
    scope = context.parent
    assert isinstance(scope, Scope)  # noqa: S101 - templates are only ever filled from a scope
    rounds = _Rounds(islice(items, LOOP_LIMIT + 1))
    scope.steps_left -= len(rounds) + 1
    if scope.steps_left < 0:
        raise LimitExceeded(f"the loops of this template run more than {LOOP_LIMIT} times")
    rounds.budget = scope.budget
    return rounds


class _Rounds(list[Any]):
    """The items of a loop; checks the time limit in every round."""

    budget = NO_BOUND

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.budget.check()
            yield item


def _concat(parts: list[Any]) -> str:
    texts = [str(_printable(part)) for part in parts]
    bounded(sum(map(len, texts)))
    return "".join(texts)


def _concat_html(parts: list[Any]) -> Markup:
    texts = [escape(_printable(part)) for part in parts]
    bounded(sum(map(len, texts)))
    return Markup("").join(texts)


@pass_context
def _printed(context: Context, value: Any) -> Any:
    """Return the value of an expression as it is printed."""
    value = _printable(value)
    scope = context.parent
    if not isinstance(value, str) or not isinstance(scope, Scope):
        return value
    return type(value)(scope.publishable(value))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > LIMIT:
            raise LimitExceeded(f"a value is longer than {LIMIT} characters")
        return value
    if isinstance(value, (int, float, date, Missing)):  # using a missing value raises its own error
        return value
    if isinstance(value, Iterable) and not isinstance(value, LoopContext):
        raise ValueError("a list or mapping cannot be printed; choose an entry, or use join_and")
    raise ValueError("it contains an expression without a value")


TEXT = Environment(html=False)
HTML = Environment(html=True)
