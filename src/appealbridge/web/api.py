"""`/api/v1`: listings and the operator's commands, for clients with the token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from aiohttp import hdrs, web

from appealbridge.engine.engine import Engine
from appealbridge.model.actor import Actor
from appealbridge.model.delivery import OPEN, Delivery, State
from appealbridge.model.errors import NotFound, StaleRevision
from appealbridge.web import approvals, listing, people, recipes, views
from appealbridge.web.access import ROUTES, Access, refusal
from appealbridge.web.callers import CALLER, Recognise, actor_of
from appealbridge.web.connection import connection_of
from appealbridge.web.masking import masked
from appealbridge.web.problem import STATUSES, answer, problem, status_of
from appealbridge.web.recipients import hidden
from appealbridge.web.subjects import refuse_shortened

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Reload = Callable[[Actor], Awaitable[dict[str, object]]]


def routes(engine: Engine, recognise: Recognise, reload: Reload) -> Sequence[web.RouteDef]:
    """Return the API's routes; `recognise` finds out who asks, `reload` loads new recipes and settings."""
    table = web.RouteTableDef()
    for add in (
        _pictures,
        approvals.add,
        recipes.add,
        _listings,
        _operations,
        partial(_sweeps, reload=reload),
        _withdrawals,
        _stops,
        people.add,
    ):
        add(engine, table)
    return [
        web.route(
            route.method,
            f"/api/v1{route.path}",
            _guarded(
                ROUTES[f"{route.method} /api/v1{route.path}"], recognise, route.handler, engine
            ),
        )
        for route in table
        if isinstance(route, web.RouteDef)
    ]


def _guarded(access: Access, recognise: Recognise, handler: Any, engine: Engine) -> Handler:
    """Return a handler for those who may use a route, which masks secrets in its answers."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            caller = await recognise(request)
            if caller is None:
                refused = problem(401, "this address needs the daemon's bearer token")
                refused.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
                return refused
            if not access.allows(caller):
                return problem(403, refusal(access, caller))
            request[CALLER] = caller
            connection_of(request).proven()
            answered = await masked(await handler(request), engine.clean)
            return answered if caller.sees_recipients else await hidden(answered)
        except StaleRevision as error:
            return problem(409, engine.clean(str(error)), difference=error.difference)
        except tuple(STATUSES) as error:
            status = status_of(error)
            retry_after = 5 if status == 503 else None
            return problem(status, engine.clean(str(error)), retry_after=retry_after)

    return guarded


def _listings(engine: Engine, table: web.RouteTableDef) -> None:
    @table.get("/mode")
    async def mode(_request: web.Request) -> web.Response:
        return answer({"mode": engine.active.mode, "stopped": views.stop(engine.stops.in_force)})

    @table.get("/status")
    async def status(_request: web.Request) -> web.Response:
        now = engine.clock.now()
        counts = (await engine.store.backlog()).counts
        waiting: dict[str, int] = {}
        for (state, _), count in counts.items():
            waiting[state.value] = waiting.get(state.value, 0) + count
        return answer(
            {
                "mode": engine.active.mode,
                "stopped": views.stop(engine.stops.in_force),
                "deliveries": waiting,
                "channels": [
                    views.channel(name, lane, 0, now) for name, lane in sorted(engine.lanes.items())
                ],
                "notes": sorted(engine.monitor.notes.values()),
            }
        )

    @table.get("/channels")
    async def channels(_request: web.Request) -> web.Response:
        counts = (await engine.store.backlog()).counts
        waiting = dict.fromkeys(engine.lanes, 0)
        for (state, name), count in counts.items():
            if name and state in OPEN - {State.SENDING}:
                waiting[name] = waiting.get(name, 0) + count
        return answer(
            [
                views.channel(name, engine.lanes.get(name), count, engine.clock.now())
                for name, count in sorted(waiting.items())
            ]
        )

    @table.get("/{path:(deliveries|runs|events|traces|withdrawals|audit)(/.+)?}")
    async def listed(request: web.Request) -> web.Response:
        rows = await listing.read(engine.store.listings, request.match_info["path"], request.query)
        stopped, now = engine.stops.explanation, engine.clock.now()
        return answer(listing.pointed_out(rows, engine.lanes, stopped, now))


def _pictures(engine: Engine, table: web.RouteTableDef) -> None:
    @table.get("/deliveries/{id}/images/{number}")
    async def image(request: web.Request) -> web.Response:
        number, small = request.match_info["number"], request.query.get("size") == "thumbnail"
        if not number.isdecimal() or len(number) > 3:
            raise NotFound(f"no image has the number {number}")
        picture = await engine.pipeline.preparer.shown(
            request.match_info["id"], int(number), small=small
        )
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        return web.Response(body=picture.data, content_type=picture.media_type, headers=headers)


def _operations(engine: Engine, table: web.RouteTableDef) -> None:
    operations = engine.operations

    async def changed(moving: Awaitable[Delivery]) -> web.Response:
        return answer(await listing.row(engine.store, await moving))

    @table.post("/deliveries/{id}/release")
    async def release(request: web.Request) -> web.Response:
        return await changed(operations.release(_id(request), actor_of(request)))

    @table.post("/deliveries/{id}/retry")
    async def retry(request: web.Request) -> web.Response:
        return await changed(operations.retry(_id(request), actor_of(request)))

    @table.post("/deliveries/{id}/confirm")
    async def confirm(request: web.Request) -> web.Response:
        url = request.query.get("url", "")
        return await changed(operations.confirm(_id(request), url, actor_of(request)))

    @table.post("/deliveries/{id}/cancel")
    async def cancel(request: web.Request) -> web.Response:
        return await changed(operations.cancel(_id(request), _reason(request), actor_of(request)))


def _sweeps(engine: Engine, table: web.RouteTableDef, reload: Reload) -> None:
    """Add the commands that act on more than one delivery."""
    operations = engine.operations

    async def all_changed(moving: Awaitable[Sequence[Delivery]]) -> web.Response:
        return answer(await listing.rows(engine.store, await moving))

    @table.post("/release")
    async def release_all(request: web.Request) -> web.Response:
        hold, which = await _together(request, engine)
        return await all_changed(operations.release_all(hold, actor_of(request), **which))

    @table.post("/cancel")
    async def cancel_all(request: web.Request) -> web.Response:
        hold, which = await _together(request, engine)
        cancelling = operations.cancel_all(hold, _reason(request), actor_of(request), **which)
        return await all_changed(cancelling)

    @table.post("/retry")
    async def retry_all(request: web.Request) -> web.Response:
        since = listing.since_of(request.query)
        return await all_changed(operations.retry_all(since, actor_of(request)))

    @table.post("/events/{id}/replay")
    async def replay(request: web.Request) -> web.Response:
        recipe, book = request.query.get("recipe", ""), engine.active.book
        replayed = await operations.replay(
            book, _id(request), actor_of(request), recipe=recipe, dry_run=_dry_run(request)
        )
        return answer([views.replayed(each) for each in replayed])

    @table.post("/reload")
    async def reload_now(request: web.Request) -> web.Response:
        return answer(await reload(actor_of(request)))


def _withdrawals(engine: Engine, table: web.RouteTableDef) -> None:
    # Without a pattern, braces would not match.
    @table.post("/subjects/{subject:.+}/withdraw")
    async def withdraw_subject(request: web.Request) -> web.Response:
        channels = [name for name in request.query.get("channels", "").split(",") if name]
        subject = request.match_info["subject"]
        await refuse_shortened(engine.store, subject)
        result = await engine.withdrawals.subject(
            subject,
            request.query.get("reason", ""),
            actor_of(request),
            channels=channels,
            dry_run=_dry_run(request),
        )
        similar = await engine.withdrawals.similar(result)
        shown = views.withdrawn(result, engine.withdrawals.can_remove)
        return answer({**shown, "similar_subjects": [*similar]})

    @table.post("/deliveries/{id}/withdraw")
    async def withdraw_post(request: web.Request) -> web.Response:
        reason = request.query.get("reason", "")
        result = await engine.withdrawals.post(
            _id(request), reason, actor_of(request), dry_run=_dry_run(request)
        )
        return answer(views.withdrawn(result, engine.withdrawals.can_remove))

    @table.post("/withdrawals/{number}/lift")
    async def lift(request: web.Request) -> web.Response:
        number = listing.number_of(request.match_info, "number")
        lifted = await engine.withdrawals.lift(number, actor_of(request))
        left = await engine.store.still_withdrawn_by(lifted.number)
        still = [each.number for each in left]
        going_on = await engine.withdrawals.still_removing(lifted)
        return answer({**views.withdrawal(lifted, going_on), "still_withdrawn_by": still})


def _stops(engine: Engine, table: web.RouteTableDef) -> None:
    """Add the stop of everything."""

    @table.get("/stop")
    async def show(_request: web.Request) -> web.Response:
        return answer(views.start(await engine.stops.would_start(), engine.stops.in_force))

    @table.post("/stop")
    async def stop(request: web.Request) -> web.Response:
        reason = request.query.get("reason", "").strip()
        if not reason:
            raise ValueError("reason: say why everything is stopped")
        return answer(views.stop(await engine.stops.stop(reason, actor_of(request))))

    @table.post("/start")
    async def start(request: web.Request) -> web.Response:
        started = await engine.stops.start(request.query.get("seen", ""), actor_of(request))
        return answer(views.start(started, engine.stops.in_force))


def _id(request: web.Request) -> str:
    return request.match_info["id"]


async def _together(request: web.Request, engine: Engine) -> tuple[str, dict[str, str]]:
    """Return the hold, and perhaps the recipe and subject, of the deliveries that are meant."""
    query = request.query
    await refuse_shortened(engine.store, query.get("subject", ""))
    return query.get("hold", ""), {name: query.get(name, "") for name in ("recipe", "subject")}


def _dry_run(request: web.Request) -> bool:
    return request.query.get("dry_run", "") in ("1", "true")


def _reason(request: web.Request) -> str:
    return request.query.get("reason", "cancelled by a person")
