"""All pages, in the order of the menu."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from appealbridge.engine.engine import Engine
from appealbridge.web.pages import home, log_in, posts, questions, recipes, stop
from appealbridge.web.pages.site import Site


def routes(engine: Engine) -> Sequence[web.RouteDef]:
    """Return the routes of all pages."""
    site = Site(engine)
    home.add(site)
    questions.add(site)
    posts.add(site)
    recipes.add(site)
    stop.add(site)
    log_in.LogInPages(site)
    return site.routes
