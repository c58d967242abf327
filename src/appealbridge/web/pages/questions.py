"""Questions: what waits for approval, each with all that an answer binds, and the answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from appealbridge.engine.approvals.answers import hash_of
from appealbridge.engine.approvals.questions import AskedDelivery
from appealbridge.model.approval import Answer, AnswerKind, ApprovalQuestion
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import StaleRevision
from appealbridge.model.withdrawal import scope_text
from appealbridge.plugin.offload import ANSWERS, offload
from appealbridge.web.pages.differences import change, clipped
from appealbridge.web.pages.editing import changes_of, fields_of
from appealbridge.web.pages.posts import Row, delivery_of, number_of, reason_of, shown
from appealbridge.web.pages.previews import preview
from appealbridge.web.pages.site import Site, Visit
from appealbridge.web.recipients import without_recipients
from appealbridge.web.views import moment

PAGE = 10
"""How many questions a page lists."""

MOST_SHOWN = 30
"""How many posts of one question are shown whole; the others have pages of their own."""

WORDS = {
    AnswerKind.APPROVE: "approved",
    AnswerKind.REJECT: "rejected",
    AnswerKind.CHANGES: "asked for changes to",
}


def add(site: Site) -> None:
    """Add the pages."""
    site.page("GET", "/waiting", waiting, menu="To approve")
    site.page("GET", "/questions/{number}", question)
    site.page("POST", "/questions/{number}/answer", answer_all)
    site.page("POST", "/deliveries/{id}/answer", answer)
    site.page("POST", "/deliveries/{id}/take-back", take_back)
    site.page("GET", "/deliveries/{id}/edit", edit_form)
    site.page("POST", "/deliveries/{id}/edit", edit)


async def waiting(visit: Visit) -> web.Response:
    """List the open questions, the oldest first; those that this person may answer are marked."""
    engine, questions = visit.site.engine, visit.site.engine.questions
    await questions.catch_up()
    after = number_of(visit.request.query.get("after") or "0", "question")
    open_questions = await engine.store.questions(after=after, limit=PAGE + 1)
    listed = []
    for open_question in open_questions[:PAGE]:
        _, deliveries = await questions.with_deliveries(open_question.number)
        waits = [each for each in deliveries if each.waits]
        if not waits:
            continue
        rows = await shown(visit, [each.delivery for each in waits[:MOST_SHOWN]])
        whys = [await _why_not(visit, each) for each in waits[:MOST_SHOWN]]
        listed.append(
            {"question": open_question, "rows": rows, "yours": not all(whys), "why_not": whys[0]}
        )
    return visit.show(
        "questions.html",
        title="To approve",
        listed=listed,
        newer=open_questions[PAGE - 1].number if len(open_questions) > PAGE else 0,
        after=after,
    )


async def question(visit: Visit) -> web.Response:
    """Show one question: each post as its readers will see it, and what an answer binds."""
    engine = visit.site.engine
    await engine.questions.catch_up()
    number = number_of(visit.request.match_info["number"], "question")
    asked_question, deliveries = await engine.questions.with_deliveries(number)
    waits = [each for each in deliveries if each.waits]
    others = [each for each in deliveries if not each.waits and not _is_part(each.delivery)]
    first = [*waits, *others][:MOST_SHOWN]
    rows = await shown(visit, [each.delivery for each in first], whole=True)
    items = [await _item(visit, each, row) for each, row in zip(first, rows, strict=True)]
    waiting = [item for item in items if item["waits"]]
    every = len(waits) > 1 and len(waits) <= MOST_SHOWN
    together = every and all(item["may_answer"] for item in waiting)
    reject = every and not together and all(item["may_reject"] for item in waiting)
    return visit.show(
        "question.html",
        title=_title(asked_question, len(waits)),
        question=asked_question,
        items=items,
        left_out=len(waits) + len(others) - len(first),
        hash=hash_of(waits),
        together=together,
        reject_together=reject,
        waiting=len(waits),
    )


async def answer(visit: Visit) -> web.Response:
    """Approve a post, perhaps for a time, reject it, or ask for changes."""
    delivery = await delivery_of(visit)
    answering = partial(visit.site.engine.answers.answer, delivery.id)
    return await _answered(visit, answering, f"/questions/{delivery.question}")


async def answer_all(visit: Visit) -> web.Response:
    """Answer all that waits of a question together."""
    number = number_of(visit.request.match_info["number"], "question")
    answering = partial(visit.site.engine.answers.answer_all, number)
    return await _answered(visit, answering, f"/questions/{number}")


async def _answered(
    visit: Visit, answering: Callable[..., Awaitable[object]], page: str
) -> web.Response:
    form, kind = visit.form, _kind(visit.form)
    # As a browser's own field for times writes it, or a person.
    at = form.get("at", "").strip()[:40].replace("T", " ")
    more = {"at": at} if kind is AnswerKind.APPROVE else {"reason": reason_of(visit)}
    try:
        await answering(form.get("hash", ""), visit.actor, kind, **more)
    except StaleRevision as stale:
        return await _stale(visit, stale, page)
    return visit.go_on(page)


async def take_back(visit: Visit) -> web.Response:
    """Take back an approval."""
    delivery = await delivery_of(visit)
    await visit.site.engine.answers.take_back(delivery.id, visit.actor)
    return visit.go_on(f"/questions/{delivery.question}")


async def edit_form(visit: Visit) -> web.Response:
    """Show the form with which a post is edited; it carries the hash of what is shown."""
    item, post = await _asked(visit)
    return await _form(visit, item, post, item.newest.hash)


async def edit(visit: Visit) -> web.Response:
    """Save a new revision, which is asked again. Whatever goes wrong, the person's words are not lost."""
    item, post = await _asked(visit)
    form = visit.form
    changes = changes_of(post.content, form)
    try:
        await visit.site.engine.answers.edit(post.id, form.get("hash", ""), changes, visit.actor)
    except StaleRevision as stale:
        differences = await offload(ANSWERS, _shown_changes, visit, stale.difference)
        return await _form(
            visit, item, post, item.newest.hash, changes, str(stale), differences, 409
        )
    except ValueError as wrong:
        return await _form(visit, item, post, form.get("hash", ""), changes, str(wrong), status=422)
    return visit.go_on(f"/questions/{item.newest.question}")


async def _form(
    visit: Visit,
    item: AskedDelivery,
    post: Delivery,
    hash_: str,
    changes: Mapping[str, Any] | None = None,
    error: str = "",
    difference: Sequence[Any] = (),
    status: int = 200,
) -> web.Response:
    clean = visit.site.engine.clean
    return visit.show(
        "edit.html",
        status,
        title=f"Edit post {post.number}",
        item=item,
        post=post,
        hash=hash_,
        fields=fields_of(post.content, changes or {}),
        error=clean(error),
        difference=difference,
    )


async def _item(visit: Visit, item: AskedDelivery, row: Row) -> Row:
    """Return what the page shows of one post of a question."""
    engine = visit.site.engine
    lane = engine.lanes.get(row["channel"])
    why_not = await _why_not(visit, item) if item.waits else ""
    may_answer = visit.may("/deliveries/{id}/answer")
    parts = await _parts(visit, item)
    if parts:  # shown as they are now, and not as they were planned
        row = {**row, "content": {**row["content"], "thread": []}}
    return {
        "row": row,
        "order": scope_text(row["content"] or {}, row["subject"]) if item.delivery.is_order else "",
        "preview": await offload(ANSWERS, preview, row, lane),
        "revision": item.newest,
        "account": _without(visit, dict(item.newest.account)),
        "difference": await offload(ANSWERS, _shown_changes, visit, item.difference),
        "waits": item.waits,
        "holds": row["holds"] if item.waits or Hold.STOP in row["holds"] else [],
        "parts": parts,
        "answers": [
            (each, WORDS[each.kind], _reason(each, row["decisions"])) for each in item.answers
        ],
        "may_answer": item.waits and may_answer and not why_not,
        "may_reject": may_answer and await engine.answers.may_reject(visit.actor, item, why_not),
        "may_edit": item.waits
        and visit.may("/deliveries/{id}/edit")
        and not (row["target"] or item.delivery.is_order),
        "may_take_back": _is_approved(item) and visit.may("/deliveries/{id}/take-back"),
        "why_not": why_not if may_answer else "",
    }


async def _parts(visit: Visit, item: AskedDelivery) -> list[Row]:
    """Return the later posts of a thread, which are answered with its first one."""
    if not item.waits:
        return []
    engine = visit.site.engine
    parts = (await engine.store.thread(item.delivery.id))[:MOST_SHOWN]
    rows = await shown(visit, parts, whole=True)
    return [
        {
            "row": row,
            "preview": await offload(ANSWERS, preview, row, engine.lanes.get(row["channel"])),
        }
        for row in rows
    ]


def _reason(answer: Answer, decisions: Sequence[Row]) -> str:
    """Return why somebody answered so, as the trail has it; empty once it was removed."""
    at, by = moment(answer.at), answer.person or None
    reasons = (each["reason"] for each in decisions if (each["at"], each["by"]) == (at, by))
    return next(reasons, None) or ""


def _is_part(delivery: Delivery) -> bool:
    """Return whether a delivery is a later post of a thread, and waits for the first one."""
    return bool(delivery.follows) and delivery.state is State.PLANNED


def _shown_changes(visit: Visit, difference: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return changes for display, as this person may see them. Long texts take a while: call it in a thread."""
    return [change(_without(visit, dict(each))) for each in clipped(difference)]


def _without(visit: Visit, value: Any) -> Any:
    return value if visit.caller.sees_recipients else without_recipients(value)


async def _stale(visit: Visit, stale: StaleRevision, back: str) -> web.Response:
    """Say that something was changed since the form was made, and what."""
    difference = await offload(ANSWERS, _shown_changes, visit, stale.difference)
    return visit.show(
        "stale.html",
        409,
        title="It has changed since you looked",
        message=visit.site.engine.clean(str(stale)),
        difference=difference,
        back=back,
    )


async def _asked(visit: Visit) -> tuple[AskedDelivery, Delivery]:
    """
    Return what is asked, and the delivery of the address, which may be a later post of that thread.

    Raise `ValueError` if nothing is asked about it.
    """
    engine = visit.site.engine
    await engine.questions.catch_up()
    post = await delivery_of(visit)
    deliveries = await engine.questions.about([await engine.answers.first(post)])
    if not deliveries:
        raise ValueError(f"post {post.number} does not wait for approval, so it cannot be edited")
    return deliveries[0], post


async def _why_not(visit: Visit, item: AskedDelivery) -> str:
    return await visit.site.engine.answers.why_not(visit.actor, item)


def _is_approved(item: AskedDelivery) -> bool:
    return (
        item.delivery.attempts == 0
        and any(
            each.kind is AnswerKind.APPROVE
            and each.withdrawn_at is None
            and each.revision == item.newest.number
            for each in item.answers
        )
        and item.delivery.state in ("ready", "held", "planned")
    )


def _kind(form: Mapping[str, str]) -> AnswerKind:
    if (kind := form.get("answer", "")) not in {*AnswerKind}:
        raise ValueError(f"answer: one of {', '.join(AnswerKind)}")
    return AnswerKind(kind)


def _title(question: ApprovalQuestion, waits: int) -> str:
    if not waits:
        return f"Question {question.number}: {question.state.value}"
    return f"Question {question.number}: {waits} {'post' if waits == 1 else 'posts'} to approve"
