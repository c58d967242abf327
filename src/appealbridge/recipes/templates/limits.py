"""Limits on the size of what templates make, and on the time that recipes take for one event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

R = TypeVar("R")

LIMIT = 100_000
"""How many characters or entries the result of a template, or the input of a filter, may have."""

LIST_LIMIT = 10_000
"""How many entries a list may have for a filter: some filters compare each entry with each."""

TEXTS_LIMIT = 2_000_000
"""How many characters or further entries all entries of such a list may have together."""

LOOP_LIMIT = 2_000
"""How many rounds all loops of one template may take together."""

ARGUMENT_LIMIT = 1_000
"""How many characters an argument of a value's own function may have."""

MARKUP_LIMIT = 20_000
"""How many `<` and `&` a text may have for the filter `plain`."""

NUMBER_BITS = 4096
"""How many bits a whole number may have: about 1,200 digits."""

EVENT_SECONDS = 1.0
"""How much processor time all recipes together may take for one event."""

RECIPE_SECONDS = 0.25
"""How much of that one recipe may take."""

LEAST_SECONDS = 0.02
"""How much each recipe may take even if the recipes before it have used up the time for the event."""


SOON = 0.005
"""For so many seconds of a recipe the processor time is not read."""


class LimitExceeded(ValueError):
    """A template makes more than any message can be."""


class OutOfTime(Exception):
    """A recipe takes too long for one event."""


class Budget:
    """
    Limits how long the recipes may take for one event.

    `work` returns the processor time in seconds: no recipe must fail because the machine is busy.
    Reading it is slow, so it is only read when a recipe has taken a while by `monotonic`. `begin`
    is called before each recipe and `end` after it; slow code calls `check` regularly.
    """

    __slots__ = ("_allowed", "_begun", "_left", "_monotonic", "_work", "_worked")

    def __init__(self, work: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._work = work
        self._monotonic = monotonic
        self._left = EVENT_SECONDS
        self._allowed = RECIPE_SECONDS
        self._begun = 0.0
        self._worked: float | None = None

    def begin(self) -> None:
        """Start the time of the next recipe."""
        self._begun = self._monotonic()
        self._worked = None
        if self._left < RECIPE_SECONDS:
            self._allowed = max(LEAST_SECONDS, self._left)

    def end(self) -> None:
        """Deduct the time of the recipe from that of the event."""
        if self._worked is not None:
            self._left -= self._work() - self._worked

    def check(self) -> None:
        """Raise `OutOfTime` if the recipe has used its time."""
        if self._monotonic() - self._begun <= SOON:
            return
        now = self._work()
        if self._worked is None:
            self._worked = now - SOON
        elif now - self._worked > self._allowed:
            raise OutOfTime(
                f"this recipe took more than {self._allowed:g} seconds of processor time for one event, and was "
                "stopped; use fewer loops and filters, or less of the event's data"
            )

    def without(self, once: Callable[[], R]) -> R:
        """Return a function's result without counting its time, because it is called once and not for each event."""
        begun, worked = self._monotonic(), self._work()
        result = once()
        self._begun += self._monotonic() - begun
        if self._worked is not None:
            self._worked += self._work() - worked
        return result


def _no_time() -> float:
    return 0.0


NO_BOUND = Budget(_no_time, _no_time)
"""A budget without a limit, for trying out a recipe."""


def bounded(size: int) -> None:
    """Raise `LimitExceeded` for a result of this size."""
    if size > LIMIT:
        raise LimitExceeded(f"this makes more than {LIMIT} characters or entries")


def bounded_text(text: str, name: str) -> str:
    """Return the text that a filter gets; raise `LimitExceeded` if it is too long."""
    if len(text) > LIMIT:
        raise LimitExceeded(f"{name} takes texts of at most {LIMIT} characters; shorten it first")
    return text


def bounded_number(value: Any) -> Any:
    """Return a value; raise `LimitExceeded` if it is a whole number with too many digits."""
    if isinstance(value, int) and value.bit_length() > NUMBER_BITS:
        raise LimitExceeded("this number has too many digits")
    return value


def bounded_list(items: Iterable[Any], name: str) -> list[Any]:
    """Return the input of a filter as a list; raise `LimitExceeded` if it is too long."""
    entries = list(islice(items, LIST_LIMIT + 1))
    if len(entries) > LIST_LIMIT:
        raise LimitExceeded(f"{name} takes at most {LIST_LIMIT} entries")
    if sum(map(_size, entries)) > TEXTS_LIMIT:
        raise LimitExceeded(f"{name} takes at most {TEXTS_LIMIT} characters")
    return entries


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, tuple, dict)) else 0
