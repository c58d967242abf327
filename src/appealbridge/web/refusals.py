"""Logs and counts requests that bring no event; a flood of them is logged only a few times a minute."""

from __future__ import annotations

from collections.abc import Callable

from appealbridge.engine.intake.throttle import Throttle
from appealbridge.engine.report import Report
from appealbridge.logs import LogEvent
from appealbridge.model.rate import Rate

LOG_RATE = Rate(10, 60.0)
"""How often refusals with the same webhook and status are logged."""

LOG_RATE_OF_429 = Rate(1, 60.0)
"""The same for requests that exceed the webhook's rate."""


class Refusals:
    """Counts every refused request and logs some of them."""

    def __init__(self, report: Report, monotonic: Callable[[], float]) -> None:
        self._report = report
        self._monotonic = monotonic
        self._throttles: dict[tuple[str, int], Throttle] = {}

    def __call__(self, webhook: str, status: int, reason: str) -> None:
        """Record a refused request; `webhook` is a name from the settings, or `unknown`."""
        unsaid = self._unsaid(webhook, status)
        self._report.refused(webhook, status, reason, quietly=unsaid is None, unsaid=unsaid or 0)

    def no_event(self, webhook: str, reason: str) -> None:
        """Log that a proven request is no event, and why."""
        if self._unsaid(webhook, 200) is not None:
            self._report.info(LogEvent.NO_EVENT, webhook=webhook, reason=reason)

    def _unsaid(self, webhook: str, status: int) -> int | None:
        """Return how many were not logged before this one; `None` if this one is not to be logged either."""
        throttle = self._throttles.get((webhook, status))
        if throttle is None:
            rate = LOG_RATE_OF_429 if status == 429 else LOG_RATE
            throttle = self._throttles[webhook, status] = Throttle(rate)
        unsaid = throttle.turned_away
        return None if throttle.wait(self._monotonic()) else unsaid
