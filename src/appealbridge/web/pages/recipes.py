"""Recipes: which an admin has to accept, what has changed in one, and accept it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web
from markupsafe import Markup

from appealbridge.engine.approvals.acceptances import RecipeState
from appealbridge.model.errors import StaleRevision
from appealbridge.plugin.offload import ANSWERS, offload
from appealbridge.recipes.planning.acceptance_policy import difference
from appealbridge.web.pages.previews import visible
from appealbridge.web.pages.site import Site, Visit
from appealbridge.web.recipes import content_row

MOST_LINES = 3_000
"""How many lines of a recipe the page shows; a longer one is accepted at the command line."""

_KINDS = {"+": "ins", "-": "del", "@": "where", " ": "same"}


def add(site: Site) -> None:
    """Add the pages."""
    site.page("GET", "/recipes", recipes, menu="Recipes")
    site.page("GET", "/recipes/{name}", recipe)
    site.page("POST", "/recipes/{name}/accept", accept)


async def recipes(visit: Visit) -> web.Response:
    """List what has to be accepted, what is not accepted yet first."""
    engine = visit.site.engine
    states = await engine.acceptances.states()
    named = {each.name for each in states}
    return visit.show(
        "recipes.html",
        title="Recipes",
        states=[
            (each, _address(each))
            for each in sorted(states, key=lambda each: each.accepted is not None)
        ],
        others=sorted(engine.active.book.loaded.keys() - named),
        practice=engine.active.practice,
    )


async def recipe(visit: Visit) -> web.Response:
    """Show one recipe as it has to be accepted: what has changed in it, or all of it."""
    return await _shown(visit, visit.request.query.get("hash", ""))


async def accept(visit: Visit) -> web.Response:
    """Accept the version that the page has shown."""
    name, hash_ = visit.request.match_info["name"], visit.form.get("hash", "")
    try:
        await visit.site.engine.acceptances.accept(name, hash_, visit.actor)
    except StaleRevision as stale:
        return await _shown(visit, "", str(stale))
    return visit.go_on("/recipes")


async def _shown(visit: Visit, hash_: str, error: str = "") -> web.Response:
    engine, name = visit.site.engine, visit.request.match_info["name"]
    loaded, content = await engine.acceptances.content(name, hash_)
    states = await engine.acceptances.states()
    state = next((each for each in states if each.version == loaded.version), None)
    before = await engine.store.accepted_content(name)
    known = before and content_row(before[1])
    lines = await offload(ANSWERS, _lines, known, content_row(content))
    own = state is not None and visit.actor.person in state.writers
    waits = state is not None and not state.accepted and not visit.caller.desk
    may = waits and visit.may("/recipes/{name}/accept")
    return visit.show(
        "recipe.html",
        409 if error else 200,
        title=f"Recipe {name}",
        name=name,
        address=quote(name, safe=""),
        version=loaded.version,
        state=state,
        before=before and before[0],
        lines=lines[:MOST_LINES],
        left_out=len(lines[MOST_LINES:]),
        own=may and own,
        may_accept=may and not own and len(lines) <= MOST_LINES,
        error=engine.clean(error),
    )


def _lines(before: dict[str, Any] | None, after: dict[str, Any]) -> Sequence[tuple[str, Markup]]:
    """Return the lines of a difference, each with its kind; of what was never accepted all lines, as they are."""
    lines = [*difference(before, after)]
    if before is None:
        return [
            ("same", visible(line[1:])) if line.startswith("+") else ("part", visible(line))
            for line in lines
        ]
    return [(_KINDS.get(line[:1], "part"), visible(line)) for line in lines]


def _address(state: RecipeState) -> str:
    """Return the address of the page of a version."""
    return f"/recipes/{quote(state.name, safe='')}?hash={state.version}"
