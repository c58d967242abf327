"""
Feeds for plug-ins: polls a feed once, and identifies its entries.

    poll = await read_feed(source.url, cursor, tools)
"""

from appealbridge.markup.entry import FeedEntry
from appealbridge.plugin.feeds.fetch import (
    FEED_READING,
    FeedPoll,
    content_digest,
    feed_identity,
    read_feed,
    short_identity,
)
from appealbridge.plugin.options import FeedAddress, FeedCredentials, feed_credentials

__all__ = [
    "FEED_READING", "FeedAddress", "FeedCredentials", "FeedEntry", "FeedPoll", "content_digest", "feed_credentials",
    "feed_identity", "read_feed", "short_identity",
]  # fmt: skip
