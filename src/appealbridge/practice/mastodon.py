"""
The practice Mastodon: API v1 and v2 under `/mastodon/api/`.

As on the real one, an Idempotency-Key is honoured for an hour even if the first answer was lost, a
text comes back as HTML, and a second delete finds nothing. Servers that speak the same API and know
no keys, or fail at a repeated one, are practised by `keys_ignored` and `repeat_500`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.accounts import bearer_token
from appealbridge.practice.allowance import LIMIT
from appealbridge.practice.answering import ACCOUNT, Answering, Declined, answer, form
from appealbridge.practice.authentication import Authentication
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.links import LINK_LENGTH, length
from appealbridge.practice.mastodon_shapes import (
    account_id,
    account_shown,
    attachment,
    source_of,
    status,
)
from appealbridge.practice.media import Media, Medium, form_with_file, kind_of
from appealbridge.practice.posts import PracticePost, Shelf, readable

_LONGEST, _LONGEST_ALT, _MOST_MEDIA, _LARGEST = 500, 1500, 4, 16 * 1024 * 1024
_KEY_SECONDS = 3600.0
_VISIBILITIES = ("public", "unlisted", "private", "direct")


class PracticeMastodon:
    """The practice Mastodon."""

    name = "mastodon"

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock, media: Media) -> None:
        self._shelf = shelf
        self._media = media
        self._faults = faults
        self._clock = clock
        self._answering = Answering(self, faults, clock)
        self._authenticated = Authentication(
            self._answering,
            clock,
            token=bearer_token,
            window=300,
            limits=_limits,
            refuse=self.expired,
        )

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the API."""
        api, authenticated = "/mastodon/api", self._authenticated
        return [
            web.post(f"{api}/v1/statuses", authenticated(self._create)),
            web.get(f"{api}/v1/statuses/{{id}}", authenticated(self._show)),
            web.get(f"{api}/v1/statuses/{{id}}/source", authenticated(self._source)),
            web.put(f"{api}/v1/statuses/{{id}}", authenticated(self._edit)),
            web.delete(f"{api}/v1/statuses/{{id}}", authenticated(self._delete)),
            web.post(f"{api}/v2/media", authenticated(self._upload)),
            web.get(f"{api}/v1/media/{{id}}", authenticated(self._uploaded)),
            web.get(f"{api}/v1/accounts/verify_credentials", authenticated(self._me)),
            web.get(f"{api}/v1/apps/verify_credentials", authenticated(self._application)),
            web.get(f"{api}/v1/accounts/{{id}}/statuses", authenticated(self._timeline)),
            web.get(f"{api}/v2/instance", self._answering.guard(self._instance)),
            web.get("/mastodon/@{account}/{id}", _on_the_wall),
            web.route("*", "/mastodon/{rest:.*}", self._answering.guard(_nowhere)),
        ]

    async def stop(self, _: web.Application) -> None:
        """Leave undone what was to be done later."""
        await self._answering.stop()

    def throttled(self, seconds: float | None) -> web.Response:
        """Say that the rate limit was hit and is reset in `seconds`; `None`: do not say when."""
        headers = None if seconds is None else _limits(0, self._clock.now() + seconds)
        return answer(429, {"error": "Too many requests"}, headers)

    def read_only(self) -> web.Response:
        """Say that the token lacks the scope."""
        return answer(403, {"error": "This action is outside the authorized scopes"})

    def suspended(self) -> web.Response:
        """Say that the account is disabled."""
        return answer(403, {"error": "Your login is currently disabled"})

    def unavailable(self) -> web.Response:
        """Say that the service is down for now."""
        return answer(503, {"error": "There was a temporary problem serving your request"})

    def expired(self) -> web.Response:
        """Say that the login is no longer good."""
        return answer(401, {"error": "The access token is invalid"})

    def out_of_credits(self) -> web.Response:
        """Say that the account may not write any more; Mastodon knows no credits, only moderation."""
        return answer(403, {"error": "Your login is currently disabled"})

    def crashed(self) -> web.Response:
        """Say that something went wrong inside."""
        return answer(500, {"error": "We're sorry, but something went wrong on our end."})

    def forbidden(self) -> web.Response:
        """Say that the login may not delete this post."""
        return answer(403, {"error": "This action is not allowed"})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        parameters = await _parameters(request)
        account = request[ACCOUNT]
        key = readable(request.headers.get("Idempotency-Key", "")) or None
        sent = self._sent_with(account, key)
        if sent is not None and not self._faults.take(self.name, {FaultName.KEYS_IGNORED}):
            if self._faults.take(self.name, {FaultName.REPEAT_500}):
                raise Declined(self.crashed())
            return answer(200, status(sent, _origin(request)))
        text = _text(parameters)
        visibility = parameters.get("visibility") or "public"
        if visibility not in _VISIBILITIES:
            raise Declined(
                answer(422, {"error": "Validation failed: Visibility is not included in the list"})
            )
        answered = parameters.get("in_reply_to_id") or None
        if answered is not None and self._shelf.live(self.name, str(answered)) is None:
            raise Declined(_gone())
        same = self._shelf.same_text(self.name, account, text)
        if same and self._faults.take(self.name, {FaultName.DUPLICATE_FILTER}):
            raise Declined(
                answer(422, {"error": "Validation failed: Text has already been posted"})
            )
        media = self._attached(parameters, account, "")
        more: dict[str, Any] = {"visibility": visibility}
        more |= {
            name: parameters[name] for name in ("language", "spoiler_text") if parameters.get(name)
        }
        if answered is not None:
            more["in_reply_to"] = str(answered)
        shown = [medium.shown() for medium in media]
        post = self._shelf.add(self.name, account, text, media=shown, client_key=key, more=more)
        for medium in media:
            medium.post = post.id
        return answer(200, status(post, _origin(request)))

    def _attached(self, parameters: dict[str, Any], account: str, post: str) -> list[Medium]:
        """Return the pictures that a post is to have; what is not there, or in another post, is declined."""
        ids = parameters.get("media_ids") or parameters.get("media_ids[]") or []
        ids = [str(id_) for id_ in (ids if isinstance(ids, list) else [ids])]
        if len(ids) > _MOST_MEDIA:
            text = f"Validation failed: Cannot attach more than {_MOST_MEDIA} files"
            raise Declined(answer(422, {"error": text}))
        media = []
        for id_ in ids:
            medium = self._media.of(self.name, account, id_)
            if medium is None or medium.post not in ("", post):
                text = (
                    f"Validation failed: Media {id_} not found or already attached to another post"
                )
                raise Declined(answer(422, {"error": text}))
            if not self._media.is_ready(medium):
                text = (
                    "Validation failed: Cannot attach files that have not finished processing. Try "
                    "again in a moment!"
                )
                raise Declined(answer(422, {"error": text}))
            media.append(medium)
        return media

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        fields, data = await form_with_file(request, "file")
        description = fields.get("description", "")
        wrong = data is None or not kind_of(data) or len(data) > _LARGEST
        if data is None or wrong or self._media.refuses(self.name):
            text = "Validation failed: File content type is invalid, File is invalid"
            raise Declined(answer(422, {"error": text}))
        if len(description) > _LONGEST_ALT:
            text = (
                f"Validation failed: Description is too long (maximum is {_LONGEST_ALT} characters)"
            )
            raise Declined(answer(422, {"error": text}))
        medium = self._media.add(self.name, request[ACCOUNT], data, alt=description)
        ready = self._media.is_ready(medium)
        return answer(200 if ready else 202, attachment(medium, _origin(request), ready=ready))

    async def _uploaded(self, request: web.Request) -> web.StreamResponse:
        medium = self._media.of(self.name, request[ACCOUNT], request.match_info["id"])
        if medium is None or medium.post:
            raise Declined(_gone())
        ready = self._media.is_ready(medium)
        return answer(200 if ready else 206, attachment(medium, _origin(request), ready=ready))

    async def _show(self, request: web.Request) -> web.StreamResponse:
        post = self._post_of(request)
        self._answering.edit_by_hand(self._shelf, post)
        return answer(200, status(post, _origin(request)))

    async def _source(self, request: web.Request) -> web.StreamResponse:
        post = self._post_of(request, own=True)
        spoiler = post.more.get("spoiler_text", "")
        return answer(200, {"id": post.id, "text": source_of(post.text), "spoiler_text": spoiler})

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        parameters = await _parameters(request)
        post = self._post_of(request, own=True)
        text = _text(parameters)
        if self._faults.take(self.name, {FaultName.EDIT_REFUSED}):
            raise Declined(answer(422, {"error": "Validation failed: Status cannot be edited"}))
        self._answering.edit_by_hand(self._shelf, post)
        # As on the real one, a warning that is left out is taken off, and a language stays.
        more = {"spoiler_text": str(parameters.get("spoiler_text") or "")}
        if parameters.get("language"):
            more["language"] = parameters["language"]
        media = self._attached(parameters, post.account, post.id)
        shown = [medium.shown() for medium in media]
        for medium in media:
            medium.post = post.id
        if shown != post.media:
            # As on the real one, pictures that an edit leaves out are gone.
            self._shelf.show(post, shown)
        if text != post.text or more["spoiler_text"] != post.more.get("spoiler_text", ""):
            self._shelf.edit(post, text)
        if any(post.more.get(name, "") != value for name, value in more.items()):
            self._shelf.mark(post, **more)
        return answer(200, status(post, _origin(request)))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        post = self._post_of(request, own=True)
        self._answering.delete(self._shelf, post)
        return answer(200, status(post, _origin(request)) | {"text": post.text})

    async def _me(self, request: web.Request) -> web.StreamResponse:
        return answer(200, account_shown(request[ACCOUNT], _origin(request)))

    async def _application(self, _: web.Request) -> web.StreamResponse:
        read_only = self._faults.is_on(self.name, FaultName.READ_ONLY)
        scopes = ["read"] if read_only else ["read", "write:statuses"]
        return answer(200, {"name": "AppealBridge", "website": None, "scopes": scopes})

    async def _timeline(self, request: web.Request) -> web.StreamResponse:
        account = self._account_of(request.match_info["id"], request[ACCOUNT])
        if account is None:
            raise Declined(_gone())
        most = min(40, max(1, _number(request, "limit", 20)))
        after = _number(request, "since_id", 0)
        before = _number(request, "max_id", 0)
        page: list[PracticePost] = []
        for post in self._shelf.timeline(self.name, account):
            if post.number <= after or len(page) == most:
                break
            if not before or post.number < before:
                page.append(post)
        origin = _origin(request)
        headers = {}
        if page:
            where = request.url.with_query({"limit": str(most), "max_id": page[-1].id})
            headers["Link"] = f'<{where}>; rel="next"'
        return answer(200, [status(post, origin) for post in page], headers)

    async def _instance(self, request: web.Request) -> web.StreamResponse:
        statuses = {
            "max_characters": _LONGEST,
            "max_media_attachments": _MOST_MEDIA,
            "characters_reserved_per_url": LINK_LENGTH,
        }
        return answer(
            200,
            {
                "domain": request.host,
                "title": "Practice Mastodon",
                "version": "4.6.0",
                "source_url": "https://github.com/mastodon/mastodon",
                "configuration": {
                    "statuses": statuses,
                    "media_attachments": {
                        "supported_mime_types": [
                            "image/jpeg",
                            "image/png",
                            "image/gif",
                            "image/webp",
                        ],
                        "description_limit": _LONGEST_ALT,
                        "image_size_limit": _LARGEST,
                        "image_matrix_limit": 33_177_600,
                    },
                },
            },
        )

    def _sent_with(self, account: str, key: str | None) -> PracticePost | None:
        """Return the status that this key made within its hour, if it is still up."""
        post = self._shelf.with_key(self.name, account, key) if key else None
        if post is None or post.deleted_at is not None:
            return None
        return post if self._clock.now() - post.created_at < _KEY_SECONDS else None

    def _post_of(self, request: web.Request, *, own: bool = False) -> PracticePost:
        post = self._shelf.live(self.name, request.match_info["id"])
        if post is None or (own and post.account != request[ACCOUNT]):
            raise Declined(_gone())
        return post

    def _account_of(self, identifier: str, asking: str) -> str | None:
        for account in (asking, *self._shelf.accounts(self.name)):
            if account_id(account) == identifier:
                return account
        return None


async def _nowhere(_: web.Request) -> web.StreamResponse:
    return _gone()


async def _on_the_wall(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(f"/#mastodon-{request.match_info['id']}")


def _gone() -> web.Response:
    return answer(404, {"error": "Record not found"})


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}/mastodon"


def _limits(remaining: int, reset: float) -> dict[str, str]:
    at = datetime.fromtimestamp(reset, UTC).isoformat(timespec="microseconds")
    return {
        "X-RateLimit-Limit": str(LIMIT),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": at.replace("+00:00", "Z"),
    }


async def _parameters(request: web.Request) -> dict[str, Any]:
    """Return what was sent, as JSON or as a form."""
    if request.content_type != "application/json":
        return dict(await form(request))
    try:
        identifier = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        identifier = None
    if not isinstance(identifier, dict):
        raise Declined(answer(400, {"error": "Error parsing request body"}))
    return identifier


def _text(identifier: dict[str, Any]) -> str:
    text = identifier.get("status")
    if not isinstance(text, str) or not text.strip():
        raise Declined(answer(422, {"error": "Validation failed: Text can't be blank"}))
    if length(text) + length(str(identifier.get("spoiler_text") or "")) > _LONGEST:
        text = f"Validation failed: Text character limit of {_LONGEST} exceeded"
        raise Declined(answer(422, {"error": text}))
    return text


def _number(request: web.Request, name: str, otherwise: int) -> int:
    value = request.query.get(name, "")
    return int(value) if value.isdigit() else otherwise
