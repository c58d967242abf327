"""
Remembers which texts were recently published on which accounts, in memory to save queries. Pure.

What is remembered is only a suspicion: the guard then asks the store what became of the earlier delivery. So
nothing has to be removed here when a delivery fails, and a mix-up does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.model.delivery import OPEN, Delivery, Kind, State
from appealbridge.store.records import Text

DAY = 86_400.0
"""For how many seconds a text must not be repeated."""

MOST = 10_000
"""How many texts are remembered of one day, and as many of the day before; with more, the oldest are forgotten."""


class Texts(OutcomeListener):
    """
    Remembers which delivery had a text on a channel, for at least one day and at most two.

    There are two sheets. When the younger one is full or a day old, it replaces the older one.
    """

    def __init__(self, now: float, most: int = MOST) -> None:
        self._most = most
        self._turned_at = now
        self._young: dict[int, str] = {}
        self._old: dict[int, str] = {}

    def note(self, delivery: Delivery, now: float) -> str:
        """Return the id of the delivery that had this text before, or empty if this is the first, and remember it."""
        key = _key(delivery)
        earlier = self._young.get(key) or self._old.get(key)
        if earlier is not None:
            return "" if earlier == delivery.id else earlier
        self._remember(key, delivery.id, now)
        return ""

    def on_result(self, result: Result) -> None:
        """Refresh the text of a published delivery."""
        if result.settlement.target is State.DELIVERED and result.delivery.kind is Kind.POST:
            self.refresh(result.delivery, result.settlement.at)

    def refresh(self, delivery: Delivery, now: float) -> None:
        """Count the day of a delivery from now, because it was published now and may have been planned long ago."""
        key = _key(delivery)
        if self._young.get(key) != delivery.id:
            self._remember(key, delivery.id, now)

    def forget(self, delivery: Delivery, earlier: str) -> None:
        """Forget the text of a delivery, if the id remembered for it is `earlier`."""
        key = _key(delivery)
        for sheet in (self._young, self._old):
            if sheet.get(key) == earlier:
                del sheet[key]

    def recall(self, texts: Iterable[Text], now: float) -> None:
        """Remember earlier texts, oldest first."""
        for text in texts:
            self._remember(_key(text), text.delivery_id, now)

    def _remember(self, key: int, delivery_id: str, now: float) -> None:
        if now - self._turned_at >= DAY or len(self._young) >= self._most:
            self._old, self._young = self._young, {}
            self._turned_at = now
        self._young[key] = delivery_id


def repeats(delivery: Delivery, earlier: Delivery, now: float, zone: ZoneInfo) -> str:
    """
    Return why a delivery repeats an earlier one, or empty if the earlier one does not count.

    The earlier one counts while it may still go out, and for a day after it has.
    """
    if _text(delivery) != _text(earlier) or earlier.kind is not Kind.POST:
        return ""
    if earlier.state in OPEN:
        return (
            f"the same text is on its way to {earlier.channel} already: no. {earlier.number}, planned "
            f"at {_clock(earlier.planned_at, zone)}"
        )
    if earlier.state is State.DELIVERED and now - (earlier.settled_at or now) < DAY:
        return (
            f"the same text went out on {earlier.channel} within the last day: no. {earlier.number}, "
            f"at {_clock(earlier.settled_at or now, zone)}"
        )
    return ""


def _text(text: Delivery | Text) -> tuple[str, str, str]:
    # With the origin, so that a stranger who sends a text first does not hold up the real source.
    return text.channel, text.origin, text.content_hash


def _key(text: Delivery | Text) -> int:
    # A number instead of the text halves the memory used.
    return hash(_text(text))


def _clock(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%H:%M %Z on %-d %B")
