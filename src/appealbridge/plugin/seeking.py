"""
Is it there already? What a look at an account's latest posts says about one unclear delivery. Pure.

Platforms rewrite what they are given: they escape it, wrap its links, add a scheme to them. So two
texts are the same here if they are once all of that is taken off both. Where they are merely alike,
a person has to tell: a wrong "absent" posts twice, a wrong "found" loses the post.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

import regex

from appealbridge.markup.text import unescaped
from appealbridge.model.delivery import Delivery
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Sought
from appealbridge.plugin.links import links
from appealbridge.plugin.reply import Reply, http_date

SLACK = 60.0
"""By how many seconds a platform's clock may be behind ours without being asked for the time."""

BEFORE = 300.0
"""
By how many seconds more than that our clock may be set back between an attempt and a look.

What stands there since that long is listed too, and leaves a person to decide where it has the same text.
"""

COMPARED = 100_000
"""How many characters of posts are compared letter by letter; finding their links takes a second for so many."""

TAKEN_FOR_A_REPEAT = "the platform takes this for a repeat of an earlier post"
"""Begins the reason of a delivery that a platform refused as a duplicate."""

_LOOSE = regex.compile(r"https?://|\bwww\.|/(?=\s|$)|[\s\p{Cf}\ufe0f]+", regex.IGNORECASE)
_NO_WORD = regex.compile(r"[^\p{L}\p{N}]+")


@dataclass(frozen=True, slots=True)
class Seen:
    """One post as it stands on the account: its text as a reader sees it, links in full, and its receipt."""

    text: str
    receipt: Receipt


def same(text: str) -> str:
    """Return what is left of a text that platforms do not change: equal for equal posts."""
    plain = unquote(unescaped(unicodedata.normalize("NFC", text)))
    return _LOOSE.sub("", plain).casefold()


def words(text: str) -> str:
    """Return only the letters and digits of a text without its links: equal for posts that are hard to tell apart."""
    plain = unquote(unescaped(unicodedata.normalize("NFC", text)))
    for begin, end in reversed(links(plain)):
        plain = plain[:begin] + plain[end:]
    return _NO_WORD.sub("", plain).casefold()


def since(delivery: Delivery, ahead: float = 0.0) -> float:
    """
    Return from when on a post of this delivery can stand on the account, in Unix seconds UTC.

    `ahead` is by how many seconds our clock is ahead of the platform's, which dates the posts.
    """
    first = delivery.first_begun_at
    return (delivery.planned_at if first is None else first) - ahead - SLACK


def listed_since(delivery: Delivery, ahead: float = 0.0) -> float:
    """Return from when on posts are to be listed for a look, in Unix seconds UTC; `ahead` is as for `since`."""
    return since(delivery, ahead) - BEFORE


def clock_ahead(reply: Reply, delivery: Delivery) -> float:
    """
    Return by how many seconds our clock is ahead of the platform's; 0.0 where they are close enough.

    Where ours is ahead, a post seems to have stood there before its own attempt, and would be
    taken for absent. A first attempt that is still to come by the platform's clock was made by one
    that has been set right since.
    """
    told = http_date(reply.headers.get("Date", ""))
    if told is None:
        return 0.0
    ahead = max(reply.now, since(delivery) + SLACK) - told
    return ahead if ahead > SLACK / 2 else 0.0


def refused_as_repeat(delivery: Delivery) -> bool:
    """Whether the last attempt ended with the platform's word that it holds this text already."""
    return TAKEN_FOR_A_REPEAT in delivery.reason


def judge(
    text: str,
    posts: Iterable[Seen],
    delivery: Delivery,
    *,
    whole: bool,
    place: str,
    ahead: float = 0.0,
) -> Sought:
    """
    Return what the posts say about a delivery of this text.

    `posts` come newest first; `whole` says that they are all there are since `listed_since`; `place`
    is where they stand, for a person; `ahead` is as for `since`.
    """
    begin = since(delivery, ahead)
    listed = list(posts)
    oldest = listed[-1].receipt.time if listed else None
    whole = whole or (oldest is not None and oldest < begin)
    recent = [post for post in listed if post.receipt.time is None or post.receipt.time >= begin]
    for post in recent:
        if same(post.text) == same(text):
            return Sought(post.receipt, sure=True, seen=f"found on {place}: {post.receipt.url}")
    looked = f"looked at {len(listed)} posts on {place} since {_clock(begin - BEFORE)}"
    doubt = _doubt(text, listed, recent, delivery, whole=whole)
    return Sought(None, sure=not doubt, seen=f"{looked}; {doubt or 'none has this text'}")


def _doubt(
    text: str, listed: Sequence[Seen], recent: Sequence[Seen], delivery: Delivery, *, whole: bool
) -> str:
    """Return why nobody can say that the text is not there; empty where it surely is not."""
    earlier = next((post for post in listed if same(post.text) == same(text)), None)
    if earlier is not None:
        return f"the same text stands there since before: {earlier.receipt.url}"
    if refused_as_repeat(delivery):
        return "none has the text that it is said to repeat"
    if sum(len(post.text) for post in recent) > COMPARED:
        return "more stands there since than can be compared"
    own = words(text)
    alike = next((post for post in recent if own and words(post.text) == own), None)
    if alike is not None:
        return f"one differs in its links or signs only: {alike.receipt.url}"
    return "" if whole else "there are more, and none of these has this text"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
