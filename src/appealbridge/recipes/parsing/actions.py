"""Reads `actions:` into a tree of compiled entries, and puts the steps into an order that respects their needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appealbridge.documents import Path, path_text
from appealbridge.recipes.model.entries import AMEND, FLOW, POST
from appealbridge.recipes.model.flow import (
    Choice,
    Delay,
    Node,
    WaitFor,
    always_stops,
    branches,
    every_node,
)
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.flow import READERS
from appealbridge.recipes.parsing.paths import flow_word
from appealbridge.recipes.parsing.post import read_post
from appealbridge.recipes.parsing.published import read_amend
from appealbridge.recipes.parsing.step import read_step


def read_actions(
    reading: ParsingContext, value: Sequence[Any], ids: Mapping[Path, str]
) -> tuple[list[Step], list[Node]]:
    """
    Return the steps, each after all that it needs, and the tree of all entries.

    `ids` are the ids of the steps by path. Mistakes become problems of `reading`.
    """
    for path, id_ in ids.items():
        first = reading.steps[id_]
        if first != path:
            reading.complain(
                (*path, "id"),
                f'the id "{id_}" is used twice, first at {path_text(first)}',
                "give each step its own id",
            )
    tree = _Tree(reading, ids)
    nodes = tree.several(value, ("actions",))
    steps = [node for node in every_node(nodes) if isinstance(node, Step)]
    if not tree.whole or {node.group or node.id for node in steps} != reading.steps.keys():
        return steps, nodes
    return _in_order(reading, nodes), nodes


class _Tree:
    """Reads lists of entries and the lists inside them; `whole` is false once an entry has a mistake."""

    def __init__(self, reading: ParsingContext, ids: Mapping[Path, str]) -> None:
        self._reading = reading
        self._ids = ids
        self.whole = True

    def several(self, value: Sequence[Any], path: Path) -> list[Node]:
        """Return the nodes of a list of entries."""
        nodes: list[Node] = []
        for number, entry in enumerate(value):
            if always_stops(nodes):
                cure = "move it up, or leave it out"
                message = "this is never reached: the run has stopped before it"
                self._reading.complain((*path, number), message, cure, key=True)
                return nodes
            entry_nodes = self._read(entry, (*path, number))
            self.whole = self.whole and None not in entry_nodes
            nodes += (node for node in entry_nodes if node is not None)
        return nodes

    def _read(self, entry: Any, path: Path) -> Sequence[Node | None]:
        """Return the node of an entry, or a step for each channel of a `post`; `None` for each that has a mistake."""
        word = flow_word(entry)
        if word is not None:
            _, right = self._reading.check(FLOW[word], entry, path, word)
            return [READERS[word](self._reading, right, path, self.several)]
        if isinstance(entry, dict) and entry.get("action") == POST:
            return read_post(self._reading, entry, path, self._ids[path])
        if isinstance(entry, dict) and entry.get("action") == AMEND:
            return read_amend(self._reading, entry, path, self._ids[path])
        return [read_step(self._reading, entry, path, self._ids[path])]


def _in_order(reading: ParsingContext, nodes: Sequence[Node]) -> list[Step]:
    """Return the steps, each after all that it needs, otherwise in the order of the file."""
    rest = list(_with_needs(nodes, frozenset()))
    ordered: list[Step] = []
    done: set[str] = set()
    while rest:
        ready = next((ready for ready in rest if ready[2] <= done), None)
        if ready is None:
            circle = ", ".join(name for name, _, _ in rest)
            reading.complain(
                ("actions",),
                f"these steps wait for each other: {circle}",
                "let one of them go first",
                key=True,
            )
            return [node for node in every_node(nodes) if isinstance(node, Step)]
        rest.remove(ready)
        name, node, _ = ready
        done.add(name)
        if isinstance(node, Step):
            ordered.append(node)
            if node.group and not any(
                isinstance(other, Step) and other.group == node.group for _, other, _ in rest
            ):
                done.add(node.group)
    return ordered


def _with_needs(
    nodes: Sequence[Node], before: frozenset[str]
) -> Iterator[tuple[str, Node, frozenset[str]]]:
    """Yield every node with its name and the names of all nodes that must have ended before it."""
    for node in nodes:
        name = _name(node)
        yield name, node, node.needs | before
        for inner in branches(node):
            yield from _with_needs(inner, before | {name})
        before |= {
            _name(inner_node) for inner_node in every_node([node]) if _is_barrier(inner_node)
        }


def _is_barrier(node: Node) -> bool:
    return isinstance(node, (Delay, WaitFor)) or (isinstance(node, Choice) and node.decides)


def _name(node: Node) -> str:
    return node.id if isinstance(node, Step) else node.path
