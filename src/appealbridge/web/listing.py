"""What can be listed: one function a question, for the API and for the command line alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from appealbridge.model.delivery import OPEN, State
from appealbridge.model.errors import NotFound
from appealbridge.store.base import Store
from appealbridge.store.records import (
    DeliveryFilter,
)
from appealbridge.web import views

MOST = 1000
"""How many rows one listing gives at the most."""

Query = Mapping[str, str]


async def deliveries(store: Store, query: Query) -> list[dict[str, Any]]:
    """List deliveries, the newest first."""
    return [views.delivery(one) for one in await store.deliveries(_which(query))]


async def delivery(store: Store, delivery_id: str) -> dict[str, Any]:
    """Return one delivery with its attempts."""
    one = await store.delivery(delivery_id)
    return views.delivery(one, await store.attempts(one.id))


async def runs(store: Store, query: Query) -> list[dict[str, Any]]:
    """List runs, the newest first."""
    listed = await store.runs(
        event_id=query.get("event", ""), recipe=query.get("recipe", ""), limit=_limit(query)
    )
    return [views.run(one) for one in listed]


async def run(store: Store, run_id: str) -> dict[str, Any]:
    """Return one run with its event and its deliveries, each with its attempts."""
    one = await store.run(run_id)
    caused = await store.deliveries(DeliveryFilter(run_id=one.id, limit=MOST))
    told = views.run(one)
    told["about"] = views.event(await store.event(one.event_id))
    told["deliveries"] = [
        views.delivery(each, await store.attempts(each.id)) for each in reversed(caused)
    ]
    return told


async def events(store: Store, query: Query) -> list[dict[str, Any]]:
    """List events, the newest first."""
    listed = await store.events(limit=_limit(query), since=since_of(query))
    return [views.event(one) for one in listed]


async def event(store: Store, event_id: str) -> dict[str, Any]:
    """Return one event."""
    return views.event(await store.event(event_id))


_LISTS = {"deliveries": deliveries, "runs": runs, "events": events}
_SINGLE = {"deliveries": delivery, "runs": run, "events": event}


async def read(store: Store, path: str, query: Query) -> Any:
    """Answer the question that the API has at `path`; raise `NotFound`, or `ValueError` in words."""
    kind, _, one = path.strip("/").partition("/")
    if one and kind in _SINGLE:
        return await _SINGLE[kind](store, one)
    if not one and kind in _LISTS:
        return await _LISTS[kind](store, query)
    raise NotFound(f"nothing is listed at {path}")


def pointed_out(told: Any, channels: Collection[str]) -> Any:
    """Return deliveries, one or many, with the reason for those that wait for a channel which is gone."""
    for row in told if isinstance(told, list) else told.get("deliveries", [told]):
        waits = "channel" in row and State(row["state"]) in OPEN
        if waits and row["channel"] not in channels and not row["reason"]:
            row["reason"] = views.GONE
    return told


def _which(query: Query) -> DeliveryFilter:
    states = [word for word in query.get("state", "").split(",") if word]
    unknown = [word for word in states if word not in set(State)]
    if unknown:
        raise ValueError(f"no such state: {unknown[0]}; there are {', '.join(State)}")
    return DeliveryFilter(
        states=frozenset(State(word) for word in states),
        channel=query.get("channel", ""),
        subject=query.get("subject", ""),
        recipe=query.get("recipe", ""),
        hold=query.get("hold", ""),
        event_id=query.get("event", ""),
        run_id=query.get("run", ""),
        since=since_of(query),
        limit=_limit(query),
    )


def _limit(query: Query) -> int:
    text = query.get("limit", "100")
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ValueError(f"limit: a whole number from 1 to {MOST}, not {text!r}")
    return int(text)


def since_of(query: Query) -> float | None:
    """Return the time that a listing begins at, in Unix seconds; raise `ValueError` in words."""
    text = query.get("since")
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"since: Unix seconds, not {text!r}") from None
