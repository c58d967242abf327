"""What a post on Bluesky may say: its options, its record and its key. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from appealbridge.channels.bluesky.rich_text import facets
from appealbridge.plugin import Delivery, Field, PageAddress, Threaded
from appealbridge.plugin.images import Illustrated, Image

POSTS = "app.bsky.feed.post"

_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_HASHED_BITS = 34
"""How many bits of a key are made from the delivery's id. The others are its time, to about 17 seconds."""


class BlueskyPost(Threaded, Illustrated):
    """One post."""

    text: str = Field(
        min_length=1,
        description="The text of the post: at most 300 characters as a reader sees them. Readers can follow the links, "
        "hashtags and names of accounts in it.",
        examples=["MISSING: {{ appeal.title }} {{ appeal.url }} #Missing"],
    )
    language: str | None = Field(
        None,
        max_length=20,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="The text's language, by its ISO 639 code.",
        examples=["en"],
    )
    link: PageAddress = Field(
        None,
        description="The address of a page to show as a card under the post. A post with pictures has no card.",
        examples=["{{ appeal.url }}"],
    )
    link_title: str = Field(
        "", max_length=300, description="The title of the card.", examples=["{{ appeal.title }}"]
    )
    link_description: str = Field(
        "", max_length=1000, description="A sentence under the title.", examples=["Can you help?"]
    )
    link_image: PageAddress = Field(
        None,
        description="The address of a picture of at most 5 MB for the card. It is fetched when the post is published, "
        "and shown without its metadata; if that fails, the card has no picture.",
        examples=["{{ appeal.images[0].url }}"],
    )

    def record(self, accounts: Mapping[str, str], created: float) -> dict[str, Any]:
        """
        Return what is stored of the post; what it replies to and the picture of its card are added elsewhere.

        `accounts` are the ids of mentioned accounts by name, and `created` is in Unix seconds UTC.
        """
        moment = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
        record: dict[str, Any] = {
            "$type": POSTS,
            "text": self.text,
            "createdAt": f"{moment[:-6]}Z",
        }
        if parts := facets(self.text, accounts):
            record["facets"] = parts
        if self.language is not None:
            record["langs"] = [self.language]
        if self.images:
            pictures = [*map(_picture, self.images)]
            record["embed"] = {"$type": "app.bsky.embed.images", "images": pictures}
        elif self.link is not None:
            card = {
                "uri": self.link,
                "title": self.link_title or self.link,
                "description": self.link_description,
            }
            record["embed"] = {"$type": "app.bsky.embed.external", "external": card}
        return record


def record_key(delivery: Delivery) -> str:
    """
    Return the key of a delivery's post: the same in every attempt, and that of no other delivery.

    Servers take only keys that look as if made from a time: 53 bits of microseconds, and 10 bits to tell apart.
    """
    digest = int.from_bytes(hashlib.sha256(delivery.id.encode()).digest(), "big")
    time = int(delivery.planned_at * 1e6) << 10
    key = (time >> _HASHED_BITS << _HASHED_BITS) | (digest & ((1 << _HASHED_BITS) - 1))
    return "".join(_LETTERS[key >> shift & 31] for shift in range(60, -1, -5))


def _picture(image: Image) -> dict[str, Any]:
    picture = image.rendition
    return {
        "alt": image.alt,
        "aspectRatio": {"width": picture.width, "height": picture.height},
        "image": {
            "$type": "blob",
            "ref": {"$link": image.media.id},
            "mimeType": picture.media_type,
            "size": picture.size,
        },
    }
