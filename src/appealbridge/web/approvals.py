"""The API for questions and answers: what waits for approval, and approve, reject, ask for changes, edit, take back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson
from aiohttp import web

from appealbridge.engine.approvals.answers import hash_of
from appealbridge.engine.approvals.questions import AskedDelivery
from appealbridge.engine.engine import Engine
from appealbridge.model.approval import AnswerKind, ApprovalQuestion, Revision
from appealbridge.model.errors import NotFound
from appealbridge.web import listing, views
from appealbridge.web.callers import CALLER, actor_of
from appealbridge.web.problem import answer

T = TypeVar("T")

LONGEST_EDIT = 1024 * 1024
"""How many bytes an edit may have."""


def add(engine: Engine, table: web.RouteTableDef) -> None:
    """Add the routes about questions and answers."""

    async def view(
        question: ApprovalQuestion, deliveries: Sequence[AskedDelivery], request: web.Request
    ) -> Any:
        actor = request[CALLER].actor
        rows = []
        for each in deliveries:
            why = "" if actor is None else await engine.answers.why_not(actor, each)
            row = view_of(each, why, may_answer=actor is not None)
            row["may_reject"] = actor is not None and await engine.answers.may_reject(
                actor, each, why
            )
            rows.append(row)
        return question_view(question, rows, hash_of([each for each in deliveries if each.waits]))

    @table.get("/questions")
    async def questions(request: web.Request) -> web.Response:
        await engine.questions.catch_up()
        after = listing.number_of(request.query, "after")
        limit = listing.limit_of(request.query)
        listed = await engine.store.questions(after=after, limit=limit)
        return answer(
            [
                await view(each, (await engine.questions.with_deliveries(each.number))[1], request)
                for each in listed
            ]
        )

    @table.get("/questions/{number}")
    async def question(request: web.Request) -> web.Response:
        number = listing.number_of(request.match_info, "number")
        return answer(await view(*await engine.questions.with_deliveries(number), request))

    @table.get("/deliveries/{id}/question")
    async def of_delivery(request: web.Request) -> web.Response:
        await engine.questions.catch_up()
        delivery = await engine.store.delivery(request.match_info["id"])
        thread = await engine.store.thread(delivery.id)
        deliveries = await engine.questions.about([delivery, *thread])
        if not deliveries:
            state = delivery.state.value
            raise NotFound(f"delivery {delivery.number} is {state}, and nothing is asked about it")
        question = await engine.store.question(deliveries[0].newest.question)
        return answer(await view(question, deliveries, request))

    _answers(engine, table)


def _answers(engine: Engine, table: web.RouteTableDef) -> None:
    @table.post("/deliveries/{id}/take-back")
    async def take_back(request: web.Request) -> web.Response:
        moved = await engine.answers.take_back(request.match_info["id"], actor_of(request))
        return answer(await listing.row(engine.store, moved))

    @table.post("/deliveries/{id}/edit")
    async def edit(request: web.Request) -> web.Response:
        hash_ = request.query.get("hash", "")
        body = await request.content.read(LONGEST_EDIT + 1)
        revision = await engine.answers.edit(
            request.match_info["id"], hash_, _changes(body), actor_of(request)
        )
        return answer(revision_view(revision))

    async def answer_one(request: web.Request) -> web.Response:
        answering = partial(engine.answers.answer, request.match_info["id"])
        return answer(await listing.row(engine.store, await _answered(request, answering)))

    async def answer_all(request: web.Request) -> web.Response:
        number = listing.number_of(request.match_info, "number")
        answering = partial(engine.answers.answer_all, number)
        return answer(await listing.rows(engine.store, await _answered(request, answering)))

    for kind in AnswerKind:
        table.post(f"/deliveries/{{id}}/{kind.value}")(answer_one)
        table.post(f"/questions/{{number}}/{kind.value}")(answer_all)


def question_view(question: ApprovalQuestion, rows: Sequence[Any], hash_: str) -> dict[str, Any]:
    """Return a question; `hash` is that of all that waits of it, for an answer to all of it."""
    return {
        "number": question.number,
        "run": question.run_id,
        "state": question.state.value,
        "mode": question.mode,
        "who": question.policy or None,
        "asked_at": views.moment(question.asked_at),
        "lapses_at": views.moment(question.lapses_at),
        "ended_at": views.moment(question.ended_at),
        "reached": question.reached,
        "hash": hash_,
        "deliveries": rows,
    }


def view_of(item: AskedDelivery, why_not: str, *, may_answer: bool) -> dict[str, Any]:
    """Return what is asked about a delivery, and whether the caller may answer."""
    return {
        **views.delivery(item.delivery),
        "waits": item.waits,
        "revision": revision_view(item.newest),
        "difference": item.difference,
        "may_approve": may_answer and item.waits and not why_not,
        "why_not": why_not or None,
        "answers": [
            {
                "revision": each.revision,
                "by": each.person or None,
                "answer": each.kind.value,
                "at": views.moment(each.at),
                "publish_at": views.moment(each.publish_at),
                "taken_back_at": views.moment(each.withdrawn_at),
            }
            for each in item.answers
        ],
    }


def revision_view(revision: Revision) -> dict[str, Any]:
    """Return a revision."""
    return {
        "number": revision.number,
        "hash": revision.hash,
        "account": dict(revision.account),
        "authors": list(revision.authors),
        "at": views.moment(revision.at),
        "publish_by": views.moment(revision.publish_by),
        "why": revision.why or None,
    }


async def _answered(request: web.Request, answering: Callable[..., Awaitable[T]]) -> T:
    """Take the answer with which the address ends."""
    kind = AnswerKind(request.path.rpartition("/")[2])
    hash_, reason, at = (request.query.get(name, "") for name in ("hash", "reason", "at"))
    return await answering(hash_, actor_of(request), kind, reason=reason, at=at)


def _changes(body: bytes) -> Mapping[str, Any]:
    if len(body) > LONGEST_EDIT:
        raise ValueError(f"an edit has at most {LONGEST_EDIT} bytes")
    try:
        changes = orjson.loads(body)
    except orjson.JSONDecodeError:
        changes = None
    if not isinstance(changes, dict) or not changes:
        raise ValueError('send the changes as JSON, such as {"text": "..."}')
    return changes
