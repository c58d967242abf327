"""Posts: what is held, what waits, what went out, and each of them with its trace and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from appealbridge.engine.withdrawals.withdrawals import affected
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.errors import NotFound
from appealbridge.plugin.offload import ANSWERS, offload
from appealbridge.store.records import DeliveryFilter
from appealbridge.web import listing
from appealbridge.web.masking import cleaned
from appealbridge.web.pages.previews import beginning, preview
from appealbridge.web.pages.site import HEADERS, Site, Visit
from appealbridge.web.pages.wording import KINDS, state_text
from appealbridge.web.recipients import without_recipients
from appealbridge.web.views import moment

PAGE = 20
"""How many posts a page lists."""

FILTERS: Mapping[str, tuple[str, frozenset[State]]] = {
    "all": ("All", frozenset()),
    "waiting": ("Waiting", frozenset({State.PLANNED, State.HELD, State.READY, State.UNKNOWN})),
    "published": ("Published", frozenset({State.DELIVERED})),
    "withdrawn": ("Withdrawn", frozenset({State.WITHDRAWING, State.WITHDRAWN})),
    "failed": ("Not published", frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})),
}
"""Which posts are listed: the label of the filter, and the states."""

REASON_LENGTH = 500
ADDRESS_LENGTH = 2000

Row = dict[str, Any]


def add(site: Site) -> None:
    """Add the pages."""
    site.page("GET", "/held", held, menu="Held")
    site.page("GET", "/deliveries", posts, menu="Posts")
    site.page("GET", "/deliveries/{id}", post)
    site.page("GET", "/deliveries/{id}/images/{number}", image)
    site.page("POST", "/deliveries/{id}/release", release)
    site.page("POST", "/deliveries/{id}/retry", retry)
    site.page("POST", "/deliveries/{id}/cancel", cancel)
    site.page("POST", "/deliveries/{id}/confirm", confirm)
    site.page("POST", "/deliveries/{id}/withdraw", withdraw)


async def held(visit: Visit) -> web.Response:
    """List what waits for somebody."""
    return await _listed(visit, "held.html", "Held", frozenset({State.HELD}))


async def posts(visit: Visit) -> web.Response:
    """List posts, perhaps only those of one of the filters."""
    which = visit.request.query.get("show", "all")
    if which not in FILTERS:
        raise ValueError(f"show: one of {', '.join(FILTERS)}")
    filters = [(name, label) for name, (label, _) in FILTERS.items()]
    states = FILTERS[which][1]
    return await _listed(visit, "posts.html", "Posts", states, filters=filters, which=which)


async def _listed(
    visit: Visit, template: str, title: str, states: frozenset[State], **more: Any
) -> web.Response:
    """List posts in these states, the newest first, a page at a time."""
    before = number_of(visit.request.query.get("before") or "0", "before")
    filter_ = DeliveryFilter(states=states, before=before, limit=PAGE + 1)
    rows = await shown(visit, await visit.site.engine.store.deliveries(filter_))
    older = rows[PAGE - 1]["number"] if len(rows) > PAGE else 0
    return visit.show(template, title=title, rows=rows[:PAGE], older=older, before=before, **more)


async def post(visit: Visit) -> web.Response:
    """Show one post: as its readers see it, why it waits, what was done with it, and what can be done."""
    engine = visit.site.engine
    number = number_of(visit.request.match_info["id"], "post")
    data = await listing.delivery(engine.store, str(number))
    row = _presented(visit, data)
    actions = _actions(visit, row)
    lane = engine.lanes.get(row["channel"])
    return visit.show(
        "post.html",
        title=f"Post {number}",
        row=row,
        preview=await offload(ANSWERS, preview, row, lane),
        actions=actions,
        takes_back=await _takes_back(visit) if actions["withdraw"] else [],
        withdrawals=await _withdrawals(visit, row),
        question=(await engine.store.delivery(str(number))).question,
    )


async def image(visit: Visit) -> web.Response:
    """Show the stored rendition of a picture, or with `size=small` a small one."""
    match = visit.request.match_info
    number = number_of(match["number"], "picture")
    small = visit.request.query.get("size") == "small"
    delivery_id = str(number_of(match["id"], "post"))
    preparer = visit.site.engine.pipeline.preparer
    picture = await preparer.shown(delivery_id, number, small=small)
    headers = HEADERS | {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return web.Response(body=picture.data, content_type=picture.media_type, headers=headers)


async def release(visit: Visit) -> web.Response:
    """Release a post that is held, for the reason that the person was shown."""
    hold = visit.form.get("hold", "")
    id_ = await _id(visit)
    await visit.site.engine.operations.release(id_, visit.actor, only=hold)
    return _back(visit)


async def retry(visit: Visit) -> web.Response:
    """Try a failed post again."""
    await visit.site.engine.operations.retry(await _id(visit), visit.actor)
    return _back(visit)


async def cancel(visit: Visit) -> web.Response:
    """Cancel a post that was not published."""
    await visit.site.engine.operations.cancel(await _id(visit), reason_of(visit), visit.actor)
    return _back(visit)


async def confirm(visit: Visit) -> web.Response:
    """Record that a post is published at an address, or that one is removed."""
    address = visit.form.get("address", "").strip()
    if address and (
        len(address) > ADDRESS_LENGTH or not address.startswith(("https://", "http://"))
    ):
        raise ValueError("give the address of the post: https://…")
    await visit.site.engine.operations.confirm(await _id(visit), address, visit.actor)
    return _back(visit)


async def withdraw(visit: Visit) -> web.Response:
    """Withdraw a post."""
    await visit.site.engine.withdrawals.post(await _id(visit), reason_of(visit), visit.actor)
    return _back(visit)


async def shown(visit: Visit, deliveries: Sequence[Delivery], *, whole: bool = False) -> list[Row]:
    """Return deliveries for a list, or with `whole` with all that is known of them."""
    rows = await listing.rows(visit.site.engine.store, deliveries, history=whole)
    return [_presented(visit, row) for row in rows]


def _presented(visit: Visit, data: Row) -> Row:
    """Return a delivery as this person may see it, with its state in words and how it begins."""
    engine = visit.site.engine
    stopped, now = engine.stops.explanation, engine.clock.now()
    row: Row = cleaned(listing.pointed_out(data, engine.lanes, stopped, now), engine.clean)
    if not visit.caller.sees_recipients:
        row = without_recipients(row)
    row["state_text"] = state_text(row["state"], row["kind"])
    row["kind_text"] = KINDS.get(row["kind"], "")
    row["beginning"] = beginning(row)
    waits = row["state"] == State.READY and not stopped and row["due_at"] > moment(now)
    row["goes_out"] = row["due_at"] if waits else None
    return row


async def _takes_back(visit: Visit) -> list[Row]:
    """Return what a withdrawal of this post would take back, the newest first."""
    withdrawals = visit.site.engine.withdrawals
    would = await withdrawals.post(await _id(visit), "shown first", visit.actor, dry_run=True)
    return await shown(visit, affected(would))


async def _withdrawals(visit: Visit, row: Row) -> list[Row]:
    """Return what was withdrawn with this post, the newest first, each with the state of its removal."""
    if row["kind"] == Kind.WITHDRAW or not row["subject"] or not row["receipt"]:
        return []
    engine = visit.site.engine
    query = {"subject": row["subject"], "limit": str(PAGE)}
    withdrawals = cleaned(await listing.withdrawals(engine.store, query), engine.clean)
    return [
        {**each, "removal": removal}
        for each in withdrawals
        for removal in each["posts"]
        if removal["post"] == row["number"]
    ]


def _actions(visit: Visit, row: Row) -> Row:
    """Return what this person can do with a post: each with whether the table of roles lets them."""
    state, is_removal = row["state"], row["kind"] == Kind.WITHDRAW
    holds = [hold for hold in row["holds"] if state == State.HELD and hold != Hold.STOP]
    may = visit.may
    return {
        "release": [
            hold
            for hold in holds
            if hold not in (Hold.UNKNOWN, Hold.APPROVAL, Hold.ACCEPTANCE)
            and may("/deliveries/{id}/release")
        ],
        "send_again": Hold.UNKNOWN in holds and may("/deliveries/{id}/release"),
        "confirm": state == State.HELD
        and (is_removal or row["holds"] == [Hold.UNKNOWN])
        and may("/deliveries/{id}/confirm"),
        "is_removal": is_removal,
        "retry": state == State.FAILED and may("/deliveries/{id}/retry"),
        "cancel": state in (State.PLANNED, State.HELD, State.READY, State.UNKNOWN)
        and may("/deliveries/{id}/cancel"),
        "withdraw": state == State.DELIVERED
        and not is_removal
        and may("/deliveries/{id}/withdraw"),
    }


def number_of(text: str, what: str) -> int:
    """Return a number in an address; raise `NotFound` if it is none."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise NotFound(f"{what} {text:.40}: this is not a number")
    return int(text)


def reason_of(visit: Visit) -> str:
    """Return the reason in a form; raise `ValueError` if there is none."""
    reason = " ".join(visit.form.get("reason", "").split())
    if not reason:
        raise ValueError("say why; go back and fill in the reason")
    if len(reason) > REASON_LENGTH:
        raise ValueError(
            f"the reason has {len(reason)} characters; at most {REASON_LENGTH} are kept"
        )
    return reason


async def delivery_of(visit: Visit) -> Delivery:
    """Return the delivery whose number is in the address; raise `NotFound`."""
    number = number_of(visit.request.match_info["id"], "post")
    return await visit.site.engine.store.delivery(str(number))


async def _id(visit: Visit) -> str:
    return (await delivery_of(visit)).id


def _back(visit: Visit) -> web.Response:
    return visit.go_on(f"/deliveries/{number_of(visit.request.match_info['id'], 'post')}")
