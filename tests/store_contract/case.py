"""What the store's contract tests store, made in one line each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.event import Event
from appealbridge.model.ids import delivery_id, event_id, run_id
from appealbridge.model.receipt import Receipt
from appealbridge.model.run import Run, RunState
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Arrival,
    Settlement,
)

NOW = 1_800_000_000.25
"""Where the suites' time begins, in Unix seconds UTC; a quarter, to see that fractions are kept."""

SOURCE = "webhook:incident-desk"
CHANNEL = "force_x"
RECIPE = "major-incident"
RECEIPT = Receipt("1860000000000000001", "https://x.example/i/status/1", NOW + 0.5)

OpenStore = Callable[[], Awaitable[Store]]
"""Opens one and the same store, again and again."""


def an_event(number: int, **more: Any) -> Event:
    """Return the event of that number; `more` are attributes that matter to the test."""
    at = more.get("received_at", NOW)
    attributes: dict[str, Any] = {
        "id": event_id(at, number),
        "source": SOURCE,
        "type": "incident.opened",
        "subject": f"INC-{number}",
        "key": f"msg_{number}",
        "time": at - 1,
        "data": {"place": "Digbeth – A38", "lanes": [1, 2.5, None, True]},
        "received_at": at,
    }
    return Event(**attributes | more)


def a_run(event: Event, recipe: str = RECIPE, **more: Any) -> Run:
    """Return the run of an event through a recipe, open unless `more` says otherwise."""
    attributes: dict[str, Any] = {
        "id": run_id(event.id, recipe),
        "event_id": event.id,
        "recipe": recipe,
        "version": "0f" * 32,
        "state": RunState.OPEN,
        "begun_at": event.received_at,
        "trace": ({"at": event.received_at, "step": "match", "message": "all conditions hold"},),
    }
    return Run(**attributes | more)


def a_delivery(event: Event, step: str = "tweet", **more: Any) -> Delivery:
    """Return the delivery of a step, ready and due at once unless `more` says otherwise."""
    recipe = more.get("recipe", RECIPE)
    run = run_id(event.id, recipe)
    state = more.get("state", State.READY)
    attributes: dict[str, Any] = {
        "id": delivery_id(run, step, more.pop("part", "")),
        "run_id": run,
        "event_id": event.id,
        "recipe": recipe,
        "step": step,
        "subject": event.subject,
        "origin": event.origin,
        "channel": CHANNEL,
        "action": "tweet",
        "content": '{"text":"A38 closed – avoid the area"}',
        "content_hash": "9c" * 32,
        "state": state,
        "planned_at": event.received_at,
        "due_at": event.received_at,
        "begun_at": event.received_at if state is State.SENDING else None,
    }
    return Delivery(**attributes | more)


def an_arrival(number: int, *, subject: str = "", **delivery: Any) -> Arrival:
    """Return an event with one open run and one delivery; `delivery` are attributes of that delivery."""
    event = an_event(number, **({"subject": subject} if subject else {}))
    return Arrival(event, [a_run(event)], [a_delivery(event, **delivery)])


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    """Return the ids of deliveries, in their order."""
    return [delivery.id for delivery in deliveries]


def ended(
    delivery: Delivery | str, target: State, *, at: float = NOW + 1, **more: Any
) -> Settlement:
    """Return how an attempt under way ended, kept as an attempt."""
    id_ = delivery if isinstance(delivery, str) else delivery.id
    outcome = Outcome.DELIVERED if target is State.DELIVERED else Outcome.TRY_AGAIN
    attributes: dict[str, Any] = {
        "delivery_id": id_,
        "source": State.SENDING,
        "target": target,
        "at": at,
        "attempt": Attempt(id_, 1, AttemptKind.SEND, NOW, at, outcome, "as the platform says"),
        "receipt": RECEIPT if target is State.DELIVERED else None,
    }
    return Settlement(**attributes | more)


async def begun(store: Store, arrival: Arrival) -> Delivery:
    """Store an arrival and begin the attempt of its one delivery."""
    await store.accept([arrival])
    (delivery,) = await store.claim(arrival.deliveries[0].channel, NOW, 1)
    return delivery
