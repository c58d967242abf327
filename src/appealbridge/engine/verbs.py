"""What a person may have done about a delivery: release it, confirm it, try it again, call it off."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.clock import Clock
from appealbridge.engine.gate import content_hash
from appealbridge.engine.lane import Lanes
from appealbridge.engine.report import Report
from appealbridge.engine.runs import Runs
from appealbridge.engine.upkeep import Upkeep
from appealbridge.logs import Said
from appealbridge.model.delivery import OPEN, Delivery, Hold, State
from appealbridge.model.errors import IllegalMove
from appealbridge.model.receipt import Receipt
from appealbridge.store.base import Store
from appealbridge.store.records import DeliveryFilter, Settlement

BATCH = 500
"""How many deliveries are moved before the store is asked again."""


class Verbs:
    """The operator's verbs, each one move, each said in the log."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lanes: Lanes,
        runs: Runs,
        upkeep: Upkeep,
        report: Report,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._runs = runs
        self._upkeep = upkeep
        self._report = report

    async def release(self, delivery_id: str) -> Delivery:
        """
        Let a held delivery go out; return it.

        Raise `NotFound`, or `IllegalMove` where it is not held or is not what was planned.
        """
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.HELD:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only a held one can be released"
            )
        if content_hash(delivery.content) != delivery.content_hash:
            raise IllegalMove(
                f"delivery {delivery.number}: its content is not what was planned and approved; cancel it"
            )
        # What a person lets out past its cap must not be held again by the same cap.
        kept = delivery.hold if delivery.hold == Hold.DAILY_CAP else ""
        return await self._move(delivery, State.READY, Said.RELEASED, hold=kept)

    async def retry(self, delivery_id: str) -> Delivery:
        """Try a failed delivery again; return it. Raise `NotFound`, or `IllegalMove` where it has not failed."""
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.FAILED:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only a failed one can be retried"
            )
        return await self._move(delivery, State.READY, Said.RELEASED)

    async def retry_all(self, since: float | None) -> Sequence[Delivery]:
        """Try every failed delivery again that was planned since a time (Unix seconds); return them, newest first."""
        which = DeliveryFilter(states=frozenset({State.FAILED}), since=since, limit=BATCH)
        moved: dict[str, Delivery] = {}
        while True:
            failed = await self._store.deliveries(which)
            # What has failed once more meanwhile has had its turn.
            fresh = [one.id for one in failed if one.id not in moved]
            if not fresh:
                return list(moved.values())
            for delivery_id in fresh:
                moved[delivery_id] = await self.retry(delivery_id)

    async def confirm(self, delivery_id: str, url: str) -> Delivery:
        """
        Take a person's word that a delivery of unknown outcome is published at `url`; return it.

        Raise `NotFound`, or `IllegalMove` where its outcome is known.
        """
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.HELD or delivery.hold != Hold.UNKNOWN:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only one that is held because "
                "nobody knows whether it went out can be confirmed"
            )
        now = self._clock.now()
        await self._store.settle(
            Settlement(
                delivery_id=delivery.id,
                source=State.HELD,
                target=State.DELIVERED,
                at=now,
                receipt=Receipt(id=url, url=url),
                reason="confirmed by a person",
            )
        )
        return await self._moved(delivery.id, Said.DELIVERED)

    async def cancel(self, delivery_id: str, reason: str) -> Delivery:
        """Call a waiting delivery off for good; return it. Raise `NotFound` or `IllegalMove`."""
        delivery = await self._store.delivery(delivery_id)
        return await self._move(delivery, State.CANCELLED, Said.CANCELLED, reason=reason)

    async def _move(
        self, delivery: Delivery, target: State, said: Said, *, reason: str = "", hold: str = ""
    ) -> Delivery:
        await self._store.move(delivery.id, target, self._clock.now(), reason=reason, hold=hold)
        return await self._moved(delivery.id, said)

    async def _moved(self, delivery_id: str, said: Said) -> Delivery:
        """Tell everyone concerned what became of a delivery."""
        moved = await self._store.delivery(delivery_id)
        self._report.moved(said, moved)
        self._upkeep.watch(moved)
        lane = self._lanes.get(moved.channel)
        if lane is not None:
            lane.queued()
        if moved.state not in OPEN:
            self._runs.nudge(moved)
        return moved
