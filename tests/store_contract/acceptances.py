"""What every store guarantees about accepted recipes, and about who is on duty."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from appealbridge.model.actor import Actor, How
from appealbridge.model.approval import RecipeAcceptance, RecipeContent
from appealbridge.model.audit import Act, Decision
from appealbridge.model.delivery import Delivery, Hold, State, with_hold
from appealbridge.model.errors import IllegalMove
from appealbridge.model.run import RunState
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival
from tests.store_contract.case import NOW, RECIPE, OpenStore, a_delivery, a_run, an_event
from tests.store_contract.withdrawals import a_withdrawal

VERSION, OTHER = "aa" * 16, "bb" * 16
CONTENT = RecipeContent(
    text="approval: none\n", templates={"post.j2": "{{ x }}"}, lists={"press": ["a", "b"]}
)


def accepts(person: str = "carol", act: Act = Act.ACCEPT) -> Decision:
    return Decision(actor=Actor(person, How.LOG_IN), act=act, at=NOW + 5, object=f"recipe {RECIPE}")


def an_acceptance(version: str = VERSION, recipe: str = RECIPE) -> RecipeAcceptance:
    return RecipeAcceptance(version=version, recipe=recipe, person="carol", at=NOW + 5)


async def held(store: Store, number: int, version: str = VERSION, **more: Any) -> Delivery:
    """Store a delivery that waits for the acceptance of a version; return it."""
    event = an_event(number)
    run = a_run(event, version=version, state=RunState.PLANNED)
    delivery = a_delivery(event, **{"state": State.HELD, "hold": Hold.ACCEPTANCE} | more)
    await store.accept([Arrival(event, [run], [delivery])])
    return await store.delivery(delivery.id)


class StoreAcceptancesContract:
    """A version is accepted once, and lets go exactly what it has planned."""

    async def test_what_was_accepted_is_kept_with_its_content_and_the_decision(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """Also for the next owner of the store."""
        await store.accept_recipe(an_acceptance(), CONTENT, accepts())
        newer = replace(an_acceptance(OTHER), at=NOW + 9)
        await store.accept_recipe(newer, replace(CONTENT, text="approval: none # 2\n"), accepts())
        await store.close()
        after = await open_store()
        known, result = await after.acceptances(), await after.accepted_content(RECIPE)
        nothing = await after.accepted_content("another")
        entries = (await after.audit(0, 10))[-2:]
        await after.close()
        assert known == [an_acceptance(), newer]  # in the order of their versions
        assert result == (newer, replace(CONTENT, text="approval: none # 2\n"))
        assert nothing is None
        assert [(each.act, each.actor) for each in entries] == [("accept", "carol")] * 2

    async def test_acceptances_are_read_page_by_page(self, store: Store) -> None:
        """However many there are."""
        versions = [f"{number:032x}" for number in (3, 1, 2)]
        for version in versions:
            await store.accept_recipe(an_acceptance(version), CONTENT, accepts())
        first = await store.acceptances(limit=2)
        rest = await store.acceptances(first[-1].version, limit=2)
        assert [each.version for each in (*first, *rest)] == sorted(versions)
        assert len(first) == 2

    async def test_a_version_is_accepted_once(self, store: Store) -> None:
        """Two admins at the same moment are one decision."""
        await store.accept_recipe(an_acceptance(), CONTENT, accepts())
        with pytest.raises(IllegalMove, match="carol has accepted"):
            await store.accept_recipe(an_acceptance(), CONTENT, accepts("eve"))
        assert len(await store.acceptances()) == 1
        assert len(await store.audit(0, 10)) == 1

    async def test_only_what_the_accepted_version_has_planned_is_let_go(self, store: Store) -> None:
        """And what is held for another reason too stays held for that."""
        mine, others = await held(store, 1), await held(store, 2, OTHER)
        burst = await held(store, 3, hold=with_hold(Hold.ACCEPTANCE, Hold.BURST))
        requested = await held(store, 4, hold=Hold.APPROVAL)
        waiting = {(RECIPE, VERSION): 2, (RECIPE, OTHER): 1}
        assert await store.waiting_for_acceptance() == waiting
        assert await store.clear_accepted(NOW) == []
        await store.accept_recipe(an_acceptance(), CONTENT, accepts())
        cleared = await store.clear_accepted(NOW + 6)
        assert [each.id for each in cleared] == [mine.id, burst.id]
        states = [await store.delivery(each.id) for each in (mine, others, burst, requested)]
        assert [(each.state, each.hold) for each in states] == [
            (State.READY, ""),
            (State.HELD, Hold.ACCEPTANCE),
            (State.HELD, Hold.BURST),
            (State.HELD, Hold.APPROVAL),
        ]
        assert states[0].reason == "carol accepted its recipe"
        assert await store.clear_accepted(NOW + 7) == []
        assert await store.waiting_for_acceptance() == {(RECIPE, OTHER): 1}

    async def test_what_is_cleared_at_a_time_has_a_limit_and_none_is_left_out(
        self, store: Store
    ) -> None:
        ids = [(await held(store, number)).id for number in range(1, 6)]
        await store.accept_recipe(an_acceptance(), CONTENT, accepts())
        cleared = []
        while part := await store.clear_accepted(NOW + 6, 2):
            assert len(part) <= 2
            cleared += [each.id for each in part]
        assert cleared == ids

    async def test_what_was_withdrawn_meanwhile_does_not_go_out(self, store: Store) -> None:
        """Its withdrawal ends it, whatever is accepted afterwards."""
        waiting = await held(store, 1)
        await store.withdraw(a_withdrawal(subject=waiting.subject))
        await store.accept_recipe(an_acceptance(), CONTENT, accepts())
        await store.clear_accepted(NOW + 6)
        assert (await store.delivery(waiting.id)).state is State.CANCELLED

    async def test_every_owner_that_a_version_ever_had_is_kept(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """A file that is handed to a colleague still counts for whoever had it."""
        assert set(await store.note_owners({VERSION: [1001], OTHER: [0]}, NOW)) == {VERSION, OTHER}
        assert list(await store.note_owners({VERSION: [1002, 1001]}, NOW + 1)) == []
        await store.close()
        after = await open_store()
        owners = await after.owners([VERSION, OTHER, "cc" * 16])
        await after.close()
        assert owners == {VERSION: frozenset({1001, 1002}), OTHER: frozenset({0})}


class StoreDutiesContract:
    """Until when people are on duty."""

    async def test_the_last_word_of_each_person_counts_until_its_time(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """Each is in the trail, and a restart forgets none."""
        begins, ends = accepts("bob", Act.BEGIN_DUTY), accepts("bob", Act.END_DUTY)
        await store.keep_duty("bob", NOW + 100, begins)
        await store.keep_duty("bob", NOW + 50, begins)
        await store.keep_duty("carol", NOW + 200, accepts("carol", Act.BEGIN_DUTY))
        await store.close()
        after = await open_store()
        assert await after.on_duty(NOW) == {"bob": NOW + 50, "carol": NOW + 200}
        assert await after.on_duty(NOW + 50) == {"carol": NOW + 200}
        await after.keep_duty("carol", 0.0, ends)
        later = await after.on_duty(NOW)
        acts = [each.act for each in await after.audit(0, 10)]
        await after.close()
        assert later == {"bob": NOW + 50}
        assert acts == [*["begin_duty"] * 3, "end_duty"]
