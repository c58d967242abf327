"""A recipe as the program understands it: checked, compiled, and never changing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from appealbridge.model.event import Event
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import AnyTrigger
from appealbridge.recipes.conditions.conditions import Condition
from appealbridge.recipes.model.flow import Node
from appealbridge.recipes.model.index_hints import IndexHint
from appealbridge.recipes.model.schema import RecipeBurst, Test
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.templates.limits import NO_BOUND, Budget
from appealbridge.recipes.templates.scope import ResultView, Scope, WaitView

NO_APPROVAL = "none"
"""What `approval` has to say aloud for deliveries to go out without a person."""

QUEUED, SINGLE, RESTART, PARALLEL = "queued", "single", "restart", "parallel"
"""What `mode` may say."""


@dataclass(frozen=True, slots=True)
class RecipeTrigger:
    """
    One entry of `triggers:`.

    `source` is the place it wants events from, with the trigger's name; empty for any. `own` is that
    source where the recipe itself describes it, `None` where the settings do.
    """

    plugin: AnyTrigger
    options: Options
    source: str
    own: Options | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    A recipe as the program understands it.

    `name` is its file's path below the recipes folder without the ending, with `/` as `-`.
    `version` is the hash of its text and of the templates it uses, which are kept with it by file
    name. `index_hints` are what the conditions want at the least. `approval` is who must agree (`none`:
    nobody; empty: any approver), and `burst` bounds what goes out unseen where nobody has to.
    `publish_within` is seconds from the event's receipt, or from the end of the wait that a step
    stands behind; `None` for no bound. `mentions` are those that its author writes, in lower case.
    `steps` are all publishing steps, each after all it needs.
    `flow` is the tree in which they stand, empty where they merely go side by side. `mode` counts
    only where it `waits`. One that is not `enabled` is loaded, and no event is for it.
    """

    name: str
    alias: str
    description: str
    file: str
    version: str
    text: str
    templates: Mapping[str, str]
    triggers: Sequence[RecipeTrigger]
    conditions: Condition | None = field(repr=False)
    index_hints: Sequence[IndexHint] = field(repr=False)
    variables: Mapping[str, Callable[[Scope], Any]] = field(repr=False)
    lists: Mapping[str, list[Any]] = field(repr=False)
    zone: ZoneInfo = field(repr=False)
    steps: Sequence[Step] = ()
    flow: Sequence[Node] = field(default=(), repr=False)
    waits: bool = False
    mode: str = QUEUED
    approval: str = ""
    publish_within: float | None = None
    burst: RecipeBurst | None = None
    on_failure: Sequence[str] = ()
    retry: Mapping[str, Any] = field(default_factory=dict)
    tests: Sequence[Test] = ()
    enabled: bool = True
    mentions: frozenset[str] = frozenset()

    def scope(
        self,
        event: Event,
        results: Mapping[str, ResultView],
        at: float,
        wait: WaitView | None = None,
        budget: Budget = NO_BOUND,
    ) -> Scope:
        """
        Return the names in reach of conditions and templates.

        `at` is what `now` says, in Unix seconds; `wait` is the last wait that is over.
        """
        lists, zone, mentions = self.lists, self.zone, self.mentions
        scope = Scope(event, self.variables, lists, results, at, zone, mentions, budget)
        if wait is not None:
            scope["wait"] = wait
        return scope
