"""
One run of the torture, from the first event to the verdict.

Processes: this driver, the daemon, the practice platforms. While events come in, the daemon is
killed again and again, its disk fills, its clock jumps, and its platforms have every fault that they can have.
Then all faults end, and after some time the posts on the platforms are counted.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from appealbridge.clock import SystemClock
from appealbridge.model.attempt import Outcome
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.run import Run, RunState
from appealbridge.model.withdrawal import WITHDRAWN
from appealbridge.store.records import DeliveryFilter
from appealbridge.store.sqlite.store import SqliteStore
from tests.stories import staging
from tests.stories.processes import Platforms, platforms
from tests.torture.crowd import Person, Senders, troubles
from tests.torture.keeper import Keeper
from tests.torture.script import CHANNELS, RECIPE, Life, events, lives, stream
from tests.torture.tally import Decisions, Verdict, match_timeline, sorted_posts, unlisted

BETWEEN_TROUBLES = 0.5
"""Seconds between two faults of the platforms, on average."""

BETWEEN_LOOKS = 8.0
"""Seconds between two checks of the operator, on average."""

AN_HOUR_AND_MORE = 4_000.0
"""How far the clock is put forward for deliveries that a platform asked to wait."""

A_DAY_AND_MORE = 90_000.0
"""How far the clock is put forward for withdrawn posts that are still looked for."""

TEN_MINUTES, SETTLES = 600.0, 3.0
"""How far the clock is put forward after all faults, and for how many real seconds the daemon works then."""

STANDSTILL = 20.0
"""After so many seconds without any change the clock is put forward."""

_WAITING = (State.PLANNED, State.HELD, State.READY, State.SENDING, State.UNKNOWN)
_real = SystemClock()


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done; `seconds` is how long all daemons run together."""

    events: int
    kills: int
    seconds: float
    patience: float = 600.0


@dataclass(slots=True)
class Outcomes:
    """The result of a run."""

    events: int = 0
    kills: int = 0
    held: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    answers: Counter[int] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that breaks a promise, in sentences."""
        return [*self.broken, *self.verdict.wrong]

    def summary(self) -> str:
        """Return the last line."""
        verdict = self.verdict
        return (
            f"events={self.events} kills={self.kills} lost={len(verdict.lost)} "
            f"duplicated={len(verdict.duplicated)} held={self.held.total()} "
            f"withdrawn={verdict.removed + verdict.tasks} unlisted={len(verdict.unlisted)}"
        )


Tell = Callable[[str], None]


async def play(
    folder: Path, seed: int, size: Size, tell: Tell, *, forked: bool = False
) -> Outcomes:
    """Run the torture in a folder and return its result; every process has ended then."""
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(platforms(folder))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        stage = staging.build(folder / "stage", there.url, there.smtp, {"torture": RECIPE})
        stage.configure(CHANNELS)
        keeper = Keeper(stage, session, forked=forked)
        stack.push_async_callback(keeper.end)
        return await _Play(keeper, there, session, seed, size, tell).whole()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for tasks that were cancelled; raise any other error of theirs."""
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end


class _Play:
    def __init__(
        self,
        keeper: Keeper,
        there: Platforms,
        session: aiohttp.ClientSession,
        seed: int,
        size: Size,
        tell: Tell,
    ) -> None:
        self._keeper = keeper
        self._there = there
        self._session = session
        self._seed = seed
        self._size = size
        self._tell = tell
        self._senders = Senders(keeper, events(seed, size.events), seed)
        self._person = Person(keeper, there)
        self._sent = 0
        self._outcomes = Outcomes(size.events)

    async def whole(self) -> Outcomes:
        """Run, end all faults, wait, count."""
        await self._torture()
        await self._mend()
        await self._check_ten_minutes_later()
        await self._recover()
        return await self._count()

    # -- the torture ----------------------------------------------------------------------------

    async def _torture(self) -> None:
        size, seed = self._size, self._seed
        around = [
            asyncio.create_task(troubles(self._there, seed, BETWEEN_TROUBLES)),
            asyncio.create_task(self._person.watch(stream(seed, "person"), BETWEEN_LOOKS)),
        ]
        try:
            async with asyncio.TaskGroup() as sending:
                for life in lives(seed, size.kills, size.events, size.seconds):
                    await self._live(life, sending)
                await self._start()
                for _ in range(self._sent, size.events):
                    self._send(sending)
        finally:
            for task in around:
                task.cancel()
            await _ended(around)

    async def _start(self) -> None:
        await self._keeper.start()
        await self._keeper.ready()

    async def _live(self, life: Life, sending: asyncio.TaskGroup) -> None:
        await self._keeper.start()
        if not life.early:
            await self._keeper.ready()
        beside = [asyncio.create_task(self._feed(life, sending))]
        if life.disk is not None:
            beside.append(asyncio.create_task(self._fill(*life.disk)))
        if life.clock is not None:
            beside.append(asyncio.create_task(self._jump(*life.clock)))
        await _real.sleep(life.lasts)
        if self._keeper.died_by_itself and not life.early:  # without a disk it need not start
            self._outcomes.broken.append("the daemon ended by itself")
        await self._keeper.end()
        self._outcomes.kills += 1
        for task in beside:
            task.cancel()
        await _ended(beside)
        self._tell(
            f"{self._outcomes.kills} of {self._size.kills} kills, "
            f"{len(self._senders.accepted)} of {self._size.events} events accepted"
        )

    async def _feed(self, life: Life, sending: asyncio.TaskGroup) -> None:
        begun = _real.monotonic()
        for moment in life.events:
            await _real.sleep(begun + moment - _real.monotonic())
            self._send(sending)

    def _send(self, sending: asyncio.TaskGroup) -> None:
        sending.create_task(self._senders.send(self._sent))
        self._sent += 1

    async def _fill(self, after: float, seconds: float, room: int) -> None:
        await _real.sleep(after)
        try:
            self._keeper.fill_disk(room)
        except PermissionError as error:
            self._outcomes.left_out.append(f"a full disk: {error}")
            return
        await _real.sleep(seconds)
        self._keeper.free_disk()

    async def _jump(self, after: float, seconds: float) -> None:
        await _real.sleep(after)
        self._keeper.jump(seconds)

    # -- the recovery ---------------------------------------------------------------------------

    async def _mend(self) -> None:
        async with self._session.delete(f"{self._there.url}/faults") as answer:
            answer.raise_for_status()
        self._keeper.free_disk()

    async def _check_ten_minutes_later(self) -> None:
        """Whatever of a withdrawn subject is still up then must be listed."""
        self._keeper.jump(TEN_MINUTES)
        await _real.sleep(SETTLES)
        store = await SqliteStore.open(self._keeper.stage.store, read_only=True)
        try:
            # Before the posts are read: what is removed in between is not up.
            deliveries = await store.deliveries(DeliveryFilter(limit=10**6))
            in_force = await self._in_force(store)
        finally:
            await store.close()
        posts = sorted_posts(await self._there.posts(""))
        left = unlisted(deliveries, posts, in_force)
        self._outcomes.broken += [f"ten minutes later: {each}" for each in left]

    async def _in_force(self, store: SqliteStore) -> set[str]:
        """Return the subjects that are withdrawn; all that nobody has lifted must be among them."""
        listed = await store.withdrawals(limit=10**6)
        in_force = {each.subject for each in listed if each.blocks}
        lost = self._senders.withdrawn - self._senders.lifted - in_force
        self._outcomes.broken += [
            f"{subject} was withdrawn, and is not" for subject in sorted(lost)
        ]
        return in_force

    async def _recover(self) -> None:
        """Wait until no delivery waits any more; those that wait for an hour get their hour."""
        end = _real.monotonic() + self._size.patience
        store = await SqliteStore.open(self._keeper.stage.store, read_only=True)
        before: Sequence[tuple[str, State, int]] = ()
        changed_at = _real.monotonic()
        try:
            while (waiting := await self._waiting(store)) or (runs := await self._open_runs(store)):
                now = _real.monotonic()
                if now > end:
                    return
                result = [(each.id, each.state, each.attempts) for each in waiting]
                if result != before:
                    before, changed_at = result, now
                self._tell(f"waiting for {len(waiting)} deliveries")
                if any(each.state is State.HELD for each in waiting):
                    await self._person.look()
                elif not waiting:
                    if now > changed_at + STANDSTILL:
                        self._outcomes.broken += [f"{each.id} does not go on" for each in runs]
                        return
                elif now > changed_at + STANDSTILL or self._wait_long(waiting):
                    await self._put_forward(waiting)
                    changed_at = _real.monotonic()
                await _real.sleep(0.25)
        finally:
            await store.close()

    async def _waiting(self, store: SqliteStore) -> Sequence[Delivery]:
        """Return the deliveries that are not over."""
        everything = await store.deliveries(DeliveryFilter(states=_WAITING, limit=10**6))
        return [delivery for delivery in everything if not self._is_task(delivery)]

    async def _open_runs(self, store: SqliteStore) -> Sequence[Run]:
        """Return the runs that have a step to plan: the last of their deliveries has only just ended."""
        return await store.runs(state=RunState.OPEN, limit=10**6)

    def _wait_long(self, waiting: Sequence[Delivery]) -> bool:
        """Whether nothing goes out in the next seconds: all of it is due later, or waits for such a delivery."""
        now = self._keeper.now()
        subjects = {(each.channel, each.subject) for each in waiting if each.due_at > now + 5}
        return all((each.channel, each.subject) in subjects for each in waiting)

    def _is_task(self, delivery: Delivery) -> bool:
        """Whether it is a removal that a person has to make: it stays listed until then."""
        return delivery.kind is Kind.WITHDRAW and delivery.state is State.HELD

    async def _put_forward(self, waiting: Sequence[Delivery]) -> None:
        """Let an hour pass; after a restart every lane checks its deliveries at once."""
        await self._keeper.end(signal.SIGTERM)
        # Withdrawn posts are looked for during a day, and everything else must not be late by then.
        withdrawn = all(each.kind is Kind.WITHDRAW or each.hold == WITHDRAWN for each in waiting)
        self._keeper.jump(A_DAY_AND_MORE if withdrawn else AN_HOUR_AND_MORE)
        await self._start()

    # -- the count ------------------------------------------------------------------------------

    async def _count(self) -> Outcomes:
        store = await SqliteStore.open(self._keeper.stage.store, read_only=True)
        outcomes = self._outcomes
        try:
            deliveries = await store.deliveries(DeliveryFilter(limit=10**6))
            refused: dict[str, str] = {}
            for delivery in deliveries:
                attempts = await store.attempts(delivery.id)
                outcomes.attempts.update(f"{each.kind} {each.outcome}" for each in attempts)
                if attempts and attempts[-1].outcome is Outcome.REJECTED:
                    refused[delivery.id] = attempts[-1].detail
            in_force = await self._in_force(store)
        finally:
            await store.close()
        await self._keeper.end(signal.SIGTERM)
        posts = sorted_posts(await self._there.posts(""))
        outcomes.verdict = match_timeline(
            self._senders.accepted,
            deliveries,
            refused,
            posts,
            Decisions(
                self._person.needed_approval,
                in_force,
                self._senders.withdrawn | self._senders.lifted,
            ),
        )
        left = {
            delivery.id: delivery.channel
            for delivery in deliveries
            if delivery.state is State.HELD and delivery.kind is not Kind.WITHDRAW
        }
        outcomes.held = Counter((self._person.needed_approval | left).values())
        outcomes.answers = self._senders.answers
        outcomes.broken += self._senders.broken + self._person.broken
        outcomes.broken += [
            f"{delivery.id} is held for {delivery.hold!r}"
            for delivery in deliveries
            if delivery.state is State.HELD
            and delivery.hold not in (Hold.UNKNOWN, Hold.CANNOT_REMOVE)
        ]
        return outcomes
