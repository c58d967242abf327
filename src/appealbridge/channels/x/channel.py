"""
Publish on X.

A step of a recipe:

    - action: tweet
      channel: force_x
      text: "MISSING from {{ appeal.area }}: {{ appeal.title }} {{ appeal.url }}"

The account, in appealbridge.yaml:

    force_x:
      platform: x
      credentials:
        consumer_key: !secret x_consumer_key
        consumer_secret: !secret x_consumer_secret
        access_token: !secret x_access_token
        access_token_secret: !secret x_access_token_secret

X accepts no key of ours, so after an unclear outcome AppealBridge searches the account's timeline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from html import unescape
from typing import Any, ClassVar, Literal

import orjson

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
    Unsure,
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
from appealbridge.plugin.published import Removes, Standing, looking
from appealbridge.plugin.text import X_LIMIT, x_length
from appealbridge.plugin.timeline import TAKEN_FOR_A_REPEAT, Page, Post, read_timeline
from appealbridge.plugin.timestamps import moment

_PAGE = 100
_PAGES = 32  # X shows no more of a timeline than its latest 3,200 posts
_OUT_OF_CREDITS_WAIT = 3600.0
_BAD_QUERY = 400
_GONE = (404, 410)
_NOT_FOUND = "/resource-not-found"
_POST_FIELDS = "created_at,entities,note_tweet,referenced_tweets"
_LIMITS = (88, 185, 344)
"""Codes of X's older errors, with 403, for "too many": requests, posts a day, actions a day."""
_ABOUT_THE_MESSAGE = re.compile(
    r"duplicate|reply|replies|respond|conversation|mention|quot(?:e|ing)|deleted|too long|shorter"
    r"|malware|harmful|spam(?:my)? link|poll|not visible",
    re.IGNORECASE,
)
"""The texts of X's 403 about one message; any other 403 counts as one about the account."""
_SURELY_THE_ACCOUNT = re.compile(
    r"problems/(?:oauth1-permissions|oauth2-permissions|client-forbidden|user-suspended|app-suspended"
    r"|unsupported-authentication)|\b(?:suspended|locked|deactivated|read-only|not enrolled)\b"
    r"|access level|app permissions|subset of (?:x|twitter) api",
    re.IGNORECASE,
)
_NO_MEDIA = re.compile(
    r"media ids? (?:are|is) invalid|media_ids.{0,80}(?:invalid|not found|expired)"
)
"""The texts of X's 400 for a post with an image that it does not have any more."""
_LIVES = 86_400.0
"""For how many seconds an upload is used; X says how long it keeps it, but not for which kinds of access."""
_IMAGES = ImageRules(
    ImageLimits(
        frozenset({"image/jpeg", "image/png", "image/webp"}),
        5_000_000,
        max_width=8192,
        max_height=8192,
    ),
    most=4,
    alt_length=1000,
)
_NOT_X = (orjson.JSONDecodeError, AttributeError, TypeError)
"""The errors of reading an answer that X did not write."""
_MOMENT = re.compile(r"[0-9]{1,12}", re.ASCII)
_SHORT = "//t.co/"
_OWN_MEDIA = re.compile(r"/status/[0-9]+/(?:photo|video)/[0-9]+$", re.ASCII)
_NAMES = re.compile(r"^(?:@\w{1,15}\s+)+", re.ASCII)
_WINDOWS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")


class XCredentials(Options):
    """The four parts of an OAuth 1.0a login; they do not expire by themselves."""

    consumer_key: Secret = Field(
        description="The app's API key.", examples=["!secret x_consumer_key"]
    )
    consumer_secret: Secret = Field(
        description="The app's API key secret.", examples=["!secret x_consumer_secret"]
    )
    access_token: Secret = Field(
        description="The account's access token, with permission to write.",
        examples=["!secret x_access_token"],
    )
    access_token_secret: Secret = Field(
        description="The account's access token secret.", examples=["!secret x_access_token_secret"]
    )


class XAccount(Account):
    """One account on X."""

    credentials: XCredentials = Field(
        description="The login: the four parts of OAuth 1.0a.",
        examples=[{name: f"!secret x_{name}" for name in XCredentials.model_fields}],
    )
    user_id: str | None = Field(
        None,
        pattern=r"^[0-9]{1,19}$",
        description="The account's number. If left out, it is taken from the access token, or X is asked for "
        "it.",
        examples=["2244994945"],
    )
    api: Address = Field(
        "https://api.x.com", description="The address of the API.", examples=["https://api.x.com"]
    )


class Tweet(Threaded, Illustrated):
    """One post on X."""

    text: str = Field(
        min_length=1,
        description="The text of the post: at most 280 characters as X counts, a link as 23.",
        examples=["MISSING from {{ appeal.area }}: {{ appeal.title }} {{ appeal.url }}"],
    )
    reply_settings: Literal["following", "mentionedUsers", "subscribers", "verified"] | None = (
        Field(
            None,
            description="Who may reply. If left out, everybody.",
            examples=["mentionedUsers"],
        )
    )


class X(Channel[XAccount, Tweet], UploadsImages[XAccount], Removes[XAccount]):
    """Uploads images, publishes a post, searches the timeline for it if its outcome is unclear, and removes it."""

    platform: ClassVar[str] = "x"
    action: ClassVar[str] = "tweet"
    appearance: ClassVar[Appearance] = Appearance("X", "#000000")
    account = XAccount
    message = Tweet
    repeat: ClassVar[Repeat] = Repeat.FINDABLE
    has_practice_platform: ClassVar[bool] = True
    bare_links: ClassVar[bool] = True

    async def deliver(
        self, account: XAccount, message: Tweet, delivery: Delivery, tools: Tools
    ) -> Receipt:
        body: Mapping[str, Any] = message.model_dump(
            exclude_none=True, exclude={"thread", "images"}
        )
        if message.in_reply_to is not None:  # who may reply was said by the post at the beginning
            body = {"text": message.text, "reply": {"in_reply_to_tweet_id": message.number()}}
        if message.images:
            body = {**body, "media": {"media_ids": message.upload_ids()}}
        reply = await _api(account, tools).post("tweets", json=body)
        with reply.expecting("a post"):
            return _receipt(reply.name(reply.at("data", "id")))

    def image_rules(self, account: XAccount) -> ImageRules:
        return _IMAGES

    async def upload(
        self, account: XAccount, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded:
        api, media_type = _api(account, tools), image.rendition.media_type
        reply = await api.post(
            "media/upload",
            form={"media_category": "tweet_image", "media_type": media_type},
            file=FormFile("media", name, media_type, await tools.data_of(image)),
        )
        with reply.expecting("an upload"):
            media = reply.name(reply.at("data", "id"))
            lives = min(float(reply.at("data").get("expires_after_secs") or _LIVES), _LIVES)
        if image.alt:
            await _describe(api, media, image.alt)
        return Uploaded(media, expires=tools.now + lives)

    async def find(
        self, account: XAccount, message: Tweet, delivery: Delivery, tools: Tools
    ) -> SearchResult:
        api = _api(account, tools)
        user = await _user_id(account, api)
        is_reply = message.in_reply_to is not None

        async def page(begin: float, cursor: str) -> Page:
            query = {
                "max_results": str(_PAGE),
                "start_time": datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "tweet.fields": _POST_FIELDS,
                **({"pagination_token": cursor} if cursor else {}),
            }
            reply = await api.get(f"users/{user}/tweets", params=query, accept=(_BAD_QUERY,))
            if (
                reply.status == _BAD_QUERY
            ):  # X refuses a time that is in the future by its own clock
                return Page((), "", reply, refused=True)
            with reply.expecting("a timeline"):
                # An empty timeline has no `data`, but neither has an answer that is only errors.
                following = reply.at("meta").get("next_token")
                posts = [_post(tweet, reply, is_reply) for tweet in reply.json().get("data", ())]
                return Page(posts, reply.name(following) if following else "", reply)

        place = f"the timeline of {user}"
        timeline = await read_timeline(page, delivery, place=place, pages=_PAGES)
        text = _NAMES.sub("", message.text) if is_reply else message.text
        return await timeline.search(text, replies_to=message.number())

    async def remove(
        self, account: XAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> str:
        reply = await _api(account, tools).change("DELETE", f"tweets/{receipt.id}")
        if reply.at("data", "deleted") is not True:  # X says so of posts that are gone already, too
            raise reply.unclear(f"X does not say that it is deleted: {reply.excerpt()}")
        return reply.message()

    async def look(
        self, account: XAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Standing:
        reply = await _api(account, tools).get(
            f"tweets/{receipt.id}",
            params={"tweet.fields": _POST_FIELDS},
            accept=_GONE,
            failure=looking(_failure),
        )
        if absence := _says_gone(reply, receipt.id):
            return Standing(there=False, seen=reply.message(absence))
        if reply.status in _GONE:
            raise looking(_failure)(reply)
        with reply.expecting("a post"):
            tweet = reply.at("data")
            reply.check_name(tweet["id"], receipt.id)
            post = _post(tweet, reply, is_reply=False)
        return Standing(there=True, text=unescape(post.text), seen=reply.message("it is there"))

    async def check(self, account: XAccount, tools: Tools) -> str:
        api = _api(account, tools)
        reply = await api.get("users/me")
        with reply.expecting("an account"):
            number = reply.name(reply.at("data", "id"))
            name = reply.name(reply.at("data", "username"))
        if number != (own := await _user_id(account, api)):
            raise LoginExpired(f"user_id is {own}, but this login is that of {number}; fix user_id")
        level = reply.headers.get("x-access-level", "")
        if level and "write" not in level:
            raise AccountRefused(
                f"@{name} may not publish: its access token may only read (x-access-level: "
                f"{reply.readable(level, 40)}). Give the app the right to read and write at X, then make a new "
                "access token"
            )
        return f"@{name}"

    def measure(self, account: XAccount, message: Tweet) -> Measure:
        return Measure("text", x_length(message.text), X_LIMIT, "characters as X counts")


def _api(account: XAccount, tools: Tools) -> Api:
    sign = partial(_signed, account.credentials, tools)
    return Api(tools.http, f"{account.api}/2", _failure, sign=sign)


async def _describe(api: Api, media: str, alt: str) -> None:
    metadata = {"id": media, "metadata": {"alt_text": {"text": alt}}}
    reply = await api.post("media/metadata", json=metadata)
    with reply.expecting("the alt text"):
        reply.check_name(reply.at("data", "id"), media)


def _signed(credentials: XCredentials, tools: Tools, method: str, url: str) -> Mapping[str, str]:
    """Return the Authorization header. The query is signed, a JSON body is not."""
    from oauthlib.oauth1 import Client  # a daemon without an account on X starts without it

    client = Client(
        credentials.consumer_key.get_secret_value(),
        credentials.consumer_secret.get_secret_value(),
        credentials.access_token.get_secret_value(),
        credentials.access_token_secret.get_secret_value(),
        nonce=f"{tools.random.getrandbits(128):032x}",
        timestamp=str(int(tools.now)),
    )
    try:
        _, headers, _ = client.sign(url, method)
    except ValueError as error:  # nothing was sent, and no message can be
        raise LoginExpired(tools.clean(f"the request cannot be signed: {error}")) from None
    signed: Mapping[str, str] = headers
    return signed


async def _user_id(account: XAccount, api: Api) -> str:
    """Return the account's number: from the settings, from the access token, or from X."""
    if account.user_id is not None:
        return account.user_id
    number, dash, _ = account.credentials.access_token.get_secret_value().partition("-")
    if dash and number.isascii() and number.isdigit():
        return number
    reply = await api.get("users/me")
    with reply.expecting("an account"):
        return reply.name(reply.at("data", "id"))


def _failure(reply: Reply) -> DeliveryError:
    """Handle what is special to X: credits, its duplicate filter, and its names for the ends of rate limits."""
    status, text = reply.status, reply.excerpt(4000).lower()
    no_credits = "usage-capped" in text or "credits" in text
    if status == 402 or (status in (403, 429) and no_credits):
        reason = f"the account has no credits left; top them up at X. {reply.excerpt()}"
        return reply.error(TryAgain, reason, after=_OUT_OF_CREDITS_WAIT, throttled=True)
    if status == 403 and ("duplicate content" in text or _has_code(text, 187)):
        return reply.error(Unsure, f"{TAKEN_FOR_A_REPEAT}: {reply.excerpt()}")
    if status == 403 and _has_code(text, *_LIMITS):
        return reply.error(TryAgain, throttled=True)
    if status == 403:
        sure = _SURELY_THE_ACCOUNT.search(text) is not None
        # A refusal to delete a post that mentions it is still about the account's right to do so.
        if not sure and reply.effect is not Effect.CHANGE and _ABOUT_THE_MESSAGE.search(text):
            return reply.error(Rejected)
        return reply.error(AccountRefused, sure=sure)
    if status == 400 and reply.effect is Effect.CREATE and _NO_MEDIA.search(text):
        return reply.error(UploadExpired)
    if status == 429:
        resets = [
            reply.seconds_until(float(reset))
            for window in _WINDOWS
            if _MOMENT.fullmatch(reset := reply.headers.get(f"{window}-reset", ""))
            and reply.headers.get(f"{window}-remaining", "0") == "0"
        ]
        if resets:
            return reply.error(TryAgain, after=max(resets), throttled=True)
    return reply.failure()


def _says_gone(reply: Reply, number: str) -> str:
    """Return in which words X itself says that it has no such post, empty if it does not."""
    try:
        body = orjson.loads(reply.body)
        errors = [body, *body.get("errors", ())] if "data" not in body else []
        for error in errors:
            named = number in (error.get("resource_id"), error.get("value"))
            if named and str(error.get("type", "")).endswith(_NOT_FOUND):
                return reply.readable(str(error.get("detail") or error["type"]))
    except _NOT_X:
        pass
    return ""


def _has_code(text: str, *codes: int) -> bool:
    """Return whether an answer has one of these codes of X's older errors."""
    bare = text.replace(" ", "")
    return any(f'"code":{code},' in bare or f'"code":{code}}}' in bare for code in codes)


def _receipt(number: str, time: float | None = None) -> Receipt:
    return Receipt(number, f"https://x.com/i/status/{number}", time)


def _post(tweet: Mapping[str, Any], reply: Reply, is_reply: bool) -> Post:
    """Read a post with the addresses that X replaced by its own short ones, and without the names before a reply."""
    whole = tweet.get("note_tweet") or tweet  # a long post has its whole text there
    text = str(whole["text"])
    for link in whole.get("entities", {}).get("urls", ()):
        # Each is replaced once only, so that a hostile answer cannot grow without end.
        address = link.get("expanded_url") or link["url"]
        text = text.replace(link["url"], "" if _OWN_MEDIA.search(address) else address, 1)
    receipt = _receipt(reply.name(tweet["id"]), moment(tweet.get("created_at")))
    references = tweet.get("referenced_tweets", ())
    replied_to = (each["id"] for each in references if each["type"] == "replied_to")
    return Post(
        _NAMES.sub("", text) if is_reply else text,
        receipt,
        whole=_SHORT not in text,
        replies_to=next(map(reply.name, replied_to), None),
    )


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(X())
