"""Stop everything, and go on after somebody has seen what would go out."""

from __future__ import annotations

from aiohttp import web

from appealbridge.model.stop import EASED_POSTS, EASED_SECONDS
from appealbridge.web.pages.posts import reason_of, shown
from appealbridge.web.pages.site import Site, Visit


def add(site: Site) -> None:
    """Add the pages."""
    site.page("GET", "/stop", ask, menu="Stop")
    site.page("POST", "/stop", stop)
    site.page("POST", "/start", start)


async def ask(visit: Visit) -> web.Response:
    """Show whether everything is stopped; then also what would go out if the stop was lifted."""
    stops = visit.site.engine.stops
    if stops.in_force is None:
        return visit.show("stop.html", title="Stop everything", stop=None)
    would = await stops.would_start()
    channels = [
        {"name": each.channel, "goes": await shown(visit, each.goes), "held": each.held}
        for each in would.channels
    ]
    return visit.show(
        "stop.html",
        title="Everything is stopped",
        stop=stops.in_force,
        channels=channels,
        seen=would.seen,
        may_start=visit.may("/start"),
        posts=EASED_POSTS,
        minutes=round(EASED_SECONDS / 60),
    )


async def stop(visit: Visit) -> web.Response:
    """Stop everything."""
    await visit.site.engine.stops.stop(reason_of(visit), visit.actor)
    return visit.go_on("/stop")


async def start(visit: Visit) -> web.Response:
    """Lift the stop, if this is what the person was shown."""
    await visit.site.engine.stops.start(visit.form.get("seen", ""), visit.actor)
    return visit.go_on("/deliveries?show=waiting")
