"""
An item of an RSS or Atom feed is new or changed.

    triggers:
      - trigger: feed
        url: https://www.example.police.uk/news/rss
        every: 5m
        on: [new, changed]

A feed may also have a name in appealbridge.yaml, and the recipe says `feed: force_news`:

    feeds:
      force_news: { url: https://www.example.police.uk/news/rss, every: 5m }

The first poll of a feed publishes nothing, because what it then lists is old news.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from appealbridge.plugin import (
    Basis,
    Event,
    Field,
    Item,
    Options,
    PolledSource,
    Poller,
    PollResult,
    Registry,
    Tools,
    in_thread,
    model_validator,
)
from appealbridge.plugin.feeds import (
    FEED_READING,
    FeedAddress,
    FeedCredentials,
    FeedEntry,
    content_digest,
    feed_credentials,
    feed_identity,
    read_feed,
    short_identity,
)

Part = Literal["title", "link", "id", "summary", "text", "author", "published", "updated"]

_LOGIN = re.compile(r"https?://[^/?#]*@")

ITEM_FIELDS = frozenset(
    {"title", "link", "id", "summary", "content", "text", "author", "published", "updated"}
    | {"tags", "tags.term", "tags.scheme", "images", "images.url", "images.alt"}
    | {"enclosures", "enclosures.url", "enclosures.type"}
)


class _FeedItems(PolledSource):
    """The options that a feed has in appealbridge.yaml as well as in a recipe."""

    identity: Literal["guid", "link"] | Annotated[tuple[Part, ...], Field(min_length=1)] = Field(
        "guid",
        description="What identifies an item: its guid, its link, or, if the feed changes both, a list of "
        "fields.",
        examples=["guid", "link", ["title", "published"]],
    )


class FeedSource(_FeedItems):
    """The options of a feed in appealbridge.yaml."""

    url: FeedAddress = Field(
        description="The feed's address.",
        examples=["https://www.example.police.uk/news/rss"],
    )
    credentials: FeedCredentials | None = feed_credentials()

    @model_validator(mode="after")
    def _encrypted(self) -> FeedSource:
        if self.credentials is not None:
            self.credentials.check(self.url)
        return self


class _WhichFeed(Options):
    """The options for which feed a recipe means. As the last base their fields come first in the docs."""

    feed: str | None = Field(
        None,
        min_length=1,
        description="The feed's name under `feeds:` in appealbridge.yaml, instead of a `url`.",
        examples=["force_news"],
    )
    url: FeedAddress | None = Field(
        None,
        description="The feed's address, if it has no name in the settings.",
        examples=["https://www.example.police.uk/news/rss"],
    )


class FeedOptions(_FeedItems, _WhichFeed):
    """The options of the trigger in a recipe: the feed's name in appealbridge.yaml, or its description."""

    on: tuple[Literal["new", "changed"], ...] = Field(
        ("new",),
        min_length=1,
        description="Whether to react to new items, changed ones, or both.",
        examples=[["new", "changed"]],
    )

    @model_validator(mode="after")
    def _one_source(self) -> FeedOptions:
        if (self.feed is None) == (self.url is None):
            raise ValueError("give either feed: with a name, or url: with an address")
        if _LOGIN.match(self.url or ""):
            raise ValueError(
                "a login must not be in a recipe; give the feed a name under feeds: in appealbridge.yaml"
            )
        names = self.model_fields_set & set(_FeedItems.model_fields)
        if self.feed is not None and names:
            raise ValueError(
                f"{', '.join(sorted(names))} of a named feed must be in appealbridge.yaml; delete it here"
            )
        return self


class Feed(Poller[FeedOptions, FeedSource]):
    """RSS and Atom."""

    name = "feed"
    section = "feeds"
    options = FeedOptions
    source_options = FeedSource

    def source(self, options: FeedOptions) -> str:
        return options.feed or options.url or ""

    def described(self, options: FeedOptions) -> FeedSource | None:
        if options.url is None:
            return None
        return FeedSource(
            url=options.url, **options.model_dump(include=set(_FeedItems.model_fields))
        )

    def accepts(self, options: FeedOptions, event: Event) -> str:
        change = event.type.removeprefix("feed.")
        return "" if change in options.on else f"item is {change}, wanted {' or '.join(options.on)}"

    def fields(self, options: FeedOptions, source: FeedSource | None) -> frozenset[str] | None:
        return ITEM_FIELDS

    def basis(self, source: FeedSource) -> Basis:
        return replace(super().basis(source), reading=FEED_READING)

    async def poll(self, source: FeedSource, cursor: Mapping[str, str], tools: Tools) -> PollResult:
        poll = await read_feed(source.url, cursor, tools, source.credentials)
        if poll.entries is None:
            return PollResult(None, poll.cursor, notes=poll.notes)
        # The digests of a feed of ten megabytes take time.
        items = await in_thread(_items, poll.entries, source.identity)
        notes = poll.notes
        if len(items) < len(poll.entries):
            shared = len(poll.entries) - len(items)
            notes = (
                *notes,
                f"{shared} items have the identity of another item; choose another `identity`",
            )
        return PollResult(list(items.values()), poll.cursor, notes=notes)


def _items(entries: Sequence[FeedEntry], identity: str | tuple[Part, ...]) -> dict[str, Item]:
    items: dict[str, Item] = {}
    for entry in entries:
        by_guid = identity == "guid" and bool(entry.guid)
        item = _item(entry, _identity(entry, identity), by_guid)
        items.setdefault(item.identity, item)
    return items


def _identity(entry: FeedEntry, chosen: str | tuple[Part, ...]) -> str:
    if isinstance(chosen, tuple):
        values: list[Any] = [entry.data.get(name) for name in chosen]
        return content_digest(values) if any(values) else feed_identity(entry)
    if chosen == "link" and entry.link:
        return short_identity(entry.link)
    return feed_identity(entry)


def _item(entry: FeedEntry, identity: str, by_guid: bool) -> Item:
    return Item(
        identity=identity,
        digest=entry.seen,  # changes only in dates or markup do not count
        subject=identity,
        data=entry.data,
        on_new="feed.new",
        on_changed="feed.changed",
        time=entry.time,
        addresses=(entry.link, entry.guid),
        size=entry.size,
        named_by_reading=not by_guid,
    )


def register(registry: Registry) -> None:
    """Register the trigger."""
    registry.add(Feed())
