"""What waits for a person."""

from __future__ import annotations

from aiohttp import web

from appealbridge.model.delivery import State
from appealbridge.store.records import DeliveryFilter
from appealbridge.web.pages.posts import PAGE, number_of, shown
from appealbridge.web.pages.site import Site, Visit


def add(site: Site) -> None:
    """Add the page."""
    site.page("GET", "/held", held, menu="Held")


async def held(visit: Visit) -> web.Response:
    """List what waits for somebody, a page at a time."""
    text = visit.request.query.get("before", "")
    before = number_of(text, "before") if text else 0
    filter_ = DeliveryFilter(states=frozenset({State.HELD}), before=before, limit=PAGE + 1)
    rows = await shown(visit, await visit.site.engine.store.deliveries(filter_))
    return visit.show(
        "held.html",
        title="Held",
        rows=rows[:PAGE],
        older=rows[PAGE - 1]["number"] if len(rows) > PAGE else 0,
        before=before,
    )
