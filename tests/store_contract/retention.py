"""What every store guarantees for retention: what is over loses its content, then its rows, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.event import Event
from appealbridge.model.run import RunState
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Accepted,
    Arrival,
    DeliveryFilter,
    KnownKey,
    Over,
    Pruned,
    RecipeVersion,
)
from tests.store_contract.case import (
    NOW,
    RECEIPT,
    RECIPE,
    SOURCE,
    a_delivery,
    a_run,
    an_event,
    begun,
    ended,
)

LONG_AGO = NOW + 100
WEBSITE = "appeal:website"
OVER = Over(LONG_AGO)
CLOSED = Over(LONG_AGO, after_closure=True)


def _arrival(event: Event, *deliveries: Delivery, **run: Any) -> Arrival:
    runs = [a_run(event, **{"state": RunState.PLANNED, "reason": "as it says"} | run)]
    return Arrival(event, runs, deliveries)


def _over(number: int, *, state: State = State.FAILED, **event: Any) -> Arrival:
    """Return an event with one delivery that ended when it was planned."""
    single = an_event(number, **event)
    return _arrival(single, a_delivery(single, state=state, reason="the platform says no"))


async def _pruned(store: Store, over: Over, limit: int = 200) -> int:
    return await _through(lambda after: store.empty(over, after, limit))


async def _forgotten(store: Store, over: Over, *, emptied: bool = False, limit: int = 200) -> int:
    return await _through(
        lambda after: store.forget(over, emptied=emptied, after=after, limit=limit)
    )


async def _through(step: Any) -> int:
    after: int | None = 0
    events = 0
    while after is not None:
        pruned: Pruned = await step(after)
        after, events = pruned.then, events + pruned.events
    return events


async def _full(store: Store) -> list[str]:
    """Return the keys of the events that have their content, the oldest first."""
    return [event.key for event in reversed(await store.events()) if not event.removed]


async def _kept(store: Store) -> list[str]:
    """Return the keys of the events that are there at all, the oldest first."""
    return [event.key for event in reversed(await store.events())]


async def _caused(store: Store, event: Event) -> list[Delivery]:
    caused = [*await store.deliveries(DeliveryFilter(event_id=event.id))]
    assert caused
    return caused


class StoreRetentionContract:
    """What is over, what goes with it, and what stays."""

    async def test_content_goes_and_the_trail_of_decisions_stays(self, store: Store) -> None:
        """Ids, times, states, counts, hash and receipt are what can still be shown, and withdrawn."""
        event = an_event(1)
        delivery = await begun(store, _arrival(event, a_delivery(event)))
        await store.settle(ended(delivery, State.DELIVERED, reason="as hoped"))
        before = await store.delivery(delivery.id)
        assert await _pruned(store, OVER) == 1
        assert await store.event(event.id) == replace(event, data=None, removed=True)
        (run,) = await store.runs()
        assert (run.reason, run.trace, run.version) == ("", (), "0f" * 32)
        assert await store.delivery(delivery.id) == replace(before, content="", reason="")
        assert before.receipt == RECEIPT
        (attempt,) = await store.attempts(delivery.id)
        assert (attempt.detail, attempt.outcome, attempt.number) == ("", "delivered", 1)

    async def test_a_repeat_of_what_was_emptied_is_known(self, store: Store) -> None:
        """The key is what makes it harmless, so the key stays."""
        await store.accept([_over(1)])
        await _pruned(store, OVER)
        (again,) = await store.accept([_over(1)])
        assert again.repeat

    @pytest.mark.parametrize(
        "state", [State.PLANNED, State.HELD, State.READY, State.SENDING, State.UNKNOWN]
    )
    async def test_what_is_open_keeps_everything(self, store: Store, state: State) -> None:
        """However long ago it began."""
        event = an_event(1)
        done = a_delivery(event, "mail", state=State.DELIVERED)
        await store.accept([_arrival(event, a_delivery(event, state=state), done)])
        assert await _pruned(store, OVER) == await _forgotten(store, OVER) == 0
        assert all(delivery.content for delivery in await _caused(store, event))

    async def test_what_is_being_taken_back_keeps_everything(self, store: Store) -> None:
        """A withdrawal is not over before it is."""
        await store.accept([_over(1, state=State.WITHDRAWING)])
        assert await _pruned(store, OVER) == await _forgotten(store, OVER) == 0

    async def test_an_open_run_keeps_everything(self, store: Store) -> None:
        """It plans on with the event's data."""
        event = an_event(1)
        await store.accept([_arrival(event, state=RunState.OPEN)])
        assert await _pruned(store, OVER) == await _forgotten(store, OVER) == 0

    async def test_an_open_delivery_keeps_everything_of_its_subject(self, store: Store) -> None:
        """Whoever looks at it wants to see what it follows."""
        event = an_event(2, subject="INC-1")
        await store.accept([_over(1), _over(3), _arrival(event, a_delivery(event))])
        await _pruned(store, OVER)
        assert await _full(store) == ["msg_1", "msg_2"]

    async def test_time_counts_from_when_the_last_of_it_settled(self, store: Store) -> None:
        """Not from when it came in."""
        event = an_event(1)
        delivery = await begun(store, _arrival(event, a_delivery(event)))
        await store.settle(ended(delivery, State.DELIVERED, at=LONG_AGO + 1))
        assert await _pruned(store, OVER) == 0
        assert await _pruned(store, Over(LONG_AGO + 1)) == 1

    async def test_what_caused_nothing_counts_from_when_it_came_in(self, store: Store) -> None:
        """A skipped run says why with the event's own words."""
        early, late = an_event(1), an_event(2, received_at=LONG_AGO + 1)
        await store.accept([_arrival(each, state=RunState.SKIPPED) for each in (early, late)])
        await store.accept([Arrival(an_event(3))])
        assert await _pruned(store, OVER) == 2
        assert await _full(store) == ["msg_2"]

    async def test_an_appeal_that_is_open_keeps_everything_about_it(self, store: Store) -> None:
        """Where the span says after closure, and only there."""
        await store.accept([_over(1, type="appeal.new", subject="WMP-1"), _over(2)])
        assert await _pruned(store, CLOSED) == 1
        assert await _full(store) == ["msg_1"]
        assert await _pruned(store, OVER) == 1

    async def test_an_appeals_time_counts_from_its_closure(self, store: Store) -> None:
        """Other events about the same subject go with it."""
        await store.accept(
            [
                _over(1, type="appeal.new", subject="WMP-1"),
                _over(2, subject="WMP-1"),
                _over(3, type="appeal.closed", subject="WMP-1", received_at=NOW + 50),
                _over(4, type="appeal.new", subject="WMP-2"),
            ]
        )
        assert await _pruned(store, Over(NOW + 49, after_closure=True)) == 0
        assert await _pruned(store, Over(NOW + 50, after_closure=True)) == 3
        assert await _full(store) == ["msg_4"]

    async def test_a_closed_appeal_that_changes_again_was_closed_when_it_first_was(
        self, store: Store
    ) -> None:
        """Corrections to a closed appeal's page do not keep what was said before."""
        await store.accept(
            [
                _over(1, type="appeal.new", subject="WMP-1"),
                _over(2, type="appeal.closed", subject="WMP-1"),
                _over(3, type="appeal.closed", subject="WMP-1", received_at=LONG_AGO + 1),
            ]
        )
        await _pruned(store, CLOSED)
        assert await _full(store) == ["msg_3"]

    async def test_an_appeal_that_is_opened_again_is_open(self, store: Store) -> None:
        """What was closed once counts no more."""
        kinds = ["new", "closed", "updated"]
        events = [_over(n, type=f"appeal.{kind}", subject="WMP-1") for n, kind in enumerate(kinds)]
        await store.accept(events)
        assert await _pruned(store, CLOSED) == await _forgotten(store, CLOSED) == 0
        closed = _over(9, type="appeal.closed", subject="WMP-1", received_at=NOW + 9)
        await store.accept([closed])
        assert await _pruned(store, CLOSED) == 4

    async def test_a_strangers_word_closes_nobodys_appeal(self, store: Store) -> None:
        """However it is called: a webhook may send any type, and name any subject."""
        await store.accept(
            [
                _over(1, type="appeal.new", subject="WMP-1", source=WEBSITE),
                _over(2, type="appeal.closed", subject="WMP-1", source="webhook:stranger"),
                _over(3, subject="WMP-1", source="webhook:desk"),
            ]
        )
        assert await _pruned(store, CLOSED) == 1
        assert await _full(store) == ["msg_1", "msg_3"]
        await store.accept([_over(4, type="appeal.closed", subject="WMP-1", source=WEBSITE)])
        assert await _pruned(store, CLOSED) == 3

    async def test_a_strangers_appeal_keeps_nothing_of_others(self, store: Store) -> None:
        """Or it would keep for good what the schedule says has to go."""
        await store.accept(
            [
                _over(1, type="appeal.new", subject="WMP-1", source="webhook:stranger"),
                _over(2, subject="WMP-1", source="webhook:desk"),
                _over(3, type="appeal.closed", subject="WMP-1", source=WEBSITE),
            ]
        )
        await _pruned(store, CLOSED)
        assert await _full(store) == ["msg_1"]

    async def test_an_appeal_is_closed_by_what_its_source_is_joined_with(
        self, store: Store
    ) -> None:
        """One system may open and close by two doors."""
        kinds = {"new": WEBSITE, "closed": "webhook:cases"}
        await store.accept(
            [
                _over(n, type=f"appeal.{kind}", source=source, subject="WMP-1", joined=WEBSITE)
                for n, (kind, source) in enumerate(kinds.items())
            ]
        )
        assert await _pruned(store, CLOSED) == 2

    async def test_an_open_delivery_keeps_nothing_of_another_source(self, store: Store) -> None:
        """What a stranger sends, and nobody ever releases, would keep it for good."""
        event = an_event(2, subject="INC-1", source="webhook:stranger")
        held = a_delivery(event, state=State.HELD, hold="approval")
        await store.accept([_over(1), _arrival(event, held)])
        await _pruned(store, OVER)
        assert await _full(store) == ["msg_2"]

    async def test_pruning_goes_by_small_steps(self, store: Store) -> None:
        """However many there are, and however much one event caused."""
        many = an_event(7)
        parts = [a_delivery(many, part=f"{n}", state=State.FAILED) for n in range(30)]
        await store.accept([*map(_over, range(5)), _arrival(many, *parts)])
        first = await store.empty(OVER, 0, 8)
        assert 0 < first.events < 3
        assert await _pruned(store, OVER, limit=8) == 6 - first.events
        assert not any(delivery.content for delivery in await _caused(store, many))
        assert await _forgotten(store, OVER, limit=8) == 6
        assert await _kept(store) == []

    async def test_skipped_runs_go_and_all_else_stays(self, store: Store) -> None:
        """Their event, its other runs, and what was skipped later."""
        old, young = an_event(1), an_event(2, received_at=LONG_AGO + 1)
        expected = a_run(old, "other", state=RunState.PLANNED)
        for event, runs in ((old, [expected]), (young, [])):
            await store.accept([Arrival(event, [*runs, a_run(event, state=RunState.SKIPPED)])])
        pruned = await store.forget_skipped(LONG_AGO)
        assert (pruned.events, pruned.then) == (1, None)
        left = [(run.event_id, run.recipe) for run in await store.runs()]
        assert left == [(young.id, RECIPE), (old.id, "other")]
        assert await _kept(store) == ["msg_1", "msg_2"]

    async def test_skipped_runs_go_by_small_steps(self, store: Store) -> None:
        """However many there are."""
        events = [an_event(number) for number in range(9)]
        await store.accept([Arrival(e, [a_run(e, state=RunState.SKIPPED)]) for e in events])
        first = await store.forget_skipped(LONG_AGO, 0, 4)
        assert first.events == 4
        assert await _through(lambda after: store.forget_skipped(LONG_AGO, after, 4)) == 5
        assert await store.runs() == []

    async def test_what_was_emptied_cannot_be_sent_any_more(self, store: Store) -> None:
        """Nothing is left that could be."""
        arrival = _over(1)
        await store.accept([arrival])
        await _pruned(store, OVER)
        with pytest.raises(IllegalMove, match="retention"):
            await store.move(arrival.deliveries[0].id, State.READY, NOW)

    async def test_rows_go_with_all_that_hangs_on_them(self, store: Store) -> None:
        """The events, their runs, their deliveries and the attempts at these."""
        event = an_event(1)
        delivery = await begun(store, _arrival(event, a_delivery(event)))
        await store.settle(ended(delivery, State.DELIVERED))
        await store.accept([_over(2, received_at=LONG_AGO + 1)])
        assert await _forgotten(store, OVER) == 1
        assert await _kept(store) == ["msg_2"]
        assert [run.event_id for run in await store.runs()] != [event.id]
        assert await store.attempts(delivery.id) == []
        with pytest.raises(NotFound):
            await store.delivery(delivery.id)

    async def test_a_repeat_of_what_was_removed_is_known(self, store: Store) -> None:
        """A request that somebody recorded does nothing, however late it is sent again."""
        await store.accept([_over(1)])
        assert await _forgotten(store, OVER) == 1
        assert await store.accept([_over(1)]) == [Accepted("", repeat=True)]
        elsewhere = replace(an_event(1), source="webhook:other")
        (other,) = await store.accept([Arrival(elsewhere)])
        assert not other.repeat
        assert await store.known(SOURCE, ["msg_1", "msg_2"]) == {"msg_1": KnownKey("", NOW)}
        assert [event.source for event in await store.events()] == ["webhook:other"]

    async def test_the_key_of_what_was_removed_can_be_freed(self, store: Store) -> None:
        """For a body that came so long ago that it is news."""
        await store.accept([_over(1)])
        await _forgotten(store, OVER)
        await store.free_keys(SOURCE, await store.known(SOURCE, ["msg_1"]))
        (again,) = await store.accept([_over(1)])
        assert not again.repeat

    async def test_keys_are_forgotten_when_their_own_time_is_over(self, store: Store) -> None:
        """The oldest first, some at a time, and none that is younger."""
        await store.accept([_over(n, received_at=NOW + n) for n in range(5)])
        await _forgotten(store, OVER)
        assert await store.forget_keys(NOW + 3, 2) == 2
        assert [*await store.known(SOURCE, [f"msg_{n}" for n in range(5)])] == [
            "msg_2", "msg_3", "msg_4",
        ]  # fmt: skip
        assert [await store.forget_keys(NOW + 3) for _ in range(2)] == [1, 0]

    async def test_rows_wait_for_their_content_to_go_first(self, store: Store) -> None:
        """Where personal content has a time of its own that is not over yet."""
        await store.accept([_over(1), _over(2, type="appeal.new", subject="WMP-1")])
        assert await _forgotten(store, OVER, emptied=True) == 0
        await _pruned(store, CLOSED)
        assert await _forgotten(store, OVER, emptied=True) == 1
        assert await _kept(store) == ["msg_2"]

    async def test_recipe_versions_go_when_nothing_was_made_by_them(self, store: Store) -> None:
        """Neither those in force nor those kept again since do."""
        versions = [RecipeVersion(f"{name}" * 64, name, "alias: x") for name in "abcd"]
        await store.keep_recipes(versions, NOW)
        await store.keep_recipes(versions[1:2], LONG_AGO + 1)
        event = an_event(1)
        await store.accept([Arrival(event, [a_run(event, version="c" * 64)])])
        assert await store.forget_recipes(LONG_AGO, ["d" * 64]) == 1
        with pytest.raises(NotFound):
            await store.recipe("a" * 64)
        assert [await store.recipe(each.version) for each in versions[1:]] == versions[1:]

    async def test_scrubbing_changes_nothing_that_is_stored(self, store: Store) -> None:
        """It is about copies that nobody meant to keep."""
        await store.accept([_over(1)])
        await store.scrub()
        assert await _full(store) == ["msg_1"]
