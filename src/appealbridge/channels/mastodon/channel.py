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

Every attempt has a key, by which Mastodon recognises a repeat for an hour. Not every server does,
and a slow one may be too late. So after an unclear outcome AppealBridge searches the account's posts,
and asks for the source of each one that could be ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from appealbridge.plugin import (
    Account,
    AccountRefused,
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
    Rejected,
    Repeat,
    SearchResult,
    Secret,
    Threaded,
    Tools,
    TryAgain,
    in_thread,
)
from appealbridge.plugin.http import Reply
from appealbridge.plugin.text import mastodon_length
from appealbridge.plugin.timeline import (
    Seen,
    candidates,
    clock_ahead,
    listed_since,
    match_timeline,
    shown,
)
from appealbridge.plugin.timestamps import moment

_PAGE = 40
_PAGES = 25
_SOURCES = 5
_SPECIAL = (403, 404, 422, 429)
_NO_SOURCE = range(400, 500)
_WRITES = "write:statuses"
_SURELY_THE_ACCOUNT = ("scope", "your login", "suspended", "disabled")
"""The texts of Mastodon's 403 that are about the login; other texts could be about one message."""
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
    max_characters: int = Field(
        500,
        ge=1,
        description="The longest post that the server allows; the server's own pages say what it is.",
        examples=[500],
    )


class MastodonPost(Threaded):
    """One post."""

    text: str = Field(
        min_length=1, description="The text of the post.", examples=["MISSING: {{ headline }}"]
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


class Mastodon(Channel[MastodonAccount, MastodonPost]):
    """Publishes a post, and searches the account's posts for it if its outcome is unclear."""

    platform: ClassVar[str] = "mastodon"
    action: ClassVar[str] = "mastodon_post"
    account = MastodonAccount
    message = MastodonPost
    repeat: ClassVar[Repeat] = Repeat.FINDABLE

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
        if reply.status == 404 and message.in_reply_to is not None:
            said = f"the post that this one replies to does not exist: {reply.said()}"
            raise Rejected(reply.message(said), status=reply.status)
        return _receipt(_good(reply).json(), reply)

    async def find(
        self, account: MastodonAccount, message: MastodonPost, delivery: Delivery, tools: Tools
    ) -> SearchResult:
        """Search the account's posts since the first attempt."""
        me = await self._get(account, tools, "accounts/verify_credentials", {})
        with me.expecting("an account"):
            path = f"accounts/{me.name(me.at('id'))}/statuses"
            place = f"@{me.name(me.at('acct'))}"
        query = {"limit": str(_PAGE), "exclude_reblogs": "true"}
        ahead = clock_ahead(me, delivery)
        begin = listed_since(delivery, ahead)
        posts: list[Seen] = []
        whole = False
        for _ in range(_PAGES):
            reply = await self._get(account, tools, path, query)
            with reply.expecting("a list of posts"):
                page = [_seen(status, reply) for status in reply.json()]
            posts += page
            whole = len(page) < _PAGE or (page[-1].receipt.time or 0.0) < begin
            if whole:
                break
            query["max_id"] = page[-1].receipt.id
        wanted = (message.spoiler_text or "") + message.text
        likely = await in_thread(candidates, wanted, posts, delivery, ahead)
        sources = await self._sources(account, tools, likely)
        posts = [replace(post, source=sources.get(post.receipt.id, post.source)) for post in posts]
        return await in_thread(
            match_timeline, wanted, posts, delivery, whole=whole, place=place, ahead=ahead
        )

    @staticmethod
    async def _sources(
        account: MastodonAccount, tools: Tools, posts: Sequence[Seen]
    ) -> Mapping[str, str]:
        """Ask for the source of the first few posts; return those that the server gives, by the post's id."""
        sources = {}
        for post in [post for post in posts if post.source is None][:_SOURCES]:
            reply = await tools.http.get(
                f"{account.api}/api/v1/statuses/{post.receipt.id}/source",
                bearer=account.credentials.access_token,
                accept=_NO_SOURCE,  # older servers, and some others, have none
            )
            source = _source(reply)
            if source is not None:
                sources[post.receipt.id] = source
        return sources

    async def check(self, account: MastodonAccount, tools: Tools) -> str:
        """Return the account's name on its server; raise `AccountRefused` if its token may not write."""
        me = await self._get(account, tools, "accounts/verify_credentials", {})
        with me.expecting("an account"):
            name = f"@{me.name(me.at('acct'))}"
        if (scopes := await self._scopes(account, tools)) and not scopes & {"write", _WRITES}:
            told = me.words(", ".join(sorted(scopes)))
            raise AccountRefused(
                f"{name} may not publish: its application has the scopes {told}, but needs {_WRITES}"
            )
        return name

    @staticmethod
    async def _scopes(account: MastodonAccount, tools: Tools) -> set[str]:
        """Return the scopes of the token's application, if the server says."""
        reply = await tools.http.get(
            f"{account.api}/api/v1/apps/verify_credentials",
            bearer=account.credentials.access_token,
            accept=_NO_SOURCE,
        )
        try:
            told = reply.json()["scopes"] if reply.status == 200 else ()
            return {scope for scope in told if isinstance(scope, str)}
        except (DeliveryError, LookupError, TypeError):
            return set()  # only Mastodon since 4.3 tells

    def measure(self, account: MastodonAccount, message: MastodonPost) -> Measure:
        """Count as the server does; a warning counts too."""
        count = mastodon_length(message.text) + mastodon_length(message.spoiler_text or "")
        return Measure("text", count, account.max_characters, "characters")

    def practice_credentials(self, name: str) -> Mapping[str, Any]:
        """Return a token that gives no access."""
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
    """Handle what is special to Mastodon: the texts of refusals, and rate limits that end at an ISO 8601 time."""
    said = reply.said(1000).lower()
    if reply.status == 403:
        sure = any(words in said for words in _SURELY_THE_ACCOUNT)
        return AccountRefused(reply.message(), sure=sure, status=reply.status)
    if reply.status == 422 and _NO_USER in said:
        return LoginExpired(reply.message(), status=reply.status)
    reset = moment(reply.headers.get("X-RateLimit-Reset"))
    if reply.status != 429 or reset is None:
        return reply.failure()
    return TryAgain(
        reply.message(), after=reply.seconds_until(reset), throttled=True, status=reply.status
    )


def _receipt(status: Any, reply: Reply) -> Receipt:
    with reply.expecting("a post"):
        return Receipt(
            reply.name(status["id"]),
            reply.web_address(status.get("url")),
            moment(status.get("created_at")),
        )


def _seen(status: Any, reply: Reply) -> Seen:
    warning = status.get("spoiler_text") or ""
    text = status.get("text")  # its source, which some servers tell at once
    return Seen(
        f"{warning}{shown(status['content'])}",
        _receipt(status, reply),
        f"{warning}{text}" if isinstance(text, str) and text else None,
    )


def _source(reply: Reply) -> str | None:
    """Return the text from which a status was made, `None` if the server does not say."""
    try:
        told = reply.json() if reply.status == 200 else {}
        return f"{told.get('spoiler_text') or ''}{told['text']}"
    except (DeliveryError, LookupError, TypeError, AttributeError):
        return None


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(Mastodon())
