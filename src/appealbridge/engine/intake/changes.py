"""What a look at a source means, given what was seen there before. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from appealbridge.model.delivery import Hold
from appealbridge.model.duration import written
from appealbridge.model.event import EventDraft
from appealbridge.plugin.trigger import Basis, Item, PolledSource, PollResult

TELLING = 12
"""How many characters an address has at the least: a short one, as the number of a blog's entry, may be anybody's."""

SHARE = 32 * 1024 * 1024
"""How many bytes a source may have stored in a day (UTC); what is more waits for the next one."""

OF_AN_IDENTITY = 100
"""How many bytes it takes to remember an item, besides its identity."""

AHEAD = 86_400.0
"""How many seconds ahead of the clock a date may lie; what lies further cannot be right."""

MOST_PROBLEMS = 500
"""How many problems of a source are told of and remembered; people are told of `AT_ONCE` of them one by one."""
AT_ONCE = 20

RENEWED = (
    "its address, folder or identity is another one than before; the first look at it only learns what "
    "is listed, and publishes nothing"
)
READ_OTHERWISE = (
    "this version reads items in another way than the one before: what changed since the last look, and "
    "what has no id of its own, is only learned; what is new by its id is published"
)


@dataclass(frozen=True, slots=True)
class Decided:
    """
    What one look comes to.

    `drafts` are its events, oldest first, and `identities` those of their items; `burst` says that they
    are too many to publish unseen.
    `seen` is what is to be remembered of the items listed, `cursor` and `state` for the next look.
    `anew`: what was remembered before is to be forgotten. `notes` are for the log, `alarms` for people.
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
    Return whether what is remembered of a source are other items than it lists now, or other readings of them.

    A store of an earlier version does not say what its memory rests on: the same source, read as it was read then.
    """
    names = state.get("identity", basis.identity) != basis.identity
    return names, state.get("reading", 0) != basis.reading


def decide(
    look: PollResult,
    known: Mapping[str, str],
    options: PolledSource,
    *,
    last: float | None,
    now: float,
    basis: Basis | None = None,
    state: Mapping[str, Any] | None = None,
) -> Decided:
    """
    Return what is new and what changed since the last look.

    `known` maps identities to the digests remembered; `last` is the time of the last look, `None`
    before the first one. That first look publishes nothing but the `backfill` newest items:
    whatever stands there is old news. `state` is what the last look left, and `basis` what its memory
    has to rest on: where it does not, this look publishes nothing either.
    """
    before = dict(state or {})
    if look.items is None:
        return Decided(cursor=look.cursor, state=before, notes=look.notes)
    basis = basis or Basis(before.get("identity", ""), before.get("reading", 0))
    first = last is None
    anew, otherwise = (False, False) if first else renewed(before, basis)
    known = {} if anew else known
    items = _once(look.items)
    fresh = [item for item in items if item.identity not in known]
    told = fresh[: options.backfill] if first else [] if anew else fresh
    if otherwise:  # their names are others than the ones remembered, and they may be old
        told = [item for item in told if not item.named_by_reading]
    words = {item.identity: item.on_new for item in told if not _is_old(item, options, now)}
    changed = [item for item in items if known.get(item.identity, item.digest) != item.digest]
    again = {} if otherwise else {item.identity: item.on_changed for item in changed}
    words = {identity: word for identity, word in (words | again).items() if word}
    share = _Share(before, now)
    kept = [item for item in reversed(items) if share.takes(item, known, words, first or anew)]
    spoken = [item for item in kept if item.identity in words]
    held = {
        item.identity: why
        for item in spoken
        if item.identity not in again and (why := _undated(item, options, now))
    }
    problems, alarms = _problems(look.problems, before.get("told", ()))
    notes = [*look.notes, *_renewal(anew, otherwise)]
    if held:
        these = "1 item; it is" if len(held) == 1 else f"{len(held)} items; they are"
        notes.append(f"`max_age` can tell nothing of {these} held")
    if share.put_off:
        notes.append(share.words())
        alarms += [] if before.get("full") == share.day else [share.words()]
    return Decided(
        [_draft(item, words[item.identity], last, held.get(item.identity, "")) for item in spoken],
        [item.identity for item in spoken],
        new=sum(item.identity not in again for item in spoken),
        changed=sum(item.identity in again for item in spoken),
        burst=len(spoken) > options.burst and not first,
        seen={item.identity: item.digest for item in kept},
        # What is put off must be listed again, even where the source has not changed.
        cursor={} if share.put_off else look.cursor,
        state={
            "identity": basis.identity,
            "reading": basis.reading,
            "told": problems,
            "day": share.day,
            "spent": share.spent,
            "full": share.day if share.put_off else before.get("full"),
        },
        anew=anew,
        notes=notes,
        alarms=alarms,
    )


def _once(items: Sequence[Item]) -> list[Item]:
    """Keep the newest of items that share an identity; a source that repeats itself is no burst."""
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
    """Return why nobody but a person can tell whether an item is too old; empty where it is not."""
    if options.max_age is None:
        return ""
    age = written(options.max_age)
    if item.time is None:
        return f"it has no date that can be read, and may be older than max_age ({age}) allows"
    if item.time > now + AHEAD:
        return f"its date lies ahead, so that it may be older than max_age ({age}) allows"
    return ""


def _renewal(anew: bool, otherwise: bool) -> Sequence[str]:
    return (RENEWED,) if anew else (READ_OTHERWISE,) if otherwise else ()


def _problems(
    problems: Mapping[str, str], told: Collection[str]
) -> tuple[Sequence[str], list[str]]:
    """Return the names of the problems that people know of now, and what they have to be told for that."""
    names = list(problems)[:MOST_PROBLEMS]
    fresh = [problems[name] for name in names if name not in told]
    more = len(fresh) - AT_ONCE
    return names, fresh[:AT_ONCE] + (
        [f"and {more} more problems of this source"] if more > 0 else []
    )


class _Share:
    """What a source may still have stored today; what is more than that is put off."""

    def __init__(self, state: Mapping[str, Any], now: float) -> None:
        self.day = int(now // 86_400)
        self.spent: int = state.get("spent", 0) if state.get("day") == self.day else 0
        self.put_off = 0
        self._over = self.spent >= SHARE

    def takes(
        self, item: Item, known: Mapping[str, str], words: Mapping[str, str], learned: bool
    ) -> bool:
        """Count an item, the oldest first; return whether it is taken now. A look that only learns takes all."""
        cost = 0 if item.identity in known else len(item.identity) + OF_AN_IDENTITY
        if item.identity in words:
            cost += item.size or len(orjson.dumps(item.data))
        if learned or not cost:
            self.spent += cost
            return True
        # Once something is put off, what is younger is too: it may be about the same.
        self._over = self._over or self.spent + cost > SHARE
        if self._over:
            self.put_off += 1
            return False
        self.spent += cost
        return True

    def words(self) -> str:
        """Say what is put off, and until when."""
        return (
            f"more than {SHARE // 1024 // 1024} MiB came from it today; {self.put_off} items are put off until "
            "tomorrow (UTC), as long as it lists them"
        )


def _draft(item: Item, word: str, last: float | None, why: str) -> EventDraft:
    # Two looks with one memory see one event; what becomes again what it once was is a new one.
    return EventDraft(
        type=word,
        subject=item.subject,
        key=f"{item.identity}\n{item.digest}\n{last}",
        data=item.data,
        time=item.time,
        addresses=tuple(one for one in item.addresses if len(one) >= TELLING),
        hold=Hold.UNDATED if why else "",
        why=why,
    )
