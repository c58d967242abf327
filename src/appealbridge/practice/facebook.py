"""
The practice Facebook: the Graph API's page feed under `/facebook/vNN.N/`.

As on the real one, errors come as 400 with a code of their own, times have whole seconds, and
nothing here takes an idempotency key.
"""

from __future__ import annotations

import math
from typing import Any

import orjson
from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.accounts import account_name, bearer_token, well_formed
from appealbridge.practice.answering import ACCOUNT, Answering, Declined, Handler, answer
from appealbridge.practice.facebook_shapes import (
    gone,
    graph_error,
    page_of,
    page_shown,
    post_shown,
    seconds_of,
    wanted_fields,
)
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.media import Media, form_with_file, kind_of
from appealbridge.practice.posts import PracticePost, Shelf

_LONGEST = 63_206
_MOST = 100
_MOST_PHOTOS, _LARGEST_PHOTO = 10, 4 * 1024 * 1024
_PARAMETERS = web.RequestKey("parameters", dict[str, str])
_SOURCE = web.RequestKey("source", bytes)


class PracticeFacebook:
    """The practice Facebook."""

    name = "facebook"

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock, media: Media) -> None:
        self._shelf = shelf
        self._media = media
        self._faults = faults
        self._clock = clock
        self._answering = Answering(self, faults, clock)

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the API."""
        api, authenticated = r"/facebook/{version:v\d+\.\d+}", self._authenticated
        page, post = rf"{api}/{{page:\d+|me}}", rf"{api}/{{post:\d+_\d+}}"
        return [
            web.post(f"{page}/feed", authenticated(self._create)),
            web.get(f"{page}/feed", authenticated(self._feed)),
            web.post(f"{page}/photos", authenticated(self._upload)),
            web.get(page, authenticated(self._page)),
            web.delete(page, authenticated(self._delete_photo)),
            web.get(post, authenticated(self._show)),
            web.post(post, authenticated(self._edit)),
            web.delete(post, authenticated(self._delete)),
            web.route("*", "/facebook/{rest:.*}", self._answering.guard(_nowhere)),
        ]

    async def stop(self, _: web.Application) -> None:
        """Leave undone what was to be done later."""
        await self._answering.stop()

    def throttled(self, seconds: float | None) -> web.Response:
        """
        Say that the page's limit was hit and is reset in `seconds`; `None`: do not say when.

        The real one tells the wait in whole minutes, which says nothing about shorter ones: those
        stand in Retry-After only.
        """
        if seconds is None:
            return graph_error(32, "(#32) Page request limit reached", status=403)
        headers = {"Retry-After": str(math.ceil(seconds))}
        if seconds >= 60:
            usage = {
                "type": "pages",
                "call_count": 100,
                "estimated_time_to_regain_access": math.ceil(seconds / 60),
            }
            headers["X-Business-Use-Case-Usage"] = orjson.dumps({"1": [usage]}).decode()
        return graph_error(32, "(#32) Page request limit reached", status=429, headers=headers)

    def unavailable(self) -> web.Response:
        """Say that the service is down for now: its front door says so, before Graph was asked."""
        return web.Response(status=503, text="Service Unavailable")

    def expired(self) -> web.Response:
        """Say that the login is no longer good."""
        return graph_error(
            190,
            "Error validating access token: Session has expired on Sunday, 01-Nov-26 08:00:00 PST.",
            subcode=463,
        )

    def out_of_credits(self) -> web.Response:
        """Say that the page may not write for now."""
        text = "The action attempted has been deemed abusive or is otherwise disallowed"
        return graph_error(368, text, subcode=1390008)

    def read_only(self) -> web.Response:
        """Say that the token lacks the permission to post, or its person the role on the page."""
        text = (
            "(#200) If posting to a page, requires both pages_read_engagement and pages_manage_posts as "
            "an admin with sufficient administrative permission"
        )
        return graph_error(200, text, status=403)

    def suspended(self) -> web.Response:
        """Say that the person behind the token has to confirm who they are."""
        text = "Error validating access token: The user is enrolled in a blocking, logged-in checkpoint"
        return graph_error(190, text, subcode=459)

    def crashed(self) -> web.Response:
        """Say that something went wrong inside."""
        return graph_error(1, "An unknown error occurred", status=500)

    def forbidden(self) -> web.Response:
        """Say that the login may not delete this post."""
        return graph_error(200, "(#200) Permissions error", status=403)

    def _authenticated(self, handler: Handler) -> Handler:
        """Hand a request on with its parameters and its token's page."""

        async def identified(request: web.Request) -> web.StreamResponse:
            parameters, photo = await _parameters(request)
            if photo is not None:
                request[_SOURCE] = photo
            token = parameters.get("access_token") or bearer_token(request.headers)
            if not token:
                raise Declined(
                    graph_error(104, "An access token is required to request this resource.")
                )
            if not well_formed(token):
                text = "Invalid OAuth access token - Cannot parse access token"
                raise Declined(graph_error(190, text))
            own = page_of(account_name(token))
            named = request.match_info.get("page", "me")
            request[ACCOUNT] = own if named == "me" else named
            request[_PARAMETERS] = parameters
            response = await handler(request)
            response.headers["facebook-api-version"] = request.match_info["version"]
            return response

        return self._answering.guard(identified)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        parameters = request[_PARAMETERS]
        page = request[ACCOUNT]
        message, link = parameters.get("message", ""), parameters.get("link", "")
        _check(message, link)
        same = self._shelf.same_text(self.name, page, message)
        if same and self._faults.take(self.name, {FaultName.DUPLICATE_FILTER}):
            raise Declined(graph_error(506, "(#506) Duplicate status message", subcode=1455006))
        media = [{"type": "link", "url": link}] if link else self._attached(parameters, page, "")
        more = {"published": parameters.get("published", "true") not in ("false", "0")}
        post = self._shelf.add(self.name, page, message, prefix=f"{page}_", media=media, more=more)
        self._mark_attached(post)
        return answer(200, {"id": post.id})

    def _attached(self, parameters: dict[str, str], page: str, post: str) -> list[dict[str, Any]]:
        """Return the photos that a post is to show; one that is not there is declined."""
        shown = []
        for number in range(_MOST_PHOTOS + 1):
            attached = parameters.get(f"attached_media[{number}]")
            if attached is None:
                break
            try:
                photo = str(orjson.loads(attached)["media_fbid"])
            except (orjson.JSONDecodeError, LookupError, TypeError):
                raise Declined(
                    graph_error(100, "(#100) Param attached_media must be a valid JSON object")
                ) from None
            medium = self._media.of(self.name, page, photo)
            if medium is None or medium.post not in ("", post):
                text = f"(#100) Invalid parameter: attached_media[{number}] media_fbid {photo}"
                raise Declined(graph_error(100, text, subcode=1366046))
            shown.append(medium.shown())
        return shown

    def _mark_attached(self, post: PracticePost) -> None:
        for shown in post.media:
            if medium := self._media.of(self.name, post.account, shown.get("id", "")):
                medium.post = post.id

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        parameters = request[_PARAMETERS]
        data, page = request.get(_SOURCE), request[ACCOUNT]
        if data is None:
            raise Declined(graph_error(324, "(#324) Requires upload file"))
        wrong = kind_of(data) not in ("image/jpeg", "image/png", "image/gif")
        if wrong or len(data) > _LARGEST_PHOTO or self._media.refuses(self.name):
            text = (
                "Your photos couldn't be uploaded. Photos should be less than 4 MB and saved as JPG, PNG "
                "or GIF files."
            )
            raise Declined(graph_error(100, text, subcode=1366046))
        if parameters.get("published", "true") not in ("false", "0"):
            text = "a practice page takes photos for posts only: send published=false"
            raise Declined(graph_error(100, f"(#100) {text}"))
        alt = parameters.get("alt_text_custom", "")
        medium = self._media.add(self.name, page, data, alt=alt)
        return answer(200, {"id": medium.id})

    async def _delete_photo(self, request: web.Request) -> web.StreamResponse:
        photo = request.match_info["page"]
        if self._media.live(self.name, photo) is None:
            raise Declined(gone(request.method, photo))
        self._media.remove(self.name, photo)
        return answer(200, {"success": True})

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        parameters = request[_PARAMETERS]
        fields = wanted_fields(parameters.get("fields", ""), ("created_time", "message", "id"))
        since = seconds_of(parameters.get("since"), 0.0)
        until = seconds_of(parameters.get("until"), float("inf"))
        most = (
            min(_MOST, max(1, int(parameters["limit"])))
            if parameters.get("limit", "").isdigit()
            else 25
        )
        after = int(parameters["after"]) if parameters.get("after", "").isdigit() else 0
        listed: list[PracticePost] = []
        for post in self._shelf.timeline(self.name, request[ACCOUNT]):
            if post.created_at < since or len(listed) > most:
                break
            if (
                post.more["published"]
                and post.created_at <= until
                and (not after or post.number < after)
            ):
                listed.append(post)
        page = listed[:most]
        body: dict[str, Any] = {
            "data": [post_shown(post, fields, _origin(request)) for post in page]
        }
        if page:
            cursors = {"before": str(page[0].number), "after": str(page[-1].number)}
            body["paging"] = {"cursors": cursors}
            if len(listed) > most:
                further = request.url.update_query({"after": cursors["after"]})
                body["paging"]["next"] = str(further)
        return answer(200, body)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if self._media.was_there(self.name, photo := request.match_info["page"]):
            if self._media.live(self.name, photo) is None:
                raise Declined(gone(request.method, photo))
            return answer(200, {"id": photo})
        fields = wanted_fields(request[_PARAMETERS].get("fields", ""), ("name", "id"))
        can_post = not self._faults.is_on(self.name, FaultName.READ_ONLY)
        return answer(200, page_shown(request[ACCOUNT], fields, can_post=can_post))

    async def _show(self, request: web.Request) -> web.StreamResponse:
        fields = wanted_fields(
            request[_PARAMETERS].get("fields", ""), ("created_time", "message", "id")
        )
        post = self._post_of(request)
        self._answering.edit_by_hand(self._shelf, post)
        return answer(200, post_shown(post, fields, _origin(request)))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        parameters = request[_PARAMETERS]
        post = self._post_of(request)
        if self._faults.take(self.name, {FaultName.EDIT_REFUSED}):
            raise Declined(graph_error(100, "(#100) This post cannot be edited"))
        self._answering.edit_by_hand(self._shelf, post)
        if "message" in parameters and parameters["message"] != post.text:
            _check(parameters["message"], "")
            self._shelf.edit(post, parameters["message"])
        if "attached_media[0]" in parameters:
            self._shelf.show(post, self._attached(parameters, post.account, post.id))
            self._mark_attached(post)
        if parameters.get("is_published") in ("true", "1"):
            self._shelf.mark(post, published=True)
        return answer(200, {"success": True})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        post = self._post_of(request)
        self._answering.delete(self._shelf, post)
        return answer(200, {"success": True})

    def _post_of(self, request: web.Request) -> PracticePost:
        post_id = request.match_info["post"]
        post = self._shelf.live(self.name, post_id)
        if post is None:
            raise Declined(gone(request.method, post_id))
        return post


async def _nowhere(request: web.Request) -> web.StreamResponse:
    path = request.match_info["rest"]
    return graph_error(2500, f"Unknown path components: /{path}")


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


async def _parameters(request: web.Request) -> tuple[dict[str, str], bytes | None]:
    """Return what was sent, in the query, as a form or as JSON, and the photo if there is one."""
    parameters = dict(request.query)
    if request.content_type == "application/json":
        try:
            sent = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            sent = None
        if not isinstance(sent, dict):
            raise Declined(graph_error(100, "(#100) The request body is not a JSON object"))
        return parameters | {name: _as_text(value) for name, value in sent.items()}, None
    fields, photo = await form_with_file(request, "source")
    return parameters | fields, photo


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _check(message: str, link: str) -> None:
    if not message.strip() and not link:
        text = "(#197) The post is empty. Please enter a message to share."
        raise Declined(graph_error(197, text))
    if len(message) > _LONGEST:
        raise Declined(graph_error(100, "(#100) Param message is too long"))
    if link and not link.startswith(("http://", "https://")):
        raise Declined(graph_error(100, "(#100) link URL is not properly formatted"))
