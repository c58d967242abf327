"""What a person may have done about a delivery: release it, try it again, call it off."""

from __future__ import annotations

from appealbridge.clock import Clock
from appealbridge.engine.gate import content_hash
from appealbridge.engine.lane import Lanes
from appealbridge.engine.report import Report
from appealbridge.engine.runs import Runs
from appealbridge.engine.upkeep import Upkeep
from appealbridge.logs import Said
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import IllegalMove
from appealbridge.store.base import Store


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
        return await self._move(delivery, State.READY, Said.RELEASED)

    async def retry(self, delivery_id: str) -> Delivery:
        """Try a failed delivery again; return it. Raise `NotFound`, or `IllegalMove` where it has not failed."""
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.FAILED:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only a failed one can be retried"
            )
        return await self._move(delivery, State.READY, Said.RELEASED)

    async def cancel(self, delivery_id: str, reason: str) -> Delivery:
        """Call a waiting delivery off for good; return it. Raise `NotFound` or `IllegalMove`."""
        delivery = await self._store.delivery(delivery_id)
        return await self._move(delivery, State.CANCELLED, Said.CANCELLED, reason)

    async def _move(
        self, delivery: Delivery, target: State, said: Said, reason: str = ""
    ) -> Delivery:
        moved = await self._store.move(delivery.id, target, self._clock.now(), reason=reason)
        self._report.moved(said, moved)
        self._upkeep.watch(moved)
        lane = self._lanes.get(moved.channel)
        if lane is not None:
            lane.queued()
        if target is State.CANCELLED:
            self._runs.nudge(moved)
        return moved
