"""Checks what became of every event on every channel, in the store and on the platforms. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appealbridge.model.amendment import Change
from appealbridge.model.delivery import OPEN, Delivery, Kind, State
from tests.torture.script import PLATFORMS, number_in

Posts = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
"""The posts by channel and event, in the order in which they were published."""


FIRST = "force_x"
"""The channel whose result the step of another one uses."""

_PUBLISHED = (State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN)
_NOT_AMENDED = ("superseded by no. ", "nothing of ", "the post before it is ")
"""How the reasons begin for which a correction is not made."""

_PROMISES = (
    "lost",
    "duplicated",
    "false_receipts",
    "unaccounted",
    "out_of_order",
    "unlisted",
    "not_corrected",
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
    not_corrected: list[str] = field(default_factory=list)
    refused: int = 0
    removed: int = 0
    tasks: int = 0
    edited: int = 0
    replies: int = 0
    replaced: int = 0
    from_view: int = 0

    @property
    def wrong(self) -> list[str]:
        """Everything that breaks a promise."""
        return [f"{name}: {text}" for name in _PROMISES for text in getattr(self, name)]


def sorted_posts(posts: Sequence[Mapping[str, Any]]) -> Posts:
    """Sort posts, oldest first, by channel and by the number that their text or subject had at first."""
    channels = {platform: channel for channel, platform in PLATFORMS.items()}
    sorted_: dict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
    for place, post in enumerate(posts):
        first = texts_of(post)[0]
        number = number_in(f"{post.get('subject', '')} {first}")
        if number is not None:
            sorted_[channels[post["platform"]], number].append({**post, "place": place})
    return sorted_


def texts_of(post: Mapping[str, Any]) -> list[str]:
    """Return what a post has said, oldest first."""
    return [*(edit["text"] for edit in post.get("edits", ())), post["text"]]


def is_up(post: Mapping[str, Any]) -> bool:
    """Return whether readers can still see a post."""
    return not post.get("deleted_at")


@dataclass(frozen=True, slots=True)
class Decisions:
    """
    What people and events decided.

    `needed_approval` has the ids of deliveries that waited for a person; nothing waits behind them. `withdrawn` are the
    subjects of which a withdrawal is in force, `ever` those of which one was at some time.
    """

    needed_approval: Collection[str] = ()
    withdrawn: Collection[str] = ()
    ever: Collection[str] = ()


def match_timeline(
    accepted: Mapping[int, str],
    deliveries: Sequence[Delivery],
    refused: Mapping[str, str],
    posts: Posts,
    decisions: Decisions = Decisions(),
) -> Verdict:
    """
    Return what is wrong.

    `accepted` maps an event's number to the id in the answer, `refused` the id of a delivery that a platform refused to
    the platform's words.
    """
    verdict = Verdict()
    facts = _Facts(accepted, deliveries, refused, posts, decisions)
    verdict.unlisted = unlisted(deliveries, posts, decisions.withdrawn)
    orders = {each.event_id: each for each in deliveries if each.kind is Kind.WITHDRAW}
    for number, event_id in sorted(accepted.items()):
        order = orders.get(event_id)
        if order is not None and not order.target:
            if order.state is not State.DELIVERED:
                verdict.lost.append(f"T{number:05d}: {_told(order)}")
            continue
        for channel in PLATFORMS:
            caused = facts.by_place.pop((channel, number), [])
            where = f"T{number:05d} on {channel}"
            if any(each.event_id != event_id for each in caused):
                verdict.lost.append(f"{where}: deliveries of another event than {event_id}")
            if any(each.kind is Kind.AMEND for each in caused):
                _amendments(verdict, where, caused, facts)
            elif len(caused) == 1 or not facts.may_be_left_out(event_id, caused):
                _post(verdict, where, event_id, caused, facts)
    for (channel, number), caused in facts.by_place.items():
        text = f"T{number:05d} on {channel}: {_told(caused[0])} of an event never accepted"
        verdict.unaccounted.append(text)
    needed = decisions.needed_approval
    sent = [each for each in deliveries if each.kind is Kind.POST and each.id not in needed]
    _order(verdict, sent, facts)
    verdict.from_view = sum(
        not is_up(post) and each.state is State.WITHDRAWN and _fits(each, post)
        for each in deliveries
        for post in facts.posts_of(each)
    )
    return verdict


class _Facts:
    """What is in the store and on the platforms."""

    def __init__(
        self,
        accepted: Mapping[int, str],
        deliveries: Sequence[Delivery],
        refused: Mapping[str, str],
        posts: Posts,
        decisions: Decisions,
    ) -> None:
        self.refused = refused
        self.posts = posts
        self.decisions = decisions
        self.listed = _listed(deliveries)
        self.by_id = {each.id: each for each in deliveries}
        self.subjects = {each.event_id: each.subject for each in deliveries}
        self.replaced = _replaced(deliveries)
        self.without_x = {
            each.event_id
            for each in deliveries
            if each.channel == FIRST and each.kind is Kind.POST and each.state not in _PUBLISHED
        }
        self.edits: dict[str, list[Delivery]] = defaultdict(list)
        self.by_place: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
        # A run whose post was corrected before it was sent goes on with the number of the correction.
        self.gone_on: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
        numbers = {event_id: number for number, event_id in accepted.items()}
        for each in deliveries:
            number = number_in(each.content) or 0
            if each.kind is Kind.POST and number != (own := numbers.get(each.event_id, number)):
                self.gone_on[each.channel, number].append(each)
                number = own
            if each.kind is not Kind.WITHDRAW:
                self.by_place[each.channel, number].append(each)
            if each.is_edit and each.state is State.DELIVERED:
                self.edits[each.target].append(each)

    def may_be_left_out(self, event_id: str, caused: Sequence[Delivery]) -> bool:
        """Return whether a step need not be planned: the result that it uses is withdrawn, or never came."""
        gone = self.subjects.get(event_id, "") in self.decisions.ever
        return not caused and (gone or event_id in self.without_x)

    def is_taken_back(self, delivery: Delivery) -> bool:
        """Return whether a post was withdrawn at some time, or another one has taken its place."""
        return delivery.subject in self.decisions.ever or delivery.id in self.replaced

    def posts_of(self, delivery: Delivery) -> Sequence[Mapping[str, Any]]:
        """Return the posts that begin with the text of a delivery."""
        place = (delivery.channel, number_in(delivery.content) or 0)
        posts, others = self.posts.get(place, ()), self.gone_on.get(place, ())
        if not others:
            return posts
        if delivery in others:
            return [post for post in posts if _fits(delivery, post)]
        return [post for post in posts if not any(_fits(other, post) for other in others)]


def _replaced(deliveries: Sequence[Delivery]) -> Collection[str]:
    """Return the ids of the posts whose place another one has taken, and of the corrections that replied to those."""
    replaced = {each.target for each in deliveries if each.change == Change.REPLACE}
    replies = [each for each in deliveries if each.change == Change.FOLLOW_UP]
    while more := {each.id for each in replies if each.target in replaced} - replaced:
        replaced |= more
    return replaced


def _post(
    verdict: Verdict, where: str, event_id: str, caused: Sequence[Delivery], facts: _Facts
) -> None:
    """Check an event's post on one channel."""
    if len(caused) != 1:
        verdict.lost.append(f"{where}: {len(caused)} deliveries of event {event_id}")
    for delivery in caused:
        judge = _taken_back if facts.is_taken_back(delivery) else _one
        judge(verdict, f"{where}: {_told(delivery)}", delivery, facts)
        _newest_text(verdict, where, delivery, facts)


def _amendments(verdict: Verdict, where: str, caused: Sequence[Delivery], facts: _Facts) -> None:
    """Check the corrections of an event on one channel: one for each post that it corrects."""
    posts = facts.posts_of(caused[0])
    published = [each for each in caused if not each.is_edit]
    answered = Counter(post["in_reply_to"] for post in posts if post.get("in_reply_to"))
    if len(posts) > len(published) or any(count > 1 for count in answered.values()):
        ids = [post["id"] for post in posts]
        verdict.duplicated.append(f"{where}: {len(posts)} posts of {len(published)}: {ids}")
    for each in caused:
        _amendment(verdict, where, each, facts)


def _amendment(verdict: Verdict, where: str, delivery: Delivery, facts: _Facts) -> None:
    text = f"{where}: {_told(delivery)}"
    taken_back = facts.is_taken_back(delivery)
    match delivery.state:
        case State.DELIVERED if delivery.is_edit:
            verdict.edited += 1
        case State.DELIVERED:
            verdict.replies += delivery.change == Change.FOLLOW_UP
            verdict.replaced += delivery.change == Change.REPLACE
            if sum(_fits(delivery, post) for post in facts.posts_of(delivery)) != 1:
                verdict.false_receipts.append(f"{text}: {delivery.receipt}")
            _newest_text(verdict, where, delivery, facts)
        case State.WITHDRAWN | State.WITHDRAWING if taken_back:
            verdict.removed += delivery.state is State.WITHDRAWN
            verdict.tasks += delivery.id in facts.listed
        case State.CANCELLED if taken_back or delivery.reason.startswith(_NOT_AMENDED):
            pass
        case State.FAILED if delivery.id in facts.refused:
            verdict.refused += 1
        case State.HELD:
            pass
        case _:
            verdict.lost.append(text)


def _newest_text(verdict: Verdict, where: str, post: Delivery, facts: _Facts) -> None:
    """Check that a post says what its newest correction says; what a person released may have come late."""
    edits = sorted(facts.edits.get(post.id, ()), key=lambda edit: edit.number)
    if not edits:
        return
    late = any(edit.id in facts.decisions.needed_approval for edit in edits)
    for stands in facts.posts_of(post):
        if not _fits(post, stands):
            continue
        message = [number_in(text) for text in texts_of(stands)]
        missing = [f"no. {edit.number}" for edit in edits if number_in(edit.content) not in message]
        if missing:
            verdict.not_corrected.append(f"{where}: {post.id} never said {', '.join(missing)}")
        if not late and message[-1] != number_in(edits[-1].content):
            verdict.not_corrected.append(f"{where}: {post.id} says {stands['text']!r}")


def _one(verdict: Verdict, where: str, delivery: Delivery, facts: _Facts) -> None:
    posts = facts.posts_of(delivery)
    ids = [post["id"] for post in posts]
    if len(posts) > 1:
        verdict.duplicated.append(f"{where}: {len(posts)} posts {ids}")
    if delivery.state is State.DELIVERED:
        if not posts:
            verdict.lost.append(f"{where}: no post")
        if not any(_fits(delivery, post) for post in posts):
            verdict.false_receipts.append(f"{where}: {delivery.receipt} for {ids}")
        elif not any(map(is_up, posts)):
            verdict.lost.append(f"{where}: its post was removed")
    elif delivery.state is State.FAILED and delivery.id in facts.refused:
        verdict.refused += 1
    elif delivery.state is not State.HELD:
        verdict.lost.append(where)
        if posts:
            verdict.unaccounted.append(f"{where}: stands there as {ids}")


def _listed(deliveries: Sequence[Delivery]) -> set[str]:
    """Return the ids of the posts of which `appealbridge withdrawals` says that they are not removed."""
    return {each.target for each in deliveries if each.target and each.state in OPEN}


def unlisted(deliveries: Sequence[Delivery], posts: Posts, withdrawn: Collection[str]) -> list[str]:
    """
    Return the posts that readers can see although nothing lists them.

    They are about subjects that are withdrawn, or the store says that they are removed.
    """
    listed, up = _listed(deliveries), []
    places: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
    for each in deliveries:
        if each.kind is not Kind.WITHDRAW and not each.is_edit:
            places[each.channel, number_in(each.content) or 0].append(each)
    for (channel, number), caused in places.items():
        for post in filter(is_up, posts.get((channel, number), ())):
            owners = [each for each in caused if _fits(each, post)] or caused
            gone = [
                each
                for each in owners
                if (each.subject in withdrawn and not _is_refused_mail(each))
                or each.state is State.WITHDRAWN
            ]
            if gone and not any(each.id in listed for each in owners):
                up.append(f"T{number:05d} on {channel}: {_told(gone[0])}: {post['id']}")
    return up


def _is_refused_mail(delivery: Delivery) -> bool:
    """Return whether a mail server refused a mail for good, which `post_then_500` keeps all the same."""
    return delivery.state is State.FAILED and PLATFORMS[delivery.channel] == "email"


def _taken_back(verdict: Verdict, where: str, delivery: Delivery, facts: _Facts) -> None:
    """Check a post that was withdrawn or replaced: it was sent once at most, and is gone, listed, or lifted."""
    posts = facts.posts_of(delivery)
    ids = [post["id"] for post in posts]
    if len(posts) > 1:
        verdict.duplicated.append(f"{where}: {len(posts)} posts {ids}")
    verdict.removed += delivery.state is State.WITHDRAWN
    verdict.tasks += delivery.id in facts.listed
    if delivery.state is State.FAILED and delivery.id in facts.refused:
        verdict.refused += 1
    elif delivery.state is State.DELIVERED and delivery.subject not in facts.decisions.withdrawn:
        if not any(is_up(post) and _fits(delivery, post) for post in posts):
            verdict.lost.append(f"{where}: no post")
    elif (
        delivery.state not in (State.WITHDRAWN, State.CANCELLED)
        and delivery.id not in facts.listed
        and not (delivery.state is State.HELD and delivery.subject not in facts.decisions.withdrawn)
    ):
        verdict.lost.append(where)


def _fits(delivery: Delivery, post: Mapping[str, Any]) -> bool:
    """
    Whether a receipt belongs to a post; an operator who confirmed gave an address that ends with the post's id.

    Without a receipt, the post's own key says so: a mail server may refuse a mail, and keep it all the same.
    """
    receipt = delivery.receipt
    if receipt is None:
        return has_key_of(post, delivery.id)
    return receipt.id.rpartition("/")[2] == post["id"] or receipt.id == post["client_key"]


def has_key_of(post: Mapping[str, Any], delivery_id: str) -> bool:
    """Return whether a post bears the key of a delivery: its Idempotency-Key, or its Message-ID."""
    return _key(post) in (delivery_id, delivery_id.replace("~", "_"))


def is_copy(post: Mapping[str, Any], delivery_id: str) -> bool:
    """Return whether a post bears the key of a copy of the same correction: of another post that it corrects."""
    return _COPY.sub("", _key(post)) == _COPY.sub("", delivery_id)


_COPY = re.compile(r"[~_]a\d+$")


def _key(post: Mapping[str, Any]) -> str:
    return str(post.get("client_key") or "").strip("<>").partition("@")[0]


def _order(verdict: Verdict, deliveries: Sequence[Delivery], facts: _Facts) -> None:
    """Check that an older event of a subject is published before a younger one, on every channel."""
    lines: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in sorted(deliveries, key=lambda each: each.number):
        lines[delivery.channel, delivery.subject].append(delivery)
    for (channel, subject), line in lines.items():
        last, before = -1, ""
        for delivery in line:
            number = number_in(delivery.content) or 0
            there = facts.posts_of(delivery)
            if not there:
                continue
            if there[0]["place"] < last:
                text = f"{subject} on {channel}: {before} came after T{number:05d}"
                verdict.out_of_order.append(text)
            last, before = max(last, there[-1]["place"]), f"T{number:05d}"


def _told(delivery: Delivery) -> str:
    because = f" ({delivery.hold or delivery.reason})" if delivery.hold or delivery.reason else ""
    return f"{delivery.id} {delivery.state.value}{because}"
