"""Decides what is new in a poll of a source, given what was seen there before. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from appealbridge.model.delivery import Hold
from appealbridge.model.duration import written
from appealbridge.model.event import EventDraft
from appealbridge.model.source import RENEWED
from appealbridge.plugin.trigger import Basis, Item, PolledSource, PollResult

SHORTEST_ADDRESS = 12
"""The least number of characters of an address: a shorter one, such as the number of a blog entry, is not unique."""

SHARE = 32 * 1024 * 1024
"""How many bytes of one source are stored in a day (UTC); more is deferred to the next day."""

OF_AN_IDENTITY = 100
"""How many bytes it takes to remember an item, besides its identity."""

AHEAD = 86_400.0
"""How many seconds a date may lie in the future; one further ahead cannot be right."""

MOST_PROBLEMS = 500
"""How many problems of a source are remembered. People get at most `AT_ONCE` new ones at a time."""
AT_ONCE = 20

READ_OTHERWISE = (
    "this version reads items in another way than the one before. This poll publishes items with a new id, "
    "but only learns items without an id, and changes since the last poll"
)


@dataclass(frozen=True, slots=True)
class Decided:
    """
    The result of one poll.

    `drafts` are its events, oldest first, and `identities` those of their items; `burst` says that they are too many
    to publish unseen. `seen` has the digests of the listed items to remember, `cursor` and `state` are for the next
    poll. `anew`: everything remembered before must be forgotten. `notes` are for the log, `alarms` for people.
    """

    drafts: Sequence[EventDraft] = ()
    identities: Sequence[str] = ()
    new: int = 0
    changed: int = 0
    burst: bool = False
    seen: Mapping[str, str] = field(default_factory=dict)
    cursor: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    anew: bool = False
    notes: Sequence[str] = ()
    alarms: Sequence[str] = ()


def renewed(state: Mapping[str, Any], basis: Basis) -> tuple[bool, bool]:
    """
    Return whether a source's memory is about other items than it lists now, or about other readings of them.

    A store of an earlier version does not say what its memory is based on; then it counts as the same.
    """
    names = state.get("identity", basis.identity) != basis.identity
    return names, state.get("reading", 0) != basis.reading


def decide(
    poll: PollResult,
    known: Mapping[str, str],
    options: PolledSource,
    *,
    last: float | None,
    now: float,
    basis: Basis | None = None,
    state: Mapping[str, Any] | None = None,
) -> Decided:
    """
    Return what is new and what changed since the last poll.

    `known` maps identities to the remembered digests; `last` is the time of the last poll, `None` before the first
    one. The first poll publishes only the `backfill` newest items, because the others are old news. `state` is what
    the last poll left. If its basis is not this `basis`, this poll publishes nothing.
    """
    before = dict(state or {})
    if poll.items is None:
        return Decided(cursor=poll.cursor, state=before, notes=poll.notes)
    basis = basis or Basis(before.get("identity", ""), before.get("reading", 0))
    first = last is None
    anew, otherwise = (False, False) if first else renewed(before, basis)
    known = {} if anew else known
    items = _once(poll.items)
    fresh = [item for item in items if item.identity not in known]
    new = fresh[: options.backfill] if first else [] if anew else fresh
    if otherwise:  # their identities differ from the remembered ones, and they may be old
        new = [item for item in new if not item.named_by_reading]
    types = {item.identity: item.on_new for item in new if not _is_old(item, options, now)}
    changed = [item for item in items if known.get(item.identity, item.digest) != item.digest]
    again = {} if otherwise else {item.identity: item.on_changed for item in changed}
    types = {identity: type_ for identity, type_ in (types | again).items() if type_}
    share = _Share(before, now)
    accepted = [item for item in reversed(items) if share.takes(item, known, types, first or anew)]
    published = [item for item in accepted if item.identity in types]
    held = {
        item.identity: why
        for item in published
        if item.identity not in again and (why := _undated(item, options, now))
    }
    problems, alarms = _problems(poll.problems, before.get("told", ()))
    notes = [*poll.notes, *_renewal(anew, otherwise)]
    if held:
        items_held = "1 item, which is" if len(held) == 1 else f"{len(held)} items, which are"
        notes.append(f"`max_age` cannot be checked for {items_held} held")
    if share.deferred:
        notes.append(share.note())
        alarms += [] if before.get("full") == share.day else [share.note()]
    return Decided(
        [
            _draft(item, types[item.identity], last, held.get(item.identity, ""))
            for item in published
        ],
        [item.identity for item in published],
        new=sum(item.identity not in again for item in published),
        changed=sum(item.identity in again for item in published),
        burst=len(published) > options.burst and not first,
        seen={item.identity: item.digest for item in accepted},
        # Deferred items must be listed again, even if the source has not changed.
        cursor={} if share.deferred else poll.cursor,
        state={
            "identity": basis.identity,
            "reading": basis.reading,
            "told": problems,
            "day": share.day,
            "spent": share.spent,
            "full": share.day if share.deferred else before.get("full"),
        },
        anew=anew,
        notes=notes,
        alarms=alarms,
    )


def _once(items: Sequence[Item]) -> list[Item]:
    """Return the items without later ones of the same identity, so that a source that repeats items is no burst."""
    first: dict[str, Item] = {}
    for item in items:
        first.setdefault(item.identity, item)
    return list(first.values())


def _is_old(item: Item, options: PolledSource, now: float) -> bool:
    """Return whether an item is older than the source may publish when it first sees it."""
    return (
        options.max_age is not None and item.time is not None and item.time < now - options.max_age
    )


def _undated(item: Item, options: PolledSource, now: float) -> str:
    """Return why only a person can tell whether an item is too old; empty if that is clear."""
    if options.max_age is None:
        return ""
    age = written(options.max_age)
    if item.time is None:
        return f"it has no date that can be read, so it may be older than max_age ({age})"
    if item.time > now + AHEAD:
        return f"its date is in the future, so it may be older than max_age ({age})"
    return ""


def _renewal(anew: bool, otherwise: bool) -> Sequence[str]:
    return (RENEWED,) if anew else (READ_OTHERWISE,) if otherwise else ()


def _problems(
    problems: Mapping[str, str], known_problems: Collection[str]
) -> tuple[Sequence[str], list[str]]:
    """Return the names of the problems that people have been told, and the texts of those that are new."""
    names = list(problems)[:MOST_PROBLEMS]
    fresh = [problems[name] for name in names if name not in known_problems]
    more = len(fresh) - AT_ONCE
    return names, fresh[:AT_ONCE] + (
        [f"and {more} more problems of this source"] if more > 0 else []
    )


class _Share:
    """How much of a source may still be stored today; the rest is deferred."""

    def __init__(self, state: Mapping[str, Any], now: float) -> None:
        self.day = int(now // 86_400)
        self.spent: int = state.get("spent", 0) if state.get("day") == self.day else 0
        self.deferred = 0
        self._over = self.spent >= SHARE

    def takes(
        self, item: Item, known: Mapping[str, str], types: Mapping[str, str], learned: bool
    ) -> bool:
        """Count an item, the oldest first; return whether it is stored now. A poll that only learns stores all."""
        cost = 0 if item.identity in known else len(item.identity) + OF_AN_IDENTITY
        if item.identity in types:
            cost += item.size or len(orjson.dumps(item.data))
        if learned or not cost:
            self.spent += cost
            return True
        # Once an item is deferred, so are all newer ones: they may be about the same subject.
        self._over = self._over or self.spent + cost > SHARE
        if self._over:
            self.deferred += 1
            return False
        self.spent += cost
        return True

    def note(self) -> str:
        """Return how many items are deferred, and until when."""
        return (
            f"more than {SHARE // 1024 // 1024} MiB came from it today; {self.deferred} items are deferred until "
            "tomorrow (UTC), if it still lists them"
        )


def _draft(item: Item, type_: str, last: float | None, why: str) -> EventDraft:
    # Two polls with the same memory find one event. An item that changes back to what it once was is a new event.
    return EventDraft(
        type=type_,
        subject=item.subject,
        key=f"{item.identity}\n{item.digest}\n{last}",
        data=item.data,
        time=item.time,
        addresses=tuple(address for address in item.addresses if len(address) >= SHORTEST_ADDRESS),
        hold=Hold.UNDATED if why else "",
        why=why,
        author=item.author,
    )
