"""Starts, reconfigures and stops the engine's parts."""

from __future__ import annotations

import asyncio
from functools import partial

from appealbridge.engine.active import ActiveConfiguration, Bound, Configured
from appealbridge.engine.approvals.duties import Duties
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.notices.notifier import Notices
from appealbridge.engine.people.people import People
from appealbridge.engine.pipeline import build
from appealbridge.engine.supervise import Loops
from appealbridge.engine.upkeep.checkpoints import Checkpoints
from appealbridge.engine.upkeep.retention import Pruning
from appealbridge.engine.upkeep.stalled import Heartbeat, Monitor
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor
from appealbridge.recipes.parsing.catalogue import Catalogue


class Engine(Configured):
    """Runs the engine by the configuration in force."""

    def __init__(self, context: EngineContext) -> None:
        self.context = context
        self.store = context.store
        self.clock = context.clock
        self.report = context.report
        self.clean = context.clean
        self.lanes = context.lanes
        self.alarms = context.alarms
        self.pipeline = build(context, lambda: self.active)
        self.reception = self.pipeline.reception
        self.operations = self.pipeline.operations
        self.withdrawals = self.pipeline.withdrawals
        self.stops = self.pipeline.stops
        self.questions = self.pipeline.questions
        self.answers = self.pipeline.answers
        self.acceptances = self.pipeline.acceptances
        self.disk_space = self.pipeline.disk_space
        self.people = People(context)
        self.duties = Duties(context, self.people)
        self.heartbeat = Heartbeat(context)
        self.monitor = Monitor(context, self.pipeline.dispatcher.sending)
        self._notices = Notices(context, self.questions)
        self._pruning = Pruning(context, self._versions)
        self._loops = Loops(context)

    async def start(self, active: ActiveConfiguration, catalogue: Catalogue) -> None:
        """Take over the work that the last process left, then start the loops."""
        # A request of the last process may still be on its way to the platform. A search made at once
        # would not find its post.
        now, parts = self.clock.now(), self.pipeline
        if recovered := await self.store.recover(now, now + RetryPolicy().search_after):
            self.report.warning(LogEvent.RECOVERED, deliveries=recovered)
        await self.stops.recall()
        parts.disk_space.reconfigure(active.keep_free)
        await parts.disk_space.check()
        await parts.guard.recall(active)
        await parts.polling.crash_guard.recall()
        await self.context.planner.warm_up()
        await self.reconfigure(active, catalogue)
        for name, work in {
            "time limits": self.context.time_limits.run,
            "disk space": parts.disk_space.run,
            "monitor": self.monitor.run,
            "heartbeat": self.heartbeat.run,
            "runs": parts.runs.run,
            "upkeep": parts.expiry.run,
            "withdrawals": parts.withdrawals.run,
            "stop": self.stops.run,
            "images": parts.preparer.run,
            "leftovers": parts.leftovers.run,
            "approvals": self.questions.run,
            "acceptances": self.acceptances.run,
            "retention": self._pruning.run,
            "checkpoints": Checkpoints(self.context, lambda: self.active.checkpoints_to).run,
            "notices": self._notices.run,
        }.items():
            self._loops.start(name, work)

    async def reconfigure(
        self,
        active: ActiveConfiguration,
        catalogue: Catalogue,
        actor: Actor | None = None,
        cause: str = "",
    ) -> None:
        """
        Put a new configuration in force as a whole. Work that has begun ends as it began.

        `actor` and `cause` are those of `People.reconfigure`.
        """
        parts = self.pipeline
        await self.context.recipes.keep(active.book, catalogue, self.clock.now())
        await self.acceptances.reconfigure(active)
        before, self._active = self._active, active
        message = await self.people.reconfigure(before, active, actor, cause)
        parts.guard.reconfigure(active)
        self.stops.reconfigure(active)
        parts.preparer.sources.media_folder = active.media_folder
        self.questions.reconfigure(active)
        for name, bound in active.channels.items():
            self._open_lane(name, bound, active)
        for name in set(self.lanes) - set(active.channels):
            self._close_lane(name)
        if before is not None and _changed(before, active):
            parts.polling.crash_guard.resume()
        self._watch(before, active)
        self._pruning.reconfigure(active.retention)
        self._notices.reconfigure(active)
        if before is not None and message:
            await self._notices.tell_former_admins(before, active, message)
        parts.disk_space.reconfigure(active.keep_free)
        self.monitor.reconfigure()

    async def stop(self, within: float) -> bool:
        """
        Start nothing new and wait for current work; return whether it ended within so many seconds.

        Work that did not end stays marked as begun in the store. The next start deals with it.
        """
        ending = [self._close_lane(name) for name in list(self.lanes)]
        ending += self._loops.cancel_all()
        try:
            async with asyncio.timeout(within):
                if ending:
                    await asyncio.wait(ending)
                await self.pipeline.polling.finish()
                await self.pipeline.dispatcher.finish()
        except TimeoutError:
            self.pipeline.dispatcher.abandon()
            for task in ending:
                task.cancel()
            return False
        return True

    def _open_lane(self, name: str, bound: Bound, active: ActiveConfiguration) -> None:
        lane = self.lanes.get(name)
        if lane is not None:
            lane.reconfigure(bound.channel, bound.account, active.zone, self.clock.now())
            return
        lane = Lane(name, bound.channel, bound.account, self.context.http, active.zone)
        self.stops.mark(lane)
        self.lanes[name] = lane
        self._loops.start(f"lane {name}", partial(self.pipeline.dispatcher.run, lane), lane.ends)

    def _close_lane(self, name: str) -> asyncio.Task[None]:
        """Let a lane's loop end by itself. If it were cancelled during a claim, it would lose what it claimed."""
        self.lanes.pop(name).close()
        return self._loops.release(f"lane {name}")

    def _watch(self, before: ActiveConfiguration | None, active: ActiveConfiguration) -> None:
        """Start polling sources that are new or have other options. Polls of other sources go on."""
        watched = {} if before is None else before.watched
        same = {
            source
            for source, entry in active.watched.items()
            if source in watched and entry.same_as(watched[source])
        }
        for source in watched.keys() - same:
            self._loops.cancel(f"source {source}")
        for source, entry in active.watched.items():
            if source not in same:
                self._loops.start(f"source {source}", partial(self.pipeline.polling.run, entry))

    def _versions(self) -> frozenset[str]:
        return frozenset(recipe.version for recipe in self.active.book.recipes.values())


def _changed(before: ActiveConfiguration, after: ActiveConfiguration) -> bool:
    """Return whether a reload has changed any recipe or polled source."""
    recipes = [
        {recipe.version for recipe in active.book.recipes.values()} for active in (before, after)
    ]
    sources = [{s: w.options for s, w in active.watched.items()} for active in (before, after)]
    return recipes[0] != recipes[1] or sources[0] != sources[1]
