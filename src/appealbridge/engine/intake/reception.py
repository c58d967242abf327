"""
Stores the events of a webhook's request and decides which of them are repeats.

An event whose key is known is a repeat. For a new event nothing else is asked of the store. Only if a
repeat might be a new event after all, the store is asked when the first one came and what came since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.context import EngineContext
from appealbridge.engine.intake.intake import Intake
from appealbridge.model.delivery import Hold
from appealbridge.model.errors import NotFound, Refused
from appealbridge.model.event import ALWAYS, EventDraft
from appealbridge.model.moment import shown
from appealbridge.model.notice import Alarm
from appealbridge.model.value import value
from appealbridge.plugin.receiver import Received
from appealbridge.store.records import Accepted, KnownKey

MOST_WAITING_BYTES = 16 * 1024 * 1024
"""How many bytes of requests may wait for the store at once; parsed, they take several times as much memory."""

RECENT = 4096
"""Of how many events of the latest requests a repeat is recognised before it is planned."""

ALARM_EVERY = 6 * 3600.0
"""How many seconds pass before people are told again that a source sends more than is taken."""


@value
class Taken:
    """The result for one request: the id of each event, how many recipes wanted them, whether all are repeats."""

    ids: Sequence[str]
    recipes: int
    repeat: bool


class Reception:
    """Accepts the events of webhooks."""

    def __init__(self, context: EngineContext, intake: Intake) -> None:
        self._store = context.store
        self._clock = context.clock
        self._alarms = context.alarms
        self._report = context.report
        self._intake = intake
        self._alarmed: dict[str, float] = {}
        self._waiting = 0
        self._recent: dict[int, None] = {}

    async def take(
        self, active: ActiveConfiguration, source: str, received: Received, size: int
    ) -> Taken:
        """
        Store the new events of a proven request of `size` bytes; return the result for all of them.

        Raise `Refused`: 409 if an id came before with another content, or what the request itself is refused with
        (both after the other events are stored), 503 if too much waits for the store. Raise `StoreError` if something
        cannot be stored.
        """
        if self._waiting and self._waiting + size > MOST_WAITING_BYTES:
            detail = "too many requests wait to be stored; please send it again"
            raise Refused(503, "overloaded", detail, after=5)
        drafts = received.events
        self._waiting += size
        try:
            accepted = await self._known(source, drafts)
            if not accepted:
                accepted = await self._intake.accept(active, source, drafts, size=size)
            if [each for each in accepted if each.repeat]:
                accepted = await self._check_repeats(active, source, drafts, accepted)
            if received.left_out:
                await self.left_out(source, received.left_out)
            if received.refused is not None:
                raise received.refused
        finally:
            self._waiting -= size
        return Taken(
            [each.event_id for each in accepted],
            sum([each.recipes for each in accepted]),
            not [each for each in accepted if not each.repeat],
        )

    async def _known(self, source: str, drafts: Sequence[EventDraft]) -> Sequence[Accepted]:
        """
        Return the results for repeats, without planning them again; empty if an event may be new.

        Only for keys of recent requests the store is asked first: a question before every event would cost more.
        """
        recent = self._recent
        if new := [key for draft in drafts if (key := hash((source, draft.key))) not in recent]:
            recent.update(dict.fromkeys(new))
            while len(recent) > RECENT:
                del recent[next(iter(recent))]
            return ()
        known = await self._store.known(source, {draft.key for draft in drafts})
        if not all(draft.key in known for draft in drafts):
            return ()
        for draft in drafts:
            self._report.repeated(source, draft.key, known[draft.key].event_id)
        return [Accepted(known[draft.key].event_id, repeat=True) for draft in drafts]

    async def left_out(self, source: str, message: str) -> None:
        """Tell people that something a source sent was not accepted."""
        now = self._clock.monotonic()
        if now - self._alarmed.get(source, -ALARM_EVERY) >= ALARM_EVERY:
            self._alarmed[source] = now
            await self._alarms.raise_alarm(Alarm.SOURCE, source, message)

    async def _check_repeats(
        self,
        active: ActiveConfiguration,
        source: str,
        drafts: Sequence[EventDraft],
        accepted: Sequence[Accepted],
    ) -> Sequence[Accepted]:
        """Store the apparent repeats that are new events; refuse an id that came before with another content."""
        accepted = [*accepted]
        doubtful = [
            n for n, each in enumerate(accepted) if each.repeat and drafts[n].repeats != ALWAYS
        ]
        if not doubtful:
            return accepted
        keys = {drafts[n].key for n in doubtful} | {drafts[n].repeats.ended_by for n in doubtful}
        known = await self._store.known(source, keys - {""})
        together = {draft.key for draft in drafts}
        now = self._clock.now()
        new = [n for n in doubtful if is_new(drafts[n], known, together, now)]
        if new:
            olds = {drafts[n].key for n in new} | {drafts[n].repeats.ended_by for n in new}
            await self._store.free_keys(source, {key: known[key] for key in olds if key in known})
            hold, why = "", ""
            if drafts[new[0]].repeats.replayable:
                hold, why = Hold.SAME_REQUEST, _sent_before(known[drafts[new[0]].key], active)
            again = await self._intake.accept(
                active, source, [drafts[n] for n in new], hold=hold, why=why
            )
            for n, result in zip(new, again, strict=True):
                accepted[n] = result
        for n in doubtful:
            if drafts[n].repeats.one_content and drafts[n].key in known:
                await self._compare(drafts[n], known[drafts[n].key], len(drafts))
        return accepted

    async def _compare(self, draft: EventDraft, first: KnownKey, count: int) -> None:
        """Raise `Refused` if the first event with this id had another content."""
        try:
            event = await self._store.event(first.event_id)
        except NotFound:
            return
        if event.removed or (_json(event.data), event.type) == (_json(draft.data), draft.type):
            return
        rest = "" if count == 1 else " The other events of this request are stored."
        raise Refused(
            409,
            "same id, other content",
            f"The id {draft.key} came before with another content (event {first.event_id}), so this event "
            f"was not stored. Give each event an id of its own.{rest}",
        )


def is_new(
    draft: EventDraft, known: Mapping[str, KnownKey], together: Collection[str], now: float
) -> bool:
    """
    Return whether an event is new although its key is known. Pure.

    `known` has what is stored about its key and about the key that ends it, `together` the keys of all
    events in the same request.
    """
    first, repeats = known.get(draft.key), draft.repeats
    if first is None:
        return False
    if repeats.within is not None and now - first.received_at >= repeats.within:
        return True
    if not repeats.ended_by or repeats.ended_by in together:
        return False
    end = known.get(repeats.ended_by)
    if end is None:
        return False
    if first.number and end.number:  # more reliable than times: a clock may have been set back
        return end.number > first.number
    return end.received_at > first.received_at


def _sent_before(first: KnownKey, active: ActiveConfiguration) -> str:
    before = shown(first.received_at, active.zone)
    return (
        f"the same request came before, at {before}. Its signature contains no time, so this may be an"
        " old request that somebody recorded and sent again"
    )


def _json(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
