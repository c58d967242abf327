"""What is said of requests that bring nothing: each kind a few times a minute, however many come."""

from __future__ import annotations

from collections.abc import Callable

from appealbridge.engine.report import Report
from appealbridge.engine.throttle import Throttle
from appealbridge.model.rate import Rate

SAID = Rate(10, 60.0)
"""How often requests to one webhook that are refused with one status are worth a line."""

SAID_OF_TOO_MANY = Rate(1, 60.0)
"""The same of those that come too often."""


class Refusals:
    """Counts every request that brings no event, and says what is the matter with some of them."""

    def __init__(self, report: Report, monotonic: Callable[[], float]) -> None:
        self._report = report
        self._monotonic = monotonic
        self._throttles: dict[tuple[str, int], Throttle] = {}

    def __call__(self, webhook: str, status: int, reason: str) -> None:
        """Say that a request was refused; `webhook` is a name out of the settings, or `unknown`."""
        unsaid = self._unsaid(webhook, status)
        self._report.refused(webhook, status, reason, quietly=unsaid is None, unsaid=unsaid or 0)

    def no_event(self, webhook: str, reason: str) -> None:
        """Say that a proven request was no event, and why."""
        if self._unsaid(webhook, 200) is not None:
            self._report.no_event(webhook, reason)

    def _unsaid(self, webhook: str, status: int) -> int | None:
        """Return how many before this one were passed over, `None` where this one is."""
        throttle = self._throttles.get((webhook, status))
        if throttle is None:
            rate = SAID_OF_TOO_MANY if status == 429 else SAID
            throttle = self._throttles[webhook, status] = Throttle(rate)
        unsaid = throttle.turned_away
        return None if throttle.wait(self._monotonic()) else unsaid
