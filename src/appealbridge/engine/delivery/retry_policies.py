"""By which words a delivery is tried again: its recipe's own where it has some, and its account's."""

from __future__ import annotations

from appealbridge.engine.delivery.backoff import RetryPolicy, policy_of
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.outcome import Tried, tried
from appealbridge.engine.recipe_versions import KeptRecipes
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import NotFound, StoreError
from appealbridge.store.base import Store


class Policies:
    """Asked only when an attempt did not succeed, since the store is asked in turn."""

    def __init__(self, store: Store, kept: KeptRecipes) -> None:
        self._store = store
        self._kept = kept

    async def of(
        self, delivery: Delivery, lane: Lane, begun_at: float
    ) -> tuple[RetryPolicy, Tried]:
        """Return how a delivery is tried again, and what counts of the attempts so far."""
        try:
            attempts = await self._store.attempts(delivery.id) if delivery.attempts > 1 else ()
            return await self._policy(delivery, lane), tried(delivery, attempts, begun_at)
        except StoreError:
            # A store that cannot be read now is no reason to lose what the platform said.
            first = begun_at if delivery.first_begun_at is None else delivery.first_begun_at
            return lane.policy, Tried(delivery.attempts, first)

    async def _policy(self, delivery: Delivery, lane: Lane) -> RetryPolicy:
        try:
            run = await self._store.run(delivery.run_id)
            recipe = await self._kept.version(run.recipe, run.version)
        except NotFound:  # it is too old, or no longer understood, or no recipe made it
            return lane.policy
        return policy_of(lane.account.retry, recipe.retry) if recipe.retry else lane.policy
