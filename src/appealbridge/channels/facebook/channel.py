"""
Publish on a Facebook Page.

A step of a recipe:

    - action: facebook_post
      channel: force_facebook
      text: "MISSING: {{ appeal.title }}"
      link: https://www.example.police.uk/appeals

The account, in appealbridge.yaml:

    force_facebook:
      platform: facebook
      page_id: "123456"
      credentials: { page_token: !secret fb_page_token }

In the Graph API an error's code says what happened; its HTTP status says very little. It accepts
no key of ours, so after an unclear outcome AppealBridge searches the Page's feed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

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
    PageAddress,
    Receipt,
    Registry,
    Rejected,
    Repeat,
    SearchResult,
    Secret,
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
    PublishesUploads,
    Uploaded,
    UploadExpired,
)
from appealbridge.plugin.published import AlreadyGone, Edits, Removes, Standing, looking
from appealbridge.plugin.text import FACEBOOK_LIMIT
from appealbridge.plugin.timeline import TAKEN_FOR_A_REPEAT, Page, Post, read_timeline
from appealbridge.plugin.timestamps import moment

_LIVES = 12 * 3600.0
"""For how many seconds a photo is used that no post shows; Facebook keeps it for about a day."""
_IMAGES = ImageRules(
    ImageLimits(frozenset({"image/jpeg", "image/png"}), 4_000_000, transparency=False),
    most=10,
    alt_length=1000,
)
_FIELDS = "id,message,created_time,permalink_url"
_PAGE = 100
_PAGES = 20
_BAD_REQUEST = (400, 404)

_UNCLEAR = frozenset({1, 2})  # "please retry": the post may stand there all the same
_THROTTLED = frozenset({4, 17, 32, 341, 613, *range(80_000, 80_015)})
_LOGIN = frozenset({102, 104, 190, 459, 464, 492, 2500})
_REFUSED = frozenset({3, 5, 10, 12, *range(200, 300), 803, 2635})
"""A right that is missing, an address that may not ask, a version that is over: of the app or the Page."""
_NO_SUCH_OBJECT = (100, 33)
"""There is no such Page or post, or the token may not see it."""
_NOT_PERMITTED = (1, 2_853_006)
_BLOCKED = 368
_REPEATED = frozenset({506, 1_366_051})
_AGAINST_THE_RULES = frozenset({1_346_003, 1_404_102})  # subcodes of a block that is about the text

_THROTTLED_WAIT = 15 * 60.0
_BLOCKED_WAIT = 6 * 3600.0


class FacebookCredentials(Options):
    """The login of a Page."""

    page_token: Secret = Field(
        description="The Page's access token, with pages_manage_posts and pages_read_engagement.",
        examples=["!secret fb_page_token"],
    )
    app_secret: Secret | None = Field(
        None,
        description="The app's secret, for apps that require proof of it with every request.",
        examples=["!secret fb_app_secret"],
    )


class FacebookAccount(Account):
    """One Facebook Page."""

    page_id: str = Field(
        pattern=r"^[0-9]{1,32}$", description="The Page's number.", examples=["123456"]
    )
    credentials: FacebookCredentials = Field(
        description="The login.", examples=[{"page_token": "!secret fb_page_token"}]
    )
    version: str = Field(
        "v25.0",
        pattern=r"^v[0-9]+\.[0-9]+$",
        description="The version of the Graph API to use.",
        examples=["v25.0"],
    )
    api: Address = Field(
        "https://graph.facebook.com",
        description="The address of the Graph API.",
        examples=["https://graph.facebook.com"],
    )


class FacebookPost(Illustrated):
    """One post on a Page."""

    text: str = Field(
        min_length=1, description="The text of the post.", examples=["MISSING: {{ appeal.title }}"]
    )
    link: PageAddress = Field(
        None,
        description="The address of a page to show under the post.",
        examples=["{{ appeal.url }}"],
    )


class Facebook(
    Channel[FacebookAccount, FacebookPost],
    PublishesUploads[FacebookAccount],
    Removes[FacebookAccount],
    Edits[FacebookAccount, FacebookPost],
):
    """Publishes a post, searches the Page's feed for it if its outcome is unclear, edits and removes it."""

    platform: ClassVar[str] = "facebook"
    action: ClassVar[str] = "facebook_post"
    appearance: ClassVar[Appearance] = Appearance("Facebook", "#0a63d6")
    account = FacebookAccount
    message = FacebookPost
    repeat: ClassVar[Repeat] = Repeat.FINDABLE
    has_practice_platform: ClassVar[bool] = True
    excludes_images: ClassVar[frozenset[str]] = frozenset({"link"})

    async def deliver(
        self, account: FacebookAccount, message: FacebookPost, delivery: Delivery, tools: Tools
    ) -> Receipt:
        form = {"message": message.text, **_proof(account.credentials)}
        if message.link is not None:
            form["link"] = message.link
        form |= _attached(message)
        reply = await _api(account, tools).post(
            f"{account.page_id}/feed",
            form=form,
            failure=_failure_with_photos if message.images else _failure,
        )
        with reply.expecting("a post"):
            return _receipt(reply.name(reply.at("id")))

    def image_rules(self, account: FacebookAccount) -> ImageRules:
        """Facebook takes ten photos; it refuses some of more than 4 MB, whatever its documentation says."""
        return _IMAGES

    async def upload(
        self, account: FacebookAccount, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded:
        """Upload a photo that no reader sees until a post shows it."""
        reply = await _api(account, tools).post(
            f"{account.page_id}/photos",
            form={
                "published": "false",
                **({"alt_text_custom": image.alt} if image.alt else {}),
                **_proof(account.credentials),
            },
            file=FormFile("source", name, image.rendition.media_type, await tools.data_of(image)),
        )
        with reply.expecting("a photo"):
            return Uploaded(reply.name(reply.at("id")), expires=tools.now + _LIVES)

    async def remove_upload(
        self, account: FacebookAccount, upload: Uploaded, delivery: Delivery, tools: Tools
    ) -> str:
        """Delete a photo: it stays when its post is deleted."""
        return (await _change(account, "DELETE", upload.id, tools)).message()

    async def look_upload(
        self, account: FacebookAccount, upload: Uploaded, delivery: Delivery, tools: Tools
    ) -> Standing:
        reply, absence = await self._looked(account, upload.id, "id", tools)
        if absence:
            return Standing(there=False, seen=absence)
        with reply.expecting("a photo"):
            reply.check_name(reply.at("id"), upload.id)
        return Standing(there=True, seen=reply.message("it is there"))

    async def find(
        self, account: FacebookAccount, message: FacebookPost, delivery: Delivery, tools: Tools
    ) -> SearchResult:

        async def page(begin: float, cursor: str) -> Page:
            query = {
                "fields": _FIELDS,
                "since": str(int(begin)),
                "limit": str(_PAGE),
                **({"after": cursor} if cursor else {}),
            }
            reply = await _get(account, f"{account.page_id}/feed", tools, query)
            with reply.expecting("a Page's feed"):
                posts = [_post(post, reply) for post in reply.at("data")]
                paging = reply.json().get("paging", {})
                following = reply.name(paging["cursors"]["after"]) if "next" in paging else ""
                return Page(posts, following, reply)

        place = f"page {account.page_id}"
        timeline = await read_timeline(page, delivery, place=place, pages=_PAGES)
        also = () if message.link is None else (f"{message.text}\n{message.link}",)
        return await timeline.search(message.text, also)

    async def remove(
        self, account: FacebookAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> str:
        return (await _change(account, "DELETE", receipt.id, tools)).message()

    async def edit(
        self,
        account: FacebookAccount,
        message: FacebookPost,
        receipt: Receipt,
        delivery: Delivery,
        tools: Tools,
    ) -> Receipt:
        """Give the post another text, and its photos. The page that it shows as a preview stays the same."""
        form = {"message": message.text, **_attached(message)}
        failure = _failure_with_photos if message.images else _failure
        await _change(account, "POST", receipt.id, tools, form=form, failure=failure)
        return receipt

    async def look(
        self, account: FacebookAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Standing:
        """Ask for the post by its id; if Facebook does not show it, check that it shows the Page."""
        _own(account, receipt.id)
        reply, absence = await self._looked(account, receipt.id, _FIELDS, tools)
        if absence:
            return Standing(there=False, seen=absence)
        with reply.expecting("a post"):
            post = _post(reply.json(), reply)
            reply.check_name(post.receipt.id, receipt.id)
        return Standing(there=True, text=post.text, seen=reply.message("it is there"))

    async def _looked(
        self, account: FacebookAccount, number: str, fields: str, tools: Tools
    ) -> tuple[Reply, str]:
        """Ask for a post or a photo by its id; also return in which words Facebook says that it is gone."""
        query = {"fields": fields}
        reply = await _get(
            account, number, tools, query, accept=_BAD_REQUEST, failure=looking(_failure)
        )
        if _numbers(_error(reply)) == _NO_SUCH_OBJECT:
            # Facebook says the same of what this token may no longer see.
            try:
                await self.check(account, tools)
            except Rejected as error:
                raise AccountRefused(str(error), sure=False, status=error.status) from None
            return reply, reply.message(reply.readable(_text(_error(reply))))
        if reply.status >= 400:
            raise looking(_failure)(reply)
        return reply, ""

    async def check(self, account: FacebookAccount, tools: Tools) -> str:
        reply = await _get(account, account.page_id, tools, {"fields": "id,name"})
        name = reply.readable(str(reply.at("name")))
        if not await _can_post(account, tools):
            raise AccountRefused(
                f"this token may not post on {name}: its owner needs a role on the Page that may create "
                "content, and the app needs the permission pages_manage_posts"
            )
        return name

    def measure(self, account: FacebookAccount, message: FacebookPost) -> Measure:
        return Measure("text", len(message.text), FACEBOOK_LIMIT, "characters")


async def _can_post(account: FacebookAccount, tools: Tools) -> bool:
    """Return whether the token may post on the Page; true if Facebook does not say."""
    try:
        reply = await _get(account, account.page_id, tools, {"fields": "can_post"})
        return reply.json().get("can_post") is not False
    except (DeliveryError, AttributeError):
        return True  # not every app may ask


def _api(account: FacebookAccount, tools: Tools) -> Api:
    root = f"{account.api}/{account.version}"
    return Api(tools.http, root, _failure, account.credentials.page_token)


async def _get(
    account: FacebookAccount, path: str, tools: Tools, query: Mapping[str, str], **options: Any
) -> Reply:
    params = {**query, **_proof(account.credentials)}
    return await _api(account, tools).get(path, params=params, **options)


async def _change(
    account: FacebookAccount, method: str, number: str, tools: Tools, **options: Any
) -> Reply:
    """Change a post or a photo of this Page, and make sure that Facebook says that it did."""
    _own(account, number)
    params = _proof(account.credentials)
    reply = await _api(account, tools).change(method, number, params=params, **options)
    if reply.at("success") is not True:
        raise reply.unclear(f"Facebook does not say that it is done: {reply.excerpt()}")
    return reply


def _own(account: FacebookAccount, number: str) -> None:
    """Raise `AccountRefused` if a post is on another Page than the account's: its id begins with the Page's number."""
    page, line, _ = number.partition("_")
    if line and page != account.page_id:
        raise AccountRefused(
            f"this post is on page {page}, but the account is now page {account.page_id}; "
            f"set page_id to {page} again, or see to the post on Facebook itself",
            sure=False,
        )


def _proof(credentials: FacebookCredentials) -> dict[str, str]:
    if credentials.app_secret is None:
        return {}
    secret = credentials.app_secret.get_secret_value().encode()
    token = credentials.page_token.get_secret_value().encode()
    return {"appsecret_proof": hmac.new(secret, token, hashlib.sha256).hexdigest()}


def _failure(reply: Reply) -> DeliveryError:
    """Decide by the error's code what happened; the HTTP status counts only if there is no code."""
    if reply.status < 400:
        return reply.failure()
    error = _error(reply)
    code, subcode = numbers = _numbers(error)
    reason = reply.readable(_text(error)) if error else reply.excerpt()
    if code in _LOGIN:
        return reply.error(LoginExpired, reason)
    if code in _REFUSED or numbers == _NOT_PERMITTED:
        # An app may be allowed to post, and not to change a post that another app made.
        sure = reply.effect is not Effect.CHANGE
        return reply.error(AccountRefused, reason, sure=sure)
    if numbers == _NO_SUCH_OBJECT and reply.effect is Effect.CHANGE:
        return reply.error(AlreadyGone, reason)
    if numbers == _NO_SUCH_OBJECT and reply.effect is Effect.CREATE:
        return reply.error(AccountRefused, reason, sure=False)
    if code in _THROTTLED or (code == _BLOCKED and subcode not in _AGAINST_THE_RULES):
        wait = _BLOCKED_WAIT if code == _BLOCKED else _wait(reply)
        return reply.error(TryAgain, reason, after=wait, throttled=True)
    if code in _REPEATED or subcode in _REPEATED:
        return reply.error(Unsure, f"{TAKEN_FOR_A_REPEAT}: {reason}")
    if code in _UNCLEAR or error.get("is_transient") is True:
        return reply.unclear(reason)
    if code is not None and reply.status < 500:
        return reply.error(Rejected, reason)
    return reply.failure(reason)


def _failure_with_photos(reply: Reply) -> DeliveryError:
    """Do the same for a post with photos, which may be the objects that Facebook does not find."""
    text = _text(_error(reply)).lower()
    numbers = _numbers(_error(reply))
    if numbers == _NO_SUCH_OBJECT or (numbers[0] == _NO_SUCH_OBJECT[0] and "media_fbid" in text):
        return reply.error(UploadExpired, reply.readable(text))
    return _failure(reply)


def _error(reply: Reply) -> Mapping[str, Any]:
    error = reply.get("error")
    return error if isinstance(error, dict) else {}


def _numbers(error: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return the code and the subcode of an error."""
    code, subcode = (error.get(name) for name in ("code", "error_subcode"))
    return code if type(code) is int else None, subcode if type(subcode) is int else None


def _text(error: Mapping[str, Any]) -> str:
    parts = [error.get("error_user_title"), error.get("error_user_msg"), error.get("message")]
    text = ": ".join(str(part) for part in parts if part)
    code = "/".join(str(number) for number in _numbers(error) if number is not None)
    return f"{text} (code {code})" if text and code else text


def _wait(reply: Reply) -> float:
    """Return the seconds until access is regained, as Facebook says, or a quarter of an hour."""
    if (after := reply.retry_after()) is not None:
        return after
    try:
        usage = orjson.loads(reply.headers.get("X-Business-Use-Case-Usage", ""))
        minutes = [
            float(case["estimated_time_to_regain_access"])
            for cases in usage.values()
            for case in cases
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        minutes = []
    longest = max(minutes, default=0.0)
    return longest * 60 if 0 < longest < float("inf") else _THROTTLED_WAIT


def _attached(message: FacebookPost) -> dict[str, str]:
    return {
        f"attached_media[{number}]": orjson.dumps({"media_fbid": upload}).decode()
        for number, upload in enumerate(message.upload_ids())
    }


def _receipt(number: str, url: str = "", time: float | None = None) -> Receipt:
    return Receipt(number, url or f"https://www.facebook.com/{number}", time)


def _post(post: Mapping[str, Any], reply: Reply) -> Post:
    url = reply.web_address(post.get("permalink_url"))
    receipt = _receipt(reply.name(post["id"]), url, moment(post.get("created_time")))
    return Post(str(post.get("message") or ""), receipt)


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(Facebook())
