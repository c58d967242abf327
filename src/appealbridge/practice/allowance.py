"""
The rate limits that practice platforms state in every answer.

They lie far above the real ones and are never enforced, so that load tests are not throttled; the
fault `http_429` practises what happens when they are hit.
"""

from __future__ import annotations

LIMIT = 100_000
"""Requests a window."""


class PostingAllowance:
    """Counts an account's requests in fixed windows of `window` seconds."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._number = 0
        self._used: dict[str, int] = {}

    def spend(self, account: str, now: float) -> tuple[int, int, int]:
        """Count one request; return limit, what remains (never 0), and the Unix second of the reset."""
        number = int(now) // self._window
        if number != self._number:
            self._number = number
            self._used.clear()
        used = self._used[account] = self._used.get(account, 0) + 1
        return LIMIT, max(1, LIMIT - used), (number + 1) * self._window
