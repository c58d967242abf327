"""The API for recipes: which there are, and which an admin has to accept."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from appealbridge.engine.approvals.acceptances import RecipeState
from appealbridge.engine.engine import Engine
from appealbridge.model.approval import RecipeAcceptance, RecipeContent
from appealbridge.web import views
from appealbridge.web.access import ROUTES
from appealbridge.web.callers import CALLER, actor_of
from appealbridge.web.problem import answer


def add(engine: Engine, table: web.RouteTableDef) -> None:
    """Add the routes about recipes."""

    @table.get("/recipes")
    async def recipes(request: web.Request) -> web.Response:
        may_read = ROUTES["GET /api/v1/recipes/{name}"].allows(request[CALLER])
        states = await engine.acceptances.states()
        in_force = {
            each.name: _state(each) | {"may_read": may_read} for each in states if each.in_force
        }
        rows = [
            row | in_force.get(row.get("name", ""), {"to_accept": ""})
            for row in views.recipes(engine.active.book)
        ]
        earlier = [
            {
                "name": each.name,
                "version": each.version,
                "state": "earlier",
                **_state(each),
                "may_read": may_read,
            }
            for each in states
            if not each.in_force
        ]
        return answer(rows + earlier)

    @table.get("/recipes/{name}")
    async def recipe(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        loaded, content = await engine.acceptances.content(name, request.query.get("hash", ""))
        states = await engine.acceptances.states()
        state = next((_state(s) for s in states if s.version == loaded.version), {"to_accept": ""})
        before = await engine.store.accepted_content(name)
        return answer(
            {
                "name": name,
                "version": loaded.version,
                "file": loaded.file,
                **state,
                "content": content_row(content),
                "before": before
                and {
                    "version": before[0].version,
                    **_acceptance(before[0]),
                    "content": content_row(before[1]),
                },
            }
        )

    @table.post("/recipes/{name}/accept")
    async def accept(request: web.Request) -> web.Response:
        name, hash_ = request.match_info["name"], request.query.get("hash", "")
        accepted = await engine.acceptances.accept(name, hash_, actor_of(request))
        return answer({"name": name, "version": accepted.version, **_acceptance(accepted)})


def _state(state: RecipeState) -> dict[str, Any]:
    """Return what has to be accepted of a recipe, and whether it is."""
    return {
        "to_accept": state.why,
        "written_by": list(state.writers),
        "waiting": state.waiting,
        **_acceptance(state.accepted),
    }


def _acceptance(acceptance: RecipeAcceptance | None) -> dict[str, Any]:
    return {
        "accepted_by": acceptance and acceptance.person,
        "accepted_at": acceptance and views.moment(acceptance.at),
    }


def content_row(content: RecipeContent) -> dict[str, Any]:
    """Return what of a recipe has to be accepted, as the API tells it."""
    return {"text": content.text, "templates": content.templates, "lists": content.lists}
