"""A message that others can continue: what a channel's message model needs so that a thread can be made of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from appealbridge.plugin.options import Options


class Threaded(Options):
    """
    The options of a post that can answer another, and be answered.

    A channel publishes `text` as an answer to `in_reply_to`, and leaves `thread` alone: those posts
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
        """Return the platform's own id of the post that is answered; an address ends in it."""
        return self.in_reply_to and self.in_reply_to.rstrip("/").rpartition("/")[2]
