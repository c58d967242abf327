"""
Publish on Mastodon.

A step of a recipe:

    - action: mastodon_post
      channel: force_mastodon
      text: "MISSING: {{ appeal.title }} {{ appeal.url }}"

The account, in appealbridge.yaml:

    force_mastodon:
      platform: mastodon
      api: https://mastodon.example
      credentials: { access_token: !secret mastodon_access_token }

Every attempt has a key, by which Mastodon recognises a repeat for an hour. Not every server does,
and a slow one may be too late. So after an unclear outcome AppealBridge searches the account's posts,
and asks for the source of each one that could be ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from appealbridge.channels.mastodon.instance import INSTANCES
from appealbridge.plugin import (
    Account,
    AccountRefused,
    Address,
    Appearance,
    Channel,
    Delivery,
    DeliveryError,
    Field,
    LoginExpired,
    Measure,
    Options,
    Receipt,
    Registry,
    Rejected,
    Repeat,
    SearchResult,
    Secret,
    Threaded,
    Tools,
    TryAgain,
)
from appealbridge.plugin.http import Api, Effect, FormFile, Reply
from appealbridge.plugin.images import (
    Illustrated,
    Image,
    ImageLimits,
    ImageRules,
    Uploaded,
    UploadExpired,
    UploadsImages,
)
from appealbridge.plugin.published import Edits, Removes, Standing, looking
from appealbridge.plugin.text import mastodon_length
from appealbridge.plugin.timeline import Page, Post, read_timeline, shown
from appealbridge.plugin.timestamps import moment

_PAGE = 40
_PAGES = 25
_SOURCES = 5
_GONE = (404, 410)
_NO_SOURCE = range(400, 500)
_WRITES = "write:statuses"
_SURELY_THE_ACCOUNT = ("scope", "your login", "suspended", "disabled")
"""The texts of Mastodon's 403 that are about the login; other texts could be about one message."""
_NO_MEDIA = re.compile(r"\bmedia\b.{0,200}\bnot found\b")
_NOT_READY = "not finished processing"
"""Its texts, with 422, for a post with an image that it does not have, or still works on."""
_WORKING, _STILL_WORKING = 202, 206
_LIVES = 12 * 3600.0
"""For how many seconds an upload is used; servers keep those that no post shows for a day."""
_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_NO_USER = "requires an authenticated user"
"""Its text, with 422, for a token that belongs to an application and not to an account."""


class MastodonCredentials(Options):
    """The login of an account."""

    access_token: Secret = Field(
        description="The access token of an application of the account, with the scopes read and "
        "write:statuses.",
        examples=["!secret mastodon_access_token"],
    )


class MastodonAccount(Account):
    """One account on one Mastodon server."""

    api: Address = Field(
        description="The account's own server.", examples=["https://mastodon.example"]
    )
    credentials: MastodonCredentials = Field(
        description="The login.",
        examples=[{"access_token": "!secret mastodon_access_token"}],
    )
    max_characters: int | None = Field(
        None,
        ge=1,
        description="The longest post. If left out, what the server says of itself, and 500 until it has said it.",
        examples=[500],
    )


class MastodonPost(Threaded, Illustrated):
    """One post."""

    text: str = Field(
        min_length=1, description="The text of the post.", examples=["MISSING: {{ appeal.title }}"]
    )
    spoiler_text: str | None = Field(
        None,
        description="A warning that hides the text until a reader opens it.",
        examples=["Distressing content"],
    )
    visibility: Literal["public", "unlisted", "private", "direct"] | None = Field(
        None,
        description="Who sees the post. If left out, the account's own default.",
        examples=["public"],
    )
    language: str | None = Field(
        None, description="The text's language, by its ISO 639 code.", examples=["en"]
    )


class Mastodon(
    Channel[MastodonAccount, MastodonPost],
    UploadsImages[MastodonAccount],
    Removes[MastodonAccount],
    Edits[MastodonAccount, MastodonPost],
):
    """Publishes a post, searches the account's posts for it if its outcome is unclear, edits and removes it."""

    platform: ClassVar[str] = "mastodon"
    action: ClassVar[str] = "mastodon_post"
    appearance: ClassVar[Appearance] = Appearance("Mastodon", "#5a4fd8")
    account = MastodonAccount
    message = MastodonPost
    repeat: ClassVar[Repeat] = Repeat.FINDABLE
    has_practice_platform: ClassVar[bool] = True

    async def deliver(
        self, account: MastodonAccount, message: MastodonPost, delivery: Delivery, tools: Tools
    ) -> Receipt:
        status = message.model_dump(
            exclude_none=True, exclude={"text", "thread", "in_reply_to", "images"}
        )
        status["status"] = message.text
        if message.in_reply_to is not None:
            status["in_reply_to_id"] = message.number()
        if message.images:
            status["media_ids"] = message.upload_ids()
        reply = await _api(account, tools).post(
            "v1/statuses",
            json=status,
            headers={"Idempotency-Key": delivery.id},
            accept=() if message.in_reply_to is None else (404,),
        )
        if reply.status == 404:
            reason = f"the post that this one replies to does not exist: {reply.excerpt()}"
            raise reply.error(Rejected, reason)
        return _receipt(reply.json(), reply)

    def image_rules(self, account: MastodonAccount) -> ImageRules:
        """Mastodon takes four images, each with a description, or what the server says of itself."""
        server = INSTANCES.of(account.api)
        limits = ImageLimits(_IMAGE_TYPES, server.image_bytes, max_pixels=server.image_pixels)
        return ImageRules(limits, most=server.images, alt_length=server.alt_length)

    async def upload(
        self, account: MastodonAccount, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded:
        """Upload an image with its description; the server may work on it for a while."""
        reply = await _api(account, tools).post(
            "v2/media",
            form={"description": image.alt} if image.alt else {},
            file=FormFile("file", name, image.rendition.media_type, await tools.data_of(image)),
        )
        with reply.expecting("an upload"):
            media = reply.name(reply.at("id"))
        return Uploaded(media, ready=reply.status != _WORKING, expires=tools.now + _LIVES)

    async def is_ready(
        self, account: MastodonAccount, image: Image, delivery: Delivery, tools: Tools
    ) -> bool:
        """Ask for the image: 206 means that the server still works on it."""
        api = _api(account, tools)
        reply = await api.get(f"v1/media/{image.media.id}", accept=(404, 422))
        if reply.status == 404:
            raise reply.error(UploadExpired)
        if reply.status == 422:
            raise reply.error(Rejected)
        with reply.expecting("an upload"):
            reply.check_name(reply.at("id"), image.media.id)
        return reply.status != _STILL_WORKING

    async def find(
        self, account: MastodonAccount, message: MastodonPost, delivery: Delivery, tools: Tools
    ) -> SearchResult:
        api = _api(account, tools)
        me = await api.get("v1/accounts/verify_credentials")
        with me.expecting("an account"):
            path = f"v1/accounts/{me.name(me.at('id'))}/statuses"
            place = f"@{me.name(me.at('acct'))}"

        async def page(begin: float, cursor: str) -> Page:
            query = {"limit": str(_PAGE), "exclude_reblogs": "true"}
            query |= {"max_id": cursor} if cursor else {}
            reply = await api.get(path, params=query)
            with reply.expecting("a list of posts"):
                posts = [_post(status, reply) for status in reply.json()]
            last = len(posts) < _PAGE or (posts[-1].receipt.time or 0.0) < begin
            return Page(posts, "" if last else posts[-1].receipt.id, reply)

        timeline = await read_timeline(page, delivery, place=place, pages=_PAGES, dated=me)
        text = (message.spoiler_text or "") + message.text
        sources = await _sources(api, await timeline.candidates(text))
        posts = [
            replace(post, source=sources.get(post.receipt.id, post.source))
            for post in timeline.posts
        ]
        return await replace(timeline, posts=posts).search(text, replies_to=message.number())

    async def remove(
        self, account: MastodonAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> str:
        """Delete the post, with its pictures. Other servers are told, but may keep their copies."""
        reply = await _api(account, tools).change(
            "DELETE", f"v1/statuses/{receipt.id}", params={"delete_media": "true"}
        )
        with reply.expecting("the deleted post"):
            reply.check_name(reply.at("id"), receipt.id)
        return reply.message("deleted")

    async def edit(
        self,
        account: MastodonAccount,
        message: MastodonPost,
        receipt: Receipt,
        delivery: Delivery,
        tools: Tools,
    ) -> Receipt:
        """Replace the text and its warning. Who sees a post cannot be changed any more."""
        reply = await _api(account, tools).change(
            "PUT",
            f"v1/statuses/{receipt.id}",
            json={
                "status": message.text,
                "spoiler_text": message.spoiler_text or "",
                **({} if message.language is None else {"language": message.language}),
                # An edit without its images would take them off the post.
                **({"media_ids": message.upload_ids()} if message.images else {}),
            },
        )
        return _receipt(reply.json(), reply)

    def shown_text(self, message: MastodonPost) -> str:
        return f"{message.spoiler_text or ''}{message.text}"

    async def look(
        self, account: MastodonAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Standing:
        api = _api(account, tools)
        reply = await api.get(f"v1/statuses/{receipt.id}", accept=_GONE, failure=looking(_failure))
        if reply.status in _GONE:
            if reply.get("error"):  # a server of this kind, and nothing in between
                return Standing(there=False, seen=reply.message())
            raise looking(_failure)(reply)
        with reply.expecting("a post"):
            post = _post(reply.json(), reply)
            reply.check_name(post.receipt.id, receipt.id)
        sources = await _sources(api, [post])
        text = sources.get(receipt.id, post.source)
        return Standing(
            there=True, text=post.text if text is None else text, seen=reply.message("it is there")
        )

    async def check(self, account: MastodonAccount, tools: Tools) -> str:
        api = _api(account, tools)
        me = await api.get("v1/accounts/verify_credentials")
        with me.expecting("an account"):
            name = _named(me.json(), me)
        if (scopes := await _scopes(api)) and not scopes & {"write", _WRITES}:
            listed = me.readable(", ".join(sorted(scopes)))
            raise AccountRefused(
                f"{name} may not publish: its application has the scopes {listed}, but needs {_WRITES}"
            )
        await INSTANCES.ask(account.api, tools)
        return name

    def measure(self, account: MastodonAccount, message: MastodonPost) -> Measure:
        """Count as the server does; a warning counts too."""
        server = INSTANCES.of(account.api)
        texts = (message.text, message.spoiler_text or "")
        count = sum(mastodon_length(text, server.link_length) for text in texts)
        return Measure("text", count, account.max_characters or server.characters, "characters")


def _api(account: MastodonAccount, tools: Tools) -> Api:
    return Api(tools.http, f"{account.api}/api", _failure, account.credentials.access_token)


async def _scopes(api: Api) -> set[str]:
    """Return the scopes of the token's application, if the server says."""
    reply = await api.get("v1/apps/verify_credentials", accept=_NO_SOURCE)
    scopes = reply.get("scopes")  # Mastodon says so only since 4.3
    return (
        {scope for scope in scopes if isinstance(scope, str)} if isinstance(scopes, list) else set()
    )


async def _sources(api: Api, posts: Sequence[Post]) -> Mapping[str, str]:
    """Ask for the source of the first few posts; return those that the server gives, by the post's id."""
    sources = {}
    for post in [post for post in posts if post.source is None][:_SOURCES]:
        # Older servers, and some others, have none.
        reply = await api.get(f"v1/statuses/{post.receipt.id}/source", accept=_NO_SOURCE)
        if (source := _source(reply)) is not None:
            sources[post.receipt.id] = source
    return sources


def _failure(reply: Reply) -> DeliveryError:
    """Handle what is special to Mastodon: the texts of its refusals."""
    text = reply.excerpt(1000).lower()
    if reply.status == 403:
        sure = any(phrase in text for phrase in _SURELY_THE_ACCOUNT)
        return reply.error(AccountRefused, sure=sure)
    if reply.status == 422 and _NO_USER in text:
        return reply.error(LoginExpired)
    if reply.status == 422 and reply.effect is not Effect.READ and _NO_MEDIA.search(text):
        return reply.error(UploadExpired)
    if reply.status == 422 and _NOT_READY in text:
        return reply.error(TryAgain)
    return reply.failure()


def _receipt(status: Any, reply: Reply) -> Receipt:
    with reply.expecting("a post"):
        return Receipt(
            reply.name(status["id"]),
            reply.web_address(status.get("url")),
            moment(status.get("created_at")),
            _owner(status, reply),
        )


def _owner(status: Any, reply: Reply) -> str:
    try:
        return _named(status["account"], reply)
    except (LookupError, TypeError, ValueError, AttributeError):
        return ""  # a post whose author cannot be read is published all the same


def _named(account: Any, reply: Reply) -> str:
    """Return an account's name with its server, as readers know it: two servers may have the same name."""
    name = f"@{reply.name(account['acct'])}"
    server = urlsplit(reply.web_address(account.get("url"))).netloc
    return f"{name}@{server}" if server and "@" not in name[1:] else name


def _post(status: Any, reply: Reply) -> Post:
    warning = status.get("spoiler_text") or ""
    text = status.get("text")  # the source, which some servers include
    replied_to = status.get("in_reply_to_id")
    return Post(
        f"{warning}{shown(status['content'])}",
        _receipt(status, reply),
        f"{warning}{text}" if isinstance(text, str) and text else None,
        replies_to=None if replied_to is None else reply.name(replied_to),
    )


def _source(reply: Reply) -> str | None:
    """Return the text from which a status was made, `None` if the server does not say."""
    try:
        status = reply.json() if reply.status == 200 else {}
        return f"{status.get('spoiler_text') or ''}{status['text']}"
    except (DeliveryError, LookupError, TypeError, AttributeError):
        return None


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(Mastodon())
