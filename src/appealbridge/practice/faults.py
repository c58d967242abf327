"""
Faults that can be switched on: what goes wrong, on which platform, how often and for how long.

Before a platform answers a request, it asks here whether a fault applies. The rule of
`count` and `seconds`:

- `count` is how many requests it bites at most; 1 if neither is given.
- `seconds` is for how long it is on, from now. With a `count` as well, six faults read it as what
  one answer does: `http_429` says that the limit is reset so much later, `post_then_hang` hangs for
  so long, and `slow`, `late_post`, `delete_slow` and `media_slow` (which have a count always) answer,
  publish, delete or finish a picture so much later.
- Where several are on, one bites a request: those that refuse it come before those that spoil the
  answer, and otherwise the one that was asked for first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appealbridge.clock import Clock

HANG_SECONDS = 60.0
"""How long a hanging answer holds its connection at the most."""

THROTTLE_SECONDS = 2.0
"""When a rate limit resets if nobody said."""

LATE_SECONDS = 5.0
"""How long after its proxy has given up a slow platform publishes, or after its answer deletes, if nobody said."""


class FaultName(StrEnum):
    """Every way of going wrong that can be practised."""

    POST_THEN_HANG = "post_then_hang"
    POST_THEN_RESET = "post_then_reset"
    POST_THEN_500 = "post_then_500"
    REFUSE = "refuse"
    LATE_POST = "late_post"
    KEYS_IGNORED = "keys_ignored"
    REPEAT_500 = "repeat_500"
    HTTP_429 = "http_429"
    HTTP_429_SILENT = "http_429_silent"
    HTTP_503 = "http_503"
    SLOW = "slow"
    TRUNCATED = "truncated"
    HTML = "html"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a fault's name, not a token
    DUPLICATE_FILTER = "duplicate_filter"
    OUT_OF_CREDITS = "out_of_credits"
    READ_ONLY = "read_only"
    SUSPENDED = "suspended"
    DELETE_LIES = "delete_lies"
    DELETE_SLOW = "delete_slow"
    DELETE_403 = "delete_403"
    EDIT_REFUSED = "edit_refused"
    EDITED_BY_HAND = "edited_by_hand"
    MEDIA_SLOW = "media_slow"
    MEDIA_REFUSED = "media_refused"
    MEDIA_EXPIRED = "media_expired"
    MEDIA_CUT = "media_cut"


_F = FaultName

REFUSALS = frozenset(
    {_F.REFUSE, _F.HTTP_429, _F.HTTP_429_SILENT, _F.HTTP_503, _F.HTML, _F.TOKEN_EXPIRED}
    | {_F.SUSPENDED}
)
"""Nothing is applied, whatever was asked."""

WRITE_REFUSALS = REFUSALS | {_F.OUT_OF_CREDITS, _F.READ_ONLY, _F.LATE_POST}
"""Nothing is applied of what would have changed something, or not yet."""

SPOILED = frozenset({_F.SLOW, _F.TRUNCATED})
"""The request is applied, its answer is late or broken, whatever was asked."""

WRITE_SPOILED = SPOILED | {_F.POST_THEN_HANG, _F.POST_THEN_RESET, _F.POST_THEN_500}
"""The request is applied, and nobody can tell from the answer."""

_COUNTED = frozenset({_F.SLOW, _F.LATE_POST, _F.DELETE_SLOW, _F.MEDIA_SLOW})
"""They have a count always, because their seconds are how long one of them takes."""

_ABOUT_ONE_ANSWER = _COUNTED | {_F.HTTP_429, _F.POST_THEN_HANG}


@dataclass(slots=True)
class Fault:
    """
    One fault that is on.

    `left` is how many more requests it bites, `None` for no bound; `until` the end of its window on
    the clock that never jumps, `None` for no end; `seconds` as it was asked for.
    """

    platform: str
    name: FaultName
    left: int | None
    seconds: float | None
    until: float | None

    def shown(self, now: float) -> dict[str, Any]:
        """Return the fault as `GET /faults` gives it; `now` is monotonic."""
        rest = self.seconds if self.until is None else max(0.0, self.until - now)
        return {
            "platform": self.platform,
            "fault": self.name.value,
            "count": self.left,
            "seconds": None if rest is None else round(rest, 3),
        }

    def is_over(self, now: float) -> bool:
        """Whether it will never bite again."""
        return self.left == 0 or (self.until is not None and now >= self.until)

    def rest(self, now: float, otherwise: float) -> float:
        """Return how many seconds are left of its window, or of what it asked for."""
        if self.until is not None:
            return max(0.0, self.until - now)
        return otherwise if self.seconds is None else self.seconds


class Faults:
    """All faults that are on, in the order in which they were asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._faults: list[Fault] = []

    def add(
        self, platform: str, name: FaultName, count: int | None, seconds: float | None
    ) -> Fault:
        """Switch a fault on; see the rule above."""
        if count is None and (seconds is None or name in _COUNTED):
            count = 1
        about_one_answer = count is not None and name in _ABOUT_ONE_ANSWER
        until = None
        if seconds is not None and not about_one_answer:
            until = self._clock.monotonic() + seconds
        fault = Fault(platform, name, count, seconds, until)
        self._faults.append(fault)
        return fault

    def take(self, platform: str, names: Collection[FaultName]) -> Fault | None:
        """Return the first fault of these that bites a request to this platform now, and count the bite."""
        now = self._clock.monotonic()
        self._faults = [fault for fault in self._faults if not fault.is_over(now)]
        for fault in self._faults:
            if fault.platform == platform and fault.name in names:
                if fault.left is not None:
                    fault.left -= 1
                return fault
        return None

    def is_on(self, platform: str, name: FaultName) -> bool:
        """Return whether a fault would apply now, without applying it."""
        now = self._clock.monotonic()
        return any(
            fault.platform == platform and fault.name is name and not fault.is_over(now)
            for fault in self._faults
        )

    def shown(self) -> list[dict[str, Any]]:
        """Return what is on, with what is left of it."""
        now = self._clock.monotonic()
        return [fault.shown(now) for fault in self._faults if not fault.is_over(now)]

    def clear(self) -> None:
        """Switch everything off; answers already under way stay as they are."""
        self._faults.clear()

    def throttled_for(self, fault: Fault) -> float:
        """Return in how many seconds the limit that this fault feigns is reset."""
        return fault.rest(self._clock.monotonic(), THROTTLE_SECONDS)

    def hangs_for(self, fault: Fault) -> float:
        """Return for how many seconds this fault keeps a client waiting for nothing."""
        return min(HANG_SECONDS, fault.rest(self._clock.monotonic(), HANG_SECONDS))
