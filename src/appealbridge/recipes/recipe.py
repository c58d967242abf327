"""A recipe as the program understands it: checked, compiled, and never changing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appealbridge.model.event import Event
from appealbridge.plugin.options import Options
from appealbridge.plugin.channel import AnyChannel
from appealbridge.plugin.trigger import AnyTrigger


@dataclass(frozen=True, slots=True)
class RecipeTrigger:
    """One entry of `triggers:`. `source` is the place it wants events from, with the trigger's name; empty for any."""

    plugin: AnyTrigger
    options: Options
    source: str


@dataclass(frozen=True, slots=True)
class Step:
    """
    One entry of `actions:`, which becomes one delivery or several on one channel.

    `path` is its place in the file (`actions[2]`), `raw` its options as written, `render` fills
    them with a context of names. `needs` are the ids of the steps whose results it uses or that it
    stands `after`; `even_if_failed` lets it go on where one of them failed.
    """

    id: str
    path: str
    action: str
    plugin: AnyChannel
    channel: str
    needs: frozenset[str]
    even_if_failed: bool
    render: Callable[[Mapping[str, Any]], Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    A recipe as the program understands it.

    `name` is its file's path below the recipes folder without the ending, with `/` as `-`.
    `version` is the hash of its text and of the templates it uses. `approval` is who must agree
    (`none`: nobody; empty: any approver). `publish_within` is seconds from the event's receipt,
    `None` for no bound.
    """

    name: str
    alias: str
    description: str
    file: str
    version: str
    text: str
    templates: Mapping[str, str]
    triggers: Sequence[RecipeTrigger]
    check: Callable[[Mapping[str, Any]], str] = field(repr=False)
    """The compiled conditions: given the names in reach, why they do not hold; empty if they do."""
    names: Callable[[Event], Mapping[str, Any]] = field(repr=False)
    """The names in reach of conditions and templates: `event`, `appeal`, the variables, `lists`, …"""
    steps: Sequence[Step] = ()
    approval: str = ""
    publish_within: float | None = None
    on_failure: Sequence[str] = ()
