"""
Decides which values of an event are shortened if a text is too long for its channel. Pure.

The recipe's own words, links, and short values such as a reference are never shortened. If a recipe
marks values with `| shorten`, only these are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from jinja2 import nodes

from appealbridge.plugin.text.counting import ELLIPSIS
from appealbridge.plugin.text.splitting import shortened

LEAST = 30
"""A value up to this length is never shortened, and none is cut to less."""

_WHOLE = frozenset(("hashtag", "local_time", "urlencode"))
"""Filters whose result must not be cut, because it would mean something else."""

_OWN = frozenset(("lists", "now", "range", "results"))
"""Names whose values never come from an event."""


class Source(NamedTuple):
    """
    Where a printed value comes from: the `names` that it reads.

    `texts` are the recipe's own words, in small letters, that may be printed instead.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...] = ()


def source_of(expression: nodes.Expr) -> Source | None:
    """Return where an expression's value comes from, `None` if it may contain the recipe's own words."""
    names: list[str] = []
    texts: list[str] = []
    if not _read(expression, names, texts) or not names:
        return None
    return Source(tuple(names), tuple(texts))


def _read(node: nodes.Node, names: list[str], texts: list[str]) -> bool:
    match node:
        case nodes.Name():
            names.append(node.name)
        case nodes.Const():
            texts.append(str(node.value).casefold())
        case nodes.Getattr() | nodes.Getitem():
            return _read(node.node, names, texts)
        case nodes.CondExpr():
            ways = [node.expr1, *([node.expr2] if node.expr2 is not None else [])]
            return all(_read(way, names, texts) for way in ways)
        case nodes.Filter() if node.name not in _WHOLE and node.node is not None:
            instead = node.args if node.name in ("default", "d") else []
            return all(_read(part, names, texts) for part in (node.node, *instead))
        case _:
            return False
    return True


def marked(tree: nodes.Node) -> bool:
    """Return whether a template marks a value for shortening."""
    return any(
        node.name == "shorten" and not node.args and not node.kwargs
        for node in tree.find_all(nodes.Filter)
    )


class Shortening:
    """
    One attempt to shorten a text, in which each part that may be shortened has at most `space`.

    `count` is how the channel counts a text. `own` are the names of the recipe's own words; `None`
    if only marked values are shortened, and `marks` counts those. `lengths` are the lengths of the
    parts, and `cut` their lengths after shortening.
    """

    def __init__(
        self, space: int, count: Callable[[str], int], own: frozenset[str] | None = None
    ) -> None:
        self.lengths: list[int] = []
        self.cut: list[int] = []
        self.marks = 0
        self._space = space
        self._count = count
        self._own = own

    def printed(self, value: object, source: Source) -> object:
        """Return a value as it is printed, shortened if allowed."""
        own = self._own
        if own is None or not isinstance(value, str):
            return value
        if source.texts and value.casefold() in source.texts:
            return value
        if all(name in own or name in _OWN for name in source.names):
            return value
        return self._shortened(value)

    def marked(self, value: str) -> str:
        """Return a value that the recipe marks for shortening."""
        self.marks += 1
        return value if self._own is not None else self._shortened(value)

    def _shortened(self, value: str) -> str:
        length = self._count(value)
        if length <= LEAST:
            return value
        text = value if length <= self._space else shortened(value, self._space, self._count)
        if text in ("", ELLIPSIS):  # a link, which is whole or none
            return value
        self.lengths.append(length)
        self.cut.append(length if text is value else self._count(text))
        return text

    def space_for(self, limit: int, count: int) -> int:
        """Return the `space` with which the text fits into `limit`; `count` is its length now."""
        # This is the largest length to which the longer parts can be cut so that all fit.
        space, rest = limit - count + sum(self.cut), sorted(self.lengths)
        while rest and rest[0] * len(rest) <= space:
            space -= rest.pop(0)
        return space // len(rest) if rest else max(self.lengths, default=0)
