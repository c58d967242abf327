"""
Finds a run's position in the tree of its actions, from its earlier decisions. Pure.

The decisions are in the run's marks, a JSON object by the path of the entry in the file:

    {"way": "then"}                                             a choice that was made
    {"begun": 12.0, "until": 99.0, "over": 99.0}                a delay; `over` once it has ended
    {"begun": 12.0, "until": 12.0, "over": 12.0, "hold": "…"}   a delay of unknown length
    {"begun": 12.0, "until": 99.0, "over": 50.0, "event": ""}   a wait, and the id of the event
    {"reason": "closed"}                                        a stop that was reached
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from appealbridge.model.value import value
from appealbridge.recipes.model.flow import Choice, Delay, Node, Stop, WaitFor, every_node
from appealbridge.recipes.model.step import Step

Marks = Mapping[str, Mapping[str, Any]]
ControlNode = Choice | Delay | WaitFor | Stop


@value
class Branch:
    """
    What comes before an entry.

    `since` is when the last wait before it ended, in Unix seconds, `None` if there was none.
    `completed` says how the last `wait_for` ended (`None`: there was none), and `event` is the id
    of the event that ended it. A `wait_for` here accepts events after that one, and none before
    `accepts_from`. `hold` is why the deliveries here wait for a person; empty if they do not.
    """

    since: float | None = None
    completed: bool | None = None
    event: str = ""
    accepts_from: float = -inf
    hold: str = ""


START = Branch()


@value
class Position:
    """
    The position of a run.

    `branches` has the steps that can be planned, `never` those that never will be, with the reason; all
    other steps come later. `undecided` are the entries that are reached and not decided, each with its
    branch. `stopped` is the reason of the stop that was reached.
    """

    branches: Mapping[str, Branch]
    never: Mapping[str, str]
    undecided: Sequence[tuple[ControlNode, Branch]]
    stopped: str | None


def position_of(flow: Sequence[Node], marks: Marks) -> Position:
    """Return how far a run with these marks has come."""
    walk = _Walk(marks)
    walk.go(flow, START)
    return Position(walk.branches, walk.never, walk.undecided, walk.stopped)


class _Walk:
    """Walks through the tree in the order of the file."""

    def __init__(self, marks: Marks) -> None:
        self.branches: dict[str, Branch] = {}
        self.never: dict[str, str] = {}
        self.undecided: list[tuple[ControlNode, Branch]] = []
        self.stopped: str | None = None
        self._marks = marks

    def go(self, nodes: Sequence[Node], branch: Branch) -> Branch | None:
        """Walk through a list; return the branch after it, `None` if the run has not got there yet."""
        for number, node in enumerate(nodes):
            after = self._pass(node, branch)
            if after is None:
                if self.stopped is not None:
                    self._leave_out(nodes[number + 1 :], "the run was stopped")
                return None
            branch = after
        return branch

    def _pass(self, node: Node, branch: Branch) -> Branch | None:
        if isinstance(node, Step):
            self.branches[node.id] = branch
            return branch
        mark = self._marks.get(node.path, {})
        if isinstance(node, Choice):
            return self._choice(node, mark, branch)
        if isinstance(node, Stop):
            self.stopped = mark.get("reason")
            if self.stopped is None:
                self.undecided.append((node, branch))
            return None
        if "over" not in mark:
            self.undecided.append((node, branch))
            return None
        over, until = mark["over"], mark["until"]
        if isinstance(node, Delay):
            hold = mark.get("hold", "") or branch.hold
            return Branch(over, branch.completed, branch.event, until, hold)
        if mark["event"]:
            self._leave_out(node.on_timeout, "the event came")
            return replace(branch, since=over, completed=True, event=mark["event"])
        after = replace(branch, since=over, completed=False, event="", accepts_from=until)
        return self.go(node.on_timeout, after)

    def _choice(self, node: Choice, mark: Mapping[str, Any], branch: Branch) -> Branch | None:
        if "way" not in mark:
            self.undecided.append((node, branch))
            return None if node.decides else branch
        alternatives = {
            **{alternative.name: alternative.nodes for alternative in node.alternatives},
            node.last: node.otherwise,
        }
        for name, nodes in alternatives.items():
            if name != mark["way"]:
                self._leave_out(nodes, "another branch was chosen")
        return self.go(alternatives[mark["way"]], branch)

    def _leave_out(self, nodes: Sequence[Node], why: str) -> None:
        for node in every_node(nodes):
            if isinstance(node, Step):
                self.never[node.id] = why
