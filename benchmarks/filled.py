"""Stores as a bad night leaves them: a hundred thousand of something, put there by the store's own hand."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.event import Event
from appealbridge.model.ids import delivery_id, event_id, run_id
from appealbridge.model.receipt import Receipt
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import Arrival, RecipeVersion, Settlement
from appealbridge.store.sqlite.store import SqliteStore
from benchmarks.bridge import CHANNELS

MANY = 100_000
FRESH = 5_000
"""How many are due at once besides what is there in masses."""

BATCH = 1_000
RECIPE = "two-steps"
VERSION = "b0" * 32
_TEXT = f"""\
alias: Two steps
description: The second waits for the first.
triggers:
  - trigger: webhook
    webhook_id: bench
actions:
  - id: first
    action: mastodon_post
    channel: {CHANNELS[0]}
    text: "{{{{ event.data.id }}}}"
  - action: mastodon_post
    channel: {CHANNELS[1]}
    text: "{{{{ event.data.id }}}} is at {{{{ results.first.url }}}}"
approval: none
"""

Make = Callable[[int], Arrival]
"""The arrival of that number."""


def waiting(number: int) -> Arrival:
    """Return what is due at once; of every two, the second waits for the first, since they are about one subject."""
    return _arrival(number, channel=CHANNELS[number // 2 % len(CHANNELS)], pair=True)


def sending(number: int) -> Arrival:
    """Return what was under way at the crash."""
    return _arrival(number, state=State.SENDING)


def asleep(number: int) -> Arrival:
    """Return a run that goes on when a person has released its first step."""
    return _arrival(number, state=State.HELD, run=RunState.OPEN)


def awake(number: int) -> Arrival:
    """Return a run whose first step is out and which was to go on when the crash came."""
    return _arrival(number, state=State.SENDING, run=RunState.OPEN)


async def fill(path: Path, make: Make, fresh: int = 0) -> None:
    """Make a store with `MANY` of one sort and after them `fresh` that are due at once."""
    store = await SqliteStore.open(path)
    try:
        await store.keep_recipes([RecipeVersion(VERSION, RECIPE, _TEXT)], time.time())
        for first in range(0, MANY, BATCH):
            arrivals = [make(number) for number in range(first, first + BATCH)]
            await store.accept(arrivals)
            if make is awake:
                await asyncio.gather(*map(store.settle, map(_published, arrivals)))
        for first in range(MANY, MANY + fresh, BATCH):
            await store.accept([_arrival(number) for number in range(first, first + BATCH)])
    finally:
        await store.close()


def _published(arrival: Arrival) -> Settlement:
    (delivery,) = arrival.deliveries
    return Settlement(
        delivery_id=delivery.id,
        source=State.SENDING,
        target=State.DELIVERED,
        at=delivery.due_at,
        receipt=Receipt(delivery.id, f"https://mastodon.example/{delivery.id}", delivery.due_at),
    )


def _arrival(
    number: int,
    *,
    state: State = State.READY,
    channel: str = CHANNELS[0],
    pair: bool = False,
    run: RunState = RunState.PLANNED,
) -> Arrival:
    now = time.time()
    name = f"evt-{number:08d}"
    event = Event(
        id=event_id(now, number),
        source="webhook:bench",
        type="incident.opened",
        subject=f"INC-{number // 2 if pair else number}",
        key=name,
        time=now,
        data={"id": name, "title": "Collision on the A38 (M) at Park Circus"},
        received_at=now,
    )
    content = orjson.dumps({"text": f"Collision on the A38 (M) at Park Circus {name}"})
    caused = run_id(event.id, RECIPE)
    delivery = Delivery(
        id=delivery_id(caused, "first"),
        run_id=caused,
        event_id=event.id,
        recipe=RECIPE,
        step="first",
        subject=event.subject,
        channel=channel,
        action="mastodon_post",
        content=content.decode(),
        content_hash=hashlib.sha256(content).hexdigest(),
        state=state,
        hold=Hold.APPROVAL if state is State.HELD else "",
        planned_at=now,
        due_at=now,
        attempts=1 if state is State.SENDING else 0,
        begun_at=now if state is State.SENDING else None,
        first_begun_at=now if state is State.SENDING else None,
    )
    return Arrival(
        event,
        [
            Run(
                id=caused,
                event_id=event.id,
                recipe=RECIPE,
                version=VERSION,
                state=run,
                begun_at=now,
            )
        ],
        [delivery],
    )
