"""Builds a notice: an event with one run, and a delivery for each person who can be reached. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import orjson

from appealbridge.model.delivery import Delivery, State
from appealbridge.model.event import Event
from appealbridge.model.ids import delivery_id, run_id
from appealbridge.model.notice import NOTICE, NOTICES, TO_ADMINS, Alarm, Trouble
from appealbridge.model.run import Run, RunState
from appealbridge.model.value import value
from appealbridge.plugin.channel import Person
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.store.records import Arrival, NewsSort

UNREACHED = "cannot be reached"
"""The trace entry for a person who cannot be reached."""


# The account is not in trouble, or it is a source.
_ABOUT_NO_ACCOUNT = frozenset(
    {
        Alarm.SOURCE,
        Alarm.SOURCE_DOWN,
        Alarm.SOURCE_BACK,
        Alarm.SOURCE_PAUSED,
        Trouble.HELD,
        Trouble.APPROVAL,
        Trouble.CANNOT_REMOVE,
        Alarm.WITHDRAWN_SUBJECT,
        Alarm.LEFT_UP,
        Alarm.CHECKPOINT,
        Alarm.CHECKPOINTED,
        Alarm.NOBODY_ASKED,
        Alarm.STOPPED,
        Alarm.STARTED,
        Alarm.WILL_EXPIRE,
        *TO_ADMINS,
    }
)


@value
class Group:
    """
    News for one notice: its kind, and the names of the people and groups who get it.

    `channel` is the account in trouble, if an alarm is about one or if it could carry the notice.
    """

    kind: str
    people: tuple[str, ...]
    channel: str = ""

    @property
    def without(self) -> tuple[str, ...]:
        """The accounts that must not carry the notice, because it is about them."""
        return (self.channel,) if self.channel and self.kind != Alarm.BACK else ()


@value(kw_only=True)
class Notice:
    """
    A notice before it is stored: the type of its event, a title, a text, and who gets it.

    `instead_of` is the delivery that it replaces, which happens only once. `without` are the accounts that must not
    send it, `of` the numbers of the deliveries that it is about.
    """

    id: str
    kind: str
    title: str
    text: str
    people: Sequence[Person]
    without: Sequence[str] = ()
    of: Sequence[int] = ()
    instead_of: str = ""


def group_of(sort: NewsSort, people: Sequence[str], routing: NoticeRouting) -> Group:
    """Return the group to which news of a sort belongs; `people` are the names that its recipe gives."""
    if sort.kind in _ABOUT_NO_ACCOUNT:
        return Group(sort.kind, tuple(people))
    recipients = routing.people_named(people)
    alarm = not sort.recipe
    in_the_way = any(sort.channel in routing.accounts_for(person) for person in recipients)
    return Group(sort.kind, tuple(people), sort.channel if alarm or in_the_way else "")


def arrival(
    notice: Notice, routing: NoticeRouting, works: Callable[[str], bool], now: float
) -> Arrival:
    """
    Return a notice as it is stored. A person who cannot be reached gets no delivery.

    If several accounts can reach someone, one that `works` is preferred. `now` is in Unix seconds UTC.
    """
    event = Event(
        id=notice.id,
        source=NOTICES,
        type=notice.kind,
        subject="",
        key=notice.instead_of or notice.id,
        time=now,
        data={
            "title": notice.title,
            "text": notice.text,
            "people": [person.name for person in notice.people],
            "without": list(notice.without),
            "of": list(notice.of),
        },
        received_at=now,
    )
    by_name = {
        person.name: _delivery(event, notice, person, routing, works) for person in notice.people
    }
    deliveries = [delivery for delivery in by_name.values() if delivery is not None]
    messages = {
        name: UNREACHED if delivery is None else f"told by {delivery.channel}"
        for name, delivery in by_name.items()
    }
    run = Run(
        id=run_id(event.id, NOTICE),
        event_id=event.id,
        recipe=NOTICE,
        version="",
        state=RunState.PLANNED if deliveries else RunState.FAILED,
        begun_at=now,
        reason="" if deliveries else "no account can reach any of these people",
        trace=tuple({"at": now, "step": name, "message": m} for name, m in messages.items()),
    )
    return Arrival(event, [run], deliveries)


def _delivery(
    event: Event,
    notice: Notice,
    person: Person,
    routing: NoticeRouting,
    works: Callable[[str], bool],
) -> Delivery | None:
    accounts = routing.accounts_for(person, notice.without)
    if not accounts:
        return None
    account = next(filter(works, accounts), accounts[0])
    message = routing.message(account, person, notice.title, notice.text)
    if message is None:
        return None
    content = orjson.dumps(message.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    run = run_id(event.id, NOTICE)
    return Delivery(
        id=delivery_id(run, person.name),
        run_id=run,
        event_id=event.id,
        recipe=NOTICE,
        step=person.name,
        subject="",
        channel=account,
        action=routing.accounts[account][0].action,
        content=content.decode(),
        content_hash=hashlib.sha256(content).hexdigest(),
        state=State.READY,
        planned_at=event.received_at,
        due_at=event.received_at,
    )
