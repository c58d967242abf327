"""
Publish on Mastodon.

A step of a recipe:

    - action: mastodon_post
      channel: force_mastodon
      text: "MISSING: {{ headline }} {{ link }}"

The account, in appealbridge.yaml:

    force_mastodon:
      platform: mastodon
      api: https://mastodon.example
      credentials: { access_token: !secret mastodon_access_token }

The server remembers our key for an hour, so within it the same post may be sent again safely; after
it the account's own posts tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from appealbridge.plugin import (
    Account,
    Address,
    Channel,
    Delivery,
    DeliveryError,
    Field,
    LoginExpired,
    Measure,
    Options,
    Receipt,
    Registry,
    Repeat,
    Reply,
    Secret,
    Seen,
    Sought,
    Threaded,
    Tools,
    TryAgain,
    clock_ahead,
    html_to_text,
    judge,
    listed_since,
    mastodon_length,
    moment,
)

_PAGE = 40
_PAGES = 25
_SPECIAL = (403, 429)


class MastodonCredentials(Options):
    """What proves that a post is ours."""

    access_token: Secret = Field(
        description="The token of an application of the account, with read and write:statuses.",
        examples=["!secret mastodon_access_token"],
    )


class MastodonAccount(Account):
    """One account on one Mastodon server."""

    api: Address = Field(
        description="The account's own server.", examples=["https://mastodon.example"]
    )
    credentials: MastodonCredentials = Field(
        description="How we log in.",
        examples=[{"access_token": "!secret mastodon_access_token"}],
    )
    max_characters: int = Field(
        500,
        ge=1,
        description="How long a post may be on this server; its own pages say.",
        examples=[500],
    )


class MastodonPost(Threaded):
    """One post."""

    text: str = Field(
        min_length=1, description="What the post says.", examples=["MISSING: {{ headline }}"]
    )
    spoiler_text: str | None = Field(
        None,
        description="A warning that hides the text until a reader asks for it.",
        examples=["Distressing content"],
    )
    visibility: Literal["public", "unlisted", "private", "direct"] | None = Field(
        None,
        description="Who sees it; left out, what the account has as its own default.",
        examples=["public"],
    )
    language: str | None = Field(
        None, description="The text's language, by its ISO 639 code.", examples=["en"]
    )


class Mastodon(Channel[MastodonAccount, MastodonPost]):
    """Publish one post, with a key that makes a repeat harmless."""

    platform: ClassVar[str] = "mastodon"
    action: ClassVar[str] = "mastodon_post"
    account = MastodonAccount
    message = MastodonPost
    repeat: ClassVar[Repeat] = Repeat.IDEMPOTENT
    key_seconds: ClassVar[float] = 55 * 60.0

    async def deliver(
        self, account: MastodonAccount, message: MastodonPost, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Create the post."""
        status = message.model_dump(exclude_none=True, exclude={"text", "thread", "in_reply_to"})
        status["status"] = message.text
        if message.in_reply_to is not None:
            status["in_reply_to_id"] = message.number()
        reply = await tools.http.post(
            f"{account.api}/api/v1/statuses",
            json=status,
            bearer=account.credentials.access_token,
            headers={"Idempotency-Key": delivery.id},
            accept=_SPECIAL,
        )
        return _receipt(_good(reply).json(), reply)

    async def seek(
        self, account: MastodonAccount, message: MastodonPost, delivery: Delivery, tools: Tools
    ) -> Sought:
        """Look through the account's own posts since the first attempt."""
        me = await self._get(account, tools, "accounts/verify_credentials", {})
        with me.taken_for("an account"):
            path = f"accounts/{me.name(me.at('id'))}/statuses"
            place = f"@{me.name(me.at('acct'))}"
        query = {"limit": str(_PAGE), "exclude_reblogs": "true"}
        ahead = clock_ahead(me, delivery)
        begin = listed_since(delivery, ahead)
        posts: list[Seen] = []
        whole = False
        for _ in range(_PAGES):
            reply = await self._get(account, tools, path, query)
            with reply.taken_for("a list of posts"):
                page = [_seen(status, reply) for status in reply.json()]
            posts += page
            whole = len(page) < _PAGE or (page[-1].receipt.time or 0.0) < begin
            if whole:
                break
            query["max_id"] = page[-1].receipt.id
        wanted = (message.spoiler_text or "") + message.text
        return judge(wanted, posts, delivery, whole=whole, place=place, ahead=ahead)

    async def check(self, account: MastodonAccount, tools: Tools) -> str:
        """Return the account's name on its server."""
        me = await self._get(account, tools, "accounts/verify_credentials", {})
        with me.taken_for("an account"):
            return f"@{me.name(me.at('acct'))}"

    def measure(self, account: MastodonAccount, message: MastodonPost) -> Measure:
        """Count as the server does; a warning counts too."""
        count = mastodon_length(message.text) + mastodon_length(message.spoiler_text or "")
        return Measure("text", count, account.max_characters, "characters")

    def stand_in(self, name: str) -> Mapping[str, Any]:
        """Return a token that opens nothing."""
        return {"credentials": {"access_token": f"practice-{name}"}}

    @staticmethod
    async def _get(
        account: MastodonAccount, tools: Tools, path: str, query: Mapping[str, str]
    ) -> Reply:
        reply = await tools.http.get(
            f"{account.api}/api/v1/{path}",
            params=query,
            bearer=account.credentials.access_token,
            accept=_SPECIAL,
        )
        return _good(reply)


def _good(reply: Reply) -> Reply:
    if reply.status in _SPECIAL:
        raise _failure(reply)
    return reply


def _failure(reply: Reply) -> DeliveryError:
    """Tell what is special here: 403 is about the login, and a rate limit's end is an ISO 8601 time."""
    if reply.status == 403:
        return LoginExpired(reply.message(), status=reply.status)
    reset = moment(reply.headers.get("X-RateLimit-Reset"))
    if reset is None:
        return reply.failure()
    return TryAgain(
        reply.message(), after=reply.seconds_until(reset), throttled=True, status=reply.status
    )


def _receipt(status: Any, reply: Reply) -> Receipt:
    with reply.taken_for("a post"):
        return Receipt(
            reply.name(status["id"]),
            reply.web_address(status.get("url")),
            moment(status.get("created_at")),
        )


def _seen(status: Any, reply: Reply) -> Seen:
    receipt = _receipt(status, reply)
    return Seen(f"{status.get('spoiler_text') or ''}{html_to_text(status['content'])}", receipt)


def register(registry: Registry) -> None:
    """Take the channel in."""
    registry.add(Mastodon())
