"""What a look at a source means, given what was seen there before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appealbridge.model.event import EventDraft
from appealbridge.plugin.trigger import Item, Look, PolledSource


@dataclass(frozen=True, slots=True)
class Decided:
    """The events of one look, oldest first, and whether they are too many to publish unseen."""

    drafts: Sequence[EventDraft]
    new: int
    changed: int
    burst: bool


TELLING = 12
"""How many characters an address has at the least: a short one, as the number of a blog's entry, may be anybody's."""

NOTHING = Decided((), 0, 0, burst=False)


def decide(
    look: Look,
    known: Mapping[str, str],
    options: PolledSource,
    *,
    last: float | None,
    now: float,
) -> Decided:
    """
    Return what is new and what changed since the last look.

    `known` maps identities to the digests remembered; `last` is the time of the last look, `None`
    before the first one. That first look publishes nothing but the `backfill` newest items:
    whatever stands there is old news.
    """
    if look.items is None:
        return NOTHING
    first = last is None
    items = _once(look.items)
    fresh = [item for item in items if item.identity not in known]
    changed = [
        item for item in items if item.identity in known and known[item.identity] != item.digest
    ]
    if first:
        fresh = fresh[: options.backfill]
    if options.max_age is not None:
        bound = now - options.max_age
        fresh = [item for item in fresh if item.time is None or item.time >= bound]
    new = [(item, item.on_new) for item in fresh if item.on_new]
    again = [(item, item.on_changed) for item in changed if item.on_changed]
    told = {item.identity: word for item, word in new + again}
    drafts = [
        _draft(item, told[item.identity], last) for item in reversed(items) if item.identity in told
    ]
    return Decided(drafts, len(new), len(again), burst=len(drafts) > options.burst and not first)


def _once(items: Sequence[Item]) -> list[Item]:
    """Keep the newest of items that share an identity; a source that repeats itself is no burst."""
    first: dict[str, Item] = {}
    for item in items:
        first.setdefault(item.identity, item)
    return list(first.values())


def _draft(item: Item, word: str, last: float | None) -> EventDraft:
    # Two looks with one memory see one event; what becomes again what it once was is a new one.
    return EventDraft(
        type=word,
        subject=item.subject,
        key=f"{item.identity}\n{item.digest}\n{last}",
        data=item.data,
        time=item.time,
        addresses=tuple(one for one in item.addresses if len(one) >= TELLING),
    )
