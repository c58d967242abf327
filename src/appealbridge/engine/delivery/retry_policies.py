"""How a delivery is tried again: by its recipe's own `retry`, if it has one, and by its account's."""

from __future__ import annotations

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.backoff import RetryPolicy, policy_of
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.outcome import Tried, tried
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import NotFound, StoreError


class Policies:
    """Finds the policy of a delivery. It asks the store, so it is used only if an attempt did not succeed."""

    def __init__(self, context: EngineContext) -> None:
        self._store = context.store
        self._recipes = context.recipes

    async def of(
        self, delivery: Delivery, lane: Lane, begun_at: float
    ) -> tuple[RetryPolicy, Tried]:
        """Return how a delivery is tried again, and the attempts so far that count."""
        try:
            attempts = await self._store.attempts(delivery.id) if delivery.attempts > 1 else ()
            return await self._policy(delivery, lane), tried(delivery, attempts, begun_at)
        except StoreError:
            # The platform's reply must not be lost because the store cannot be read now.
            first = begun_at if delivery.first_begun_at is None else delivery.first_begun_at
            return lane.policy, Tried(delivery.attempts, first)

    async def _policy(self, delivery: Delivery, lane: Lane) -> RetryPolicy:
        try:
            run = await self._store.run(delivery.run_id)
            recipe = await self._recipes.version(run.recipe, run.version)
        except NotFound:  # it was removed, can no longer be read, or made by no recipe
            return lane.policy
        return policy_of(lane.account.retry, recipe.retry) if recipe.retry else lane.policy
