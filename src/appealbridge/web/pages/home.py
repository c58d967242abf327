"""The first page: what waits, and how the accounts are doing."""

from __future__ import annotations

from aiohttp import web

from appealbridge.model.delivery import State
from appealbridge.web import views
from appealbridge.web.access import ROUTES
from appealbridge.web.pages.site import Site, Visit

_WAITS = (
    (State.HELD, "wait for a person", "/held"),
    (State.READY, "wait to be sent", "/deliveries?show=waiting"),
    (State.UNKNOWN, "perhaps published; being looked for", "/deliveries?show=waiting"),
    (State.FAILED, "failed", "/deliveries?show=failed"),
)


def add(site: Site) -> None:
    """Add the page."""
    site.page("GET", "/", home, menu="Overview")


async def home(visit: Visit) -> web.Response:
    """Show how many deliveries wait, and the condition of each account."""
    engine = visit.site.engine
    counts = (await engine.store.backlog()).counts
    totals = [
        (sum(n for (state, _), n in counts.items() if state is filter_), label, address)
        for filter_, label, address in _WAITS
    ]
    if ROUTES["GET /recipes"].allows(visit.caller) and engine.acceptances.enforced:
        states = await engine.acceptances.states()
        unaccepted = sum(each.in_force and each.accepted is None for each in states)
        label = "recipe to be accepted" if unaccepted == 1 else "recipes to be accepted"
        totals.append((unaccepted, label, "/recipes"))
    now = engine.clock.now()
    accounts = [views.channel(name, lane, 0, now) for name, lane in sorted(engine.lanes.items())]
    return visit.show("home.html", title="Overview", totals=totals, accounts=accounts)
