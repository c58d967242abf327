"""Builds the engine's components and applies configuration changes to them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial

from appealbridge.clock import Clock
from appealbridge.engine.active import ActiveConfiguration, Bound
from appealbridge.engine.delivery.account_health import Accounts
from appealbridge.engine.delivery.attempt import Attempts
from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.delivery.dispatch import Dispatcher
from appealbridge.engine.delivery.lane import Lane, Lanes
from appealbridge.engine.delivery.retry_policies import Policies
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake.crash_guard import CrashGuard
from appealbridge.engine.intake.disk_space import Ask, DiskSpace
from appealbridge.engine.intake.intake import Intake
from appealbridge.engine.intake.planning import Planner
from appealbridge.engine.intake.polling import Polling
from appealbridge.engine.intake.reception import Reception
from appealbridge.engine.notices.notifier import Alarm, Notices
from appealbridge.engine.operations import Operations
from appealbridge.engine.recipe_versions import KeptRecipes
from appealbridge.engine.report import Report
from appealbridge.engine.runs.runs import Runs
from appealbridge.engine.supervise import supervise
from appealbridge.engine.upkeep.expiry import Upkeep
from appealbridge.engine.upkeep.retention import Pruning
from appealbridge.engine.upkeep.stalled import Heartbeat, Monitor
from appealbridge.model.source import source_label
from appealbridge.plugin.http.client import Http
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.store.base import Store


class Engine:
    """
    Runs the engine on a store, by the configuration in force.

    `tasks` is the program's one task group. `http` is the door to the network for channels, and
    `source_http` that for sources, so that slow ones of these delay no post. `clean` takes every secret
    out of a text before it is stored. `space` asks the store's disk for
    its room.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rng: random.Random,
        http: Http,
        report: Report,
        tasks: asyncio.TaskGroup,
        *,
        source_http: Http,
        clean: Callable[[str], str],
        space: Ask,
    ) -> None:
        self.store = store
        self.clock = clock
        self.report = report
        self.clean = clean
        self.lanes: Lanes = {}
        self._http = http
        self._tasks = tasks
        self._kept = KeptRecipes(store)
        self._upkeep = Upkeep(store, clock, self.lanes, report)
        self.notices = Notices(store, clock, rng, self.lanes, self._kept, report, clean)
        report.trouble = self.notices.nudge
        self._guard = Guard(store, clock, report, self.notices)
        self._guard.lanes = self.lanes
        report.published = self._guard.published
        self._planner = Planner(clock)
        self._runs = Runs(
            store, clock, self.lanes, self._kept, self._upkeep, report, self._guard, self._planner
        )
        self._upkeep.ended = self._runs.nudge
        self._accounts = Accounts(store, clock, rng, report, clean, self.notices.alarm)
        attempts = Attempts(
            store,
            clock,
            rng,
            report,
            Policies(store, self._kept),
            self._runs.nudge,
            self._upkeep.watch,
            clean,
        )
        self.room = DiskSpace(clock, report, space, self._tell)
        self.heartbeat = Heartbeat(store, clock, report)
        self._dispatcher = Dispatcher(store, clock, attempts, self._accounts, tasks, report)
        self.monitor = Monitor(
            store, clock, self.lanes, report, self.notices.alarm, self._dispatcher.sending
        )
        self.intake = Intake(
            store,
            clock,
            rng,
            self.lanes,
            self._dispatcher,
            self._runs,
            self._upkeep,
            report,
            self.room,
            self._guard,
            self._planner,
        )
        self.reception = Reception(store, clock, self.intake, self.notices)
        self._crash_guard = CrashGuard(store, clock, self.notices.alarm)
        self._polling = Polling(
            store,
            clock,
            rng,
            source_http,
            self.intake,
            report,
            clean,
            self.room,
            self.notices.raised,
            lambda: self.active,
            self.notices.alarm,
            self._crash_guard,
        )
        self.operations = Operations(
            store,
            clock,
            self.lanes,
            self._runs,
            self._upkeep,
            report,
            self._guard,
            attempts.call_off,
            self._planner,
        )
        self._pruning = Pruning(store, clock, report, self._versions)
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._active: ActiveConfiguration | None = None

    @property
    def active(self) -> ActiveConfiguration:
        """The configuration in force."""
        if self._active is None:
            raise RuntimeError("the engine has not been started; await start() first")
        return self._active

    async def start(self, active: ActiveConfiguration, catalogue: Catalogue) -> None:
        """Take over the work that the last process left, then start the loops."""
        # A request of the last process may still be on its way to the platform. A search made at once
        # would not find its post.
        now = self.clock.now()
        self.report.recovered(await self.store.recover(now, now + RetryPolicy().seek_after))
        self.room.adopt(active.keep_free)
        await self.room.look()
        await self._guard.recall(active)
        await self._crash_guard.recall()
        await self._planner.warm_up()
        await self.adopt(active, catalogue)
        self._loop("room", self.room.run)
        self._loop("monitor", self.monitor.run)
        self._loop("heartbeat", self.heartbeat.run)
        self._loop("runs", self._runs.run)
        self._loop("upkeep", self._upkeep.run)
        self._loop("retention", self._pruning.run)
        self._loop("notices", self.notices.run)

    async def adopt(self, active: ActiveConfiguration, catalogue: Catalogue) -> None:
        """Put a new configuration in force as a whole. Work that has begun ends as it began."""
        await self._kept.keep(active.book, catalogue, self.clock.now())
        before, self._active = self._active, active
        self._guard.adopt(active)
        for name, bound in active.channels.items():
            self._open_lane(name, bound, active)
        for name in set(self.lanes) - set(active.channels):
            self._close_lane(name)
        if before is not None and _changed(before, active):
            self._crash_guard.resume()
        self._watch(before, active)
        self._pruning.adopt(active.retention)
        self.notices.adopt(active)
        self.room.adopt(active.keep_free)
        self.monitor.adopt()

    async def stop(self, within: float) -> bool:
        """
        Start nothing new and wait for current work; return whether it ended within so many seconds.

        Work that did not end stays marked as begun in the store. The next start deals with it.
        """
        lanes = [self._close_lane(name) for name in list(self.lanes)]
        for task in self._loops.values():
            task.cancel()
        try:
            async with asyncio.timeout(within):
                if ending := [*lanes, *self._loops.values()]:
                    await asyncio.wait(ending)
                await self._polling.finish()
                await self._crash_guard.close()
                await self._dispatcher.finish()
        except TimeoutError:
            self._dispatcher.abandon()
            return False
        return True

    def _open_lane(self, name: str, bound: Bound, active: ActiveConfiguration) -> None:
        lane = self.lanes.get(name)
        if lane is not None:
            lane.adopt(bound.channel, bound.account, active.zone, self.clock.now())
            return
        lane = Lane(name, bound.channel, bound.account, self._http, active.zone)
        self.lanes[name] = lane
        self._loop(f"lane {name}", partial(self._dispatcher.run, lane))

    def _close_lane(self, name: str) -> asyncio.Task[None]:
        """Let a lane's loop end by itself. If it were cancelled during a claim, it would lose what it claimed."""
        self.lanes.pop(name).close()
        return self._loops.pop(f"lane {name}")

    def _watch(self, before: ActiveConfiguration | None, active: ActiveConfiguration) -> None:
        """Start polling sources that are new or have other options. Polls of other sources go on."""
        watched = {} if before is None else before.watched
        same = {
            source
            for source, entry in active.watched.items()
            if source in watched and entry.same_as(watched[source])
        }
        for source in watched.keys() - same:
            self._cancel(f"source {source}")
        for source, entry in active.watched.items():
            if source not in same:
                self._loop(f"source {source}", partial(self._polling.run, entry))

    def _versions(self) -> frozenset[str]:
        return frozenset(recipe.version for recipe in self.active.book.recipes.values())

    def _loop(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._loops[name] = self._tasks.create_task(
            supervise(name, work, self.clock, self._broke), name=name
        )

    async def _tell(self, kind: Alarm, words: str) -> None:
        await self.notices.alarm(kind, words=words)

    async def _broke(self, name: str, error: Exception, first: bool) -> None:
        name = source_label(name)
        self.report.broke(name, error)
        if not first:
            return
        try:
            words = f"{name}: {type(error).__name__}: {error}"
            await self.notices.alarm(Alarm.PART_BROKE, words=words)
        except Exception as worse:  # noqa: BLE001 - where even telling breaks, the log has both
            self.report.broke("notices", worse)

    def _cancel(self, name: str) -> None:
        task = self._loops.pop(name, None)
        if task is not None:
            task.cancel()


def _changed(before: ActiveConfiguration, after: ActiveConfiguration) -> bool:
    """Return whether a reload has changed any recipe or polled source."""
    recipes = [{one.version for one in each.book.recipes.values()} for each in (before, after)]
    sources = [{s: w.options for s, w in each.watched.items()} for each in (before, after)]
    return recipes[0] != recipes[1] or sources[0] != sources[1]
