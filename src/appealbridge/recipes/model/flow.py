"""
The entries of `actions:` that choose, wait or end the run.

`actions:` is a tree. The publishing steps of a list do not wait for each other; a wait holds up
everything after it, in its own list and in those around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from appealbridge.recipes.conditions.conditions import Condition
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.templates.scope import Scope


@dataclass(frozen=True, slots=True)
class Alternative:
    """One branch: its name in traces, its condition, and its entries."""

    name: str
    condition: Condition = field(repr=False)
    nodes: Sequence[Node]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    `if:` or `choose:`.

    The run takes the first branch whose condition holds, or `otherwise`. `path` is its place in the
    file, `last` the name of `otherwise`, and `needs` are the steps whose results its conditions
    use. If it `decides`, it contains a wait or a stop, and what comes after it waits until it has
    ended.
    """

    path: str
    alternatives: Sequence[Alternative]
    otherwise: Sequence[Node]
    last: str
    needs: frozenset[str] = frozenset()
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """
    `delay:`. It begins when everything that it `needs` has ended.

    `until` returns when it is over, in Unix seconds. It raises `RenderError`, or `NoTime` for a
    value that cannot be read: then everything after it is held.
    """

    path: str
    until: Callable[[Scope], float] = field(repr=False)
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WaitFor:
    """
    `wait_for:`. It is over when an event of one of these `types` comes for which `condition` holds.

    Otherwise it is over at `until`, as for a delay, and `on_timeout` is done.
    """

    path: str
    types: Sequence[str]
    condition: Condition | None = field(repr=False)
    until: Callable[[Scope], float] = field(repr=False)
    on_timeout: Sequence[Node] = ()
    needs: frozenset[str] = frozenset()

    def wants(self, type_: str) -> bool:
        """Return whether an event of this type may end the wait."""
        return any(fnmatchcase(type_, pattern) for pattern in self.types)


@dataclass(frozen=True, slots=True)
class Stop:
    """`stop:`. Nothing after it is planned. `reason` returns why, or raises `RenderError`."""

    path: str
    reason: Callable[[Scope], str] = field(repr=False)
    needs: frozenset[str] = frozenset()


Node = Step | Choice | Delay | WaitFor | Stop


def branches(node: Node) -> Sequence[Sequence[Node]]:
    """Return the lists inside an entry, of which a run does only one."""
    if isinstance(node, Choice):
        return [*(branch.nodes for branch in node.alternatives), node.otherwise]
    if isinstance(node, WaitFor):
        return [node.on_timeout]
    return ()


def every_node(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield every entry of a list and of all lists inside it, in the order of the file."""
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
