"""
Searches an account's own posts for a delivery with an unclear outcome.

A channel says how to request and read one page of posts. The rest is the same on all platforms:

    async def page(begin: float, cursor: str) -> Page:
        reply = await tools.http.get(url, params={"since": str(int(begin)), "after": cursor})
        with reply.expecting("a list of posts"):
            return Page([_post(entry) for entry in reply.at("data")], reply.json()["next"], reply)

    timeline = await read_timeline(page, delivery, place="the timeline", pages=20)
    return await timeline.search(message.text)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from appealbridge.model.delivery import Delivery
from appealbridge.plugin.channel import SearchResult
from appealbridge.plugin.http.reply import Reply
from appealbridge.plugin.offload import in_thread
from appealbridge.plugin.recognition import (
    TAKEN_FOR_A_REPEAT,
    Post,
    candidates,
    clock_ahead,
    listed_since,
    match_timeline,
    refused_as_repeat,
    shown,
)

__all__ = ["TAKEN_FOR_A_REPEAT", "Page", "Post", "Timeline", "read_timeline", "shown"]

_DAY = 86_400.0
"""How many seconds further back to search for the post that a platform says is repeated."""


@dataclass(frozen=True, slots=True)
class Page:
    """
    One page of an account's posts, newest first, and the answer that it was read from.

    `next` is the platform's word for the next page, empty if this is the last one. `refused` says that the platform
    accepts no search from this time; it is asked again if that is because our clock is ahead of its own.
    """

    posts: Sequence[Post]
    next: str
    reply: Reply
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    The posts of an account since the first attempt of a delivery, newest first.

    `whole` says that these are all of them, `ahead` how many seconds our clock is ahead of the platform's, and `place`
    where the posts are, for people.
    """

    posts: Sequence[Post]
    whole: bool
    ahead: float
    delivery: Delivery
    place: str

    async def candidates(self, text: str) -> Sequence[Post]:
        """Return the posts that could have this text: those whose source is worth asking for."""
        return await in_thread(candidates, text, self.posts, self.delivery, self.ahead)

    async def search(
        self, text: str, also: Sequence[str] = (), replies_to: str | None = None
    ) -> SearchResult:
        """
        Return whether one of the posts has this text, or one of those in `also`.

        `replies_to` is the platform's id of the post that the message replies to.
        """
        return await in_thread(
            match_timeline,
            text,
            self.posts,
            self.delivery,
            whole=self.whole,
            place=self.place,
            ahead=self.ahead,
            also=also,
            replies_to=replies_to,
        )


async def read_timeline(
    get_page: Callable[[float, str], Awaitable[Page]],
    delivery: Delivery,
    *,
    place: str,
    pages: int,
    dated: Reply | None = None,
) -> Timeline:
    """
    Return the account's posts since the first attempt, from at most so many pages.

    `get_page` requests one page of the posts since a time in Unix seconds UTC; it gets the `next` of the page before,
    empty for the first. `dated` is an earlier answer of the platform, if there is one: its date shows whether our clock
    is ahead, so that the posts need not be read a second time.
    """
    begin = listed_since(delivery) - (_DAY if refused_as_repeat(delivery) else 0.0)
    ahead = 0.0 if dated is None else clock_ahead(dated, delivery)
    posts, last = await _pages(get_page, begin - ahead, pages)
    if dated is None and (ahead := clock_ahead(last.reply, delivery)):
        posts, last = await _pages(get_page, begin - ahead, pages)
    if last.refused:
        raise last.reply.failure()
    return Timeline(posts, not last.next, ahead, delivery, place)


async def _pages(
    get_page: Callable[[float, str], Awaitable[Page]], begin: float, most: int
) -> tuple[list[Post], Page]:
    """Return the posts of all pages, and the last page."""
    page = await get_page(begin, "")
    posts = [*page.posts]
    for _ in range(most - 1):
        if not page.next:
            break
        page = await get_page(begin, page.next)
        posts += page.posts
    return posts, page
