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
from typing import Any, Literal

from appealbridge.plugin import (
    Basis,
    Duration,
    Event,
    Field,
    Item,
    Look,
    Options,
    PolledSource,
    Poller,
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


class FeedSource(PolledSource):
    """The options of a feed in appealbridge.yaml."""

    url: FeedAddress = Field(
        description="The feed's address.",
        examples=["https://www.example.police.uk/news/rss"],
    )
    identity: Literal["guid", "link"] | tuple[Part, ...] = Field(
        "guid",
        description="What identifies an item: its guid, its link, or, if the feed changes both, a list of "
        "fields.",
        examples=["guid", "link", ["title", "published"]],
    )
    credentials: FeedCredentials | None = feed_credentials()

    @model_validator(mode="after")
    def _encrypted(self) -> FeedSource:
        if self.credentials is not None:
            self.credentials.check(self.url)
        return self


class FeedOptions(Options):
    """The options of the trigger in a recipe: the feed's name in appealbridge.yaml, or its description."""

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
    identity: Literal["guid", "link"] | tuple[Part, ...] | None = Field(
        None,
        description="What identifies an item: its guid, its link, or, if the feed changes both, a list of "
        "fields. If left out, the guid.",
        examples=["guid", "link", ["title", "published"]],
    )
    every: Duration | None = Field(
        None,
        gt=0,
        description="How long to wait between two polls. If left out, 5m.",
        examples=["5m"],
    )
    max_age: Duration | None = Field(
        None,
        gt=0,
        description="Ignore items that are older than this when first seen. An item without a readable date "
        "is held.",
        examples=["7d"],
    )
    backfill: int | None = Field(
        None,
        ge=0,
        description="How many of the newest items the very first poll may publish. If left out, none.",
        examples=[0],
    )
    burst: int | None = Field(
        None,
        ge=1,
        description="If one poll finds more new or changed items than this, they are held. If left out, 20.",
        examples=[20],
    )
    on: tuple[Literal["new", "changed"], ...] = Field(
        ("new",),
        min_length=1,
        description="Whether to react to new items, changed ones, or both.",
        examples=[["new", "changed"]],
    )

    @model_validator(mode="after")
    def _one(self) -> FeedOptions:
        if (self.feed is None) == (self.url is None):
            raise ValueError("give either feed: with a name, or url: with an address")
        if _LOGIN.match(self.url or ""):
            raise ValueError(
                "a login must not be in a recipe; give the feed a name under feeds: in appealbridge.yaml"
            )
        options = self.feed_options()
        if self.feed is not None and options:
            raise ValueError(
                f"{', '.join(sorted(options))} of a named feed must be in appealbridge.yaml; delete it here"
            )
        return self

    def feed_options(self) -> dict[str, Any]:
        """Return the options that describe the feed itself."""
        options = self.model_dump(exclude_none=True, exclude={"feed", "url", "on"})
        return {name: value for name, value in options.items() if name in FeedSource.model_fields}


class Feed(Poller[FeedOptions, FeedSource]):
    """RSS and Atom."""

    name = "feed"
    section = "feeds"
    options = FeedOptions
    source_options = FeedSource

    def source(self, options: FeedOptions) -> str:
        """Return the feed's name, or its address if it has none."""
        return options.feed or options.url or ""

    def described(self, options: FeedOptions) -> FeedSource | None:
        """Return the feed that a recipe describes."""
        if options.url is None:
            return None
        return FeedSource(url=options.url, **options.feed_options())

    def accepts(self, options: FeedOptions, event: Event) -> str:
        """Return why neither new nor changed items of this kind are wanted."""
        happened = event.type.removeprefix("feed.")
        return (
            ""
            if happened in options.on
            else f"item is {happened}, wanted {' or '.join(options.on)}"
        )

    def fields(self, options: FeedOptions, source: FeedSource | None) -> frozenset[str] | None:
        """Return the names of an item's data."""
        del options, source
        return ITEM_FIELDS

    def basis(self, source: FeedSource) -> Basis:
        """Return the basis of this feed's memory: its address, and what identifies its items."""
        return replace(super().basis(source), reading=FEED_READING)

    async def poll(self, source: FeedSource, cursor: Mapping[str, str], tools: Tools) -> Look:
        """Poll once and return every item; the engine knows which are new."""
        look = await read_feed(source.url, cursor, tools, source.credentials)
        if look.entries is None:
            return Look(None, look.cursor, notes=look.notes)
        # The digests of a feed of ten megabytes take time.
        items = await in_thread(_items, look.entries, source.identity)
        notes = look.notes
        if len(items) < len(look.entries):
            shared = len(look.entries) - len(items)
            notes = (
                *notes,
                f"{shared} items have the identity of another item; choose another `identity`",
            )
        return Look(list(items.values()), look.cursor, notes=notes)


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
