"""What every store guarantees about owners: only the attempts of an owner that is gone are recovered."""

from __future__ import annotations

from appealbridge.model.delivery import State
from appealbridge.model.errors import StoreLocked
from appealbridge.store.base import Store
from tests.store_contract.case import CHANNEL, NOW, OpenStore, an_arrival, begun, ended

LONG_AFTER = NOW + 10 * 365 * 86_400
"""A time at which every lease from `NOW` has ended."""


class StoreOwnersContract:
    """Attempts of this owner, of one that is gone, and of another one that is alive."""

    async def test_a_live_owner_recovers_none_of_its_own_attempts(self, store: Store) -> None:
        """However often it asks, whether it claimed them or began them as they came in."""
        delivery = await begun(store, an_arrival(1))
        await store.accept([an_arrival(2, state=State.SENDING)])
        assert await store.recover(NOW, NOW) == 0
        assert [(await store.delivery(n)).state for n in ("1", "2")] == [State.SENDING] * 2
        await store.settle(ended(delivery, State.DELIVERED))
        assert (await store.delivery("1")).state is State.DELIVERED

    async def test_the_attempts_of_an_owner_that_is_gone_are_recovered_once(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """The next owner's attempts are its own."""
        await begun(store, an_arrival(1))
        await store.accept([an_arrival(2, state=State.SENDING), an_arrival(3)])
        await store.close()
        after = await open_store()
        (own,) = await after.claim(CHANNEL, NOW, 10)
        assert await after.recover(LONG_AFTER, LONG_AFTER) == 2
        assert await after.recover(LONG_AFTER, LONG_AFTER) == 0
        states = [(await after.delivery(n)).state for n in ("1", "2", "3")]
        await after.close()
        assert own.number == 3
        assert states == [State.UNKNOWN, State.UNKNOWN, State.SENDING]

    async def test_a_delivery_that_is_claimed_again_belongs_to_its_new_owner(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """What the first owner began is over."""
        delivery = await begun(store, an_arrival(1))
        await store.close()
        after = await open_store()
        await after.recover(NOW, NOW)
        retry = ended(delivery, State.READY, source=State.UNKNOWN, attempt=None)
        await after.settle(retry)
        await after.claim(CHANNEL, NOW, 10)
        count = await after.recover(NOW, NOW)
        state = (await after.delivery("1")).state
        await after.close()
        assert (count, state) == (0, State.SENDING)

    async def test_two_owners_are_impossible_or_respect_each_other(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """Only when the lease of the first has ended does the second one recover its attempts."""
        await begun(store, an_arrival(1))
        try:
            other = await open_store()
        except StoreLocked:
            return
        assert await other.recover(NOW, NOW) == 0
        assert await other.recover(LONG_AFTER, LONG_AFTER) == 1
        await other.close()
