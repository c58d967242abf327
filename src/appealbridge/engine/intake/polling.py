"""Sources that are looked at from time to time: one loop each, so that a slow one delays no other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from appealbridge.clock import Clock
from appealbridge.engine.active import ActiveConfiguration, Watched
from appealbridge.engine.delivery.outcome import DETAIL_LIMIT
from appealbridge.engine.intake.changes import decide, renewed
from appealbridge.engine.intake.crash_guard import CrashGuard
from appealbridge.engine.intake.disk_space import DiskSpace
from appealbridge.engine.intake.intake import Intake
from appealbridge.engine.report import Report
from appealbridge.engine.time_limit import GaveUp, within
from appealbridge.model.delivery import Hold
from appealbridge.model.errors import AddressNotAllowed, SourceDown, StoreError, TryAgain
from appealbridge.model.event import EventDraft
from appealbridge.model.notice import Alarm, Tell
from appealbridge.model.source import source_label
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.trigger import Basis, PollResult
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Accepted,
    PollState,
    SourceRecord,
)

BATCH = 50
"""How many events of a look are stored in one transaction."""

OURS = 30 * 86_400.0
"""For how many seconds a post of ours is known again when it comes back as an item of a feed."""

LONGEST_PAUSE = 6 * 3600.0
"""How long a source that keeps failing is left alone at the most, in seconds."""


TOLD_AFTER = 5
"""After how many looks in a row that did not succeed people are told that a source cannot be read."""


class Polling:
    """Looks at sources and hands what is new to the intake, together with the memory of the look."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rng: random.Random,
        http: Http,
        intake: Intake,
        report: Report,
        clean: Callable[[str], str],
        room: DiskSpace,
        raised: Callable[[str, str, str], None],
        active: Callable[[], ActiveConfiguration],
        tell: Tell,
        crash_guard: CrashGuard,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._http = http
        self._intake = intake
        self._report = report
        self._clean = clean
        self._room = room
        self._raised = raised
        self._active = active
        self._tell = tell
        self._crash_guard = crash_guard
        self._handed: set[asyncio.Future[Sequence[Accepted]]] = set()

    async def run(self, watched: Watched) -> None:
        """Look at one source until cancelled; what comes goes to the recipes that are in force by then."""
        # What is in force may have a shorter `every` than what the last look went by.
        longest = self._pause(watched, None)
        patience = 1.0
        begins = True
        while True:
            try:
                record = await self._store.source(watched.source)
                pause = 0.0 if record is None else record.next_look_at - self._clock.now()
                if begins and record is not None and renewed(record.state, _basis(watched))[0]:
                    pause = 0.0  # another source than at the last look goes by this name
                begins = False
                await self._clock.sleep(
                    min(pause, longest)
                )  # a clock set back must not end the looking
                await self._crash_guard.wait(watched.source)
                longest = 2 * max(LONGEST_PAUSE, watched.options.every)
                await self._room.there()  # a source keeps what it lists; the disk may not
                await self.look(watched, record)
                self._report.store_worked(source_label(watched.source))
                patience = 1.0
            except StoreError as error:
                # The next look sees the same, since the memory of this one was not kept either.
                self._report.store_failed(error, source_label(watched.source))
                await self._clock.sleep(patience)
                patience = min(patience * 2, watched.options.every)

    async def finish(self) -> None:
        """Wait until what was handed over is stored and begun; the caller sets the bound."""
        while self._handed:
            await asyncio.wait(self._handed)

    async def look(self, watched: Watched, record: SourceRecord | None) -> None:
        """Look once and store what came of it."""
        tools = Tools(self._http, self._clock.now(), self._rng)
        try:
            # What one source said of itself is no business of another that has taken its name.
            same = record is not None and not any(renewed(record.state, _basis(watched)))
            cursor = record.cursor if record is not None and same else {}
            polling = watched.poller.poll(watched.options, cursor, tools)
            look = await within(self._clock, watched.poller.time_limit, polling)
            await self._seen(watched, record, look)
        except StoreError:
            raise
        except (SourceDown, TryAgain) as error:
            by_settings = isinstance(error, AddressNotAllowed) or (
                isinstance(error, SourceDown) and error.by_settings
            )
            await self._failed(watched, record, str(error), error.after, by_settings=by_settings)
        except GaveUp as error:
            await self._failed(watched, record, f"the look was given up: {error}", None)
        except Exception as error:  # noqa: BLE001 - a source or plug-in that breaks in whatever way is looked at again
            await self._failed(watched, record, f"{type(error).__name__}: {error}", None)

    async def _seen(self, watched: Watched, record: SourceRecord | None, look: PollResult) -> None:
        now = self._clock.now()
        last = None if record is None else record.looked_at
        items = look.items or ()
        known = await self._store.remembered(watched.source, [item.identity for item in items])
        decided = decide(
            look,
            known,
            watched.options,
            last=last,
            now=now,
            basis=_basis(watched),
            state={} if record is None else record.state,
        )
        name = source_label(watched.source)
        alarms = [(Alarm.SOURCE, name, self._clean(one)) for one in decided.alarms]
        drafts = await self._with_causes(decided.drafts, now)
        # If a look was held and not completed, the rest of it is held too.
        why = self._crash_guard.hold_reason(watched.source)
        if decided.burst:
            why = (
                f"{len(drafts)} new or changed items at one look, more than {watched.options.burst}"
            )
        if drafts and why:
            alarms.append((Alarm.FLOOD, "", f"{name}: {why}"))
        if record is not None and record.failures >= TOLD_AFTER:
            alarms.append((Alarm.SOURCE_BACK, name, "it can be read again"))
        memory = PollState(
            source=watched.source,
            looked_at=now,
            next_look_at=now + self._pause(watched, look.after),
            cursor=decided.cursor,
            seen=decided.seen,
            state=decided.state,
            anew=decided.anew,
            alarms=alarms,
            marked=bool(drafts) or self._crash_guard.is_marked(watched.source),
        )
        for some, kept in _batches(drafts, decided.identities, memory):
            await self._hand_over(watched.source, some, why, kept)
        if record is not None and record.failures:
            self._report.source_back(watched.source)
        if drafts and why:
            self._report.burst(name, why)
        first = last is None or decided.anew
        self._report.looked(watched.source, decided.new, decided.changed, first, decided.notes)
        for alarm in memory.alarms:
            self._raised(*alarm)

    async def _hand_over(
        self, source: str, drafts: Sequence[EventDraft], why: str, memory: PollState
    ) -> None:
        """
        Store a batch of events with all they cause; if `why` is not empty, all of it is held for this reason.

        The batch is finished even if a reload or a stop cancels this loop: a delivery that is stored as
        begun has to be sent.
        """
        hold = Hold.BURST if why else ""

        async def accept() -> Sequence[Accepted]:
            if drafts:
                await self._crash_guard.begin(source, why)
            active = self._active()
            accepted = await self._intake.accept(
                active, source, drafts, hold=hold, why=why, memory=memory
            )
            if memory.complete:
                self._crash_guard.end(source)
            return accepted

        handed = asyncio.ensure_future(accept())
        self._handed.add(handed)
        handed.add_done_callback(self._handed.discard)
        await asyncio.shield(handed)

    async def _with_causes(self, drafts: Sequence[EventDraft], now: float) -> Sequence[EventDraft]:
        """Find out which items are posts of our own, and write down which recipes led to them."""
        asked = {address for draft in drafts for address in draft.addresses}
        if not asked:
            return drafts
        ours = await self._store.published(asked, now - OURS)
        return [_with_cause(draft, ours) if ours else draft for draft in drafts]

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
        note = self._clean(note.encode(errors="replace").decode())[:DETAIL_LIMIT]
        failures = 1 if record is None else record.failures + 1
        # Where it fails often, ask less often; where it says when to come back, believe it. What the settings
        # do not allow is not asked at all, and is to be read soon after they do.
        times = 1 if by_settings else min(2 ** (failures - 1), 64)
        pause = watched.options.every * times
        pause = min(max(pause, after or 0.0), max(LONGEST_PAUSE, watched.options.every))
        pause *= self._rng.uniform(0.9, 1.1)
        await self._store.source_failed(watched.source, now, now + pause, note)
        self._report.source_down(watched.source, note, failures)
        if failures == TOLD_AFTER or (by_settings and failures == 1):
            await self._tell(Alarm.SOURCE_DOWN, source_label(watched.source), note)

    def _pause(self, watched: Watched, after: float | None) -> float:
        """Return how long to wait, a little different each time so that sources do not march in step."""
        pause = max(watched.options.every, min(after or 0.0, LONGEST_PAUSE))
        return pause * self._rng.uniform(0.95, 1.05)


def _basis(watched: Watched) -> Basis:
    basis: Basis = watched.poller.basis(watched.options)
    return basis


def _batches(
    drafts: Sequence[EventDraft], identities: Sequence[str], memory: PollState
) -> Iterator[tuple[Sequence[EventDraft], PollState]]:
    """Yield a look's events in batches, each with the memory of its own items, the last with the complete one."""
    last = max(0, len(drafts) - 1) // BATCH * BATCH
    for begin in range(0, last, BATCH):
        here = slice(begin, begin + BATCH)
        seen = {identity: memory.seen[identity] for identity in identities[here]}
        yield drafts[here], replace(memory, seen=seen, complete=False)
    yield drafts[last:], memory


def _with_cause(draft: EventDraft, ours: Mapping[str, frozenset[str]]) -> EventDraft:
    recipes = frozenset[str]().union(*(ours.get(one, ()) for one in draft.addresses))
    return replace(draft, cause=tuple(sorted(recipes)))
