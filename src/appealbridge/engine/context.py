"""What most parts of the engine need, as one value."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from appealbridge.clock import Clock
from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.intake.planning import Planner
from appealbridge.engine.notices.alarms import Alarms
from appealbridge.engine.recipe_versions import RecipeVersions
from appealbridge.engine.report import Report
from appealbridge.engine.time_limit import TimeLimits
from appealbridge.model.actor import Actor
from appealbridge.model.audit import Checkpoint, Decision
from appealbridge.model.errors import StoreError
from appealbridge.plugin.http.client import Http
from appealbridge.store.base import Store
from appealbridge.store.records import Space
from appealbridge.store.stops import StopFile

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class EngineContext:
    """
    The surroundings of the engine, and the parts of it that most others use.

    `tasks` is the program's one task group. `http` is the network for channels and `source_http` that for
    sources, so that a slow source delays no post. `clean` masks every secret in a text before it is stored.
    `free_space` asks the store's disk. `keep_checkpoint` keeps a checkpoint of the audit trail
    outside the store; it may raise `OSError`. `stop_file` stops everything while it exists.
    `to_prepare` is set when a delivery may have images to prepare.
    """

    store: Store
    clock: Clock
    rng: random.Random
    report: Report
    tasks: asyncio.TaskGroup
    http: Http
    source_http: Http
    clean: Callable[[str], str]
    free_space: Callable[[], Space]
    keep_checkpoint: Callable[[Checkpoint], None] = lambda _: None
    stop_file: StopFile | None = None
    lanes: Lanes = field(default_factory=Lanes)
    to_prepare: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_answered(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers."""
        while True:
            try:
                return await question()
            except StoreError as error:
                self.report.store_failed(error)
                await self.clock.sleep(1.0)

    def decision(self, actor: Actor, act: str, reason: str = "", **more: Any) -> Decision:
        """Return the `Decision` of somebody now; `more` are its other fields."""
        return Decision(
            actor=actor, act=act, at=self.clock.now(), reason=self.clean(reason), **more
        )

    @cached_property
    def alarms(self) -> Alarms:
        """Where to report what people must be told about the daemon."""
        return Alarms(self.store, self.clock, self.report, self.clean)

    @cached_property
    def planner(self) -> Planner:
        """Plans what events cause."""
        return Planner(self.clock)

    @cached_property
    def time_limits(self) -> TimeLimits:
        """Limits the time of plug-ins."""
        return TimeLimits(self.clock)

    @cached_property
    def recipes(self) -> RecipeVersions:
        """The recipe versions that runs began with."""
        return RecipeVersions(self.store)
