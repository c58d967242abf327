"""
Sends notices to people about what went wrong or waits for them, as the store has it.

A notice is an event with one run and a delivery for each person, stored in the transaction that takes
note of what it tells; so it is told once whatever crashes when, and goes out by the ordinary lanes.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence

from appealbridge.clock import Clock
from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.notices.build import Group, Notice, arrival, group_of
from appealbridge.engine.notices.wording import words
from appealbridge.engine.recipe_versions import KeptRecipes
from appealbridge.engine.report import Report
from appealbridge.model.attempt import Outcome
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import IllegalMove, NotFound, StoreError
from appealbridge.model.ids import event_id
from appealbridge.model.notice import NOTICE, Trouble
from appealbridge.model.notice import Alarm as Alarm
from appealbridge.store.base import Store
from appealbridge.store.records import DeliveryFilter, News, NewsSort

COLLECT = 300.0
"""For how many seconds similar news is collected for people who have just had a notice."""

BREATH = 1.0
"""The least number of seconds between two searches for news, however much goes wrong."""

SOON = 5.0
"""Seconds until AppealBridge checks again a notice that should go by another account."""

MOST = 2000
"""The largest number of items in one notice."""

UNKEPT = 100
"""How many alarms are kept in memory while the store accepts none."""

ATTEMPTS = 3
"""How often a notice with an unclear outcome is sent: twice is better than never."""

_WAITING = frozenset({State.READY, State.SENDING})


class Notices:
    """Sends notices."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rng: random.Random,
        lanes: Lanes,
        kept: KeptRecipes,
        report: Report,
        clean: Callable[[str], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._lanes = lanes
        self._kept = kept
        self._report = report
        self._clean = clean
        self._active: ActiveConfiguration | None = None
        self._not_before: dict[Group, float] = {}
        self._unkept: deque[tuple[Alarm, str, str, float]] = deque(maxlen=UNKEPT)
        self._wake = asyncio.Event()

    def adopt(self, active: ActiveConfiguration) -> None:
        """Use the people and accounts of a new configuration."""
        self._active = active
        self._wake.set()

    def nudge(self) -> None:
        """Look in the store for news soon."""
        self._wake.set()

    async def alarm(self, kind: Alarm, channel: str = "", words: str = "") -> None:
        """
        Tell the people of `notices.to` about the daemon or what it depends on.

        `channel` is the account that it is about, which is not used to tell of it, or the source for
        `Alarm.SOURCE`; `words` say what was seen. Raise it once for each thing that people have to
        know. Kept when this returns; where the store takes nothing, remembered and kept later.
        """
        # An alarm that could not be stored would block every other one.
        words = self._clean(words).encode(errors="replace").decode()
        now = self._clock.now()
        try:
            await self._store.raise_alarm(kind, channel, words, now)
        except StoreError as error:
            self._report.store_failed(error, "notices")
            self._unkept.append((kind, channel, words, now))
        self._wake.set()
        self._report.alarm(kind, channel, words)

    def raised(self, kind: str, channel: str, words: str) -> None:
        """Log an alarm that is already in the store."""
        self._report.alarm(kind, channel, words)
        self._wake.set()

    async def run(self) -> None:
        """Send notices about new events until cancelled."""
        while True:
            self._wake.clear()
            pause: float | None = 0.0
            try:
                if self._active is not None:
                    pause = await self._round(self._active)
                self._report.store_worked("notices")
            except StoreError as error:
                self._report.store_failed(error, "notices")
            except Exception as error:  # noqa: BLE001 - news that breaks the telling must not stop what else goes on
                self._report.broke("notices", error)
                pause = COLLECT
            if pause != 0.0:
                await self._clock.wait(self._wake, pause)
            await self._clock.sleep(BREATH)

    async def _round(self, active: ActiveConfiguration) -> float | None:
        """Send the notices due now; return in how many seconds the next ones are due, `None` if nothing waits."""
        await self._keep_alarms()
        groups: dict[Group, list[NewsSort]] = {}
        for sort in await self._store.news():
            if sort.recipe == NOTICE:
                await self._mend(active, sort)
            else:
                people = await self._people(active, sort)
                group = group_of(sort, people, active.telling)
                groups.setdefault(group, []).append(sort)
        left = await self._go_round(active)
        now = self._clock.monotonic()
        for group, sorts in groups.items():
            if self._not_before.get(group, now) <= now:
                await self._tell(active, group, sorts)
                self._not_before[group] = now + COLLECT
        self._not_before = {one: at for one, at in self._not_before.items() if at > now}
        waits = [self._not_before[group] - now for group in groups if group in self._not_before]
        return min([*waits, SOON] if left else waits, default=None)

    async def _keep_alarms(self) -> None:
        while self._unkept:
            await self._store.raise_alarm(*self._unkept[0])
            self._unkept.popleft()

    async def _people(self, active: ActiveConfiguration, sort: NewsSort) -> tuple[str, ...]:
        """
        Return the people to tell: those of the recipe in force, else of its stored version, else `notices.to`.

        About a delivery that waits for approval, those who may approve it are told.
        """
        recipe = active.book.recipes.get(sort.recipe) or active.book.off.get(sort.recipe)
        if recipe is None and sort.recipe:
            try:
                recipe = await self._kept.version(sort.recipe, sort.version)
            except NotFound:
                recipe = None
        telling = active.telling
        if recipe is not None and sort.kind == Trouble.APPROVAL:
            named: tuple[str, ...] = (recipe.approval,)
            known = any(map(telling.ways, telling.whom(named)))
        else:
            named = () if recipe is None else tuple(recipe.on_failure)
            known = bool(telling.whom(named))
        return named if known else tuple(telling.to)

    async def _tell(self, active: ActiveConfiguration, group: Group, sorts: list[NewsSort]) -> None:
        news = await self._store.news_of(sorts, MOST)
        if not news:
            return
        title, text = words(group.kind, group.channel, news, len(news), active.zone)
        notice = Notice(
            id=event_id(self._clock.now(), self._rng.getrandbits(35)),
            kind=group.kind,
            title=title,
            text=text,
            people=active.telling.whom(group.people),
            without=group.without,
            of=[one.number for one in news],
        )
        await self._store_told(active, notice, news)

    async def _store_told(
        self, active: ActiveConfiguration, notice: Notice, news: Sequence[News]
    ) -> None:
        """Store a notice in the transaction that marks its news as told, and let it go out."""
        if not notice.people:
            await self._store.tell(news)
            if notice.kind != Trouble.APPROVAL:  # nothing is wrong with that
                why = "nobody is named who would be told"
                self._report.nobody_told(notice.kind, notice.title, why)
            return
        stored = arrival(notice, active.telling, self._works, self._clock.now())
        if not await self._store.tell(news, stored):
            return
        for delivery in stored.deliveries:
            if delivery.channel in self._lanes:
                self._lanes[delivery.channel].queued()
        self._report.noticed(notice.kind, notice.title, stored.deliveries)
        unreached = {one.name for one in notice.people} - {one.step for one in stored.deliveries}
        if unreached:
            names = ", ".join(sorted(unreached))
            self._report.nobody_told(notice.kind, notice.title, f"no account can tell {names}")

    async def _mend(self, active: ActiveConfiguration, sort: NewsSort) -> None:
        """Send notices that did not arrive again, or by another account."""
        for one in await self._store.news_of([sort], MOST):
            delivery = await self._store.delivery(str(one.number))
            if not (sort.kind == Trouble.UNKNOWN and await self._again(delivery)):
                await self._by_another_way(active, [one], delivery)

    async def _again(self, delivery: Delivery) -> bool:
        """Send a notice that has perhaps arrived again; return whether that is still worthwhile."""
        attempts = await self._store.attempts(delivery.id)
        if sum(one.outcome is Outcome.UNSURE for one in attempts) >= ATTEMPTS:
            return False
        try:
            await self._store.move(delivery.id, State.READY, self._clock.now())
        except IllegalMove:
            return False
        if delivery.channel in self._lanes:
            self._lanes[delivery.channel].queued()
        return True

    async def _go_round(self, active: ActiveConfiguration) -> bool:
        """Send notices that wait for an account in trouble by one that works; return whether some are left."""
        left = False
        for way in active.telling.accounts:
            if way in self._lanes and not self._works(way):
                which = DeliveryFilter(states=_WAITING, channel=way, recipe=NOTICE)
                for delivery in await self._store.deliveries(which):
                    left |= not await self._taken_round(active, delivery)
        return left

    async def _taken_round(self, active: ActiveConfiguration, delivery: Delivery) -> bool:
        people = active.telling.whom([delivery.step])
        ways = [way for one in people for way in active.telling.ways(one, [delivery.channel])]
        if not any(map(self._works, ways)):
            return True
        if delivery.state is State.SENDING:
            return False
        await self._by_another_way(active, [], delivery)
        reason = f"told by another account, since {delivery.channel} is in trouble"
        now = self._clock.now()
        try:
            await self._store.move(delivery.id, State.CANCELLED, now, reason=reason)
        except IllegalMove:
            return False  # an attempt has begun meanwhile, and may not succeed
        return True

    async def _by_another_way(
        self, active: ActiveConfiguration, news: Sequence[News], delivery: Delivery
    ) -> None:
        """Send a notice by another account than the one that failed, trying each account once."""
        before = await self._store.event(delivery.event_id)
        told = before.data or {}
        notice = Notice(
            id=event_id(self._clock.now(), self._rng.getrandbits(35)),
            kind=before.type,
            title=told.get("title", ""),
            text=told.get("text", ""),
            people=active.telling.whom([delivery.step]) if told else (),
            without=(*told.get("without", ()), delivery.channel),
            of=told.get("of", ()),
            instead_of=delivery.id,
        )
        await self._store_told(active, notice, news)

    def _works(self, channel: str) -> bool:
        lane = self._lanes.get(channel)
        return lane is not None and lane.health.works
