"""Recipes as the program uses them: checked, compiled, and never changed."""

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
"""The value of `approval` with which deliveries go out without a person."""

QUEUED, SINGLE, RESTART, PARALLEL = "queued", "single", "restart", "parallel"
"""The values of `mode`."""


@dataclass(frozen=True, slots=True)
class RecipeTrigger:
    """
    One entry of `triggers:`.

    `source` is the source of its events with the trigger's name; empty for any. `own` are the
    options of that source if the recipe itself describes it, otherwise `None`.
    """

    plugin: AnyTrigger
    options: Options
    source: str
    own: Options | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    One recipe.

    `name` is its file's path below the recipes folder without the ending, `/` replaced by `-`.
    `version` is the hash of its text, of the templates it uses, which are kept with it by file
    name, and of the lists it uses, whose names are in `used_lists`. `owners` are the users of the
    machine to whom these files belong; empty if that is not known. `index_hints` are values that
    its conditions require. `approval` is who must approve (`none`: nobody; empty: any approver),
    and `burst` limits what goes out without approval. With `images_required`, a message waits for
    its pictures. `publish_within` is in seconds from the event's receipt, or from the end of the
    wait before a step; `None` for no limit. `threat_to_life` lets it publish in quiet hours.
    `mentions` are those that its author wrote, in lower case. `steps` are all publishing steps,
    each after all that it needs. `flow` is the tree of its entries, empty if all of them only
    publish. `mode` counts only if it `waits`. If it is not `enabled`, it is loaded, and no event
    is for it.
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
    threat_to_life: bool = False
    images_required: bool = True
    burst: RecipeBurst | None = None
    on_failure: Sequence[str] = ()
    retry: Mapping[str, Any] = field(default_factory=dict)
    tests: Sequence[Test] = ()
    enabled: bool = True
    mentions: frozenset[str] = frozenset()
    used_lists: Sequence[str] = ()
    owners: frozenset[int] = frozenset()

    def scope(
        self,
        event: Event,
        results: Mapping[str, ResultView],
        at: float,
        wait: WaitView | None = None,
        budget: Budget = NO_BOUND,
    ) -> Scope:
        """
        Return the names that conditions and templates can use.

        `at` is the time of `now`, in Unix seconds; `wait` is the last wait that has ended.
        """
        lists, zone, mentions = self.lists, self.zone, self.mentions
        scope = Scope(event, self.variables, lists, results, at, zone, mentions, budget)
        if wait is not None:
            scope["wait"] = wait
        return scope
