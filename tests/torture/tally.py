"""Checks what became of every event on every channel, in the store and on the platforms. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appealbridge.model.delivery import OPEN, Delivery, Kind, State
from tests.torture.script import PLATFORMS, number_in

Posts = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
"""The posts by channel and event, in the order in which they were published."""


_PROMISES = (
    "lost",
    "duplicated",
    "false_receipts",
    "unaccounted",
    "out_of_order",
    "unlisted",
)


@dataclass(slots=True)
class Verdict:
    """What is wrong, in sentences; and how many deliveries waited for a person or were refused."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    false_receipts: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    refused: int = 0
    removed: int = 0
    tasks: int = 0

    @property
    def wrong(self) -> list[str]:
        """Everything that breaks a promise."""
        return [f"{name}: {said}" for name in _PROMISES for said in getattr(self, name)]


def sorted_posts(posts: Sequence[Mapping[str, Any]]) -> Posts:
    """Sort posts, oldest first, by channel and by the number in their text or subject."""
    channels = {platform: channel for channel, platform in PLATFORMS.items()}
    sorted_: dict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
    for place, post in enumerate(posts):
        number = number_in(f"{post.get('subject', '')} {post['text']}")
        if number is not None:
            sorted_[channels[post["platform"]], number].append({**post, "place": place})
    return sorted_


def is_up(post: Mapping[str, Any]) -> bool:
    """Return whether readers can still see a post."""
    return not post.get("deleted_at")


def match_timeline(
    accepted: Mapping[int, str],
    deliveries: Sequence[Delivery],
    refused: Mapping[str, str],
    posts: Posts,
    asked: Collection[str] = (),
    withdrawn: Collection[str] = (),
) -> Verdict:
    """
    Return what is wrong.

    `accepted` maps an event's number to the id in the answer, `refused` the id of a delivery that a platform refused to
    the platform's words. `asked` has the ids of deliveries that waited for a person; nothing waits behind them.
    `withdrawn` are the subjects that were withdrawn.
    """
    verdict = Verdict()
    by_place: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
    listed = _listed(deliveries)
    verdict.unlisted = unlisted(deliveries, posts, withdrawn)
    orders = {each.event_id: each for each in deliveries if each.kind is Kind.WITHDRAW}
    for delivery in deliveries:
        if delivery.kind is Kind.POST:
            by_place[delivery.channel, number_in(delivery.content) or 0].append(delivery)
    subjects = {each.event_id: each.subject for each in deliveries}
    for number, event_id in sorted(accepted.items()):
        order = orders.get(event_id)
        if order is not None and not order.target:
            if order.state is not State.DELIVERED:
                verdict.lost.append(f"T{number:05d}: {_told(order)}")
            continue
        for channel in PLATFORMS:
            place = channel, number
            caused = by_place.pop(place, [])
            where = f"T{number:05d} on {channel}"
            gone = subjects.get(event_id, "") in withdrawn
            # A step that uses the result of a withdrawn one is not planned.
            if (len(caused) != 1 and not (gone and not caused)) or any(
                each.event_id != event_id for each in caused
            ):
                verdict.lost.append(f"{where}: {len(caused)} deliveries of event {event_id}")
            for delivery in caused:
                judge = _withdrawn if gone else _one
                said = f"{where}: {_told(delivery)}"
                judge(verdict, said, delivery, refused, posts.get(place, ()), listed)
    for (channel, number), caused in by_place.items():
        said = f"T{number:05d} on {channel}: {_told(caused[0])} of an event never accepted"
        verdict.unaccounted.append(said)
    sent = [one for one in deliveries if one.kind is Kind.POST and one.id not in asked]
    _order(verdict, sent, posts)
    return verdict


def _one(
    verdict: Verdict,
    where: str,
    delivery: Delivery,
    refused: Mapping[str, str],
    posts: Sequence[Mapping[str, Any]],
    listed: Collection[str],
) -> None:
    del listed
    ids = [post["id"] for post in posts]
    if len(posts) > 1:
        verdict.duplicated.append(f"{where}: {len(posts)} posts {ids}")
    if delivery.state is State.DELIVERED:
        if not posts:
            verdict.lost.append(f"{where}: no post")
        if not any(_fits(delivery, post) for post in posts):
            verdict.false_receipts.append(f"{where}: {delivery.receipt} for {ids}")
    elif delivery.state is State.FAILED and delivery.id in refused:
        verdict.refused += 1
    elif delivery.state is not State.HELD:
        verdict.lost.append(where)
        if posts:
            verdict.unaccounted.append(f"{where}: stands there as {ids}")


def _listed(deliveries: Sequence[Delivery]) -> set[str]:
    """Return the ids of the posts of which `appealbridge withdrawals` says that they are not removed."""
    return {each.target for each in deliveries if each.target and each.state in OPEN}


def unlisted(deliveries: Sequence[Delivery], posts: Posts, withdrawn: Collection[str]) -> list[str]:
    """Return the posts about withdrawn subjects that readers can see although nothing lists them."""
    listed, up = _listed(deliveries), []
    for delivery in deliveries:
        place = delivery.channel, number_in(delivery.content) or 0
        if delivery.kind is Kind.POST and delivery.subject in withdrawn:
            ids = [post["id"] for post in posts.get(place, ()) if is_up(post)]
            if ids and delivery.id not in listed:
                up.append(f"T{place[1]:05d} on {place[0]}: {_told(delivery)}: {ids}")
    return up


def _withdrawn(
    verdict: Verdict,
    where: str,
    delivery: Delivery,
    refused: Mapping[str, str],
    posts: Sequence[Mapping[str, Any]],
    listed: Collection[str],
) -> None:
    """Check a post of a withdrawn subject: it was sent once at most, and is gone or listed."""
    ids = [post["id"] for post in posts]
    if len(posts) > 1:
        verdict.duplicated.append(f"{where}: {len(posts)} posts {ids}")
    verdict.removed += delivery.state is State.WITHDRAWN
    verdict.tasks += delivery.id in listed
    if delivery.state is State.FAILED and delivery.id in refused:
        verdict.refused += 1
    elif delivery.state not in (State.WITHDRAWN, State.CANCELLED) and delivery.id not in listed:
        verdict.lost.append(where)


def _fits(delivery: Delivery, post: Mapping[str, Any]) -> bool:
    """Whether a receipt belongs to a post; an operator who confirmed gave an address that ends with the post's id."""
    receipt = delivery.receipt
    if receipt is None:
        return False
    return receipt.id.rpartition("/")[2] == post["id"] or receipt.id == post["client_key"]


def _order(verdict: Verdict, deliveries: Sequence[Delivery], posts: Posts) -> None:
    """Check that an older event of a subject is published before a younger one, on every channel."""
    lines: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in sorted(deliveries, key=lambda one: one.number):
        lines[delivery.channel, delivery.subject].append(delivery)
    for (channel, subject), line in lines.items():
        last, before = -1, ""
        for delivery in line:
            number = number_in(delivery.content) or 0
            there = posts.get((channel, number), ())
            if not there:
                continue
            if there[0]["place"] < last:
                said = f"{subject} on {channel}: {before} came after T{number:05d}"
                verdict.out_of_order.append(said)
            last, before = max(last, there[-1]["place"]), f"T{number:05d}"


def _told(delivery: Delivery) -> str:
    because = f" ({delivery.hold or delivery.reason})" if delivery.hold or delivery.reason else ""
    return f"{delivery.id} {delivery.state.value}{because}"
