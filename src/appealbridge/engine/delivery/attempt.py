"""One attempt: gate, deliver, record. The only place where a channel is asked to publish."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import ValidationError
from tenacity import AsyncRetrying, retry_if_exception, wait_exponential

from appealbridge.clock import Clock
from appealbridge.engine.delivery.gate import GO, Verdict, day_start, gate
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.outcome import (
    DETAIL_LIMIT,
    Tried,
    settle_send,
    settle_sought,
    settle_unknown,
)
from appealbridge.engine.delivery.retry_policies import Policies
from appealbridge.engine.delivery.sanitize import kept_look, kept_receipt
from appealbridge.engine.report import Report
from appealbridge.engine.time_limit import GaveUp, within
from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import OPEN, Delivery, Hold, State
from appealbridge.model.errors import (
    AccountRefused,
    DeliveryError,
    IllegalMove,
    NotFound,
    Rejected,
    StoreError,
    TryAgain,
    Unkeepable,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult, Tools
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Settlement,
)

T = TypeVar("T")

_FOUND = 1000
"""Of how many posts that looks have found it is remembered whose they are, until the store knows."""

_AN_HOUR = 3600.0

_UNREADABLE = 300.0
"""For how many seconds a look that is refused is made again, on an account that publishes, before a person is asked."""


class _UnderWay:
    """An attempt under way: `over` is set to end it, `ended` once its outcome is stored."""

    __slots__ = ("ended", "over")

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.ended = asyncio.Event()


class Attempts:
    """Makes attempts and looks, one at a time each, and stores how they ended."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rng: random.Random,
        report: Report,
        policies: Policies,
        ended: Callable[[Delivery], None],
        waits: Callable[[Delivery], None],
        clean: Callable[[str], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._report = report
        self._policies = policies
        self._ended = ended
        self._waits = waits
        self._clean = clean
        self._under_way: dict[str, _UnderWay] = {}
        # Of what has an unclear outcome: when its last attempt ended. What an earlier process sent had
        # ended by the time that this one began.
        self._ended_at: dict[str, float] = {}
        self._begun_at = clock.monotonic()
        self._found: dict[tuple[str, str], str] = {}

    async def send(self, lane: Lane, delivery: Delivery) -> None:
        """Make the attempt that the store already knows as begun."""
        self._under_way[delivery.id] = _UnderWay()
        try:
            await self._send(lane, delivery)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a delivery without a next step
            await self._broke(lane, delivery, State.SENDING, State.UNKNOWN, error)
        finally:
            self._under_way.pop(delivery.id).ended.set()

    async def call_off(self, delivery_id: str) -> None:
        """End an attempt that is under way, and wait until it is stored that its outcome is unclear."""
        attempt = self._under_way.get(delivery_id)
        if attempt is not None:
            attempt.over.set()
            await attempt.ended.wait()

    async def look(self, lane: Lane, delivery: Delivery) -> None:
        """Find out about a delivery whose outcome is unclear, by looking on the account where that can tell."""
        try:
            await self._look(lane, delivery)
        except Exception as error:  # noqa: BLE001 - likewise
            await self._broke(lane, delivery, State.UNKNOWN, State.HELD, error)
        finally:
            lane.looking.discard(delivery.id)
            lane.wake.set()  # more looks may be due than were let in at once

    async def _send(self, lane: Lane, delivery: Delivery) -> None:
        begun_at = self._clock.now()
        try:
            verdict, result = await self._gated(lane, delivery, begun_at)
        finally:
            lane.leave()
        now = self._clock.now()
        if result is None:
            settlement = Settlement(
                delivery_id=delivery.id,
                source=State.SENDING,
                target=verdict.state,
                at=now,
                hold=verdict.hold,
                reason=verdict.reason,
            )
        else:
            settlement = await self._settlement(lane, delivery, result, begun_at, now)
        if settlement.target is State.UNKNOWN:
            self._ended_at[delivery.id] = self._clock.monotonic()
        await self._settle(lane, delivery, settlement, now - begun_at)

    async def _settlement(
        self,
        lane: Lane,
        delivery: Delivery,
        result: Receipt | DeliveryError,
        begun_at: float,
        now: float,
    ) -> Settlement:
        policy, so_far = lane.policy, Tried(1, begun_at)
        if isinstance(result, TryAgain | Unsure):
            policy, so_far = await self._policies.of(delivery, lane, begun_at)
        return settle_send(
            delivery, result, policy, so_far, begun_at=begun_at, now=now, rng=self._rng
        )

    async def _look(self, lane: Lane, delivery: Delivery) -> None:
        begun_at = self._clock.now()
        waited = self._clock.monotonic() - self._ended_at.get(delivery.id, self._begun_at)
        settlement = settle_unknown(delivery, lane.channel, lane.account, begun_at)
        if settlement is None:
            result = await self._seek(lane, delivery)
            lane.looked(result, self._clock.now())
            if isinstance(result, SearchResult) and result.receipt is not None:
                result = await self._not_another_s(lane, delivery, result, result.receipt)
            found = isinstance(result, SearchResult) and result.receipt is not None
            settlement = settle_sought(
                delivery,
                result,
                lane.account,
                lane.policy,
                () if found else await self._before_look(delivery),
                waited=waited,
                begun_at=begun_at,
                now=self._clock.now(),
                rng=self._rng,
            )
        if settlement.target is not State.UNKNOWN:
            self._ended_at.pop(delivery.id, None)
        seconds = self._clock.now() - begun_at
        await self._settle(lane, delivery, settlement, seconds)

    async def _before_look(self, delivery: Delivery) -> Sequence[Attempt]:
        """Return what came of a delivery so far, without which nobody knows whether it may be sent again."""
        return await self._surely(lambda: self._store.attempts(delivery.id))

    async def _not_another_s(
        self, lane: Lane, delivery: Delivery, sought: SearchResult, receipt: Receipt
    ) -> SearchResult:
        """Return what a look found, unless it is the post of another delivery with the same text."""
        taken = self._found.setdefault((lane.name, receipt.id), delivery.id) != delivery.id
        if len(self._found) > _FOUND:
            self._found.pop(next(iter(self._found)))
        if not taken:
            addresses = {receipt.url or receipt.id, receipt.id}
            since = (delivery.first_begun_at or delivery.planned_at) - _AN_HOUR
            taken = bool(await self._surely(lambda: self._store.published(addresses, since)))
        if not taken:
            return sought
        seen = f"{sought.seen}; that is the post of another delivery with the same text"
        return SearchResult(None, sure=False, seen=seen)

    async def _surely(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers."""
        while True:
            try:
                return await question()
            except StoreError as error:
                self._report.store_failed(error)
                await self._clock.sleep(1.0)

    async def _broke(
        self, lane: Lane, delivery: Delivery, source: State, target: State, error: Exception
    ) -> None:
        try:
            await self._end_broken(lane, delivery, source, target, error)
        except Exception as worse:  # noqa: BLE001 - nobody else is to stop; the store knows it as begun, and the next start looks into it
            self._report.broke("attempt", worse)

    async def _end_broken(
        self, lane: Lane, delivery: Delivery, source: State, target: State, error: Exception
    ) -> None:
        now = self._clock.now()
        if target is State.UNKNOWN:
            self._ended_at[delivery.id] = self._clock.monotonic()
        failure = self._failure(error)
        settlement = Settlement(
            delivery_id=delivery.id,
            source=source,
            target=target,
            at=now,
            due_at=now + lane.policy.seek_after,
            hold=Hold.UNKNOWN if target is State.HELD else delivery.hold,
            reason=str(failure),
        )
        await self._settle(lane, delivery, settlement, 0.0)

    async def _gated(
        self, lane: Lane, delivery: Delivery, begun_at: float
    ) -> tuple[Verdict, Receipt | DeliveryError | None]:
        try:
            sent = await self._sent_before(lane, begun_at)
        except StoreError as error:
            return GO, TryAgain(f"today's posts could not be counted: {error}")
        verdict = gate(delivery, begun_at, cap=lane.account.daily_cap, sent_today=sent)
        return verdict, await self._deliver(lane, delivery) if verdict.go else None

    async def _deliver(self, lane: Lane, delivery: Delivery) -> Receipt | DeliveryError:
        try:
            message = lane.channel.message.model_validate_json(delivery.content)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            return Rejected(
                f"{lane.name} no longer takes what was planned for it ({where}); was its platform changed?"
            )
        result: Receipt | DeliveryError
        if delivery.follows:
            answered = await self._before(delivery)
            if not isinstance(answered, Receipt):
                return answered
            message = message.model_copy(update={"in_reply_to": answered.id})
        try:
            sending = lane.channel.deliver(lane.account, message, delivery, self._tools(lane))
            over = self._under_way[delivery.id].over
            result = kept_receipt(await within(self._clock, lane.channel.time_limit, sending, over))
        except GaveUp as error:
            result = Unsure(f"the attempt was given up: {error}; it may be published")
        except Exception as error:  # noqa: BLE001 - a bug after the send must not send twice: anything else is Unsure
            result = self._failure(error)
        if lane.fault is not None:
            self._report.broke(f"{lane.name}: allowance", lane.fault)
            lane.fault = None
        # Before the place in the lane is free, so that nobody begins who does not know yet.
        return lane.heard(result, self._clock.now(), delivery.id)

    async def _before(self, delivery: Delivery) -> Receipt | DeliveryError:
        """Return the receipt of the post that this one answers, or why it cannot be answered."""
        try:
            before = await self._store.delivery(delivery.follows)
        except NotFound:
            return Rejected("the post before it in the thread is no longer known")
        except StoreError as error:
            return TryAgain(f"the post before it could not be looked up: {error}")
        if before.receipt is not None:
            return before.receipt
        state = f"the post before it, no. {before.number}, is {before.state.value}"
        return TryAgain(state) if before.state in OPEN else Rejected(state)

    async def _seek(self, lane: Lane, delivery: Delivery) -> SearchResult | DeliveryError:
        try:
            message = lane.channel.message.model_validate_json(delivery.content)
            looking = lane.channel.find(lane.account, message, delivery, self._tools(lane))
            sought = await within(self._clock, lane.channel.time_limit, looking)
            return kept_look(sought, self._clean, DETAIL_LIMIT)
        except GaveUp as error:
            return TryAgain(f"the look was given up: {error}")
        except AccountRefused as error:
            failure = self._failure(error)
            # Some accounts may publish and not read, so a look never tells. One that may neither
            # publish nor read for now is looked into later.
            unclear_for = self._clock.now() - (delivery.first_begun_at or delivery.planned_at)
            never = lane.health.works and unclear_for > _UNREADABLE
            return Rejected(str(failure)) if never else failure
        except Exception as error:  # noqa: BLE001 - a look that breaks has told nothing
            return self._failure(error)

    def _failure(self, error: Exception) -> DeliveryError:
        if isinstance(error, DeliveryError):
            error.args = (self._clean(_text(str(error)))[:DETAIL_LIMIT],)
            return error
        # A bug in a plug-in: its traceback is the only trail, and the post may be out.
        trail = self._clean(_text("".join(traceback.format_exception(error))))
        return Unsure(
            f"the plug-in broke; perhaps it had published already\n{trail[-DETAIL_LIMIT:]}"
        )

    def _tools(self, lane: Lane) -> Tools:
        return Tools(lane.http, self._clock.now(), self._rng)

    async def _sent_before(self, lane: Lane, now: float) -> int:
        if lane.account.daily_cap is None:
            return 0
        # The store counts this delivery too, since its attempt has begun.
        return await self._store.sent_today(lane.name, day_start(now, lane.zone)) - 1

    async def _settle(
        self,
        lane: Lane,
        delivery: Delivery,
        settlement: Settlement,
        seconds: float,
    ) -> None:
        """Store the outcome, however long the store takes: it is the only proof of what happened outside."""
        try:
            await self._store.settle(settlement)
        except IllegalMove as error:
            self._report.overtaken(delivery, settlement, error)
            lane.ended(again=True)
            return
        except (NotFound, Unkeepable):
            raise  # not for a while only
        except StoreError as error:
            await self._settle_in_the_end(settlement, error)
        again = settlement.target in (State.READY, State.UNKNOWN)
        lane.ended(again=again)
        if settlement.target in OPEN:
            self._waits(delivery)  # while it was being sent nobody watched its publish-by time
        if not again:
            self._ended(delivery)
        try:
            self._report.settled(lane, delivery, settlement, seconds)
        except Exception as error:  # noqa: BLE001 - how it ended is stored, and must not be taken for a fault of the attempt
            self._report.broke("attempt", error)

    async def _settle_in_the_end(self, settlement: Settlement, error: StoreError) -> None:
        part = f"the outcome of delivery {settlement.delivery_id}"
        self._report.store_failed(error, part)
        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            wait=wait_exponential(multiplier=0.1, max=5),
            retry=retry_if_exception(_passes),
        )
        try:
            await retrying(self._store.settle, settlement)
        finally:
            self._report.store_worked(part)


def _text(words: str) -> str:
    # A platform's words may hold bytes that are no text, which no store would ever take.
    return words.encode(errors="replace").decode()


def _passes(error: BaseException) -> bool:
    for_good = IllegalMove | NotFound | Unkeepable
    return isinstance(error, StoreError) and not isinstance(error, for_good)
