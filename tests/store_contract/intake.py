"""What every store guarantees for events: stored once, completely, in order, and with the state of their poll."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from appealbridge.model.delivery import State
from appealbridge.model.errors import NotFound, StoreError
from appealbridge.model.run import RunState
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Accepted,
    Arrival,
    DeliveryFilter,
    PlanningMark,
    PollState,
    RecipeVersion,
)
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    SOURCE,
    OpenStore,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    ids,
)

FEED = "feed:https://www.example.police.uk/appeals/rss"


class StoreIntakeContract:
    """Events with all they caused; sources; recipes. A subclass has the `open_store` fixture."""

    async def test_an_event_is_kept_as_it_came(self, store: Store) -> None:
        """Every attribute, text beyond ASCII and fractions of seconds included."""
        event = an_event(1, hold="burst")
        assert await store.accept([Arrival(event)]) == [Accepted(event.id, repeat=False)]
        assert await store.event(event.id) == event

    async def test_what_an_event_caused_is_kept_with_it(self, store: Store) -> None:
        """The run with its trace, the delivery with its content, byte for byte."""
        event = an_event(1)
        run = a_run(event, wake_at=NOW + 60, reason="waits")
        delivery = a_delivery(event, publish_by=NOW + 7200, state=State.HELD, hold="approval")
        await store.accept([Arrival(event, [run], [delivery])])
        assert await store.run(run.id) == run
        stored = await store.delivery(delivery.id)
        assert stored == replace(delivery, number=stored.number)
        assert stored.number > 0

    async def test_what_was_accepted_outlives_the_process(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """A 202 is answered on the strength of it."""
        arrival = an_arrival(1)
        await store.accept([arrival])
        await store.close()
        again = await open_store()
        try:
            assert await again.event(arrival.event.id) == arrival.event
            assert len(await again.deliveries(DeliveryFilter())) == 1
        finally:
            await again.close()

    async def test_a_repeat_is_the_first_event_and_stores_nothing(self, store: Store) -> None:
        """A sender that heard nothing sends again."""
        first = an_arrival(1)
        await store.accept([first])
        second = an_arrival(2)
        repeat = replace(second, event=replace(second.event, key=first.event.key))
        assert await store.accept([repeat]) == [Accepted(first.event.id, repeat=True)]
        assert await store.events() == [first.event]
        assert ids(await store.deliveries(DeliveryFilter())) == ids(first.deliveries)

    async def test_it_is_told_how_many_recipes_wanted_an_event(self, store: Store) -> None:
        """One that could not be planned did want it; one that was skipped did not."""
        states = [RunState.PLANNED, RunState.FAILED, RunState.OPEN, RunState.SKIPPED]
        event = an_event(1)
        runs = [a_run(event, f"recipe-{n}", state=state) for n, state in enumerate(states)]
        result = await store.accept([Arrival(event, runs), Arrival(an_event(2))])
        assert [each.recipes for each in result] == [3, 0]

    async def test_a_repeat_within_one_call_is_a_repeat(self, store: Store) -> None:
        """Two items of one feed may carry the same identity."""
        event, twin = an_event(1), an_event(2, key="msg_1")
        accepted = await store.accept([Arrival(event), Arrival(twin)])
        assert [each.repeat for each in accepted] == [False, True]
        assert {each.event_id for each in accepted} == {event.id}

    async def test_repeats_handed_over_at_once_are_stored_once(self, store: Store) -> None:
        """Two deliveries of one webhook may arrive in the same moment."""
        calls = [store.accept([Arrival(an_event(n, key="one"))]) for n in range(8)]
        accepted = [each for (each,) in await asyncio.gather(*calls)]
        assert sum(not each.repeat for each in accepted) == 1
        assert len({each.event_id for each in accepted}) == 1
        assert len(await store.events()) == 1

    async def test_one_key_of_two_sources_is_two_events(self, store: Store) -> None:
        """Keys are the senders' own."""
        other = an_event(2, key="msg_1", source="webhook:other")
        accepted = await store.accept([Arrival(an_event(1)), Arrival(other)])
        assert [each.repeat for each in accepted] == [False, False]

    async def test_order_of_arrival_is_the_order_of_numbers(self, store: Store) -> None:
        """Whatever the callers' number, and more than fit one statement."""
        arrivals = [an_arrival(number) for number in range(150)]
        await asyncio.gather(*(store.accept([arrival]) for arrival in arrivals))
        listed = await store.deliveries(DeliveryFilter(limit=1000))
        assert ids(listed) == [arrival.deliveries[0].id for arrival in reversed(arrivals)]
        assert [delivery.number for delivery in listed] == sorted(
            (delivery.number for delivery in listed), reverse=True
        )

    async def test_a_call_that_cannot_be_stored_stores_nothing_of_itself(
        self, store: Store
    ) -> None:
        """All or nothing: an event without what it caused would be lost work."""
        good, clash = an_arrival(1), an_arrival(2)
        clash = replace(clash, deliveries=[good.deliveries[0]])
        await store.accept([good])
        with pytest.raises(StoreError):
            await store.accept(
                [an_arrival(3), clash], PollState(FEED, NOW, NOW + 60, {}, {"a": "1"})
            )
        assert await store.events() == [good.event]
        assert await store.source(FEED) is None

    async def test_a_call_that_cannot_be_stored_spoils_no_other(self, store: Store) -> None:
        """They may share a commit, but not a fate."""
        clash = replace(an_arrival(1), deliveries=[an_arrival(0).deliveries[0]])
        arrivals = [an_arrival(0), clash, *(an_arrival(number) for number in range(2, 10))]
        results = await asyncio.gather(
            *(store.accept([arrival]) for arrival in arrivals), return_exceptions=True
        )
        assert [isinstance(result, StoreError) for result in results] == [
            number == 1 for number in range(10)
        ]
        assert len(await store.events()) == 9

    async def test_what_json_cannot_say_is_refused_to_its_caller(self, store: Store) -> None:
        """Better now than when somebody reads it."""
        with pytest.raises(StoreError):
            await store.accept([Arrival(an_event(1, data={"when": object()}))])
        assert await store.events() == []

    # -- begun at once --------------------------------------------------------------------------

    async def test_a_delivery_may_be_begun_with_its_event(self, store: Store) -> None:
        """It saves a commit; the caller owns the attempt."""
        arrival = an_arrival(1, state=State.SENDING)
        (accepted,) = await store.accept([arrival])
        stored = await store.delivery(arrival.deliveries[0].id)
        assert accepted.begun == {stored.id}
        assert (stored.state, stored.attempts) == (State.SENDING, 1)
        assert stored.begun_at == stored.first_begun_at == arrival.deliveries[0].begun_at
        assert await store.claim(CHANNEL, NOW, 10) == []

    async def test_a_delivery_that_has_to_wait_is_not_begun(self, store: Store) -> None:
        """An update never overtakes what it updates."""
        await store.accept([an_arrival(1, subject="A38", due_at=NOW + 60)])
        (accepted,) = await store.accept([an_arrival(2, subject="A38", state=State.SENDING)])
        stored = await store.delivery("2")
        assert accepted.begun == frozenset()
        assert (stored.state, stored.attempts, stored.begun_at) == (State.READY, 0, None)
        assert stored.first_begun_at is None

    async def test_of_one_subject_in_one_moment_only_the_first_is_begun(self, store: Store) -> None:
        """Whether they come by one call or by several."""
        calls = [
            [an_arrival(1, subject="A38", state=State.SENDING)],
            [an_arrival(n, subject="A38", state=State.SENDING) for n in (2, 3)],
        ]
        accepted = await asyncio.gather(*(store.accept(call) for call in calls))
        assert [len(each.begun) for call in accepted for each in call] == [1, 0, 0]

    async def test_deliveries_of_one_event_are_begun_side_by_side(self, store: Store) -> None:
        """A press list has many recipients and one subject."""
        event = an_event(1)
        mails = [a_delivery(event, "mail", part=f"{n}", state=State.SENDING) for n in range(5)]
        (accepted,) = await store.accept([Arrival(event, [a_run(event)], mails)])
        assert accepted.begun == {mail.id for mail in mails}

    async def test_without_a_subject_nothing_stands_before_another(self, store: Store) -> None:
        """What is about nothing in particular updates nothing."""
        events = [an_event(number, subject="") for number in (1, 2)]
        accepted = await store.accept(
            [
                Arrival(event, [a_run(event)], [a_delivery(event, state=State.SENDING)])
                for event in events
            ]
        )
        assert [len(each.begun) for each in accepted] == [1, 1]

    # -- sources --------------------------------------------------------------------------------

    async def test_an_unknown_source_is_none(self, store: Store) -> None:
        """Its first look publishes nothing, so this has to be told."""
        assert await store.source(FEED) is None

    async def test_a_look_leaves_its_memory_with_its_events(self, store: Store) -> None:
        """Cursor and items in the transaction of the events."""
        memory = PollState(FEED, NOW, NOW + 300, {"etag": '"abc"'}, {"a": "1", "b": "2"})
        await store.accept([an_arrival(1)], memory)
        record = await store.source(FEED)
        assert record is not None
        assert (record.cursor, record.looked_at) == ({"etag": '"abc"'}, NOW)
        assert (record.next_look_at, record.failures, record.note) == (NOW + 300, 0, "")
        assert await store.remembered(FEED, ["a", "b", "c"]) == {"a": "1", "b": "2"}
        assert await store.remembered(SOURCE, ["a"]) == {}

    async def test_a_later_look_replaces_digests_and_forgets_nothing(self, store: Store) -> None:
        """An item that has scrolled out of a feed may come back."""
        await store.accept([], PollState(FEED, NOW, NOW + 300, {"n": "1"}, {"a": "1", "b": "2"}))
        await store.accept([], PollState(FEED, NOW + 300, NOW + 600, {"n": "2"}, {"b": "3"}))
        assert await store.remembered(FEED, ["a", "b"]) == {"a": "1", "b": "3"}
        record = await store.source(FEED)
        assert record is not None
        assert record.cursor == {"n": "2"}

    async def test_a_look_leaves_what_the_engine_keeps_about_its_source(self, store: Store) -> None:
        """What its memory rests on, and what people have been told of; a look that fails changes nothing of it."""
        await store.accept(
            [], PollState(FEED, NOW, NOW + 300, state={"identity": "x", "told": ["a"]})
        )
        await store.source_failed(FEED, NOW + 300, NOW + 600, "timed out")
        record = await store.source(FEED)
        assert record is not None
        assert record.state == {"identity": "x", "told": ["a"]}

    async def test_a_look_that_begins_anew_forgets_what_was_remembered(self, store: Store) -> None:
        """Another address under the same name may use the same ids for other things."""
        other = "feed:https://other.example/rss"
        await store.accept([], PollState(FEED, NOW, NOW + 300, {}, {"a": "1", "b": "2"}))
        await store.accept([], PollState(other, NOW, NOW + 300, {}, {"a": "1"}))
        await store.accept([], PollState(FEED, NOW, NOW + 300, {}, {"b": "3"}, anew=True))
        assert await store.remembered(FEED, ["a", "b"]) == {"b": "3"}
        assert await store.remembered(other, ["a"]) == {"a": "1"}

    async def test_a_look_leaves_alarms_that_people_are_to_be_told_of(self, store: Store) -> None:
        """In its transaction, so that they are told once whatever crashes when."""
        alarm = ("source.problem", FEED, "a.yaml is wrong")
        await store.accept([], PollState(FEED, NOW, NOW + 300, alarms=[alarm]))
        [sort] = await store.news()
        assert (sort.kind, sort.channel, sort.count) == ("source.problem", FEED, 1)
        [news] = await store.news_of([sort], 10)
        assert (news.reason, news.at) == ("a.yaml is wrong", NOW)

    async def test_failed_looks_are_counted_until_one_succeeds(self, store: Store) -> None:
        """A source that never answered still has not been looked at."""
        for number in (1, 2):
            await store.source_failed(FEED, NOW, NOW + 60 * number, f"timed out {number}")
        record = await store.source(FEED)
        assert record is not None
        assert (record.looked_at, record.failures, record.note) == (None, 2, "timed out 2")
        assert (record.cursor, record.next_look_at) == ({}, NOW + 120)
        await store.accept([], PollState(FEED, NOW, NOW + 300))
        record = await store.source(FEED)
        assert record is not None
        assert (record.looked_at, record.failures, record.note) == (NOW, 0, "")

    async def test_a_failed_look_keeps_the_cursor(self, store: Store) -> None:
        """Otherwise the next answer would be the whole feed."""
        await store.accept([], PollState(FEED, NOW, NOW + 300, {"etag": "x"}))
        await store.source_failed(FEED, NOW + 300, NOW + 600, "timed out")
        record = await store.source(FEED)
        assert record is not None
        assert (record.cursor, record.looked_at, record.failures) == ({"etag": "x"}, NOW, 1)

    async def test_a_part_of_a_look_leaves_only_its_items(self, store: Store) -> None:
        """If the process dies before the last part, the next look has to see the rest."""
        part = PollState(
            FEED, NOW, NOW + 300, {"etag": "x"}, {"a": "1"}, complete=False, marked=True
        )
        await store.keep_planning_mark(PlanningMark(FEED, in_progress=True))
        await store.accept([an_arrival(1)], part)
        assert await store.source(FEED) is None
        assert await store.remembered(FEED, ["a", "b"]) == {"a": "1"}
        assert [mark.source for mark in await store.planning_marks()] == [FEED]

    async def test_a_planning_mark_is_kept_until_the_look_is_complete(self, store: Store) -> None:
        """A mark that a start finds says that the process died in between."""
        first = PlanningMark(FEED, in_progress=True, hold_reason="30 new items")
        other = PlanningMark(SOURCE, crashes=2, paused_until=NOW + 180)
        for mark in (other, PlanningMark(FEED), first):
            await store.keep_planning_mark(mark)
        assert await store.planning_marks() == sorted([first, other], key=lambda each: each.source)
        await store.accept([], PollState(FEED, NOW, NOW + 300))
        assert len(await store.planning_marks()) == 2
        await store.accept([], PollState(FEED, NOW, NOW + 300, marked=True))
        assert await store.planning_marks() == [other]

    # -- recipes --------------------------------------------------------------------------------

    async def test_recipe_versions_are_kept(self, store: Store) -> None:
        """Keeping one again changes nothing."""
        first = RecipeVersion("v1", "closure", "alias: Closure", {"a.txt": "Straße"})
        await store.keep_recipes([first, replace(first, version="v2", text="alias: New")], NOW)
        await store.keep_recipes([first], NOW + 1)
        assert await store.recipe("v1") == first
        assert (await store.recipe("v2")).text == "alias: New"

    async def test_an_unknown_recipe_version_is_not_found(self, store: Store) -> None:
        """Its run fails, with this as the reason."""
        with pytest.raises(NotFound, match="v9"):
            await store.recipe("v9")

    async def test_a_skipped_run_is_kept_with_its_reason(self, store: Store) -> None:
        """Why nothing happened is the commonest question."""
        event = an_event(1)
        run = a_run(event, state=RunState.SKIPPED, reason="$.severity is minor")
        await store.accept([Arrival(event, [run])])
        assert await store.runs(event_id=event.id) == [run]
