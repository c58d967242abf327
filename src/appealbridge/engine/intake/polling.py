"""Polls sources: one loop for each, so that a slow source delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from appealbridge.engine.active import ActiveConfiguration, Watched
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.outcome import DETAIL_LIMIT
from appealbridge.engine.intake.changes import decide, renewed
from appealbridge.engine.intake.crash_guard import CrashGuard
from appealbridge.engine.intake.disk_space import DiskSpace
from appealbridge.engine.intake.intake import Intake
from appealbridge.engine.time_limit import GaveUp
from appealbridge.model.delivery import Hold
from appealbridge.model.errors import AddressNotAllowed, SourceDown, StoreError, TryAgain
from appealbridge.model.event import EventDraft
from appealbridge.model.notice import Alarm
from appealbridge.model.source import source_label
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.trigger import Basis, PollResult
from appealbridge.store.records import Accepted, PollState, SourceRecord

BATCH = 50
"""How many events of a poll are stored in one transaction."""

OURS = 30 * 86_400.0
"""For how many seconds our own post is recognised when it comes back as an item of a feed."""

LONGEST_PAUSE = 6 * 3600.0
"""The longest pause between two polls of a source that keeps failing, in seconds."""

TOLD_AFTER = 5
"""After how many failed polls in a row people are told that a source cannot be read."""


class Polling:
    """Polls sources, and stores new events together with the state that the poll leaves."""

    def __init__(
        self,
        context: EngineContext,
        intake: Intake,
        disk_space: DiskSpace,
        active: Callable[[], ActiveConfiguration],
    ) -> None:
        self.crash_guard = CrashGuard(context)
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self._report = context.report
        self._intake = intake
        self._disk_space = disk_space
        self._active = active
        self._storing: set[asyncio.Future[Sequence[Accepted]]] = set()

    async def run(self, watched: Watched) -> None:
        """Poll one source until cancelled. Its events go to the recipes in force when they come."""
        # `every` may be shorter now than at the last poll.
        longest = self._pause(watched, None)
        retry_after = 1.0
        first = True
        while True:
            try:
                record = await self._store.source(watched.source)
                pause = 0.0 if record is None else record.next_look_at - self._clock.now()
                if first and record is not None and renewed(record.state, _basis(watched))[0]:
                    pause = 0.0  # another source than at the last poll has this name
                first = False
                # Never longer than `longest`, since the clock may have been set back.
                await self._clock.sleep(min(pause, longest))
                await self.crash_guard.wait(watched.source)
                longest = 2 * max(LONGEST_PAUSE, watched.options.every)
                await self._disk_space.wait()  # the source keeps its items meanwhile
                await self.poll(watched, record)
                self._report.store_worked(source_label(watched.source))
                retry_after = 1.0
            except StoreError as error:
                # The next poll finds the same items, because the state of this one was not stored either.
                self._report.store_failed(error, source_label(watched.source))
                await self._clock.sleep(retry_after)
                retry_after = min(retry_after * 2, watched.options.every)

    async def finish(self) -> None:
        """Wait until the events that were found are stored; the caller limits the time."""
        while self._storing:
            await asyncio.wait(self._storing)
        await self.crash_guard.close()

    async def poll(self, watched: Watched, record: SourceRecord | None) -> None:
        """Poll once and store the result."""
        tools = Tools(self._context.source_http, self._clock.now(), self._context.rng)
        try:
            # The cursor of one source means nothing for another that has taken its name.
            same = record is not None and not any(renewed(record.state, _basis(watched)))
            cursor = record.cursor if record is not None and same else {}
            polling = watched.poller.poll(watched.options, cursor, tools)
            result = await self._context.time_limits.within(watched.poller.time_limit, polling)
            await self._seen(watched, record, result)
        except StoreError:
            raise
        except (SourceDown, TryAgain) as error:
            by_settings = isinstance(error, AddressNotAllowed) or (
                isinstance(error, SourceDown) and error.by_settings
            )
            await self._failed(watched, record, str(error), error.after, by_settings=by_settings)
        except GaveUp as error:
            await self._failed(watched, record, f"the poll was ended: {error}", None)
        except Exception as error:  # noqa: BLE001 - whatever breaks in a plug-in, the source is polled again
            await self._failed(watched, record, f"{type(error).__name__}: {error}", None)

    async def _seen(
        self, watched: Watched, record: SourceRecord | None, result: PollResult
    ) -> None:
        now = self._clock.now()
        last = None if record is None else record.looked_at
        items = result.items or ()
        known = await self._store.remembered(watched.source, [item.identity for item in items])
        decided = decide(
            result,
            known,
            watched.options,
            last=last,
            now=now,
            basis=_basis(watched),
            state={} if record is None else record.state,
        )
        name = source_label(watched.source)
        alarms = [(Alarm.SOURCE, name, self._context.clean(text)) for text in decided.alarms]
        drafts = await self._with_causes(decided.drafts, now)
        # If a poll was held and not completed, the rest of it is held too.
        why = self.crash_guard.hold_reason(watched.source)
        if decided.burst:
            why = (
                f"{len(drafts)} new or changed items in one poll, more than {watched.options.burst}"
            )
        if drafts and why:
            alarms.append((Alarm.FLOOD, "", f"{name}: {why}"))
        if record is not None and record.failures >= TOLD_AFTER:
            alarms.append((Alarm.SOURCE_BACK, name, "it can be read again"))
        state = PollState(
            source=watched.source,
            looked_at=now,
            next_look_at=now + self._pause(watched, result.after),
            cursor=decided.cursor,
            seen=decided.seen,
            state=decided.state,
            anew=decided.anew,
            alarms=alarms,
            marked=bool(drafts) or self.crash_guard.is_marked(watched.source),
        )
        for some, identities in _batches(drafts, decided.identities, state):
            await self._store_batch(watched.source, some, why, identities)
        if record is not None and record.failures:
            self._report.source_back(watched.source)
        if drafts and why:
            self._report.burst(name, why)
        first = last is None or decided.anew
        self._report.polled(watched.source, decided.new, decided.changed, first, decided.notes)
        for alarm in state.alarms:
            self._context.alarms.log_stored(*alarm)

    async def _store_batch(
        self, source: str, drafts: Sequence[EventDraft], why: str, state: PollState
    ) -> None:
        """
        Store a batch of events with all they cause; if `why` is not empty, all of it is held for this reason.

        It is finished even if a reload or a stop cancels this loop, because a delivery that is stored as begun must
        be sent.
        """
        hold = Hold.BURST if why else ""

        async def accept() -> Sequence[Accepted]:
            if drafts:
                await self.crash_guard.begin(source, why)
            active = self._active()
            accepted = await self._intake.accept(
                active, source, drafts, hold=hold, why=why, poll_state=state
            )
            if state.complete:
                self.crash_guard.end(source)
            return accepted

        storing = asyncio.ensure_future(accept())
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)
        await asyncio.shield(storing)

    async def _with_causes(self, drafts: Sequence[EventDraft], now: float) -> Sequence[EventDraft]:
        """Find out which items are our own posts, and add the recipes that led to them."""
        addresses = {address for draft in drafts for address in draft.addresses}
        if not addresses:
            return drafts
        own_posts = await self._store.published(addresses, now - OURS)
        return [_with_cause(draft, own_posts) if own_posts else draft for draft in drafts]

    async def _failed(
        self,
        watched: Watched,
        record: SourceRecord | None,
        note: str,
        after: float | None,
        *,
        by_settings: bool = False,
    ) -> None:
        now = self._clock.now()
        note = self._context.clean(note.encode(errors="replace").decode())[:DETAIL_LIMIT]
        failures = 1 if record is None else record.failures + 1
        # Poll less often after several failures, or when the source says so. If the settings do not allow the
        # address, nothing is sent, so a change of the settings should take effect soon.
        times = 1 if by_settings else min(2 ** (failures - 1), 64)
        pause = watched.options.every * times
        pause = min(max(pause, after or 0.0), max(LONGEST_PAUSE, watched.options.every))
        pause *= self._context.rng.uniform(0.9, 1.1)
        await self._store.source_failed(watched.source, now, now + pause, note)
        self._report.source_down(watched.source, note, failures)
        if failures == TOLD_AFTER or (by_settings and failures == 1):
            name = source_label(watched.source)
            await self._context.alarms.raise_alarm(Alarm.SOURCE_DOWN, name, note)

    def _pause(self, watched: Watched, after: float | None) -> float:
        """Return how long to wait, a little different each time so that sources are not all polled together."""
        pause = max(watched.options.every, min(after or 0.0, LONGEST_PAUSE))
        return pause * self._context.rng.uniform(0.95, 1.05)


def _basis(watched: Watched) -> Basis:
    basis: Basis = watched.poller.basis(watched.options)
    return basis


def _batches(
    drafts: Sequence[EventDraft], identities: Sequence[str], state: PollState
) -> Iterator[tuple[Sequence[EventDraft], PollState]]:
    """Yield the events of a poll in batches, each with the state of its own items, the last with all of it."""
    last = max(0, len(drafts) - 1) // BATCH * BATCH
    for begin in range(0, last, BATCH):
        here = slice(begin, begin + BATCH)
        seen = {identity: state.seen[identity] for identity in identities[here]}
        yield drafts[here], replace(state, seen=seen, complete=False)
    yield drafts[last:], state


def _with_cause(draft: EventDraft, own_posts: Mapping[str, frozenset[str]]) -> EventDraft:
    recipes = frozenset[str]().union(*(own_posts.get(address, ()) for address in draft.addresses))
    return replace(draft, cause=tuple(sorted(recipes)))
