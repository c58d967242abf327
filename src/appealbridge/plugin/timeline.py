"""
Decides from an account's latest posts whether a delivery with an unclear outcome is published. Pure.

A post is recognised by what a reader sees of it. Platforms rewrite what they are given: they escape
it, wrap links, hashtags and mentions in markup, leave out a mention's server, compose accents. So two
texts are the same here if they are once all of that is taken off both. Where they are merely alike,
a person has to tell: a wrong "absent" posts twice, a wrong "found" loses the post.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

import regex

from appealbridge.markup.text import Tag, pieces, unescaped
from appealbridge.model.delivery import Delivery
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult
from appealbridge.plugin.http.reply import Reply, http_date
from appealbridge.plugin.text.links import links

SLACK = 60.0
"""By how many seconds a platform's clock may be behind ours without being asked for the time."""

BEFORE = 300.0
"""
By how many seconds more than that our clock may be set back between an attempt and a look.

What stands there since that long is listed too, and leaves a person to decide where it has the same text.
"""

COMPARED = 100_000
"""How many characters of posts are compared letter by letter; finding their links takes a second for so many."""

TAKEN_FOR_A_REPEAT = "the platform considers this a repeat of an earlier post"
"""Begins the reason of a delivery that a platform refused as a duplicate."""

_LOOSE = regex.compile(
    r"https?://|\bwww\.|/(?=\s|$)|[\s\p{Cc}\p{Cf}\ufe0e\ufe0f]+", regex.IGNORECASE
)
_NO_WORD = regex.compile(r"[^\p{L}\p{N}]+")
_MENTION = r"(?<![=/\w])(@\w(?:[\w.-]*\w)?)"
_SERVER = r"@\w+(?:[.-]+\w+)*"
_AT_A_SERVER = regex.compile(_MENTION + _SERVER)
_REPLACED = regex.compile(rf"{_MENTION}(?:{_SERVER})?|:\w{{2,}}:")
_PUNYCODE = regex.compile(r"\bxn--[a-z0-9-]{1,59}", regex.IGNORECASE)
_PLAIN = str.maketrans(
    dict.fromkeys("‘’‚‛′", "'") | dict.fromkeys("“”„‟″", '"') | dict.fromkeys("‐‒–—―−", "-")
)
_BREAKS = frozenset({"blockquote", "br", "div", "li", "ol", "p", "pre", "ul"})
_LAYERS = 3
"""How often what was escaped is put back: a text may have been escaped before the platform did it again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """
    One post on the account: its text as a reader sees it, with links in full, and its receipt.

    `source` is the very text that the platform was given, where it tells. `whole` is False where
    something of the text could not be read, a link that was shortened say.
    """

    text: str
    receipt: Receipt
    source: str | None = None
    whole: bool = True


def same(text: str) -> str:
    """Return a text without what platforms change, so that it is equal for equal posts."""
    plain = _plain(text).translate(_PLAIN)
    if "@" in plain:
        plain = _AT_A_SERVER.sub(r"\1", plain)
    if "xn--" in plain.lower():
        plain = _PUNYCODE.sub(_decoded, plain)
    return _LOOSE.sub("", plain).casefold()


def words(text: str) -> str:
    """
    Return only the letters and digits of a text: equal for posts that are hard to tell apart.

    Links, mentions and custom emoji are left out, for which platforms show something of their own.
    """
    plain = _plain(text)
    for begin, end in reversed(links(plain)):
        plain = f"{plain[:begin]} {plain[end:]}"
    return _NO_WORD.sub("", _REPLACED.sub(" ", plain)).casefold()


def _plain(text: str) -> str:
    if "&" in text:
        text = _until_it_stays(unescaped, text)
    if "%" in text:
        text = _until_it_stays(unquote, text)
    return unicodedata.normalize("NFKC", text)


def _until_it_stays(change: Callable[[str], str], text: str) -> str:
    for _ in range(_LAYERS):
        before, text = text, change(text)
        if text == before:
            break
    return text


def _decoded(label: regex.Match[str]) -> str:
    try:
        return label[0].lower()[4:].encode("ascii").decode("punycode")
    except ValueError:
        return label[0]


def shown(markup: str) -> str:
    """
    Return the text of a post's HTML as a reader sees it, with links in full.

    What a style hides belongs to it: Mastodon hides a long link's scheme and end in that way.
    """
    parts: list[str] = []
    link: tuple[Tag, int] | None = None
    for piece in pieces(markup):
        if isinstance(piece, str):
            parts.append(piece)
        elif piece.name == "a" and not piece.closes:
            link = (piece, len(parts))
        elif piece.name == "a" and link is not None:
            tag, begin = link
            sign = "".join(parts[begin - 1 : begin])[-1:]  # some put it before the link
            parts[begin:] = [_link_shown(tag, sign, "".join(parts[begin:]))]
            link = None
        elif piece.name == "img":
            parts.append(piece.get("alt"))
        elif piece.name in _BREAKS:
            parts.append("\n")
    return "".join(parts).strip()


def _link_shown(tag: Tag, sign: str, told: str) -> str:
    """Return the text of a link: for a mention or hashtag its own, for any other its whole address."""
    kinds = tag.get("class").split()
    if "mention" in kinds or "hashtag" in kinds or {sign, told.lstrip()[:1]} & {"@", "#"}:
        return told
    address = tag.get("href")
    if not address.startswith(("http:", "https:")):
        return told
    begin = same(told.strip().removesuffix("…"))
    return address if same(address).startswith(begin) else f"{told} {address}"


def since(delivery: Delivery, ahead: float = 0.0) -> float:
    """
    Return the earliest time of a post of this delivery on the account, in Unix seconds UTC.

    `ahead` is by how many seconds our clock is ahead of the platform's, which dates the posts.
    """
    first = delivery.first_begun_at
    return (delivery.planned_at if first is None else first) - ahead - SLACK


def listed_since(delivery: Delivery, ahead: float = 0.0) -> float:
    """Return the time from which to list posts for a search, in Unix seconds UTC; `ahead` is as for `since`."""
    return since(delivery, ahead) - BEFORE


def clock_ahead(reply: Reply, delivery: Delivery) -> float:
    """
    Return by how many seconds our clock is ahead of the platform's; 0.0 if they are close enough.

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
    """Return whether the last attempt ended because the platform already has this text."""
    return TAKEN_FOR_A_REPEAT in delivery.reason


def candidates(
    text: str, posts: Iterable[Seen], delivery: Delivery, ahead: float = 0.0
) -> Sequence[Seen]:
    """
    Return the posts that could be this text, so that it is worth asking the platform for their source.

    None where more stands there than can be compared; `ahead` is as for `since`.
    """
    recent = _recent(posts, since(delivery, ahead))
    if sum(len(post.text) for post in recent) > COMPARED:
        return ()
    own, wanted = words(text), {same(text)}
    return [post for post in recent if _is_same(wanted, post) or _is_alike(own, post)]


def _recent(posts: Iterable[Seen], begin: float) -> list[Seen]:
    return [post for post in posts if post.receipt.time is None or post.receipt.time >= begin]


def match_timeline(
    text: str,
    posts: Iterable[Seen],
    delivery: Delivery,
    *,
    whole: bool,
    place: str,
    ahead: float = 0.0,
    also: Sequence[str] = (),
) -> SearchResult:
    """
    Return whether the posts contain a delivery of this text, or of one in `also`.

    `posts` come newest first; `whole` says that they are all there are since `listed_since`; `place`
    is where they stand, for a person; `ahead` is as for `since`.
    """
    begin = since(delivery, ahead)
    listed = list(posts)
    oldest = listed[-1].receipt.time if listed else None
    whole = whole or (oldest is not None and oldest < begin)
    recent = _recent(listed, begin)
    wanted = {same(one) for one in (text, *also)}
    for post in recent:
        if _is_same(wanted, post):
            return SearchResult(
                post.receipt, sure=True, seen=f"found on {place}: {post.receipt.url}"
            )
    looked = f"searched {len(listed)} posts on {place} since {_clock(begin - BEFORE)}"
    earlier = next((post for post in listed if _is_same(wanted, post)), None)
    doubt = _doubt(text, earlier, recent, delivery, whole=whole)
    return SearchResult(None, sure=not doubt, seen=f"{looked}; {doubt or 'none has this text'}")


def _is_same(wanted: set[str], post: Seen) -> bool:
    return same(post.text if post.source is None else post.source) in wanted


def _is_alike(own: str, post: Seen) -> bool:
    """Whether only what platforms show in a way of their own tells a post from our words."""
    return words(post.text) == own and bool(own or not post.whole)


def _doubt(
    text: str,
    earlier: Seen | None,
    recent: Sequence[Seen],
    delivery: Delivery,
    *,
    whole: bool,
) -> str:
    """Return why the text may still be there; empty if it certainly is not."""
    if earlier is not None:
        return f"an earlier post has the same text: {earlier.receipt.url}"
    if refused_as_repeat(delivery):
        return "none has the text that the platform says it repeats"
    if sum(len(post.text) for post in recent) > COMPARED:
        return "there are more posts since then than can be compared"
    own = words(text)
    alike = next((post for post in recent if _is_alike(own, post)), None)
    if alike is not None:
        return f"one differs only in links or punctuation: {alike.receipt.url}"
    return "" if whole else "there are more, but none of these has this text"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
