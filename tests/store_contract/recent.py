"""What every store guarantees to the guards: recent events and texts, and a hold on what waits."""

from __future__ import annotations

from typing import Any

import pytest

from appealbridge.model.delivery import OPEN, State
from appealbridge.model.receipt import Receipt
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, HoldFilter, RecentPace, Text
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    RECIPE,
    SOURCE,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    begun,
    ended,
    ids,
)

URL = "https://mastodon.example/@force/110000000000000001"
DAY = 86_400.0


class StoreRecentContract:
    """Keys, texts, times and addresses of what went before; what waits untouched."""

    async def test_keys_that_a_source_has_told_are_known(self, store: Store) -> None:
        """And those of another source are its own."""
        await store.accept([an_arrival(1), an_arrival(2)])
        known = await store.known(SOURCE, ["msg_1", "msg_3"])
        assert [(key, item.event_id) for key, item in known.items()] == [("msg_1", an_event(1).id)]
        assert await store.known("feed:news", ["msg_1"]) == {}

    async def test_of_a_known_key_is_told_when_and_after_what_it_came(self, store: Store) -> None:
        """Two events may come at the same moment; their numbers tell which was the first."""
        await store.accept([an_arrival(1), an_arrival(2)])
        known = await store.known(SOURCE, ["msg_2", "msg_1"])
        assert {each.received_at for each in known.values()} == {NOW}
        assert 0 < known["msg_1"].number < known["msg_2"].number

    async def test_a_key_that_was_freed_is_the_next_events(self, store: Store) -> None:
        """The first event stays, and what came under the key in the meantime is not touched."""
        first, second = an_arrival(1), an_event(2, key="msg_1", received_at=NOW + 9)
        await store.accept([first])
        known = await store.known(SOURCE, ["msg_1"])
        await store.free_keys(SOURCE, known)
        assert await store.known(SOURCE, ["msg_1"]) == {}
        assert [each.repeat for each in await store.accept([Arrival(second)])] == [False]
        await store.free_keys(SOURCE, known)
        assert (await store.known(SOURCE, ["msg_1"]))["msg_1"].event_id == second.id
        assert {event.id for event in await store.events()} == {first.event.id, second.id}

    async def test_what_went_out_about_the_same_after_a_delivery_follows_it(
        self, store: Store
    ) -> None:
        """Another text, on the same channel, about the same subject, and later."""
        texts = [("INC-1", "aa"), ("INC-1", "bb"), ("INC-2", "cc"), ("", "dd"), ("", "ee")]
        sent = []
        for n, (subject, text) in enumerate(texts):
            event = an_event(n, subject=subject)
            delivery = a_delivery(event, content_hash=text * 32)
            arrival = Arrival(event, [a_run(event)], [delivery])
            await store.settle(ended(await begun(store, arrival), State.DELIVERED, at=NOW + n))
            sent.append(await store.delivery(delivery.id))
        requested = [(sent[0], "INC-1"), (sent[1], "INC-1"), (sent[0], "INC-3"), (sent[3], "")]
        assert [await store.followed(*each) for each in requested] == [True, False, False, False]

    async def test_a_cause_is_kept_with_its_event(self, store: Store) -> None:
        """Beside events that have none."""
        caused = an_event(1, cause=("blog", "news-toots"))
        await store.accept([Arrival(an_event(2)), Arrival(caused), Arrival(an_event(3))])
        assert await store.event(caused.id) == caused
        assert (await store.event(an_event(3).id)).cause == ()

    # -- texts ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("state", list(State), ids=str)
    async def test_the_text_of_what_may_still_go_out_is_told(
        self, store: Store, state: State
    ) -> None:
        """However old it is; what has ended is told only where it was published since."""
        await store.accept([an_arrival(1, state=state, content_hash="ab" * 32)])
        texts = [Text("", CHANNEL, "ab" * 32, SOURCE)] if state in OPEN else []
        assert [
            Text("", each.channel, each.content_hash, each.origin)
            for each in _once(await store.texts(NOW + 1, 9))
        ] == texts

    async def test_the_text_of_what_was_published_since_is_told(self, store: Store) -> None:
        """The oldest first, so that the newest stays where two are the same."""
        deliveries = [await begun(store, an_arrival(number)) for number in (1, 2, 3)]
        for count, delivery in enumerate(deliveries):
            await store.settle(ended(delivery, State.DELIVERED, at=NOW + count))
        result = await store.texts(NOW + 1, 9)
        assert [each.delivery_id for each in result] == ids(deliveries[1:])

    async def test_no_more_texts_are_told_than_asked_for(self, store: Store) -> None:
        """The newest of those that were published."""
        for number in range(4):
            delivery = await begun(store, an_arrival(number))
            await store.settle(ended(delivery, State.DELIVERED, at=NOW + number))
        assert [each.delivery_id for each in await store.texts(NOW, 2)] == [
            an_arrival(number).deliveries[0].id for number in (2, 3)
        ]

    # -- times ----------------------------------------------------------------------------------

    async def test_the_times_of_events_and_deliveries_are_told(self, store: Store) -> None:
        """By source and by recipe, those since a time, the oldest first."""
        for number in range(3):
            event = an_event(number, received_at=NOW + number)
            await store.accept([Arrival(event, [a_run(event)], [a_delivery(event)])])
        since = NOW + 1
        assert await store.pace(since, 9) == RecentPace(
            [(SOURCE, NOW + 1), (SOURCE, NOW + 2)], [(RECIPE, NOW + 1), (RECIPE, NOW + 2)]
        )
        assert await store.pace(since, 1) == RecentPace([(SOURCE, NOW + 2)], [(RECIPE, NOW + 2)])

    # -- addresses ------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "receipt", [Receipt("1", URL), Receipt(URL)], ids=["by its url", "by its id"]
    )
    async def test_who_published_at_an_address_is_told(
        self, store: Store, receipt: Receipt
    ) -> None:
        """With those whose posts had led to it."""
        event = an_event(1, cause=("blog",))
        delivery = await begun(store, Arrival(event, [a_run(event)], [a_delivery(event)]))
        await store.settle(ended(delivery, State.DELIVERED, receipt=receipt))
        requested = [URL, "https://www.example.police.uk/"]
        assert await store.published(requested, NOW) == {URL: {RECIPE, "blog"}}

    async def test_what_was_published_long_ago_or_not_at_all_is_nobodys(self, store: Store) -> None:
        """An address alone proves nothing for ever."""
        delivery = await begun(store, an_arrival(1))
        assert await store.published([URL], NOW) == {}
        await store.settle(ended(delivery, State.DELIVERED, receipt=Receipt("1", URL)))
        assert await store.published([URL], NOW + 2) == {}

    # -- what waits -----------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "which",
        [HoldFilter(since=NOW, source=SOURCE), HoldFilter(since=NOW, recipe=RECIPE)],
        ids=["of a source", "of a recipe"],
    )
    async def test_what_waits_untouched_is_held(self, store: Store, which: HoldFilter) -> None:
        """The oldest first, with the reason, and no longer claimed."""
        await store.accept([an_arrival(number) for number in (1, 2)])
        held = await store.hold_untouched(which, hold="burst", reason="too many")
        assert ids(held) == [an_arrival(number).deliveries[0].id for number in (1, 2)]
        assert {(each.state, each.hold, each.reason) for each in held} == {
            (State.HELD, "burst", "too many")
        }
        assert held[0] == await store.delivery("1")
        assert await store.claim(CHANNEL, NOW, 9) == []

    @pytest.mark.parametrize(
        "other",
        [{"due_at": NOW + 60}, {"attempts": 1}]
        + [{"state": state} for state in State if state not in (State.PLANNED, State.READY)],
        ids=str,
    )
    async def test_what_was_touched_is_left_as_it_is(
        self, store: Store, other: dict[str, Any]
    ) -> None:
        """Attempted, let out by a person, held for another reason, or over."""
        await store.accept([an_arrival(1, **other)])
        before = await store.delivery("1")
        for which in (HoldFilter(since=NOW, source=SOURCE), HoldFilter(since=NOW, recipe=RECIPE)):
            assert await store.hold_untouched(which, hold="burst", reason="") == []
        assert await store.delivery("1") == before

    async def test_what_others_caused_or_came_before_is_left_as_it_is(self, store: Store) -> None:
        """A flood is of one source or one recipe, and of a time."""
        await store.accept([an_arrival(1)])
        for which in (
            HoldFilter(since=NOW, source="webhook:other"),
            HoldFilter(since=NOW, recipe="other"),
            HoldFilter(since=NOW + 1, source=SOURCE),
            HoldFilter(since=NOW + 1, recipe=RECIPE),
        ):
            assert await store.hold_untouched(which, hold="burst", reason="") == []
        assert (await store.delivery("1")).state is State.READY


def _once(texts: Any) -> list[Text]:
    """Return texts without those told twice: what is under way is open and counts as sent."""
    return [*dict.fromkeys(texts)]
