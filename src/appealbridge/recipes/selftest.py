"""A recipe's own tests, run without reaching anything: the event they make up, and what they expect of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appealbridge.model.duration import written
from appealbridge.model.event import Event
from appealbridge.recipes.play import Post, Rehearsal, rehearse
from appealbridge.recipes.recipe import Recipe, RecipeTest

TEST_TIME = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()
"""When the event of a test happens, where the test does not say."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one test; `why` says what was wanted and what came instead, empty where it passed."""

    __test__ = False  # pytest takes any class called Test… for one of its own

    recipe: str
    name: str
    path: str
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether all that was expected came."""
        return not self.why


def run_tests(recipe: Recipe) -> list[TestResult]:
    """Run every test of a recipe."""
    return [
        TestResult(recipe.name, test.name, test.path, _why_not(recipe, test))
        for test in recipe.tests
    ]


def made_up_event(recipe: Recipe, given: Mapping[str, Any]) -> Event:
    """Return the event that a test or a preview describes; what it leaves out is made up."""
    time = given.get("time")
    at = TEST_TIME
    if time is not None:
        moment = datetime.fromisoformat(time)
        at = (moment if moment.tzinfo else moment.replace(tzinfo=recipe.zone)).timestamp()
    return _event(recipe, given, "test", given.get("subject", "test"), at)


def _event(recipe: Recipe, given: Mapping[str, Any], id_: str, subject: str, at: float) -> Event:
    first = recipe.triggers[0]
    return Event(
        id=id_,
        source=given.get("source") or first.source or f"{first.plugin.name}:test",
        type=given.get("type", "test"),
        subject=subject,
        key=id_,
        time=at,
        data=given.get("data"),
        received_at=at,
    )


def later_events(recipe: Recipe, first: Event, test: RecipeTest) -> list[Event]:
    """Return the events that a test has come after its `first` one."""
    return [
        _event(
            recipe,
            given,
            f"test-{number}",
            given.get("subject", first.subject),
            first.received_at + given["after"],
        )
        for number, given in enumerate(test.events, start=2)
    ]


def _came(recipe: Recipe, test: RecipeTest) -> Rehearsal:
    event = made_up_event(recipe, test.event)
    later = later_events(recipe, event, test)
    until = None if test.after is None else event.received_at + test.after
    return rehearse(recipe, event, event.received_at, later, until)


def _why_not(recipe: Recipe, test: RecipeTest) -> str:
    came = _came(recipe, test)
    if test.expect_failure:
        if came.failed and _fits(came.failed, test.expect_failure):
            return ""
        return f"expected the failure {test.expect_failure}\n{_told(came)}"
    if came.failed or test.expect is None:
        return f"expected no failure\n{_told(came)}"
    if not test.expect and came.posts:
        return f"expected nothing\n{_told(came)}"
    missing = _unmet(test.expect, came.posts)
    if missing:
        wanted = "\n".join(f"expected {_line(one)}" for one in missing)
        return f"{wanted}\n{_told(came)}"
    return ""


def _unmet(expected: Sequence[Mapping[str, Any]], posts: Sequence[Post]) -> list[Mapping[str, Any]]:
    """Return what no post meets."""
    return [wanted for wanted in expected if not any(_meets(post, wanted) for post in posts)]


def _meets(post: Post, wanted: Mapping[str, Any]) -> bool:
    came = {**post.message, "action": post.action, "channel": post.channel}
    return all(name in came and _fits(came[name], value) for name, value in wanted.items())


def _fits(came: Any, wanted: Any) -> bool:
    """Tell whether a value has at least what is wanted; in a text * stands for any words."""
    if isinstance(wanted, str):
        pattern = ".*".join(re.escape(part) for part in wanted.split("*"))
        return isinstance(came, str) and re.fullmatch(pattern, came, re.DOTALL) is not None
    if isinstance(wanted, dict):
        return isinstance(came, dict) and all(
            name in came and _fits(came[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(came, list)
            and len(came) == len(wanted)
            and all(_fits(one, other) for one, other in zip(came, wanted, strict=True))
        )
    return bool(came == wanted) and isinstance(came, bool) == isinstance(wanted, bool)


def _told(came: Rehearsal) -> str:
    """Tell what came instead."""
    if came.failed:
        return f"but the recipe stopped: {came.failed}"
    if came.why_not:
        return f"but the recipe does not want this event: {came.why_not}"
    if not came.posts:
        return f"but nothing was planned{f': {came.stopped}' if came.stopped else ''}"
    return "\n".join(
        f"but planned {f'{written(post.after)} later ' if post.after >= 1 else ''}"
        + _line({"action": post.action, "channel": post.channel, **post.written})
        for post in came.posts
    )


def _line(fields: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}: {value!r}" if isinstance(value, str) else f"{name}: {value}"
        for name, value in fields.items()
    )
