"""What every store guarantees to a lane: deliveries that are due, once each and in order, and how attempts end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import MOVES, Hold, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Arrival,
    QueueStatus,
    Settlement,
)
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    RECEIPT,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    begun,
    ended,
    ids,
)

NOTHING = QueueStatus(next_due=None, blocked=False, looks=False)


class StoreDeliveryContract:
    """Claims, turns, outcomes, and when to ask again."""

    async def test_a_claim_begins_the_attempt(self, store: Store) -> None:
        """Stored as begun before it is made."""
        arrival = an_arrival(1)
        await store.accept([arrival])
        (claimed,) = await store.claim(CHANNEL, NOW + 5, 10)
        assert claimed.state is State.SENDING
        assert (claimed.attempts, claimed.begun_at, claimed.first_begun_at) == (1, NOW + 5, NOW + 5)
        assert await store.delivery(claimed.id) == claimed

    async def test_none_is_claimed_twice(self, store: Store) -> None:
        """However many ask at once."""
        await store.accept([an_arrival(number) for number in range(40)])
        claims = await asyncio.gather(*(store.claim(CHANNEL, NOW, 7) for _ in range(8)))
        claimed = [delivery.id for claim in claims for delivery in claim]
        assert len(claimed) == len(set(claimed)) == 40

    async def test_the_longest_due_are_claimed_first(self, store: Store) -> None:
        """And the older ones of those that are due at once."""
        dues = {1: NOW - 5, 2: NOW - 9, 3: NOW - 5, 4: NOW - 1}
        arrivals = {number: an_arrival(number, due_at=due) for number, due in dues.items()}
        await store.accept(list(arrivals.values()))
        claimed = await store.claim(CHANNEL, NOW, 3)
        assert ids(claimed) == [arrivals[number].deliveries[0].id for number in (2, 1, 3)]

    @pytest.mark.parametrize(
        "unfit",
        [
            {"due_at": NOW + 1},
            {"channel": "force_facebook"},
            {"publish_by": NOW},
            {"state": State.HELD},
            {"state": State.PLANNED},
            {"state": State.SENDING},
            {"state": State.EXPIRED},
        ],
        ids=str,
    )
    async def test_what_may_not_go_is_not_claimed(
        self, store: Store, unfit: dict[str, Any]
    ) -> None:
        """Not due, of another lane, too late, waiting for a person, under way, or over."""
        await store.accept([an_arrival(1, **unfit)])
        assert await store.claim(CHANNEL, NOW, 10) == []

    async def test_a_later_delivery_of_a_subject_waits_for_its_turn(self, store: Store) -> None:
        """Through the attempt, and through a retry of the first one."""
        first, second = (an_arrival(number, subject="A38") for number in (1, 2))
        await store.accept([first, second])
        assert ids(await store.claim(CHANNEL, NOW, 10)) == ids(first.deliveries)
        await store.settle(ended(first.deliveries[0], State.READY, due_at=NOW + 60))
        assert await store.claim(CHANNEL, NOW + 59, 10) == []
        assert ids(await store.claim(CHANNEL, NOW + 60, 10)) == ids(first.deliveries)
        await store.settle(ended(first.deliveries[0], State.DELIVERED))
        assert ids(await store.claim(CHANNEL, NOW + 60, 10)) == ids(second.deliveries)

    @pytest.mark.parametrize("state", [State.UNKNOWN, State.READY, State.SENDING])
    async def test_what_goes_on_by_itself_keeps_its_turn(self, store: Store, state: State) -> None:
        """What will be published without anybody must not be overtaken."""
        await store.accept([an_arrival(1, subject="A38", state=state, due_at=NOW + 60)])
        await store.accept([an_arrival(2, subject="A38")])
        assert await store.claim(CHANNEL, NOW, 10) == []

    @pytest.mark.parametrize("hold", Hold)
    async def test_what_is_held_keeps_nothing_back(self, store: Store, hold: Hold) -> None:
        """It waits for a person, perhaps for ever."""
        await store.accept([an_arrival(1, subject="A38", state=State.HELD, hold=hold)])
        await store.accept([an_arrival(2, subject="A38")])
        assert [each.number for each in await store.claim(CHANNEL, NOW, 10)] == [2]

    @pytest.mark.parametrize("source", [State.SENDING, State.UNKNOWN])
    async def test_what_comes_to_be_held_gives_its_turn_on(
        self, store: Store, source: State
    ) -> None:
        """Past a daily cap, or where nobody can tell whether it is published."""
        first, second = (an_arrival(number, subject="A38") for number in (1, 2))
        await store.accept([first, second])
        (claimed,) = await store.claim(CHANNEL, NOW, 10)
        if source is State.UNKNOWN:
            await store.settle(ended(claimed, State.UNKNOWN))
        await store.settle(ended(claimed, State.HELD, source=source, hold="unknown"))
        assert ids(await store.claim(CHANNEL, NOW, 10)) == ids(second.deliveries)

    async def test_turns_are_of_one_channel_one_subject_and_one_source(self, store: Store) -> None:
        """Elsewhere nobody waits: whatever a stranger calls A38."""
        await store.accept([an_arrival(1, subject="A38", due_at=NOW + 60)])
        await store.accept([an_arrival(2, subject="M6")])
        await store.accept([an_arrival(3, subject="A38", channel="force_facebook")])
        event = an_event(4, subject="A38", source="webhook:stranger")
        await store.accept([Arrival(event, [a_run(event)], [a_delivery(event)])])
        assert [each.number for each in await store.claim(CHANNEL, NOW, 10)] == [2, 4]
        assert len(await store.claim("force_facebook", NOW, 10)) == 1

    async def test_what_is_planned_after_a_wait_waits_for_what_was_planned_before(
        self, store: Store
    ) -> None:
        """A recipe that posts an update after an hour, while its first post is tried again."""
        event = an_event(1, subject="A38")
        together = [a_delivery(event, "tweet", due_at=NOW + 60), a_delivery(event, "tweet_2")]
        await store.accept([Arrival(event, [a_run(event)], together)])
        later = a_delivery(event, "tweet_3", planned_at=NOW + 30)
        assert await store.advance(a_run(event), 0, [later])
        assert ids(await store.claim(CHANNEL, NOW + 30, 10)) == ids(together[1:])
        await store.settle(ended(together[1], State.DELIVERED))
        assert await store.claim(CHANNEL, NOW + 30, 10) == []
        assert ids(await store.claim(CHANNEL, NOW + 60, 10)) == ids(together[:1])
        await store.settle(ended(together[0], State.DELIVERED))
        assert ids(await store.claim(CHANNEL, NOW + 60, 10)) == ids([later])

    async def test_joined_sources_keep_one_order(self, store: Store) -> None:
        """Two doors of one incident system."""
        for number, source in ((1, "webhook:a"), (2, "webhook:b")):
            event = an_event(number, subject="A38", source=source, joined="webhook:a")
            await store.accept([Arrival(event, [a_run(event)], [a_delivery(event)])])
            assert await store.event(event.id) == event
        assert [each.number for each in await store.claim(CHANNEL, NOW, 10)] == [1]

    async def test_who_waits_for_a_turn_is_told_behind_whom(self, store: Store) -> None:
        """The one that goes first, since all the others wait for that."""
        arrivals = [an_arrival(number, subject="A38", due_at=NOW + 60) for number in (1, 2, 3)]
        arrivals.append(an_arrival(4, subject="A38", state=State.HELD))
        arrivals.append(an_arrival(5, subject="M6"))
        await store.accept(arrivals)
        requested = [arrival.deliveries[0].id for arrival in arrivals]
        assert await store.turns_behind(requested) == {requested[1]: 1, requested[2]: 1}
        assert await store.turns_behind(["nobody"]) == {}

    async def test_the_turn_passes_when_all_of_an_event_have_settled(self, store: Store) -> None:
        """A press list has many recipients; the update waits for the last of them."""
        event = an_event(1, subject="A38")
        mails = [a_delivery(event, "mail", part=f"{number}") for number in range(3)]
        await store.accept([Arrival(event, [a_run(event)], mails)])
        update = an_arrival(2, subject="A38")
        await store.accept([update])
        assert len(await store.claim(CHANNEL, NOW, 10)) == 3
        for mail in mails:
            assert await store.claim(CHANNEL, NOW, 10) == []
            await store.settle(ended(mail, State.DELIVERED))
        assert ids(await store.claim(CHANNEL, NOW, 10)) == ids(update.deliveries)

    async def test_turns_outlast_thousands_of_one_subject(self, store: Store) -> None:
        """One after the other, in order, and no slower for the length of the queue."""
        arrivals = [an_arrival(number, subject="A38") for number in range(2000)]
        await store.accept(arrivals)
        for arrival in arrivals[:50]:
            claimed = await store.claim(CHANNEL, NOW, 10)
            assert ids(claimed) == ids(arrival.deliveries)
            await store.settle(ended(claimed[0], State.DELIVERED))

    async def test_what_has_gone_out_since_about_the_same_is_told(self, store: Store) -> None:
        """Whoever releases what is held should know that it is no longer the newest."""
        held = an_arrival(1, subject="A38", state=State.HELD, hold="approval")
        await store.accept([held, an_arrival(2, subject="M6"), an_arrival(3, subject="A38")])
        delivery = await store.delivery("1")
        assert await store.overtaken_by(delivery) is None
        for claimed in await store.claim(CHANNEL, NOW, 9):
            await store.settle(ended(claimed, State.DELIVERED))
        await store.accept([an_arrival(4, subject="A38")])
        assert await store.overtaken_by(delivery) == 3

    async def test_what_was_begun_long_ago_and_has_not_ended_is_told(self, store: Store) -> None:
        """Somebody has to notice where it is in nobody's hands."""
        for number, target in ((1, None), (2, State.DELIVERED), (3, State.UNKNOWN)):
            delivery = await begun(store, an_arrival(number))
            if target:
                await store.settle(ended(delivery, target))
        await store.accept([an_arrival(4, state=State.SENDING, begun_at=NOW + 99)])
        assert [each.number for each in await store.begun_before(NOW + 1, 9)] == [1]
        assert [each.number for each in await store.begun_before(NOW + 99, 9)] == [1, 4]
        assert [each.number for each in await store.begun_before(NOW + 99, 1)] == [1]
        assert await store.begun_before(NOW - 1, 9) == []

    # -- how attempts end -----------------------------------------------------------------------

    async def test_a_delivered_one_keeps_its_receipt_and_its_attempt(self, store: Store) -> None:
        """The receipt is what makes a withdrawal possible."""
        delivery = await begun(store, an_arrival(1))
        settlement = ended(delivery, State.DELIVERED, at=NOW + 1)
        await store.settle(settlement)
        stored = await store.delivery(delivery.id)
        assert stored == replace(
            delivery, state=State.DELIVERED, begun_at=None, settled_at=NOW + 1, receipt=RECEIPT
        )
        assert await store.attempts(delivery.id) == [settlement.attempt]

    async def test_a_retry_keeps_what_was_and_counts_on(self, store: Store) -> None:
        """The waiting stands in the store."""
        delivery = await begun(store, an_arrival(1))
        again = ended(delivery, State.READY, due_at=NOW + 30, reason="503, says the platform")
        await store.settle(again)
        stored = await store.delivery(delivery.id)
        assert (stored.state, stored.due_at, stored.reason) == (State.READY, NOW + 30, again.reason)
        assert (stored.begun_at, stored.settled_at, stored.attempts) == (None, None, 1)
        (claimed,) = await store.claim(CHANNEL, NOW + 30, 1)
        assert (claimed.attempts, claimed.begun_at) == (2, NOW + 30)
        assert claimed.first_begun_at == delivery.first_begun_at

    async def test_a_hold_is_kept_and_a_due_time_unsaid_stays(self, store: Store) -> None:
        """Past the daily cap a delivery waits for a person."""
        delivery = await begun(store, an_arrival(1))
        await store.settle(ended(delivery, State.HELD, hold="daily_cap", reason="60 today"))
        stored = await store.delivery(delivery.id)
        assert (stored.state, stored.hold, stored.reason) == (State.HELD, "daily_cap", "60 today")
        assert stored.due_at == delivery.due_at

    async def test_looks_are_kept_beside_attempts_in_order(self, store: Store) -> None:
        """They tell the story of an unclear outcome."""
        delivery = await begun(store, an_arrival(1))
        sent = ended(delivery, State.UNKNOWN, due_at=NOW + 5)
        look = Attempt(delivery.id, 1, AttemptKind.FIND, NOW + 5, NOW + 6, Outcome.CANNOT_TELL, "?")
        await store.settle(sent)
        for target in (State.UNKNOWN, State.HELD):
            await store.settle(
                Settlement(
                    delivery_id=delivery.id,
                    source=State.UNKNOWN,
                    target=target,
                    at=NOW + 6,
                    attempt=look,
                )
            )
        assert await store.attempts(delivery.id) == [sent.attempt, look, look]

    @pytest.mark.parametrize("source", list(State), ids=str)
    async def test_a_move_that_the_table_lacks_is_refused(
        self, store: Store, source: State
    ) -> None:
        """Whatever the engine believes; and every other move is made."""
        for number, target in enumerate(State, start=1):
            await store.accept([an_arrival(number, state=source)])
            before = await store.delivery(str(number))
            settlement = ended(before, target, source=source, attempt=None)
            if target in MOVES[source]:
                await store.settle(settlement)
                assert (await store.delivery(before.id)).state is target
            else:
                with pytest.raises(IllegalMove):
                    await store.settle(settlement)
                assert await store.delivery(before.id) == before

    async def test_a_delivery_that_has_moved_meanwhile_is_left_as_it_is(self, store: Store) -> None:
        """And nothing is kept of the attempt that does not fit."""
        delivery = await begun(store, an_arrival(1))
        await store.settle(ended(delivery, State.FAILED))
        with pytest.raises(IllegalMove, match="failed"):
            await store.settle(ended(delivery, State.DELIVERED))
        assert (await store.delivery(delivery.id)).state is State.FAILED
        assert len(await store.attempts(delivery.id)) == 1

    async def test_of_two_outcomes_of_one_attempt_one_counts(self, store: Store) -> None:
        """Even when they are handed over at once, among others."""
        deliveries = [await begun(store, an_arrival(number)) for number in range(6)]
        twice = [*deliveries, deliveries[3]]
        results = await asyncio.gather(
            *(store.settle(ended(delivery, State.DELIVERED)) for delivery in twice),
            return_exceptions=True,
        )
        assert [isinstance(result, IllegalMove) for result in results] == [False] * 6 + [True]
        for delivery in deliveries:
            assert (await store.delivery(delivery.id)).state is State.DELIVERED
            assert len(await store.attempts(delivery.id)) == 1

    async def test_an_outcome_of_nothing_is_not_found(self, store: Store) -> None:
        """It names what it did not find."""
        with pytest.raises(NotFound, match=r"nobody\.knows\.it"):
            await store.settle(ended("nobody.knows.it", State.DELIVERED))

    # -- when to ask again ----------------------------------------------------------------------

    async def test_where_nothing_waits_there_is_nothing_to_come(self, store: Store) -> None:
        """A lane may sleep."""
        assert await store.queue_status(CHANNEL, NOW) == NOTHING

    async def test_the_next_due_time_is_one_to_come(self, store: Store) -> None:
        """What is due already is claimed, not waited for."""
        dues = [NOW + 90, NOW + 60, NOW - 1]
        await store.accept([an_arrival(n, due_at=due) for n, due in enumerate(dues)])
        await store.accept([an_arrival(9, due_at=NOW + 1, channel="force_facebook")])
        assert await store.queue_status(CHANNEL, NOW) == replace(NOTHING, next_due=NOW + 60)

    async def test_what_waits_for_its_turn_is_told(self, store: Store) -> None:
        """The lane then asks again when something has settled."""
        await store.accept([an_arrival(number, subject="A38") for number in (1, 2)])
        await store.claim(CHANNEL, NOW, 10)
        assert await store.queue_status(CHANNEL, NOW) == replace(NOTHING, blocked=True)

    async def test_a_turn_that_is_not_due_yet_is_a_due_time(self, store: Store) -> None:
        """Nobody wakes the lane for it otherwise."""
        await store.accept([an_arrival(1, subject="A38", state=State.SENDING)])
        await store.accept([an_arrival(2, subject="A38", due_at=NOW + 60)])
        assert await store.queue_status(CHANNEL, NOW) == replace(NOTHING, next_due=NOW + 60)

    async def test_looks_are_handed_out_when_due_and_stay_unknown(self, store: Store) -> None:
        """Looking does no harm, so nothing is begun by it."""
        delivery = await begun(store, an_arrival(1))
        await store.settle(ended(delivery, State.UNKNOWN, due_at=NOW + 5))
        assert await store.queue_status(CHANNEL, NOW) == replace(NOTHING, next_due=NOW + 5)
        assert await store.claim_unknown(CHANNEL, NOW, 10) == []
        assert await store.queue_status(CHANNEL, NOW + 5) == replace(NOTHING, looks=True)
        for _ in range(2):
            (look,) = await store.claim_unknown(CHANNEL, NOW + 5, 10)
            assert (look.id, look.state) == (delivery.id, State.UNKNOWN)
        assert await store.claim(CHANNEL, NOW + 5, 10) == []
