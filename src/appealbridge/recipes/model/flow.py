"""
The entries of `actions:` that publish nothing themselves: they choose, wait, or end the run.

`actions:` is a tree. Within one list publishing steps go side by side; a wait is a barrier for all
that stands after it, in its own list and in those around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from appealbridge.recipes.conditions.conditions import Condition
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.templates.scope import Scope


@dataclass(frozen=True, slots=True)
class Way:
    """One way on: the word by which a trace names it, the condition for it, and what is done there."""

    name: str
    condition: Condition = field(repr=False)
    nodes: Sequence[Node]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    `if:` or `choose:`. The first way whose condition holds is gone, otherwise `otherwise`.

    `path` is its place in the file, `last` the word for `otherwise`, and `needs` are the steps whose
    results its conditions use. Where it `decides`, what stands after it has to know how it ends,
    since a wait or a stop is in it.
    """

    path: str
    ways: Sequence[Way]
    otherwise: Sequence[Node]
    last: str
    needs: frozenset[str] = frozenset()
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """
    `delay:`. Begins once all it `needs` has ended, however that ended.

    `until` returns, for a scope, when it is over, in Unix seconds. It raises `RenderError`, or `NoTime`
    where there is a value that cannot be read: then all that stands behind it is held.
    """

    path: str
    until: Callable[[Scope], float] = field(repr=False)
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WaitFor:
    """
    `wait_for:`. Over when an event of one of these `types` comes for which `condition` holds.

    Otherwise it is over at its `until`, as a delay is, and then `on_timeout` is done.
    """

    path: str
    types: Sequence[str]
    condition: Condition | None = field(repr=False)
    until: Callable[[Scope], float] = field(repr=False)
    on_timeout: Sequence[Node] = ()
    needs: frozenset[str] = frozenset()

    def wants(self, type_: str) -> bool:
        """Return whether an event of this type may end the wait."""
        return any(fnmatchcase(type_, wanted) for wanted in self.types)


@dataclass(frozen=True, slots=True)
class Stop:
    """`stop:`. Nothing that stands after it is planned. `reason` returns why, or raises `RenderError`."""

    path: str
    reason: Callable[[Scope], str] = field(repr=False)
    needs: frozenset[str] = frozenset()


Node = Step | Choice | Delay | WaitFor | Stop


def branches(node: Node) -> Sequence[Sequence[Node]]:
    """Return the lists that stand inside an entry, those of which only one is done together."""
    if isinstance(node, Choice):
        return [*(way.nodes for way in node.ways), node.otherwise]
    if isinstance(node, WaitFor):
        return [node.on_timeout]
    return ()


def every_node(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield every entry of a list and of all lists within it, in the order in which they are written."""
    for node in nodes:
        yield node
        for inner in branches(node):
            yield from every_node(inner)


def waits(nodes: Sequence[Node]) -> bool:
    """Return whether there is a wait among these entries."""
    return any(isinstance(node, (Delay, WaitFor)) for node in every_node(nodes))


def decides(nodes: Sequence[Node]) -> bool:
    """Return whether there is a wait or a stop among these entries."""
    return any(isinstance(node, (Delay, WaitFor, Stop)) for node in every_node(nodes))


def always_stops(nodes: Sequence[Node]) -> bool:
    """Return whether a list ends the run whatever happens."""
    return any(
        isinstance(node, Stop)
        or (isinstance(node, Choice) and all(always_stops(inner) for inner in branches(node)))
        for node in nodes
    )
