"""
Decides from an account's latest posts whether a delivery with an unclear outcome is published. Pure.

Platforms rewrite texts: they escape them, wrap links, hashtags and mentions in markup, leave out a mention's server,
compose accents. So two texts count as the same if they are equal without all that. If they are only similar, a person
decides: a wrong "absent" publishes a post twice, a wrong "found" loses it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

import regex

from appealbridge.markup.text import Tag, seen_text, unescaped
from appealbridge.model.delivery import Delivery
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult
from appealbridge.plugin.http.reply import Reply, http_date
from appealbridge.plugin.text.links import links

SLACK = 60.0
"""How many seconds a platform's clock may be behind ours before its own time is used."""

BEFORE = 300.0
"""
How many seconds before `since` posts are listed too: our clock may have been set back between attempt and search.

If one of these posts has the same text, a person decides.
"""

COMPARED = 100_000
"""How many characters of posts are compared for similarity; to find the links in so many takes a second."""

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
_LAYERS = 3
"""How many layers of escaping are undone: a text may have been escaped before the platform escapes it again."""


@dataclass(frozen=True, slots=True)
class Post:
    """
    One post on the account: its text as a reader sees it, with links in full, and its receipt.

    `source` is the text that the platform was given, if it says. `whole` is False if a part of the text could
    not be read, for example a shortened link. `replies_to` is the platform's id of the post that it replies to, `None`
    if the platform names none.
    """

    text: str
    receipt: Receipt
    source: str | None = None
    whole: bool = True
    replies_to: str | None = None


def canonical(text: str) -> str:
    """Return a text without what platforms change, so that it is equal for equal posts."""
    plain = _plain(text).translate(_PLAIN)
    if "@" in plain:
        plain = _AT_A_SERVER.sub(r"\1", plain)
    if "xn--" in plain.lower():
        plain = _PUNYCODE.sub(_decoded, plain)
    return _LOOSE.sub("", plain).casefold()


def letters(text: str) -> str:
    """
    Return only the letters and digits of a text: equal for posts that are hard to tell apart.

    Links, mentions and custom emoji are left out, because platforms show something else for them.
    """
    plain = _plain(text)
    for begin, end in reversed(links(plain)):
        plain = f"{plain[:begin]} {plain[end:]}"
    return _NO_WORD.sub("", _REPLACED.sub(" ", plain)).casefold()


def _plain(text: str) -> str:
    if "&" in text:
        text = _repeated(unescaped, text)
    if "%" in text:
        text = _repeated(unquote, text)
    return unicodedata.normalize("NFKC", text)


def _repeated(change: Callable[[str], str], text: str) -> str:
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
    """Return the text of a post's HTML as a reader sees it, with links in full."""
    return seen_text(markup, link=_shown_link, pictures=True).strip()


def _shown_link(tag: Tag, before: str, text: str) -> str:
    """Return the text of a link: for a mention or hashtag its own, for any other its whole address."""
    kinds = tag.get("class").split()
    # Some platforms put the sign of a mention or hashtag before the link.
    if "mention" in kinds or "hashtag" in kinds or {before, text.lstrip()[:1]} & {"@", "#"}:
        return text
    address = tag.get("href")
    if not address.startswith(("http:", "https:")):
        return text
    begin = canonical(text.strip().removesuffix("…"))
    return address if canonical(address).startswith(begin) else f"{text} {address}"


def since(delivery: Delivery, ahead: float = 0.0) -> float:
    """
    Return the earliest time of a post of this delivery on the account, in Unix seconds UTC.

    `ahead` is how many seconds our clock is ahead of the platform's, which dates the posts.
    """
    first = delivery.first_begun_at
    return (delivery.planned_at if first is None else first) - ahead - SLACK


def listed_since(delivery: Delivery) -> float:
    """Return the time from which to list posts for a search, in Unix seconds UTC."""
    return since(delivery) - BEFORE


def clock_ahead(reply: Reply, delivery: Delivery) -> float:
    """
    Return how many seconds our clock is ahead of the platform's; 0.0 if they are close enough.

    If our clock is ahead, a post seems older than its own attempt and would count as absent. If the first attempt
    is in the future by the platform's clock, ours was ahead then and has been set right since.
    """
    server_time = http_date(reply.headers.get("Date", ""))
    if server_time is None:
        return 0.0
    ahead = max(reply.now, since(delivery) + SLACK) - server_time
    return ahead if ahead > SLACK / 2 else 0.0


def refused_as_repeat(delivery: Delivery) -> bool:
    """Return whether the last attempt ended because the platform already has this text."""
    return TAKEN_FOR_A_REPEAT in delivery.reason


def candidates(
    text: str, posts: Iterable[Post], delivery: Delivery, ahead: float = 0.0
) -> Sequence[Post]:
    """
    Return the posts that could have this text, so that it is worth asking the platform for their source.

    Return none if there are too many posts to compare; `ahead` is as for `since`.
    """
    recent = _recent(posts, since(delivery, ahead))
    if sum(len(post.text) for post in recent) > COMPARED:
        return ()
    own, expected = letters(text), {canonical(text)}
    return [post for post in recent if _is_same(expected, post) or _is_similar(own, post)]


def _recent(posts: Iterable[Post], begin: float) -> list[Post]:
    return [post for post in posts if post.receipt.time is None or post.receipt.time >= begin]


def match_timeline(
    text: str,
    posts: Iterable[Post],
    delivery: Delivery,
    *,
    whole: bool,
    place: str,
    ahead: float = 0.0,
    also: Sequence[str] = (),
    replies_to: str | None = None,
) -> SearchResult:
    """
    Return whether the posts contain a delivery with this text, or with one in `also`.

    `posts` come newest first; `whole` says that they are all since `listed_since`; `place` says for people where
    they are; `ahead` is as for `since`. `replies_to` is the platform's id of the post that the delivery replies to,
    `None` if it replies to none: corrections of several posts often have the same text, and each replies to its own.
    """
    begin = since(delivery, ahead)
    listed = list(posts)
    oldest = listed[-1].receipt.time if listed else None
    whole = whole or (oldest is not None and oldest < begin)
    recent = _recent(listed, begin)
    expected = {canonical(version) for version in (text, *also)}
    # Of a reply to a post of ours that is no longer known, nobody can say what it names.
    unknown = bool(delivery.follows) and replies_to is None
    for post in recent:
        if (unknown or post.replies_to == replies_to) and _is_same(expected, post):
            return SearchResult(
                post.receipt, sure=True, seen=f"found on {place}: {post.receipt.url}"
            )
    listed_from = datetime.fromtimestamp(begin - BEFORE, UTC)
    searched = f"searched {len(listed)} posts on {place} since {listed_from:%Y-%m-%d %H:%M:%SZ}"
    # A post that names none may be ours all the same: platforms may stop naming a post that was deleted.
    listed = [post for post in listed if unknown or post.replies_to in (None, replies_to)]
    recent = _recent(listed, begin)
    earlier = next((post for post in listed if _is_same(expected, post)), None)
    doubt = _doubt(text, earlier, recent, delivery, whole=whole)
    return SearchResult(None, sure=not doubt, seen=f"{searched}; {doubt or 'none has this text'}")


def _is_same(expected: set[str], post: Post) -> bool:
    return canonical(post.text if post.source is None else post.source) in expected


def _is_similar(own: str, post: Post) -> bool:
    """Return whether a post differs from our letters only by what platforms show differently."""
    return letters(post.text) == own and bool(own or not post.whole)


def _doubt(
    text: str,
    earlier: Post | None,
    recent: Sequence[Post],
    delivery: Delivery,
    *,
    whole: bool,
) -> str:
    """Return why the text may be on the account all the same; empty if it certainly is not."""
    if earlier is not None:
        what = "a post that replies to none" if earlier in recent else "an earlier post"
        return f"{what} has the same text: {earlier.receipt.url}"
    if refused_as_repeat(delivery):
        return "none has the text that the platform says it repeats"
    if sum(len(post.text) for post in recent) > COMPARED:
        return "there are more posts since then than can be compared"
    own = letters(text)
    similar = next((post for post in recent if _is_similar(own, post)), None)
    if similar is not None:
        return f"one differs only in links or punctuation: {similar.receipt.url}"
    return "" if whole else "there are more, but none of these has this text"
