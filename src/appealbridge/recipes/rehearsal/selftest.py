"""Runs a recipe's own tests: makes up their events and checks what would be published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appealbridge.model.duration import written
from appealbridge.model.event import Event
from appealbridge.model.moment import NoTime, read, shown
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.model.schema import Expected, Test
from appealbridge.recipes.planning.times import is_length, length, moment
from appealbridge.recipes.rehearsal.expectation import (
    AFTER,
    AT,
    HELD,
    fits,
    goes_out,
    held_so,
    paired,
    says,
    says_all,
)
from appealbridge.recipes.rehearsal.simulate import Rehearsal, SimulatedPost, rehearse

TEST_TIME = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()
"""The time of a test's event if the test names none."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of one test; `why` says what was expected and what happened, empty if it passed."""

    __test__ = False  # pytest takes any class called Test… for one of its own

    recipe: str
    name: str
    path: str
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether the test passed."""
        return not self.why


def run_tests(recipe: Recipe) -> list[TestResult]:
    """Run every test of a recipe."""
    return [
        TestResult(recipe.name, test.name, f"tests[{number}]", _why_not(recipe, test))
        for number, test in enumerate(recipe.tests)
    ]


def made_up_event(recipe: Recipe, fields: Mapping[str, Any]) -> Event:
    """Return the event that a test or preview describes, with made-up values for what it leaves out."""
    time = fields.get("time")
    at = TEST_TIME if time is None else read(time, recipe.zone).at(0.0, recipe.zone)
    return _event(recipe, fields, "test", fields.get("subject", "test"), at)


def _event(recipe: Recipe, fields: Mapping[str, Any], id_: str, subject: str, at: float) -> Event:
    first = recipe.triggers[0]
    return Event(
        id=id_,
        source=fields.get("source") or first.source or f"{first.plugin.name}:test",
        type=fields.get("type", "test"),
        subject=subject,
        key=id_,
        time=at,
        data=fields.get("data"),
        received_at=at,
    )


def later_events(recipe: Recipe, first: Event, test: Test) -> list[Event]:
    """Return the later events of a test."""
    return [
        _event(
            recipe,
            later.model_dump(),
            f"test-{number}",
            first.subject if later.subject is None else later.subject,
            first.received_at + later.after,
        )
        for number, later in enumerate(test.events, start=2)
    ]


@dataclass(frozen=True, slots=True)
class _Played:
    """One test that was run: its event, the result, and what it expects."""

    recipe: Recipe
    test: Test
    event: Event
    rehearsal: Rehearsal

    def why_not(self) -> str:
        """Return what was expected and what happened; empty if the test passed."""
        test, rehearsal = self.test, self.rehearsal
        if test.expect_failure:
            if not rehearsal.failed or not fits(rehearsal.failed, test.expect_failure):
                return self._report([f"expected the failure {test.expect_failure}"])
        elif rehearsal.failed:
            return self._report(["expected no failure"])
        try:
            complaints, unlisted = self._complaints()
        except NoTime as wrong:
            return f"{wrong}; {wrong.cure}"
        return self._report(complaints, unlisted) if complaints or unlisted else ""

    def _complaints(self) -> tuple[list[str], Sequence[SimulatedPost]]:
        """Return what is wrong, and the posts that are not expected."""
        test, posts = self.test, self.rehearsal.posts
        complaints: list[str] = []
        unlisted: Sequence[SimulatedPost] = ()
        expect, at_least = _entries_of(test.expect), _entries_of(test.expect_at_least)
        if test.expect_failure and expect is None and at_least is None:
            expect = []
        if expect is not None:
            unmet, left = paired(expect, posts, self._meets)
            unlisted = [post for post in left if goes_out(post)]
            complaints += [f"expected {_line(entry)}{self._nearly(entry, left)}" for entry in unmet]
            if unlisted:
                complaints.append("expected nothing else" if expect else "expected nothing")
        elif at_least is None and not any(map(goes_out, posts)):
            complaints.append("expected something to go out; write expect: [] if nothing should")
        unmet, _ = paired(at_least or (), posts, self._meets_at_least)
        complaints += [f"expected {_line(entry)}" for entry in unmet]
        complaints += [
            f'expected "{text}" nowhere'
            for text in ([test.text_not] if isinstance(test.text_not, str) else test.text_not)
            if any(says(post, text) for post in posts)
        ]
        until = self._until(test.nothing_until) if test.nothing_until else 0.0
        if any(post.after < until - 0.5 and goes_out(post) for post in posts):
            complaints.append(f"expected nothing until {test.nothing_until}")
        return complaints, unlisted

    def _until(self, written: str) -> float:
        """Return a time as seconds after the event; raise `NoTime`."""
        if is_length(written):
            return length(written)
        return moment(written, self.event.received_at, self.recipe.zone) - self.event.received_at

    def _meets(self, post: SimulatedPost, expected: Mapping[str, Any]) -> bool:
        at_any_time = self.test.after is not None or AFTER in expected or AT in expected
        return self._meets_at_least(post, expected) and (at_any_time or post.after < 1)

    def _meets_at_least(self, post: SimulatedPost, expected: Mapping[str, Any]) -> bool:
        if not (says_all(post, expected) and held_so(post, expected)):
            return False
        if AFTER in expected:
            return abs(post.after - length(expected[AFTER])) < 1
        return AT not in expected or abs(post.after - self._until(expected[AT])) < 1

    def _nearly(self, expected: Mapping[str, Any], posts: Sequence[SimulatedPost]) -> str:
        """Return what to add to an entry so that it matches one of these posts."""
        for post in posts:
            if says_all(post, expected):
                if held_so(post, expected):
                    return (
                        f"; if it is meant to go out that late, write after: {written(post.after)}"
                    )
                if post.hold:
                    return f"; if it is meant to be held, write held: {post.hold}"
        return ""

    def _report(self, complaints: Sequence[str], unlisted: Sequence[SimulatedPost] = ()) -> str:
        """Return what was expected and what happened, as text."""
        rehearsal = self.rehearsal
        lines = [*complaints]
        if rehearsal.failed:
            lines.append(f"but the recipe stopped: {rehearsal.failed}")
        elif rehearsal.why_not:
            lines.append(f"but the recipe does not want this event: {rehearsal.why_not}")
        elif not rehearsal.posts:
            lines.append(
                f"but nothing was planned{f': {rehearsal.stopped}' if rehearsal.stopped else ''}"
            )
        first = unlisted or rehearsal.posts
        others = [post for post in rehearsal.posts if not any(post is other for other in first)]
        lines += [f"but planned {self._line(post)}" for post in first]
        lines += [f"and planned {self._line(post)}" for post in others]
        return "\n".join(lines)

    def _line(self, post: SimulatedPost) -> str:
        line = _line(_fields(post))
        if post.after < 1:
            return line
        at = shown(self.event.received_at + post.after, self.recipe.zone)
        return f"{written(post.after)} later, at {at}: {line}"


def _entries_of(expected: Sequence[Expected] | None) -> list[dict[str, Any]] | None:
    """Return what a test says about each message that it expects."""
    if expected is None:
        return None
    return [
        {**(entry.model_extra or {}), **entry.model_dump(mode="json", exclude_unset=True)}
        for entry in expected
    ]


def _why_not(recipe: Recipe, test: Test) -> str:
    event = made_up_event(recipe, test.event.model_dump())
    later = later_events(recipe, event, test)
    until = None if test.after is None else event.received_at + test.after
    rehearsal = rehearse(recipe, event, event.received_at, later, until)
    return _Played(recipe, test, event, rehearsal).why_not()


def _fields(post: SimulatedPost) -> Mapping[str, Any]:
    held = {} if goes_out(post) else {HELD: post.hold}
    why = {"because": post.reason} if post.reason else {}
    return {"action": post.action, "channel": post.channel, **post.written, **held, **why}


def _line(fields: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}: {value!r}" if isinstance(value, str) else f"{name}: {value}"
        for name, value in fields.items()
    )
