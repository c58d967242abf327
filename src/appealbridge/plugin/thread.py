"""The options that a channel's message model needs to allow threads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from appealbridge.plugin.options import Options


class Threaded(Options):
    """
    The options of a post that can reply to another, and be replied to.

    A channel publishes `text` as a reply to `in_reply_to`, and ignores `thread`: those posts
    are deliveries of their own. A channel with this does not split its messages into parts.
    """

    in_reply_to: str | None = Field(
        None,
        min_length=1,
        description="The id or address of an earlier post of this account to which this post replies.",
        examples=["{{ results.tweet.id }}"],
    )
    thread: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description="More posts, each a reply to the one before.",
        examples=[["What we know so far: {{ appeal.text }}"]],
    )

    def number(self) -> str | None:
        """Return the platform's id of the post replied to, which is the end of its address."""
        return self.in_reply_to and self.in_reply_to.rstrip("/").rpartition("/")[2]
