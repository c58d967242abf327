"""One attempt: gate, deliver, settle. The only place where a channel is asked to publish."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError
from tenacity import AsyncRetrying, retry_if_exception, wait_exponential

from appealbridge.clock import Clock
from appealbridge.engine.approvals.questions import Questions
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.edits import PostEdits
from appealbridge.engine.delivery.gate import GO, Verdict, day_start, gate
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.messages import message_of
from appealbridge.engine.delivery.outcome import (
    DETAIL_LIMIT,
    Tried,
    settle_search,
    settle_send,
    settle_unknown,
)
from appealbridge.engine.delivery.retry_policies import Policies
from appealbridge.engine.delivery.sanitize import sanitized_receipt, sanitized_search
from appealbridge.engine.holds.stops import Stops
from appealbridge.engine.images.outcome import UploadAttempt
from appealbridge.engine.images.uploads import Uploads
from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.engine.time_limit import GaveUp, Over
from appealbridge.engine.withdrawals.attempt import Removals
from appealbridge.model.amendment import Change
from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import OPEN, Delivery, Hold, Kind, State
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
from appealbridge.plugin.channel import Render, SearchResult
from appealbridge.plugin.options import Options
from appealbridge.store.base import Store
from appealbridge.store.records import Settlement

T = TypeVar("T")
Ended = Receipt | DeliveryError | Verdict | UploadAttempt
"""How an attempt ended: published, not published, not allowed, or one image of it uploaded."""

_FOUND = 1000
"""How many found posts are remembered with their deliveries, until the store knows them."""

_AN_HOUR = 3600.0

_NAMED_WITHIN = 5.0
"""
For how many seconds the receipt of a published post waits for the name of its account.

Without it nobody can say later that the post is gone.
"""

_UNREADABLE = 300.0
"""For how many seconds a refused search is repeated, on an account that publishes, before a person is asked."""


class Attempts:
    """Makes attempts and searches, and stores how they ended."""

    def __init__(
        self,
        context: EngineContext,
        outcomes: OutcomeListener,
        stops: Stops,
        questions: Questions,
        render: Render,
    ) -> None:
        self._stops = stops
        self._questions = questions
        self._store = context.store
        self._clock = context.clock
        self._rng = context.rng
        self._report = context.report
        self._clean = context.clean
        self._outcomes = outcomes
        self._policies = Policies(context)
        self._within = context.time_limits.within
        self._until_answered = context.until_answered
        self._removals = Removals(context, self._failure)
        self.uploads = Uploads(context, self._policies, self._failure, render, stops)
        self._edits = PostEdits(context, self._failure, self.uploads, stops)
        self._under_way: dict[str, Over] = {}
        self._called_off: dict[str, asyncio.Event] = {}
        # When the last attempt of each unclear delivery ended. Those of an earlier process ended before `_begun_at`.
        self._ended_at: dict[str, float] = {}
        self._begun_at = context.clock.monotonic()
        self._found: dict[tuple[str, str], str] = {}

    async def send(self, lane: Lane, delivery: Delivery) -> None:
        """Make an attempt that is stored as begun."""
        self._under_way[delivery.id] = asyncio.get_running_loop().create_future()
        try:
            if delivery.kind is Kind.WITHDRAW:
                await self._settle(lane, delivery, *await self._removals.remove(lane, delivery))
            else:
                await self._send(lane, delivery)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a delivery without a next step
            await self._broke(lane, delivery, State.SENDING, State.UNKNOWN, error)
        finally:
            if delivery.kind is Kind.WITHDRAW:
                lane.removed()
            del self._under_way[delivery.id]
            if ended := self._called_off.pop(delivery.id, None):
                ended.set()

    async def call_off(self, delivery_id: str) -> None:
        """End an attempt, and wait until it is stored that its outcome is unclear."""
        over = self._under_way.get(delivery_id)
        if over is not None:
            if not over.done():
                over.set_result("it was called off")
            await self._called_off.setdefault(delivery_id, asyncio.Event()).wait()

    async def search(self, lane: Lane, delivery: Delivery) -> None:
        """Find out whether a delivery with an unclear outcome is published, by a search on the account if possible."""
        try:
            if delivery.kind is Kind.WITHDRAW:
                await self._settle(lane, delivery, *await self._removals.look(lane, delivery))
            else:
                await self._search(lane, delivery)
        except Exception as error:  # noqa: BLE001 - likewise
            await self._broke(lane, delivery, State.UNKNOWN, State.HELD, error)
        finally:
            lane.searching.discard(delivery.id)
            lane.wake.set()  # more searches may be due than may be made at once

    async def _send(self, lane: Lane, delivery: Delivery) -> None:
        begun_at = self._clock.now()
        try:
            verdict = await self._gate(lane, delivery, begun_at)
            result: Ended = verdict
            if verdict is GO:
                result = await (
                    self._edits.edit(lane, delivery, self._under_way[delivery.id])
                    if delivery.is_edit
                    else self._deliver(lane, delivery)
                )
        finally:
            lane.leave()
        now = self._clock.now()
        if isinstance(result, UploadAttempt):
            lane.pace.give_back()
            settlement = await self.uploads.settlement(lane, delivery, result, begun_at, now)
        elif isinstance(result, Verdict):
            settlement = _stopped(delivery, State.SENDING, result, now)
        else:
            settlement = await self._settlement(lane, delivery, result, begun_at, now)
        if settlement.target is State.UNKNOWN:
            self._ended_at[delivery.id] = self._clock.monotonic()
        await self._settle(lane, delivery, settlement, now - begun_at)

    async def _gate(
        self, lane: Lane, delivery: Delivery, begun_at: float
    ) -> Verdict | DeliveryError:
        """Return whether the attempt may be made, or an error if that cannot be said now."""
        cap, sent = None if delivery.is_edit else lane.account.daily_cap, 0
        if cap is not None:
            try:
                sent = await self._store.sent_today(lane.name, day_start(begun_at, lane.zone))
            except StoreError as error:
                return TryAgain(f"today's posts could not be counted: {error}")
            sent -= 1  # the store counts this delivery too, because its attempt has begun
        try:
            quiet = await self._stops.quiet(lane, delivery)
        except StoreError as error:
            return TryAgain(f"its recipe could not be looked up: {error}")
        verdict: Verdict | DeliveryError = gate(
            delivery, begun_at, cap=cap, sent_today=sent, quiet=quiet
        )
        if verdict is GO and delivery.question:
            verdict = await self._questions.gate(lane, delivery)
        return await self._stops.gate(lane, delivery) if verdict is GO and lane.eased else verdict

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

    async def _search(self, lane: Lane, delivery: Delivery) -> None:
        begun_at = self._clock.now()
        waited = self._clock.monotonic() - self._ended_at.get(delivery.id, self._begun_at)
        settlement = None
        if not delivery.is_edit:
            settlement = settle_unknown(delivery, lane.channel, lane.account, begun_at)
        if settlement is None:
            find = self._edits.find if delivery.is_edit else self._find
            result = await find(lane, delivery)
            if isinstance(result, Verdict):
                settlement = _stopped(delivery, State.UNKNOWN, result, self._clock.now())
                await self._settle(lane, delivery, settlement, self._clock.now() - begun_at)
                return
            lane.on_search(result, self._clock.now())
            if (
                isinstance(result, SearchResult)
                and result.receipt is not None
                and not delivery.is_edit
            ):
                receipt = await _by(result.receipt, lane, self._clock)
                result = replace(result, receipt=receipt)
                result = await self._own_post(lane, delivery, result, receipt)
            before: Sequence[Attempt] = ()
            if not isinstance(result, SearchResult) or result.receipt is None:
                # Without them nobody knows whether it may be sent again.
                before = await self._until_answered(lambda: self._store.attempts(delivery.id))
            settlement = settle_search(
                delivery,
                result,
                lane.account,
                lane.policy,
                before,
                waited=waited,
                begun_at=begun_at,
                now=self._clock.now(),
                rng=self._rng,
            )
        if settlement.target is not State.UNKNOWN:
            self._ended_at.pop(delivery.id, None)
        await self._settle(lane, delivery, settlement, self._clock.now() - begun_at)

    async def _own_post(
        self, lane: Lane, delivery: Delivery, result: SearchResult, receipt: Receipt
    ) -> SearchResult:
        """Return the result of a search, unless it is the post of another delivery with the same text."""
        taken = self._found.setdefault((lane.name, receipt.id), delivery.id) != delivery.id
        if len(self._found) > _FOUND:
            self._found.pop(next(iter(self._found)))
        if not taken:
            addresses = {receipt.url or receipt.id, receipt.id}
            since = (delivery.first_begun_at or delivery.planned_at) - _AN_HOUR
            taken = bool(
                await self._until_answered(lambda: self._store.published(addresses, since))
            )
        if not taken:
            return result
        seen = f"{result.seen}; that is the post of another delivery with the same text"
        return SearchResult(None, sure=False, seen=seen)

    async def _broke(
        self, lane: Lane, delivery: Delivery, source: State, target: State, error: Exception
    ) -> None:
        try:
            await self._end_broken(lane, delivery, source, target, error)
        except Exception as worse:  # noqa: BLE001 - nothing else must stop; it is stored as begun, and the next start deals with it
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
            due_at=now + lane.policy.search_after,
            hold=_held(delivery) if target is State.HELD else delivery.hold,
            reason=str(failure),
        )
        await self._settle(lane, delivery, settlement, 0.0)

    async def _deliver(self, lane: Lane, delivery: Delivery) -> Ended:
        try:
            message = await message_of(lane.channel, delivery.content)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            return Rejected(
                f"{lane.name} no longer accepts what was planned for it ({where}); was its platform changed?"
            )
        reply = await _as_reply(self._store, lane, delivery, message)
        if isinstance(reply, DeliveryError):
            return reply
        message = reply
        # Directly before the request: nothing may pass a stop.
        if (stopped := self._stops.forbids(delivery)) is not None:
            return stopped
        try:
            over = self._under_way[delivery.id]
            ended = await self.uploads.publish(lane, delivery, message, over)
            if isinstance(ended, Verdict | UploadAttempt):
                return ended
            result: Receipt | DeliveryError = await _by(sanitized_receipt(ended), lane, self._clock)
        except GaveUp as error:
            result = Unsure(f"the attempt was ended: {error}; it may be published")
        except Exception as error:  # noqa: BLE001 - a bug after the send must not send twice: anything else is Unsure
            result = self._failure(error)
        if lane.fault is not None:
            self._report.broke(f"{lane.name}: allowance", lane.fault)
            lane.fault = None
        # Before the place in the lane is free, so that the next attempt takes it into account.
        return lane.on_result(result, self._clock.now(), delivery.id)

    async def _find(self, lane: Lane, delivery: Delivery) -> SearchResult | DeliveryError:
        try:
            message = await message_of(lane.channel, delivery.content)
            reply = await _as_reply(self._store, lane, delivery, message)
            sent = message if isinstance(reply, DeliveryError) else reply
            finding = lane.channel.find(lane.account, sent, delivery, self.uploads.tools(lane))
            result = await self._within(lane.channel.time_limit, finding)
            return sanitized_search(result, self._clean, DETAIL_LIMIT)
        except GaveUp as error:
            return TryAgain(f"the search was ended: {error}")
        except AccountRefused as error:
            failure = self._failure(error)
            # An account that may publish but never read cannot be searched; one that may do neither, later.
            unclear_for = self._clock.now() - (delivery.first_begun_at or delivery.planned_at)
            never = lane.health.works and unclear_for > _UNREADABLE
            return Rejected(str(failure)) if never else failure
        except Exception as error:  # noqa: BLE001 - a search that breaks has found nothing
            return self._failure(error)

    def _failure(self, error: Exception) -> DeliveryError:
        if isinstance(error, DeliveryError):
            error.args = (self._clean(_text(str(error)))[:DETAIL_LIMIT],)
            return error
        # A bug in a plug-in: its traceback is the only trace, and the post may be published.
        trail = self._clean(_text("".join(traceback.format_exception(error))))
        return Unsure(
            f"the plug-in failed; it may have published before that\n{trail[-DETAIL_LIMIT:]}"
        )

    async def _settle(
        self, lane: Lane, delivery: Delivery, settlement: Settlement, seconds: float
    ) -> None:
        """Store the outcome, however long the store takes: it is the only proof of what happened outside."""
        try:
            await self._store.settle(settlement)
        except IllegalMove as error:
            self._report.overtaken(delivery, settlement, error)
            lane.ended(again=True)
            return
        except (NotFound, Unkeepable):
            raise  # trying again would not help
        except StoreError as error:
            await self._settle_late(settlement, error)
        # The post that another one has replaced is now to be removed.
        follows = delivery.change == Change.REPLACE and settlement.target is State.DELIVERED
        lane.ended(again=follows or settlement.target in (State.READY, State.UNKNOWN))
        try:
            self._outcomes.on_result(Result(delivery, settlement, seconds))
        except Exception as error:  # noqa: BLE001 - the outcome is stored, so this is no fault of the attempt
            self._report.broke("attempt", error)

    async def _settle_late(self, settlement: Settlement, error: StoreError) -> None:
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


def _stopped(delivery: Delivery, source: State, verdict: Verdict, now: float) -> Settlement:
    return Settlement(
        delivery_id=delivery.id,
        source=source,
        target=verdict.state,
        at=now,
        due_at=verdict.due_at,
        hold=verdict.hold,
        reason=verdict.reason,
    )


async def _as_reply(
    store: Store, lane: Lane, delivery: Delivery, message: Options
) -> Options | DeliveryError:
    """Return the message as it is sent: with the id of the post that it replies to, or why there is none."""
    if not delivery.follows:
        return message
    before = await _before(store, lane, delivery)
    if not isinstance(before, Receipt):
        return before
    return message.model_copy(update={"in_reply_to": before.id})


async def _before(store: Store, lane: Lane, delivery: Delivery) -> Receipt | DeliveryError:
    """Return the receipt of the post that this one replies to, or why it cannot."""
    try:
        before = await store.delivery(delivery.follows)
    except NotFound:
        return Rejected("the post before it in the thread is no longer known")
    except StoreError as error:
        return TryAgain(f"the post before it could not be looked up: {error}")
    receipt = before.receipt
    if receipt is not None and not receipt.id:
        receipt = lane.channel.known_receipt(lane.account, before)
        if receipt is None:
            return Rejected(
                f"the post before it, no. {before.number}, was confirmed without its address, so nothing can reply to "
                "it; publish this by hand"
            )
    if receipt is not None:
        return receipt
    state = f"the post before it, no. {before.number}, is {before.state.value}"
    return TryAgain(state) if before.state in OPEN else Rejected(state)


async def _by(receipt: Receipt, lane: Lane, clock: Clock) -> Receipt:
    """Return a receipt that names the account, if that is known within a few seconds."""
    if receipt.account:
        return receipt
    if not lane.identified.is_set():
        await clock.wait(lane.identified, _NAMED_WITHIN)
    return replace(receipt, account=lane.identity) if lane.identity else receipt


def _held(delivery: Delivery) -> Hold:
    return Hold.CANNOT_REMOVE if delivery.kind is Kind.WITHDRAW else Hold.UNKNOWN


def _text(reply: str) -> str:
    # A platform's reply may contain bytes that are not text, which the store would refuse.
    return reply.encode(errors="replace").decode()


def _passes(error: BaseException) -> bool:
    permanent = IllegalMove | NotFound | Unkeepable
    return isinstance(error, StoreError) and not isinstance(error, permanent)
