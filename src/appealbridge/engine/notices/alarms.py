"""Records what people must be told about the daemon and what it depends on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from appealbridge.clock import Clock
from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.engine.report import Report
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.model.run import Run
from appealbridge.store.base import Store

UNKEPT = 100
"""How many alarms are kept in memory while the store accepts none."""

_NEWS = frozenset({State.FAILED, State.EXPIRED, State.HELD})
"""The states in which people get a notice about a delivery."""


class Alarms(OutcomeListener):
    """Stores alarms. `news` is set when the store has something that people must be told."""

    def __init__(
        self, store: Store, clock: Clock, report: Report, clean: Callable[[str], str]
    ) -> None:
        self.news = asyncio.Event()
        self._store = store
        self._clock = clock
        self._report = report
        self._clean = clean
        self._unkept: deque[tuple[Alarm, str, str, float]] = deque(maxlen=UNKEPT)

    async def raise_alarm(self, kind: Alarm, about: str = "", message: str = "") -> None:
        """
        Tell the people of `notices.to` about the daemon or what it depends on.

        `about` is an account, which is then not used to send the notice, or a source. Raise an alarm once for
        each thing that people must know. It is stored when this returns, or later if the store refuses it now.
        """
        # An alarm that could not be stored would block every other one.
        message = self._clean(message).encode(errors="replace").decode()
        now = self._clock.now()
        try:
            await self._store.raise_alarm(kind, about, message, now)
        except StoreError as error:
            self._report.store_failed(error, "notices")
            self._unkept.append((kind, about, message, now))
        self.log_stored(kind, about, message)

    def log_stored(self, kind: str, about: str, message: str) -> None:
        """Log an alarm that is already in the store."""
        self.news.set()
        self._report.alarm(kind, about, message)

    async def store_late(self) -> None:
        """Store the alarms that the store refused."""
        while self._unkept:
            await self._store.raise_alarm(*self._unkept[0])
            self._unkept.popleft()

    def on_result(self, result: Result) -> None:
        """Note that people must be told, unless it goes on by itself or is published."""
        if result.settlement.target in _NEWS:
            self.news.set()

    def on_held(self, deliveries: Sequence[Delivery]) -> None:
        """Note that people must be told."""
        self.news.set()

    on_expired = on_held

    def on_run_failed(self, run: Run) -> None:
        """Note that people must be told."""
        self.news.set()
