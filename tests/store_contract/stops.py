"""What every store guarantees about stops: what waited meanwhile goes out a few at a time, or is held."""

from __future__ import annotations

import pytest

from appealbridge.model.audit import Act
from appealbridge.model.delivery import Hold, State
from appealbridge.model.errors import IllegalMove
from appealbridge.model.notice import NOTICE
from appealbridge.store.base import Store
from appealbridge.store.records import DeliveryFilter
from tests.store_contract.audit import a_decision, verified
from tests.store_contract.case import CHANNEL, NOW, an_arrival, begun, ended


class StoreStopsContract:
    """The stop of everything."""

    async def test_a_stop_is_kept_with_who_stopped_and_why(self, store: Store) -> None:
        """A second one adds only to the trail, so that nobody has to lift two."""
        assert await store.stops() == []
        first = await store.stop(a_decision(Act.STOP, "wrong picture"))
        assert (first.number, first.by, first.how, first.reason, first.in_force) == (
            1,
            "alice",
            "control socket",
            "wrong picture",
            True,
        )
        assert await store.stop(a_decision(Act.STOP, "again")) == first
        assert await store.stops(9) == [first]
        assert [(each.act, each.object) for each in await store.audit()] == [("stop", "stop 1")] * 2

    async def test_nothing_is_lifted_that_is_not_in_force_or_was_not_seen(
        self, store: Store
    ) -> None:
        """Whoever lifts has seen what goes out."""
        nothing = await store.would_start(NOW)
        assert nothing.stop is None
        with pytest.raises(IllegalMove):
            await store.start(a_decision(Act.START), nothing.seen)
        await store.stop(a_decision(Act.STOP))
        would = await store.would_start(NOW + 5)
        await store.accept([an_arrival(1)])
        with pytest.raises(IllegalMove):
            await store.start(a_decision(Act.START), would.seen)
        assert (await store.stops())[0].in_force

    async def test_the_oldest_few_of_each_channel_stay_ready_and_the_others_are_held(
        self, store: Store
    ) -> None:
        """Notices are not counted, and nothing is dropped."""
        await store.stop(a_decision(Act.STOP))
        waiting = [an_arrival(number) for number in range(1, 9)]
        other = an_arrival(20, channel="force_mastodon")
        notice = an_arrival(21, recipe=NOTICE)
        await store.accept([notice, *waiting, other])
        would = await store.would_start(NOW + 5)
        assert [(each.channel, len(each.goes), each.held) for each in would.channels] == [
            ("force_mastodon", 1, 0),
            (CHANNEL, 5, 3),
        ]
        started = await store.start(a_decision(Act.START, ""), would.seen)
        assert started.stop is not None
        assert (started.stop.lifted_by, started.stop.lifted_at) == ("alice", NOW + 5)
        assert await store.stops() == [started.stop]
        held = await store.deliveries(DeliveryFilter(states={State.HELD}))
        assert {each.hold for each in held} == {Hold.STOP}
        assert sorted(each.id for each in held) == sorted(
            each.deliveries[0].id for each in waiting[5:]
        )
        claimed = await store.claim(CHANNEL, NOW + 6, 99)
        assert {each.id for each in claimed} == {
            each.deliveries[0].id for each in (notice, *waiting[:5])
        }
        assert (await verified(store)).problems == []

    async def test_while_it_is_stopped_only_notices_are_claimed(self, store: Store) -> None:
        """People are told even then."""
        notice = an_arrival(2, recipe=NOTICE)
        await store.accept([an_arrival(1), notice])
        claimed = await store.claim(CHANNEL, NOW, 9, notices_only=True)
        assert [each.id for each in claimed] == [notice.deliveries[0].id]
        assert len(await store.claim(CHANNEL, NOW, 9)) == 1

    async def test_posts_since_a_time_are_counted_with_those_under_way_and_without_notices(
        self, store: Store
    ) -> None:
        """So that a crash in between lets no more out."""
        before = await begun(store, an_arrival(1))
        await store.settle(ended(before, State.DELIVERED, at=NOW + 1))
        for number in (2, 3, 4):
            delivery = await begun(store, an_arrival(number))
            if number == 2:
                await store.settle(ended(delivery, State.DELIVERED, at=NOW + 9))
            if number == 3:
                await store.settle(ended(delivery, State.UNKNOWN, at=NOW + 9, due_at=NOW + 99))
        notice = await begun(store, an_arrival(5, recipe=NOTICE))
        await store.settle(ended(notice, State.DELIVERED, at=NOW + 9))
        assert await store.sent_since(CHANNEL, NOW + 5) == 2
        assert await store.sent_since(CHANNEL, NOW) == 4
        assert await store.sent_since("force_mastodon", NOW) == 0

    async def test_what_waits_and_will_expire_is_found_the_soonest_first(
        self, store: Store
    ) -> None:
        """So that people can be told at once."""
        late = an_arrival(1, publish_by=NOW + 50)
        soon = an_arrival(2, publish_by=NOW + 20, state=State.HELD, hold=Hold.APPROVAL)
        await store.accept([late, soon, an_arrival(3), an_arrival(4, publish_by=NOW + 500)])
        match = await store.waiting_with_end(NOW + 100, 9)
        assert [each.id for each in match] == [soon.deliveries[0].id, late.deliveries[0].id]
