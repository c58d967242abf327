"""Checks what became of every event on every channel, in the store and on the platforms. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appealbridge.model.delivery import Delivery, State
from tests.torture.script import PLATFORMS, number_in

Posts = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
"""The posts by channel and event, in the order in which they were published."""


@dataclass(slots=True)
class Verdict:
    """What is wrong, in sentences; and how many deliveries waited for a person or were refused."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    false_receipts: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def wrong(self) -> list[str]:
        """Everything that breaks a promise."""
        return [
            f"{name}: {said}"
            for name in ("lost", "duplicated", "false_receipts", "unaccounted", "out_of_order")
            for said in getattr(self, name)
        ]


def sorted_posts(posts: Sequence[Mapping[str, Any]]) -> Posts:
    """Sort posts, oldest first, by channel and by the number in their text or subject."""
    channels = {platform: channel for channel, platform in PLATFORMS.items()}
    sorted_: dict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
    for place, post in enumerate(posts):
        number = number_in(f"{post.get('subject', '')} {post['text']}")
        if number is not None:
            sorted_[channels[post["platform"]], number].append({**post, "place": place})
    return sorted_


def match_timeline(
    accepted: Mapping[int, str],
    deliveries: Sequence[Delivery],
    refused: Mapping[str, str],
    posts: Posts,
    asked: Collection[str] = (),
) -> Verdict:
    """
    Return what is wrong.

    `accepted` maps an event's number to the id in the answer, `refused` the id of a delivery that a platform refused to
    the platform's words. `asked` has the ids of deliveries that waited for a person; nothing waits behind them.
    """
    verdict = Verdict()
    by_place: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_place[delivery.channel, number_in(delivery.content) or 0].append(delivery)
    for number, event_id in sorted(accepted.items()):
        for channel in PLATFORMS:
            place = channel, number
            caused = by_place.pop(place, [])
            where = f"T{number:05d} on {channel}"
            if len(caused) != 1 or caused[0].event_id != event_id:
                verdict.lost.append(f"{where}: {len(caused)} deliveries of event {event_id}")
            for delivery in caused:
                _one(
                    verdict, f"{where}: {_told(delivery)}", delivery, refused, posts.get(place, ())
                )
    for (channel, number), caused in by_place.items():
        said = f"T{number:05d} on {channel}: {_told(caused[0])} of an event never accepted"
        verdict.unaccounted.append(said)
    _order(verdict, [one for one in deliveries if one.id not in asked], posts)
    return verdict


def _one(
    verdict: Verdict,
    where: str,
    delivery: Delivery,
    refused: Mapping[str, str],
    posts: Sequence[Mapping[str, Any]],
) -> None:
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
