"""
An item of an RSS or Atom feed is new, or changed.

    triggers:
      - trigger: feed
        url: https://www.example.police.uk/news/rss
        every: 5m
        on: [new, changed]

The first look at a feed publishes nothing: whatever stands there is old news.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from appealbridge.plugin import (
    Event,
    FeedEntry,
    Field,
    Item,
    Look,
    PolledSource,
    Poller,
    Registry,
    Tools,
    content_digest,
    feed_identity,
    read_feed,
    short_identity,
)

Part = Literal["title", "link", "id", "summary", "text", "author", "published", "updated"]

_SEEN_BY_READERS = ("title", "link", "summary", "content", "enclosures", "images")
"""What makes an item another one when it changes; a feed that touches only its dates changes nothing."""


class FeedOptions(PolledSource):
    """What a recipe says of the feed it follows."""

    url: str = Field(
        pattern=r"^https?://[^\s]+$",
        description="The feed's address.",
        examples=["https://www.example.police.uk/news/rss"],
    )
    identity: Literal["guid", "link"] | tuple[Part, ...] = Field(
        "guid",
        description="What stays the same while an item does: its guid, its link, or a list of "
        "fields for a feed that keeps neither.",
        examples=["guid", "link", ["title", "published"]],
    )
    on: tuple[Literal["new", "changed"], ...] = Field(
        ("new",),
        min_length=1,
        description="Whether new items are wanted, changed ones, or both.",
        examples=[["new", "changed"]],
    )


class Feed(Poller[FeedOptions, FeedOptions]):
    """RSS and Atom."""

    name = "feed"
    options = FeedOptions
    source_options = FeedOptions

    def source(self, options: FeedOptions) -> str:
        """Return the feed's address."""
        return options.url

    def accepts(self, options: FeedOptions, event: Event) -> str:
        """Return why neither new nor changed items of this kind are wanted."""
        happened = event.type.removeprefix("feed.")
        return (
            ""
            if happened in options.on
            else f"item is {happened}, wanted {' or '.join(options.on)}"
        )

    def fields(self, options: FeedOptions) -> frozenset[str] | None:
        """Return the names of an item's data."""
        del options
        return frozenset(
            {"title", "link", "id", "summary", "content", "text", "author", "published", "updated"}
            | {"tags", "enclosures", "images"}
        )

    async def poll(self, source: FeedOptions, cursor: Mapping[str, str], tools: Tools) -> Look:
        """Look once; every item listed is told, the engine knows which are new."""
        look = await read_feed(source.url, cursor, tools)
        if look.entries is None:
            return Look(None, look.cursor, notes=look.notes)
        items: dict[str, Item] = {}
        for entry in look.entries:
            item = _item(entry, _identity(entry, source.identity))
            items.setdefault(item.identity, item)
        notes = look.notes
        if len(items) < len(look.entries):
            shared = len(look.entries) - len(items)
            notes = (*notes, f"{shared} items share another's identity; choose it by `identity`")
        return Look(list(items.values()), look.cursor, notes=notes)


def _identity(entry: FeedEntry, chosen: str | tuple[Part, ...]) -> str:
    if isinstance(chosen, tuple):
        values: list[Any] = [entry.data.get(name) for name in chosen]
        return content_digest(values) if any(values) else feed_identity(entry)
    if chosen == "link" and entry.link:
        return short_identity(entry.link)
    return feed_identity(entry)


def _item(entry: FeedEntry, identity: str) -> Item:
    return Item(
        identity=identity,
        digest=content_digest([entry.data.get(name) for name in _SEEN_BY_READERS]),
        subject=identity,
        data=entry.data,
        on_new="feed.new",
        on_changed="feed.changed",
        time=entry.time,
    )


def register(registry: Registry) -> None:
    """Add the trigger."""
    registry.add(Feed())
