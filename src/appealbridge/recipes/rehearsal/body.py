"""Tries the body of a webhook: which events it becomes, and which recipes they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.value import value
from appealbridge.plugin.receiver import AnyReceiver, Received, Request
from appealbridge.recipes.model.book import Book
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.match import match

MOST_SHOWN = 20
"""How many events of one body are tried."""


@value
class TriedEvent:
    """
    One event of a body.

    `recipes` are those that want it, `others` why each other recipe for this source does not, by name, and
    `differences` how its data differs from what the settings declare.
    """

    event: Event
    draft: EventDraft
    recipes: Sequence[Recipe]
    others: Mapping[str, str]
    differences: Sequence[str]


@value
class TriedBody:
    """What a body becomes: all that was `received`, and its first events."""

    received: Received
    events: Sequence[TriedEvent]


def try_body(
    book: Book, source: str, receiver: AnyReceiver, options: Any, request: Request
) -> TriedBody:
    """Return what a request with this body becomes; raise `Refused` if it would be refused."""
    received = receiver.receive(options, request)
    events = []
    for number, draft in enumerate(received.events[:MOST_SHOWN]):
        event = _event(source, draft, request.arrived, number)
        why = {recipe.name: _why_not(recipe, event) for recipe in _candidates(book, event)}
        events.append(
            TriedEvent(
                event=event,
                draft=draft,
                recipes=[book.recipes[name] for name, reason in why.items() if not reason],
                others={name: reason for name, reason in why.items() if reason},
                differences=tuple(receiver.differences(options, draft.data)),
            )
        )
    return TriedBody(received, events)


def _candidates(book: Book, event: Event) -> Sequence[Recipe]:
    possible = book.for_event(event)
    both = {recipe.name: recipe for recipe in (*possible, *book.others(event, possible))}
    return [both[name] for name in sorted(both)]


def _why_not(recipe: Recipe, event: Event) -> str:
    try:
        return match(recipe, event)
    except RenderError as error:
        return str(error)


def _event(source: str, draft: EventDraft, now: float, number: int) -> Event:
    return Event(
        id=f"try-{number}",
        source=source,
        type=draft.type,
        subject=draft.subject,
        key=draft.key,
        time=now if draft.time is None else draft.time,
        data=draft.data,
        received_at=now,
        hold=draft.hold,
        cause=draft.cause,
    )
