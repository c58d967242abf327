"""
Publish on Bluesky.

A step of a recipe:

    - action: bluesky_post
      channel: force_bluesky
      text: "MISSING: {{ appeal.title }} {{ appeal.url }} #Missing"

The account, in appealbridge.yaml:

    force_bluesky:
      platform: bluesky
      handle: force.police.uk
      credentials: { app_password: !secret bluesky_app_password }

A post is a record under a key that AppealBridge chooses, the same in every attempt. The server never puts a second
record under a key, so nothing is published twice. After an unclear outcome AppealBridge asks for this record.
"""

from __future__ import annotations

from typing import Any, ClassVar

from appealbridge.channels.bluesky.account import BlueskyAccount, BlueskyServer, error_name, failure
from appealbridge.channels.bluesky.post import POSTS, BlueskyPost, record_key
from appealbridge.channels.bluesky.rich_text import LIMIT, length, mentions
from appealbridge.plugin import (
    AccountRefused,
    Appearance,
    Channel,
    Delivery,
    DeliveryError,
    LoginExpired,
    Measure,
    Receipt,
    Registry,
    Rejected,
    Repeat,
    SearchResult,
    Tools,
    TryAgain,
)
from appealbridge.plugin.http import Effect, Login, Reply
from appealbridge.plugin.images import (
    Image,
    ImageLimits,
    ImageRules,
    Uploaded,
    UploadExpired,
    UploadsImages,
)
from appealbridge.plugin.published import Removes, Standing
from appealbridge.plugin.timestamps import moment

_PICTURES = ImageLimits(
    frozenset({"image/jpeg", "image/png"}), 950_000, max_width=2000, max_height=2000
)
_BLOB_LIVES = 3600.0
"""For how many seconds an upload is used that no post shows yet. Servers keep it longer, but do not say how long."""

_CARD_BYTES = 5_000_000


class Bluesky(
    Channel[BlueskyAccount, BlueskyPost], Removes[BlueskyAccount], UploadsImages[BlueskyAccount]
):
    """Publishes a post under a key that is used only once, asks for it by this key, and removes it."""

    platform: ClassVar[str] = "bluesky"
    action: ClassVar[str] = "bluesky_post"
    appearance: ClassVar[Appearance] = Appearance("Bluesky", "#0560cf")
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
        put = {**place, "record": record, "swapRecord": None}
        reply = await server.call("POST", "repo.putRecord", Effect.CREATE, json=put, accept=(400,))
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
            reply.check_name(reply.at("uri"), receipt.id)
            text = str(reply.at("value", "text"))
        return Standing(there=True, text=text, seen=reply.message("it is there"))

    async def check(self, account: BlueskyAccount, tools: Tools) -> str:
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
        return Measure("text", length(message.text), LIMIT, "characters as Bluesky counts")


async def _record(
    server: BlueskyServer, message: BlueskyPost, delivery: Delivery, login: Login
) -> dict[str, Any]:
    """Return the record of a post. It is the same in every attempt, unless an account was renamed in between."""
    accounts = await server.accounts(mentions(message.text))
    record = message.record(accounts, delivery.first_begun_at or server.tools.now)
    if message.in_reply_to is not None:
        record["reply"] = await _reply(server, login, message.number() or "")
    if message.link_image and "external" in record.get("embed", {}):
        record["embed"]["external"] |= await _thumbnail(server, message.link_image)
    return record


async def _thumbnail(server: BlueskyServer, address: str) -> dict[str, Any]:
    """Upload the picture of a card and return what to show it by; a card without one is better than no post."""
    try:
        reply = await server.tools.http.get_outside(address, limit=_CARD_BYTES)
        picture = await server.tools.render(reply.body, _PICTURES)
        uploaded = await server.upload(picture.data, picture.media_type)
        return {"thumb": uploaded.at("blob")}
    except DeliveryError:
        return {}


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
        return reply.error(UploadExpired)
    return failure(reply)


def _is_same(there: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether a record is this post; a link or mention in it may have been read in another way."""
    return any(there.get(name) == record[name] for name in ("text", "createdAt"))


def _place(login: Login, key: str) -> dict[str, str]:
    return {"repo": login.about["did"], "collection": POSTS, "rkey": key}


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
