"""Compares what a draft and the recipe in force would have published about past events, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from appealbridge.model.event import Event
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.rehearsal.preview import post_as_json
from appealbridge.recipes.rehearsal.replay import NOTHING, Ran, Replay, Topic
from appealbridge.recipes.rehearsal.simulate import Rehearsal, SimulatedPost

NEW, GONE, OTHER, SAME, STOPS = "+", "-", "~", "=", "!"
"""Kinds of findings: only the draft posts, only the other posts, the posts differ, they are equal, the draft fails."""

SWEEP = 1000
"""After how many events the waiting runs are continued."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One finding about one event.

    `kind` is one of the marks above. `post` is the draft's, `was` that of the recipe in force,
    `None` if there is none. `failed` is why the draft fails. `at` is in Unix seconds UTC.
    """

    kind: str
    event: Event
    at: float
    post: SimulatedPost | None = None
    was: SimulatedPost | None = None
    failed: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the finding for programs."""
        return {
            "kind": self.kind,
            "at": self.at,
            "event": self.event.id,
            "type": self.event.type,
            "subject": self.event.subject,
            "post": self.post and post_as_json(self.post),
            "was": self.was and post_as_json(self.was),
            "failed": self.failed,
        }


class Backtest:
    """
    Runs a draft, and the recipe in force if there is one, over events in their order.

    `events` counts those taken, `removed` those without content, which cannot be compared, and
    `wanted` those that are for the draft.
    """

    def __init__(self, draft: Recipe, in_force: Recipe | None) -> None:
        self.events = self.removed = self.wanted = 0
        self._draft = Replay(draft)
        self._other = None if in_force is None else Replay(in_force)
        self._waiting: dict[Topic, list[tuple[Event, Ran, Ran]]] = {}

    def take(self, event: Event) -> Iterator[Finding]:
        """Take the next event in order; yield the findings so far."""
        self.events += 1
        if event.removed:
            self.removed += 1
            return
        own = self._draft.take(event)
        others = None if self._other is None else self._other.take(event)
        self.wanted += own is not None
        if own or others:
            pair = (event, own or Ran(), others or Ran())
            self._waiting.setdefault(event.topic, []).append(pair)
        yield from self._over(event.topic)
        if self.events % SWEEP == 0:
            yield from self.until(event.received_at)

    def until(self, now: float) -> Iterator[Finding]:
        """Continue the waiting runs up to a moment; yield the findings."""
        for replay in (self._draft, self._other):
            if replay is not None:
                replay.go_on(now)
        for topic in [*self._waiting]:
            yield from self._over(topic)

    def rest(self) -> Iterator[Finding]:
        """Yield the findings of the runs that still wait."""
        for pairs in self._waiting.values():
            for event, own, others in pairs:
                yield from findings(event, own.rehearsal, others.rehearsal)

    def _over(self, topic: Topic) -> Iterator[Finding]:
        pairs = self._waiting.pop(topic, [])
        left = [pair for pair in pairs if not (pair[1].over and pair[2].over)]
        if left:
            self._waiting[topic] = left
        for event, own, others in pairs:
            if own.over and others.over:
                yield from findings(event, own.rehearsal, others.rehearsal)


def findings(event: Event, own: Rehearsal, others: Rehearsal = NOTHING) -> Iterator[Finding]:
    """Compare what the draft and the recipe in force publish about one event."""
    if own.failed and own.failed != others.failed:
        yield Finding(STOPS, event, event.received_at, failed=own.failed)
    for post, was in _paired(own.posts, others.posts):
        if post is None or was is None:
            kind = GONE if post is None else NEW
        else:
            kind = SAME if _visible_parts(post) == _visible_parts(was) else OTHER
        after = (post or was or _NOWHERE).after
        yield Finding(kind, event, event.received_at + after, post, was)


_NOWHERE = SimulatedPost("", "", "", {}, {})


def _paired(
    own: Sequence[SimulatedPost], others: Sequence[SimulatedPost]
) -> Iterator[tuple[SimulatedPost | None, SimulatedPost | None]]:
    """Yield each post with its match: an equal one, or the next on the same channel, or `None`."""
    left = [*others]
    like: dict[int, SimulatedPost] = {}
    for same in (_visible_parts, lambda post: post.channel):
        for number, post in enumerate(own):
            if number in like:
                continue
            match = next((other for other in left if same(other) == same(post)), None)
            if match is not None:
                left.remove(match)
                like[number] = match
    for number, post in enumerate(own):
        yield post, like.get(number)
    for post in left:
        yield None, post


def _visible_parts(post: SimulatedPost) -> tuple[Any, ...]:
    """Return the parts of a post that readers or approvers would notice."""
    return post.channel, post.action, dict(post.written), post.hold, round(post.after)
