"""
Publish on Bluesky.

A step of a recipe:

    - action: bluesky_post
      channel: force_bluesky
      text: "MISSING: {{ headline }} {{ link }} #Missing"

The account, in appealbridge.yaml:

    force_bluesky:
      platform: bluesky
      handle: force.police.uk
      credentials: { app_password: !secret bluesky_app_password }

A post is a record under a key that AppealBridge chooses, the same in every attempt. The server never puts a second
record under a key, so nothing is published twice. After an unclear outcome AppealBridge asks for this record.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, ClassVar

from appealbridge.channels.bluesky.account import BlueskyAccount, BlueskyServer, error_name, failure
from appealbridge.channels.bluesky.rich_text import LIMIT, facets, length, mentions
from appealbridge.plugin import (
    AccountRefused,
    Channel,
    Delivery,
    DeliveryError,
    Field,
    Illustrated,
    Image,
    ImageLimits,
    ImageRules,
    LoginExpired,
    Measure,
    Receipt,
    Registry,
    Rejected,
    Removes,
    Repeat,
    SearchResult,
    Standing,
    Threaded,
    Tools,
    TryAgain,
    Uploaded,
    UploadExpired,
    UploadsImages,
)
from appealbridge.plugin.http import Effect, Login, Reply
from appealbridge.plugin.timestamps import moment

_POSTS = "app.bsky.feed.post"
_PICTURES = ImageLimits(
    frozenset({"image/jpeg", "image/png"}), 950_000, max_width=2000, max_height=2000
)
_BLOB_LIVES = 3600.0
"""For how many seconds an upload is used that no post shows yet. Servers keep it longer, but do not say how long."""

_CARD_BYTES = 5_000_000
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_HASHED_BITS = 34
"""How many bits of a key are made from the delivery's id. The others are its time, to about 17 seconds."""


class BlueskyPost(Threaded, Illustrated):
    """One post."""

    text: str = Field(
        min_length=1,
        description="The text of the post: at most 300 characters as a reader sees them. Readers can follow the links, "
        "hashtags and names of accounts in it.",
        examples=["MISSING: {{ headline }} {{ link }} #Missing"],
    )
    language: str | None = Field(
        None,
        max_length=20,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="The text's language, by its ISO 639 code.",
        examples=["en"],
    )
    link: str | None = Field(
        None,
        max_length=2000,
        pattern=r"^https?://[^\s/]\S*$",
        description="The address of a page to show as a card under the post. A post with pictures has no card.",
        examples=["{{ appeal.url }}"],
    )
    link_title: str = Field(
        "", max_length=300, description="The title of the card.", examples=["{{ appeal.title }}"]
    )
    link_description: str = Field(
        "", max_length=1000, description="A sentence under the title.", examples=["Can you help?"]
    )
    link_image: str | None = Field(
        None,
        max_length=2000,
        pattern=r"^https?://[^\s/]\S*$",
        description="The address of a picture of at most 5 MB for the card. It is fetched when the post is published, "
        "and shown without its metadata; if that fails, the card has no picture.",
        examples=["{{ appeal.images[0].url }}"],
    )


class Bluesky(
    Channel[BlueskyAccount, BlueskyPost], Removes[BlueskyAccount], UploadsImages[BlueskyAccount]
):
    """Publishes a post under a key that is used only once, asks for it by this key, and removes it."""

    platform: ClassVar[str] = "bluesky"
    action: ClassVar[str] = "bluesky_post"
    account = BlueskyAccount
    message = BlueskyPost
    repeat: ClassVar[Repeat] = Repeat.FINDABLE
    has_practice_platform: ClassVar[bool] = True
    bare_links: ClassVar[bool] = True

    async def deliver(
        self, account: BlueskyAccount, message: BlueskyPost, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Put the record under its key; if there is one already, see whether it is this post."""
        server = BlueskyServer(account, tools)
        login = await server.login()
        place = _place(login, record_key(delivery))
        record = await _record(server, message, delivery, login)
        reply = await server.call(
            "POST",
            "repo.putRecord",
            Effect.CREATE,
            json={**place, "record": record, "swapRecord": None},
            accept=(400,),
        )
        if reply.status == 400:
            if error_name(reply) != "InvalidSwap":
                raise _refusal(reply)
            there = await server.record(place)
            if there.status != 200 or not _is_same(there.at("value"), record):
                raise Rejected(reply.message("another record has the key of this post"))
        elif reply.at("uri") != _uri(place):
            raise reply.unclear(f"the answer is not about this post: {reply.excerpt()}")
        return _receipt(login, place, record["createdAt"])

    async def find(
        self, account: BlueskyAccount, message: BlueskyPost, delivery: Delivery, tools: Tools
    ) -> SearchResult:
        """Ask for the record by its key."""
        server = BlueskyServer(account, tools)
        login = await server.login()
        place = _place(login, record_key(delivery))
        reply = await server.record(place)
        if reply.status == 400:
            return SearchResult(None, sure=True, seen=reply.message())
        with reply.expecting("a record"):
            is_ours = reply.at("value", "text") == message.text
            receipt = _receipt(login, place, reply.at("value", "createdAt")) if is_ours else None
        return SearchResult(receipt, sure=is_ours, seen=reply.message("a record is there"))

    async def upload(
        self, account: BlueskyAccount, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded:
        """Upload a picture. Its id is made from its bytes, so a second upload is the same one."""
        picture = await tools.data_of(image)
        reply = await BlueskyServer(account, tools).upload(picture, image.rendition.media_type)
        with reply.expecting("an upload"):
            cid = reply.name(reply.at("blob", "ref", "$link"))
        return Uploaded(cid, expires=tools.now + _BLOB_LIVES)

    def image_rules(self, account: BlueskyAccount) -> ImageRules:
        """Return what Bluesky takes: four pictures of less than a megabyte."""
        del account
        return ImageRules(_PICTURES, most=4, alt_length=2000)

    async def remove(
        self, account: BlueskyAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> str:
        """Delete the record. Other servers are told, but may keep their copies."""
        server = BlueskyServer(account, tools)
        login = await server.login()
        place = _parts(receipt)
        if place["repo"] != login.about["did"]:
            raise AccountRefused(
                f"the account {place['repo']} published this post, but the login is that of "
                f"{login.about['did']}; give the earlier login again, or remove the post on Bluesky",
                sure=False,
            )
        reply = await server.call("POST", "repo.deleteRecord", Effect.CHANGE, json=place)
        reply.at("commit")  # there is none if there was no record; a look tells then
        return reply.message("deleted")

    async def look(
        self, account: BlueskyAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Standing:
        """Ask for the record under the id of the account that published it."""
        try:
            reply = await BlueskyServer(account, tools).record(_parts(receipt))
        except Rejected as error:
            raise TryAgain(str(error), status=error.status) from None
        if reply.status == 400:
            return Standing(there=False, seen=reply.message())
        with reply.expecting("a record"):
            if reply.at("uri") != receipt.id:
                raise ValueError("another record")
            text = str(reply.at("value", "text"))
        return Standing(there=True, text=text, seen=reply.message("it is there"))

    async def check(self, account: BlueskyAccount, tools: Tools) -> str:
        """Return the account's name; raise `AccountRefused` if it may not publish."""
        server = BlueskyServer(account, tools)
        login = await server.login()
        try:
            reply = await server.call("GET", "server.getSession", Effect.READ)
        except LoginExpired:  # the password may be good, although the last login is not
            await server.login(stale=login)
            reply = await server.call("GET", "server.getSession", Effect.READ)
        with reply.expecting("an account"):
            name = f"@{reply.name(reply.at('handle'))}"
            state = reply.json()
        if state.get("active") is False:
            status = reply.readable(str(state.get("status") or "not active"), 40)
            raise AccountRefused(f"{name} may not publish: the account is {status}")
        return name

    def measure(self, account: BlueskyAccount, message: BlueskyPost) -> Measure:
        """Count as Bluesky does."""
        del account
        return Measure("text", length(message.text), LIMIT, "characters as Bluesky counts")


def record_key(delivery: Delivery) -> str:
    """
    Return the key of a delivery's post: the same in every attempt, and that of no other delivery.

    Servers take only keys that look as if made from a time: 53 bits of microseconds, and 10 bits to tell apart.
    """
    digest = int.from_bytes(hashlib.sha256(delivery.id.encode()).digest(), "big")
    time = int(delivery.planned_at * 1e6) << 10
    key = (time >> _HASHED_BITS << _HASHED_BITS) | (digest & ((1 << _HASHED_BITS) - 1))
    return "".join(_LETTERS[key >> shift & 31] for shift in range(60, -1, -5))


async def _record(
    server: BlueskyServer, message: BlueskyPost, delivery: Delivery, login: Login
) -> dict[str, Any]:
    """Return the record of a post. It is the same in every attempt, unless an account was renamed in between."""
    accounts = await server.accounts(mentions(message.text))
    record: dict[str, Any] = {
        "$type": _POSTS,
        "text": message.text,
        "createdAt": _iso(delivery.first_begun_at or server.tools.now),
    }
    if parts := facets(message.text, accounts):
        record["facets"] = parts
    if message.language is not None:
        record["langs"] = [message.language]
    if message.in_reply_to is not None:
        record["reply"] = await _reply(server, login, message.number() or "")
    if message.images:
        pictures = [*map(_picture, message.images)]
        record["embed"] = {"$type": "app.bsky.embed.images", "images": pictures}
    elif message.link is not None:
        card: dict[str, Any] = {
            "uri": message.link,
            "title": message.link_title or message.link,
            "description": message.link_description,
        }
        if message.link_image and (thumb := await _thumbnail(server, message.link_image)):
            card["thumb"] = thumb
        record["embed"] = {"$type": "app.bsky.embed.external", "external": card}
    return record


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


async def _thumbnail(server: BlueskyServer, address: str) -> Any:
    """Upload the picture of a card, and return what to show it by; a card without one is better than no post."""
    try:
        reply = await server.tools.http.get_outside(address, limit=_CARD_BYTES)
        picture = await server.tools.render(reply.body, _PICTURES)
        return (await server.upload(picture.data, picture.media_type)).at("blob")
    except DeliveryError:
        return None


async def _reply(server: BlueskyServer, login: Login, key: str) -> dict[str, Any]:
    """Return which post this one replies to, and with which one the conversation began."""
    reply = await server.record(_place(login, key))
    if reply.status == 400:
        raise Rejected(reply.message("the post that this one replies to does not exist"))
    with reply.expecting("a record"):
        parent = {"uri": reply.at("uri"), "cid": reply.at("cid")}
        root = reply.at("value").get("reply", {}).get("root", parent)
    return {"root": root, "parent": parent}


def _refusal(reply: Reply) -> DeliveryError:
    if error_name(reply) == "BlobNotFound":
        return UploadExpired(reply.message(), status=reply.status)
    return failure(reply)


def _is_same(there: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether a record is this post; a link or mention in it may have been read in another way."""
    return any(there.get(name) == record[name] for name in ("text", "createdAt"))


def _iso(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).isoformat(timespec='milliseconds')[:-6]}Z"


def _place(login: Login, key: str) -> dict[str, str]:
    return {"repo": login.about["did"], "collection": _POSTS, "rkey": key}


def _parts(receipt: Receipt) -> dict[str, str]:
    repo, collection, key = receipt.id.removeprefix("at://").split("/")
    return {"repo": repo, "collection": collection, "rkey": key}


def _uri(place: dict[str, str]) -> str:
    return "at://{repo}/{collection}/{rkey}".format(**place)


def _receipt(login: Login, place: dict[str, str], time: str) -> Receipt:
    url = f"https://bsky.app/profile/{login.about['did']}/post/{place['rkey']}"
    return Receipt(_uri(place), url, moment(time), f"@{login.about['handle']}")


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(Bluesky())
