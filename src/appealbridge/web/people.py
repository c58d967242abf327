"""The API for admins: people and tokens."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from appealbridge.engine.engine import Engine
from appealbridge.logs import LogEvent
from appealbridge.model.errors import IllegalMove
from appealbridge.model.people import Credentials, Profile, Token
from appealbridge.web.callers import actor_of
from appealbridge.web.problem import answer
from appealbridge.web.views import moment


def add(engine: Engine, table: web.RouteTableDef) -> None:
    """Add the routes about people and tokens."""
    people = engine.people

    def named() -> None:
        if people.roster.one_desk:
            raise IllegalMove(
                "nobody has a role under people: in appealbridge.yaml, so nobody logs in; add people and reload"
            )

    @table.get("/people")
    async def everybody(_request: web.Request) -> web.Response:
        known = await engine.store.people()
        now = engine.clock.now()
        return answer(
            [
                _person(each, known.get(each.id, Credentials(id=each.id)), now)
                for each in people.roster.people.values()
            ]
        )

    @table.post("/people/{id}/invite")
    async def invite(request: web.Request) -> web.Response:
        named()
        id_ = request.match_info["id"]
        code = await people.invitations.invite(id_, actor_of(request))
        engine.report.person(LogEvent.PERSON_INVITED, id_, actor_of(request))
        return answer(_invitation(engine, id_, code))

    @table.post("/people/{id}/reset")
    async def reset(request: web.Request) -> web.Response:
        named()
        id_ = request.match_info["id"]
        code = await people.invitations.reset(id_, actor_of(request))
        await people.was_reset(id_, actor_of(request))
        return answer(_invitation(engine, id_, code))

    @table.get("/tokens")
    async def tokens(_request: web.Request) -> web.Response:
        now = engine.clock.now()
        return answer([_token(each, now) for each in await engine.store.tokens()])

    @table.post("/tokens/{name}")
    async def make(request: web.Request) -> web.Response:
        name, days = request.match_info["name"], request.query.get("days", "")
        if not (days.isascii() and days.isdecimal() and len(days) < 5):
            raise ValueError(f"days: a whole number, not {days!r:.20}")
        scopes = [word for word in request.query.get("scopes", "").split(",") if word]
        secret = await people.tokens.make(
            name, scopes, int(days), actor_of(request), people.roster.people
        )
        engine.report.person(LogEvent.TOKEN_MADE, name, actor_of(request))
        return answer({"name": name, "token": secret})

    @table.post("/tokens/{name}/revoke")
    async def revoke(request: web.Request) -> web.Response:
        token = await people.tokens.revoke(request.match_info["name"], actor_of(request))
        engine.report.person(LogEvent.TOKEN_REVOKED, token.name, actor_of(request))
        return answer(_token(token, engine.clock.now()))

    _duty(engine, table)


def _duty(engine: Engine, table: web.RouteTableDef) -> None:
    @table.get("/duty")
    async def on_duty(_request: web.Request) -> web.Response:
        rows = await engine.duties.all()
        return answer([{"id": id_, "until": moment(ends)} for id_, ends in rows.items()])

    @table.post("/duty")
    async def begin_duty(request: web.Request) -> web.Response:
        actor, until = actor_of(request), request.query.get("until", "")
        ends = await engine.duties.begin(until, engine.active, actor)
        return answer({"id": actor.person, "until": moment(ends)})

    @table.post("/duty/end")
    async def end_duty(request: web.Request) -> web.Response:
        actor = actor_of(request)
        await engine.duties.end(actor)
        return answer({"id": actor.person, "until": None})


def _person(profile: Profile, known: Credentials, now: float) -> dict[str, Any]:
    state = "can log in" if known.password else "not invited"
    if known.code and now < known.code_ends:
        state = "has a code"
    return {
        "id": profile.id,
        "name": profile.name,
        "email": profile.email or None,
        "uid": profile.uid,
        "roles": sorted(profile.roles),
        "state": state,
        "code_ends": moment(known.code_ends) if state == "has a code" else None,
    }


def _invitation(engine: Engine, id_: str, code: str) -> dict[str, Any]:
    return {"id": id_, "code": code, "valid_for": "24h", "mode": engine.active.mode}


def _token(token: Token, now: float) -> dict[str, Any]:
    over = "revoked" if token.revoked_at is not None else "ended" if now >= token.ends else "valid"
    return {
        "name": token.name,
        "state": over,
        "scopes": sorted(token.scopes),
        "owner": token.owner or None,
        "made_at": moment(token.made_at),
        "ends": moment(token.ends),
        "used_at": moment(token.used_at),
        "revoked_at": moment(token.revoked_at),
    }
