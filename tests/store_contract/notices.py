"""What every store guarantees for notices: every problem is there until people have been notified of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appealbridge.model.delivery import Hold, State
from appealbridge.model.notice import Alarm, Trouble
from appealbridge.model.run import RunState
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, NewsSort
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    RECIPE,
    OpenStore,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    begun,
    ended,
)

BAD = {
    Trouble.FAILED: {"state": State.FAILED, "reason": "403 Forbidden"},
    Trouble.EXPIRED: {"state": State.EXPIRED, "reason": "too late"},
    Trouble.UNKNOWN: {"state": State.HELD, "hold": Hold.UNKNOWN, "reason": "perhaps published"},
    Trouble.HELD: {"state": State.HELD, "hold": Hold.SAME_TEXT, "reason": "said before"},
    Trouble.APPROVAL: {"state": State.HELD, "hold": Hold.APPROVAL, "reason": ""},
}


async def kinds(store: Store) -> list[str]:
    """Return the kinds of the news that there is."""
    return [sort.kind for sort in await store.news()]


class StoreNoticesContract:
    """News, alarms, and what people have been told of."""

    @pytest.mark.parametrize("kind", BAD)
    async def test_what_ended_badly_is_news_with_its_reason(
        self, store: Store, kind: Trouble
    ) -> None:
        """Who is told has to learn what it is and why, in the platform's own words."""
        await store.accept([an_arrival(1, **BAD[kind])])
        (sort,) = await store.news()
        assert sort == NewsSort(
            kind=kind, count=1, recipe=RECIPE, channel=CHANNEL, version=sort.version
        )
        (single,) = await store.news_of([sort], 9)
        assert (single.number, single.subject, single.reason) == (1, "INC-1", BAD[kind]["reason"])
        assert sort.version == (await store.run(single.run_id)).version

    @pytest.mark.parametrize("state", sorted(set(State) - {State.FAILED, State.EXPIRED}))
    async def test_nothing_else_is_news(self, store: Store, state: State) -> None:
        """Whoever is told of everything stops reading; and of a flood, its alarm tells."""
        await store.accept([an_arrival(1, state=state, hold="burst")])
        assert await store.news() == []

    @pytest.mark.parametrize("hold", [*sorted(set(Hold) - {Hold.BURST}), "embargo"])
    async def test_every_hold_is_news(self, store: Store, hold: str) -> None:
        """Whatever is held, and however it came to be: nobody looks for what nobody knows of."""
        await store.accept([an_arrival(1, state=State.HELD, hold=hold)])
        delivery = await begun(store, an_arrival(2))
        await store.settle(ended(delivery, State.HELD, hold=hold))
        (sort,) = await store.news()
        assert sort.count == 2

    async def test_what_is_held_for_various_reasons_is_news_of_one_sort(self, store: Store) -> None:
        """What it is held for stands in its reason, and what is to be done is the same."""
        holds = (Hold.SAME_TEXT, Hold.DAILY_CAP, "embargo")
        await store.accept(
            [an_arrival(n, state=State.HELD, hold=hold) for n, hold in enumerate(holds)]
        )
        (sort,) = await store.news()
        assert (sort.kind, sort.count) == (Trouble.HELD, 3)
        assert len(await store.news_of([sort], 9)) == 3

    async def test_a_run_that_failed_is_news(self, store: Store) -> None:
        """Nothing of it was published, and nobody else would say so."""
        event = an_event(1)
        run = a_run(event, state=RunState.FAILED, reason="actions[0].text: no value")
        await store.accept([Arrival(event, [run])])
        (sort,) = await store.news()
        assert (sort.kind, sort.recipe, sort.version) == (Trouble.RUN_FAILED, RECIPE, run.version)
        (single,) = await store.news_of([sort], 9)
        assert (single.run_id, single.subject, single.reason) == (run.id, event.subject, run.reason)

    async def test_an_alarm_is_news_after_the_store_was_closed(self, open_store: OpenStore) -> None:
        """Whatever dies between raising it and telling it."""
        store = await open_store()
        await store.raise_alarm(Alarm.DOWN, CHANNEL, "connection refused", NOW)
        await store.close()
        store = await open_store()
        assert await store.news() == [NewsSort(kind=Alarm.DOWN, count=1, channel=CHANNEL)]
        (single,) = await store.news_of(await store.news(), 9)
        assert (single.reason, single.at, single.run_id) == ("connection refused", NOW, "")
        await store.close()

    async def test_what_is_told_is_no_news_any_more_and_its_notice_is_stored(
        self, store: Store
    ) -> None:
        """Both in one transaction: told once, whatever dies when."""
        await store.accept([an_arrival(n, **bad) for n, bad in enumerate(BAD.values())])
        await store.raise_alarm(Alarm.DOWN, CHANNEL, "connection refused", NOW)
        await store.tell(await store.news_of(await store.news(), 9), an_arrival(9))
        assert await store.news() == []
        assert (await store.event(an_event(9).id)).id == an_event(9).id

    async def test_a_notice_that_is_known_is_not_stored_again(self, store: Store) -> None:
        """What it tells counts as told all the same."""
        await store.accept([an_arrival(n, **BAD[Trouble.FAILED]) for n in (1, 2)])
        first, second = await store.news_of(await store.news(), 9)
        assert await store.tell([first], an_arrival(9))
        assert not await store.tell([second], an_arrival(9))
        assert await store.news() == []
        assert len(await store.events()) == 3

    async def test_what_is_told_without_a_notice_is_no_news_any_more(self, store: Store) -> None:
        """Where nobody is named, it does not pile up."""
        await store.accept([an_arrival(1, **BAD[Trouble.FAILED])])
        await store.tell(await store.news_of(await store.news(), 9))
        assert await store.news() == []

    async def test_only_what_is_told_is_no_news_any_more(self, store: Store) -> None:
        """What there is no room for in one notice is told in the next."""
        await store.accept([an_arrival(n, **BAD[Trouble.FAILED]) for n in range(5)])
        (sort,) = await store.news()
        result = await store.news_of([sort], 3)
        assert [each.number for each in result] == [1, 2, 3]
        await store.tell(result)
        assert await store.news() == [replace(sort, count=2)]

    async def test_a_run_of_a_notice_is_never_news(self, store: Store) -> None:
        """A notice for which there was no way would be told by a notice, for which there is none."""
        await store.accept([an_arrival(1, **BAD[Trouble.FAILED])])
        event = an_event(9)
        nowhere = Arrival(event, [a_run(event, state=RunState.FAILED)])
        await store.tell(await store.news_of(await store.news(), 9), nowhere)
        assert await store.news() == []

    async def test_what_is_tried_again_and_fails_again_is_news_again(self, store: Store) -> None:
        """Whoever tried again waits to hear how it went."""
        delivery = await begun(store, an_arrival(1))
        await store.settle(ended(delivery, State.FAILED))
        await store.tell(await store.news_of(await store.news(), 9))
        await store.move(delivery.id, State.READY, NOW + 2)
        assert await store.news() == []
        (delivery,) = await store.claim(CHANNEL, NOW + 2, 1)
        await store.settle(ended(delivery, State.FAILED, at=NOW + 3))
        assert await kinds(store) == [Trouble.FAILED]

    async def test_what_is_let_out_while_it_is_being_told_stays_news_for_when_it_fails(
        self, store: Store
    ) -> None:
        """The notice tells of the first time; of the second nobody would hear."""
        delivery = await begun(store, an_arrival(1))
        await store.settle(ended(delivery, State.FAILED))
        news = await store.news_of(await store.news(), 9)
        await store.move(delivery.id, State.READY, NOW + 2)
        await store.tell(news)
        (delivery,) = await store.claim(CHANNEL, NOW + 2, 1)
        await store.settle(ended(delivery, State.FAILED, at=NOW + 3))
        assert await kinds(store) == [Trouble.FAILED]

    async def test_news_is_sorted_by_what_happened_recipe_and_channel(self, store: Store) -> None:
        """Since these decide who is told, by which account, and in which words."""
        bad = BAD[Trouble.FAILED]
        event = an_event(7)
        other = a_delivery(event, recipe="another", **bad)
        await store.accept(
            [
                an_arrival(1, **bad),
                an_arrival(2, **bad),
                an_arrival(3, **bad, channel="press_office"),
                Arrival(event, [a_run(event, "another")], [other]),
            ]
        )
        match = {(sort.recipe, sort.channel, sort.count) for sort in await store.news()}
        assert match == {
            (RECIPE, CHANNEL, 2), (RECIPE, "press_office", 1), ("another", CHANNEL, 1),
        }  # fmt: skip
