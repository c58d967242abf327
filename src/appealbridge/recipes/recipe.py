"""A recipe as the program understands it: checked, compiled, and never changing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from appealbridge.model.event import Event
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import AnyTrigger
from appealbridge.recipes.conditions import Condition
from appealbridge.recipes.scope import ResultView, Scope

NO_APPROVAL = "none"
"""What `approval` has to say aloud for deliveries to go out without a person."""


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
class Step:
    """
    One entry of `actions:`, which becomes one delivery or several on one channel.

    `path` is its place in the file (`actions[2]`), `channel` the account's name and `account` its
    settings. `fill` returns its options filled for one event or raises `RenderError`. `fixed` is the
    finished message where no event can change it. `count` is how its channel counts a text. `needs`
    are the ids of the steps whose results it uses or that it stands `after`; `even_if_failed` lets
    it go on where one of them failed.
    """

    id: str
    path: str
    action: str
    plugin: AnyChannel
    channel: str
    account: Account
    needs: frozenset[str]
    even_if_failed: bool
    fill: Callable[[Scope], Any] = field(repr=False)
    fixed: Options | None = field(default=None, repr=False)
    count: Callable[[str], int] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RecipeTest:
    """
    One entry of `tests:`: an event, and what is to come of it.

    Every mapping of `expect` has to be met by a delivery; an empty list means that there is none.
    `expect_failure` is a pattern for the reason why nothing could be rendered, empty for none wanted.
    """

    name: str
    path: str
    event: Mapping[str, Any]
    expect: Sequence[Mapping[str, Any]] | None
    expect_failure: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    A recipe as the program understands it.

    `name` is its file's path below the recipes folder without the ending, with `/` as `-`.
    `version` is the hash of its text and of the templates it uses, which are kept with it by file
    name. `approval` is who must agree (`none`: nobody; empty: any approver). `publish_within` is
    seconds from the event's receipt, `None` for no bound.
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
    variables: Mapping[str, Callable[[Scope], Any]] = field(repr=False)
    lists: Mapping[str, list[Any]] = field(repr=False)
    zone: ZoneInfo = field(repr=False)
    steps: Sequence[Step] = ()
    """In an order in which each comes after all it needs."""
    approval: str = ""
    publish_within: float | None = None
    on_failure: Sequence[str] = ()
    retry: Mapping[str, Any] = field(default_factory=dict)
    tests: Sequence[RecipeTest] = ()

    def scope(self, event: Event, results: Mapping[str, ResultView], at: float) -> Scope:
        """Return the names in reach of conditions and templates; `at` is what `now` says, in Unix seconds."""
        return Scope(event, self.variables, self.lists, results, at, self.zone)
