"""The stop: while it is in force, nothing is published."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.model.delivery import Delivery
from appealbridge.model.value import value

STOP = "stop"
"""The kind of hold that stops everything."""

EASED_POSTS = 5
"""How many posts a channel may publish in the first `EASED_SECONDS` after a stop was lifted."""

EASED_SECONDS = 600.0


@value(kw_only=True)
class TotalStop:
    """
    One stop of everything, and who lifted it; times are Unix seconds UTC.

    `by` is who stopped, and `how` they were known. `number` is 0 until it is stored.
    """

    by: str
    how: str
    reason: str
    at: float
    number: int = 0
    lifted_by: str = ""
    lifted_at: float | None = None

    @property
    def in_force(self) -> bool:
        """Whether it has not been lifted."""
        return self.lifted_at is None

    @property
    def explanation(self) -> str:
        """Why nothing is published, in one sentence."""
        return self.explained(self.by)

    def explained(self, name: str) -> str:
        """Return the same with the name that people read."""
        by = f" by {name}" if name else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"everything is stopped{by}{reason}"

    def eases(self, now: float) -> bool:
        """Return whether it was lifted so recently that only a few posts may go out."""
        return self.lifted_at is not None and now < self.lifted_at + EASED_SECONDS


@value
class ChannelStart:
    """What would go out on a channel if the stop was lifted: the oldest deliveries, and how many would be held."""

    channel: str
    goes: Sequence[Delivery]
    held: int


@value
class Start:
    """What lifting a stop does, by channel. `seen` identifies it, so that nobody lifts what they have not seen."""

    stop: TotalStop | None
    channels: Sequence[ChannelStart]
    seen: str
