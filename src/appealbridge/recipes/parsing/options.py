"""Compiles the options of a step into a function that fills them for an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appealbridge.documents import Path, path_text
from appealbridge.model.errors import RenderError
from appealbridge.recipes.templates.expression import Expression
from appealbridge.recipes.templates.limits import LIMIT, LIST_LIMIT
from appealbridge.recipes.templates.scope import NotThere, Scope, Unfillable

IMAGES = "images"
A_LIST = "write a list with url: and alt: for each picture, or one template that gives such a list"
_OF_THE_APPEAL = (("appeal", (IMAGES,)),)

Fill = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text among the options, with its path."""

    path: Path
    expression: Expression

    def bound(self) -> Fill:
        """Return the function that fills the text; its errors name the path."""
        if self.expression.constant:
            return self.expression.fill
        fill, where, whole = self.expression.fill, path_text(self.path), self.expression.whole
        source = self.expression.source
        option = next((part for part in reversed(self.path) if isinstance(part, str)), "")

        def filled(scope: Scope) -> Any:
            scope.breaks_mentions = option in scope.linked
            try:
                value = fill(scope)
                if whole:
                    value = _publishable(value, scope)
            except Unfillable as failure:
                raise RenderError(where, str(failure)) from None
            if source is not None and scope.shortening is not None:
                return scope.shortening.printed(value, source)
            # A number goes into a text as its digits; a field that wants a number reads them again.
            return str(value) if type(value) in (int, float) else value

        return filled


def _publishable(value: Any, scope: Scope) -> Any:
    """Return the value of an option that is a single expression, made fit for publication."""
    if type(value) is str:
        if len(value) <= LIMIT and value.isascii() and value.isprintable() and "@" not in value:
            return value
        return scope.publishable(value)
    if isinstance(value, str):
        return scope.publishable(str(value))
    if isinstance(value, list):
        if len(value) > LIST_LIMIT:
            raise Unfillable(f"a list has more than {LIST_LIMIT} entries")
        return [_publishable(entry, scope) for entry in value]
    if isinstance(value, dict):
        return {name: _publishable(entry, scope) for name, entry in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Filler:
    """
    Options that may contain templates.

    `fill` returns them filled, or raises `RenderError`. `literal` are the options with only their
    fixed words. `parts` has a function for each option by name.
    """

    leaves: tuple[Leaf, ...]
    fill: Fill
    literal: Any
    parts: Mapping[str, Fill] = field(default_factory=dict)

    @property
    def constant(self) -> bool:
        """Whether the options are the same for every event."""
        return all(leaf.expression.constant for leaf in self.leaves)


def filler(value: Any, path: Path, compiled: Callable[[str, Path], Expression]) -> Filler:
    """Compile every text of a JSON value; `compiled` reports mistakes itself and always returns an expression."""
    leaves: list[Leaf] = []
    if not isinstance(value, dict):
        fill, literal = _fill(value, path, compiled, leaves)
        return Filler(tuple(leaves), fill, literal)
    return joined({key: filler(option, (*path, key), compiled) for key, option in value.items()})


def _fill(
    value: Any, path: Path, compiled: Callable[[str, Path], Expression], leaves: list[Leaf]
) -> tuple[Fill, Any]:
    if isinstance(value, str):
        expression = compiled(value, path)
        leaf = Leaf(path, expression)
        leaves.append(leaf)
        return leaf.bound(), expression.literal
    if isinstance(value, dict):
        named = {k: _fill(v, (*path, k), compiled, leaves) for k, v in value.items()}
        fills = [(key, fill) for key, (fill, _) in named.items()]
        return (
            lambda scope: {key: fill(scope) for key, fill in fills},
            {key: literal for key, (_, literal) in named.items()},
        )
    if isinstance(value, list):
        listed = [_fill(v, (*path, i), compiled, leaves) for i, v in enumerate(value)]
        return (
            lambda scope: [fill(scope) for fill, _ in listed],
            [literal for _, literal in listed],
        )
    return (lambda _: value), value


def chains_of(leaves: tuple[Leaf, ...]) -> Iterator[tuple[Leaf, str, tuple[str | int, ...]]]:
    """Yield every name that a leaf reads, with the keys that follow it."""
    for leaf in leaves:
        for name, keys in leaf.expression.chains:
            yield leaf, name, keys


def joined(parts: Mapping[str, Filler]) -> Filler:
    """Combine options that were compiled one by one."""
    fills = [(name, part.fill) for name, part in parts.items()]
    return Filler(
        tuple(leaf for part in parts.values() for leaf in part.leaves),
        lambda scope: {name: fill(scope) for name, fill in fills},
        {name: part.literal for name, part in parts.items()},
        dict(fills),
    )


def images_filler(value: Any, path: Path, compiled: Callable[[str, Path], Expression]) -> Filler:
    """Compile the option `images`: a list of pictures, or one template that gives such a list."""
    inner = filler(value, path, compiled)
    if not isinstance(value, str):
        return inner if inner.constant else Filler(inner.leaves, inner.fill, [])
    (leaf,) = inner.leaves
    where = path_text(path)

    def fill(scope: Scope) -> list[dict[str, str]]:
        try:
            return [*_images_in(leaf.expression.fill(scope), where, scope)]
        except Unfillable as failure:
            # A case file that names no pictures has none.
            if isinstance(failure, NotThere) and leaf.expression.chains == _OF_THE_APPEAL:
                return []
            raise RenderError(where, str(failure)) from None

    return Filler(inner.leaves, fill, [])


def _images_in(value: Any, where: str, scope: Scope) -> Iterator[dict[str, str]]:
    """Yield what a template's value says of each picture. It comes from an event, so nothing else in it counts."""
    if value is None or value == "":
        return
    entries = value if isinstance(value, list | tuple) else [value]
    for entry in entries:
        image = {"url": entry} if isinstance(entry, str) else entry
        if not isinstance(image, Mapping) or not isinstance(image.get("url"), str):
            raise RenderError(where, f"a picture without an address; {A_LIST}")
        alt = image.get("alt")
        yield {
            "url": scope.publishable(image["url"]).strip(),
            "alt": scope.publishable(alt).strip() if isinstance(alt, str) else "",
        }
