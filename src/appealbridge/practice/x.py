"""
The practice X: API v2 under `/x/2/`, with its paths, fields, headers and errors.

As on the real one, a text comes back with its links as t.co addresses and with `&`, `<` and `>` as
entities, an empty timeline has no `data` at all, and nothing here takes an idempotency key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.accounts import bearer_token, oauth1_token
from appealbridge.practice.allowance import LIMIT
from appealbridge.practice.answering import ACCOUNT, Answering, Declined, answer
from appealbridge.practice.authentication import Authentication
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.media import Media, Medium, form_with_file, kind_of
from appealbridge.practice.posts import PracticePost, Shelf
from appealbridge.practice.x_shapes import (
    checked,
    forbidden,
    in_reply_to,
    invalid,
    media_ids,
    not_found,
    page,
    problem,
    tweet,
    user_id,
)

_LARGEST, _LONGEST_ALT, _EXPIRES = 5 * 1024 * 1024, 1000, 1_295_999

_FRESH = 10
"""X does not show how a timeline was since a time that is nearer than so many seconds, or still to come."""


class PracticeX:
    """The practice X."""

    name = "x"

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock, media: Media) -> None:
        self._shelf = shelf
        self._media = media
        self._faults = faults
        self._clock = clock
        self._answering = Answering(self, faults, clock)
        self._authenticated = Authentication(
            self._answering,
            clock,
            token=_token,
            window=900,
            limits=self._rate_headers,
            refuse=self.expired,
        )

    def _rate_headers(self, remaining: int, reset: int) -> dict[str, str]:
        """Return the headers of every answer: the remaining rate limit, and what the login may do."""
        read_only = self._faults.is_on(self.name, FaultName.READ_ONLY)
        level = "read" if read_only else "read-write"
        return {**_limits(remaining, reset), "x-access-level": level}

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the API."""
        authenticated = self._authenticated
        return [
            web.post("/x/2/tweets", authenticated(self._create)),
            web.post("/x/2/media/upload", authenticated(self._upload)),
            web.post("/x/2/media/metadata", authenticated(self._describe)),
            web.get("/x/2/tweets/{id}", authenticated(self._show)),
            web.delete("/x/2/tweets/{id}", authenticated(self._delete)),
            web.get("/x/2/users/me", authenticated(self._me)),
            web.get("/x/2/users/{id}/tweets", authenticated(self._timeline)),
            web.route("*", "/x/{rest:.*}", self._answering.guard(_nowhere)),
        ]

    async def stop(self, _: web.Application) -> None:
        """Leave undone what was to be done later."""
        await self._answering.stop()

    def throttled(self, seconds: float | None) -> web.Response:
        """Say that the rate limit was hit and is reset in `seconds`; `None`: do not say when."""
        headers = None
        if seconds is not None:
            headers = _limits(0, math.ceil(self._clock.now() + seconds))
        return problem(429, "Too Many Requests", "Too Many Requests", headers=headers)

    def read_only(self) -> web.Response:
        """Say that the app's login may read and not write."""
        detail = (
            "Your client app is not configured with the appropriate oauth1 app permissions for this "
            "endpoint."
        )
        return problem(
            403, "Forbidden", detail, kind="oauth1-permissions", headers={"x-access-level": "read"}
        )

    def suspended(self) -> web.Response:
        """Say that the account is suspended."""
        detail = "The user used for authentication is suspended"
        return problem(403, "Forbidden", detail, kind="user-suspended")

    def unavailable(self) -> web.Response:
        """Say that the service is down for now."""
        return problem(503, "Service Unavailable", "Service Unavailable")

    def expired(self) -> web.Response:
        """Say that the login is no longer good."""
        return problem(401, "Unauthorized", "Unauthorized")

    def out_of_credits(self) -> web.Response:
        """Say that the account has no credits left."""
        return problem(
            402,
            "CreditsDepleted",
            "Your enrolled account [1] does not have any credits to fulfill this request.",
            kind="credits",
        )

    def crashed(self) -> web.Response:
        """Say that something went wrong inside."""
        return problem(
            500, "Internal Server Error", "Something is broken. This is usually temporary."
        )

    def forbidden(self) -> web.Response:
        """Say that the login may not delete this post."""
        return forbidden("You are not authorized to delete this Tweet.")

    async def _create(self, request: web.Request) -> web.StreamResponse:
        parameters = checked(await request.read())
        account = request[ACCOUNT]
        text: str = parameters["text"]
        same = self._shelf.same_text(self.name, account, text)
        if same and self._faults.take(self.name, {FaultName.DUPLICATE_FILTER}):
            raise Declined(
                forbidden("You are not allowed to create a Tweet with duplicate content.")
            )
        answered = in_reply_to(parameters)
        if answered is not None and self._shelf.live(self.name, answered) is None:
            raise Declined(
                forbidden(
                    "You attempted to reply to a Tweet that is deleted or not visible to you."
                )
            )
        media = self._attached(parameters, account)
        more = {} if answered is None else {"in_reply_to": answered}
        shown_media = [medium.shown() for medium in media]
        post = self._shelf.add(self.name, account, text, media=shown_media, more=more)
        for medium in media:
            medium.post = post.id
        shown = tweet(post, set())["text"]
        data = {"id": post.id, "text": shown, "edit_history_tweet_ids": [post.id]}
        return answer(201, {"data": data})

    def _attached(self, parameters: Mapping[str, Any], account: str) -> list[Medium]:
        """Return the pictures of a wanted tweet; one that X does not have is declined."""
        ids = media_ids(parameters)
        media = [self._media.of(self.name, account, id_) for id_ in ids]
        if any(medium is None or medium.post for medium in media):
            raise Declined(
                invalid("media.media_ids", f"[{','.join(ids)}]", "Your media IDs are invalid.")
            )
        return [medium for medium in media if medium is not None]

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        fields, data = await form_with_file(request, "media")
        if data is None:
            raise Declined(invalid("media", "", "$.media: is missing but it is required"))
        category = fields.get("media_category", "")
        if category not in ("tweet_image", "dm_image", "subtitles"):
            raise Declined(invalid("media_category", category, "is not one of tweet_image, …"))
        wrong = not kind_of(data) or len(data) > _LARGEST or self._media.refuses(self.name)
        if wrong:
            raise Declined(problem(400, "Invalid Request", "media type unrecognized or too large."))
        medium = self._media.add(self.name, request[ACCOUNT], data)
        shown = {
            "id": medium.id,
            "media_key": f"3_{medium.id}",
            "size": len(data),
            "expires_after_secs": _EXPIRES,
        }
        return answer(200, {"data": shown})

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        try:
            parameters = orjson.loads(await request.read())
            id_, alt = str(parameters["id"]), parameters["metadata"]["alt_text"]["text"]
        except (orjson.JSONDecodeError, LookupError, TypeError):
            raise Declined(invalid("metadata", "", "$.metadata: is not valid")) from None
        medium = self._media.of(self.name, request[ACCOUNT], id_)
        if medium is None:
            raise Declined(
                problem(404, "Not Found Error", f"Could not find media with id: [{id_}].")
            )
        if not isinstance(alt, str) or not 0 < len(alt) <= _LONGEST_ALT:
            message = f"$.metadata.alt_text.text: must be at most {_LONGEST_ALT} characters long"
            raise Declined(invalid("metadata.alt_text.text", "", message))
        medium.alt = alt
        shown = {"id": id_, "associated_metadata": {"alt_text": {"text": alt}}}
        return answer(200, {"data": shown})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        post_id = request.match_info["id"]
        post = self._shelf.live(self.name, post_id)
        if post is None:
            return answer(200, {"errors": [not_found("tweet", "id", post_id)]})
        return answer(200, {"data": tweet(post, _wanted_fields(request))})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        post_id = request.match_info["id"]
        if not post_id.isdigit() or len(post_id) > 19:
            raise Declined(
                invalid("id", post_id, f"The `id` query parameter value [{post_id}] is not valid")
            )
        post = self._shelf.live(self.name, post_id)
        if post is not None and post.account != request[ACCOUNT]:
            raise Declined(self.forbidden())
        if post is not None:
            self._answering.delete(self._shelf, post)
        # The real one says so of a tweet that is gone already, too.
        return answer(200, {"data": {"deleted": True}})

    async def _me(self, request: web.Request) -> web.StreamResponse:
        account = request[ACCOUNT]
        return answer(200, {"data": {"id": user_id(account), "name": account, "username": account}})

    async def _timeline(self, request: web.Request) -> web.StreamResponse:
        account = self._account_of(request.match_info["id"], request[ACCOUNT])
        if account is None:
            parameters = request.match_info["id"]
            return answer(200, {"errors": [not_found("user", "id", parameters)]})
        most = _max_results(request.query.get("max_results", "10"))
        start = _time(request, "start_time", float("-inf"))
        if start > self._clock.now() - _FRESH:
            raise Declined(_too_late(request.query["start_time"]))
        end = _time(request, "end_time", float("inf"))
        after = _tweet_id(request, "since_id")
        before = _tweet_id(request, "pagination_token") or _tweet_id(request, "until_id")
        listed: list[PracticePost] = []
        for post in self._shelf.timeline(self.name, account):
            if post.created_at < start or post.number <= after or len(listed) > most:
                break
            if post.created_at <= end and (not before or post.number < before):
                listed.append(post)
        return answer(200, page(listed, most, _wanted_fields(request)))

    def _account_of(self, identifier: str, asking: str) -> str | None:
        for account in (asking, *self._shelf.accounts(self.name)):
            if user_id(account) == identifier:
                return account
        return None


async def _nowhere(_: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


def _token(headers: Mapping[str, str]) -> str | None:
    return oauth1_token(headers) or bearer_token(headers)


def _limits(remaining: int, reset: int) -> dict[str, str]:
    return {
        "x-rate-limit-limit": str(LIMIT),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(reset),
    }


def _wanted_fields(request: web.Request) -> set[str]:
    return set(request.query.get("tweet.fields", "").split(","))


def _too_late(value: str) -> web.Response:
    message = f"Invalid 'start_time':'{value}'. It must be {_FRESH} seconds before the request at the latest"
    return invalid("start_time", value, message)


def _max_results(value: str) -> int:
    if value.isdigit() and 5 <= int(value) <= 100:
        return int(value)
    message = f"The `max_results` query parameter value [{value}] is not between 5 and 100"
    raise Declined(invalid("max_results", value, message))


def _tweet_id(request: web.Request, name: str) -> int:
    """Return a tweet's number from the query, 0 where there is none."""
    value = request.query.get(name, "0")
    if value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    message = f"The `{name}` query parameter value [{value}] is not valid"
    raise Declined(invalid(name, value, message))


def _time(request: web.Request, name: str, otherwise: float) -> float:
    value = request.query.get(name)
    if value is None:
        return otherwise
    try:
        at = datetime.fromisoformat(value)
        if not value.endswith("Z"):
            raise ValueError(value)
    except ValueError:
        message = f"The `{name}` query parameter value [{value}] is not a valid RFC3339 date-time"
        raise Declined(invalid(name, value, message)) from None
    return at.astimezone(UTC).timestamp()
