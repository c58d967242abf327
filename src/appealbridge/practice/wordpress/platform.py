"""
The practice WordPress: a site under `/wordpress/`, with its REST API under `/wordpress/wp-json/`.

As on the real one, a login that does not count is ignored, so its owner is refused what a stranger is refused; a second
post of the same address gets another one; and a deleted post is in the trash, where a search by its address does not
find it. A user may change only their own posts.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.answering import ACCOUNT, Answering, Declined, answer
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.posts import PracticePost, Shelf, readable
from appealbridge.practice.wordpress.errors import WordPressErrors, error, forbidden_context, wrong
from appealbridge.practice.wordpress.library import PracticeLibrary
from appealbridge.practice.wordpress.shapes import (
    filtered,
    heading,
    is_public,
    link,
    pictures_in,
    plain,
    rendered,
    shown,
    texturized,
)
from appealbridge.practice.wordpress.terms import PracticeTerms

_STATUSES = ("publish", "future", "draft", "pending", "private")
_SLUG = re.compile(r"[^a-z0-9_-]+")
_PAGE = """<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><title>{title} – Practice Police</title></head>
<body><h1>{title}</h1>
{content}</body></html>
"""


class PracticeWordPress(WordPressErrors):
    """The practice WordPress."""

    name = "wordpress"

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock) -> None:
        self._shelf = shelf
        self._faults = faults
        self._answering = Answering(self, faults, clock)
        self._terms = PracticeTerms()
        self._library = PracticeLibrary(shelf, self.name, faults)

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the site."""
        guarded = self._answering.guard(self._api)
        return [
            web.route("*", "/wordpress/wp-json/{path:.*}", guarded),
            web.get("/wordpress", self._front),
            web.get("/wordpress/", self._front),
            web.route("*", "/wordpress/", guarded),
            web.get(r"/wordpress/{year:\d{4}}/{month:\d\d}/{slug}/", self._page),
            web.get("/wordpress/wp-content/uploads/{file}", self._file),
            web.route("*", "/wordpress/{rest:.*}", self._nothing),
        ]

    async def stop(self, _: web.Application) -> None:
        """Leave undone what was to be done later."""
        await self._answering.stop()

    # -- what readers get -----------------------------------------------------------------------

    async def _front(self, request: web.Request) -> web.StreamResponse:
        if "rest_route" in request.query:
            return await self._answering.guard(self._api)(request)
        if "p" in request.query:
            post = self._by_id(request.query["p"])
            if post is None or not is_public(post):
                return _not_found()
            raise web.HTTPMovedPermanently(link(post, _site(request)))
        page = _PAGE.format(title="Practice Police", content="")
        headers = {"Link": f'<{_site(request)}/wp-json/>; rel="https://api.w.org/"'}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        for post in self._with_slug(request.match_info["slug"]):
            if is_public(post):
                page = _PAGE.format(
                    title=texturized(post.more["title"]), content=rendered(post.more["content"])
                )
                return web.Response(text=page, content_type="text/html")
        return _not_found()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._library.file(request.match_info["file"]) or _not_found()

    async def _nothing(self, _: web.Request) -> web.StreamResponse:
        return _not_found()

    # -- the API --------------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info.get("path", request.query.get("rest_route", "")).strip("/")
        request[ACCOUNT] = _user(request)
        if not path:
            return answer(200, {"name": "Practice Police", "namespaces": ["oembed/1.0", "wp/v2"]})
        handlers: dict[str, Callable[..., Awaitable[web.StreamResponse]]] = {
            "GET posts": self._list, "POST posts": self._create, "GET post": self._show,
            "POST post": self._edit, "PUT post": self._edit, "PATCH post": self._edit,
            "DELETE post": self._delete, "GET terms": self._find_terms, "POST terms": self._add_term,
            "GET users/me": self._me,
        }  # fmt: skip
        route = path.removeprefix("wp/v2/")
        parameters = re.fullmatch(r"posts/(\d+)", route)
        arguments: tuple[str, ...] = ()
        if parameters:
            handler, arguments = handlers.get(f"{request.method} post"), (parameters[1],)
        elif route.partition("/")[0] == "media":
            return await self._media(request, route.partition("/")[2])
        elif route in self._terms:
            handler, arguments = handlers.get(f"{request.method} terms"), (route,)
        else:
            handler = handlers.get(f"{request.method} {route}")
        if handler is None or not path.startswith("wp/v2/"):
            raise Declined(_no_route())
        return await handler(request, *arguments)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        statuses = [each for each in request.query.get("status", "publish").split(",") if each]
        user = request[ACCOUNT]
        if statuses != ["publish"] and not user:
            raise Declined(wrong("status", "Status is forbidden.", "rest_forbidden_status", 401))
        edit = _for_editing(request)
        slugs = request.query.get("slug", "").split(",")
        posts = [
            shown(post, _site(request), edit=edit)
            for slug in slugs
            for post in self._with_slug(slug.removesuffix("__trashed"))
            if (post.deleted_at is not None) == slug.endswith("__trashed")
            and self._is_listed(post, statuses, user)
        ]
        return answer(200, posts, {"X-WP-Total": str(len(posts))})

    def _is_listed(self, post: PracticePost, statuses: list[str], user: str) -> bool:
        if post.deleted_at is not None:
            return "trash" in statuses and post.account == user
        if is_public(post):
            return bool({"publish", "any"} & set(statuses))
        return post.account == user and bool({post.more["status"], "any"} & set(statuses))

    async def _show(self, request: web.Request, number: str) -> web.StreamResponse:
        post = self._post_of(number)
        edit = _for_editing(request)
        if edit and post.account != request[ACCOUNT]:
            raise Declined(forbidden_context("Sorry, you are not allowed to edit this post.", 403))
        if not edit and not is_public(post) and post.account != request[ACCOUNT]:
            raise Declined(error(401, "rest_forbidden", "Sorry, you are not allowed to do that."))
        before = post.text
        self._answering.edit_by_hand(self._shelf, post)
        if post.text != before:
            added = html.escape(post.text.removeprefix(before).strip())
            self._shelf.mark(post, content=f"{post.more['content']}\n<p>{added}</p>")
        return answer(200, shown(post, _site(request), edit=edit))

    async def _create(self, request: web.Request) -> web.StreamResponse:
        user = request[ACCOUNT]
        parameters = await _parameters(request)
        if not user:
            raise Declined(
                error(
                    401,
                    "rest_cannot_create",
                    "Sorry, you are not allowed to create posts as this user.",
                )
            )
        more = {
            "title": "", "content": "", "excerpt": "", "status": "draft", "category_ids": [1],
            "tag_ids": [], "slug": "", **self._fields_of(parameters),
        }  # fmt: skip
        if not (more["title"] or more["content"] or more["excerpt"]):
            raise Declined(error(400, "empty_content", "Content, title, and excerpt are empty."))
        by_title = "" if more["status"] == "draft" else more["title"].lower()
        slug = _SLUG.sub("-", more["slug"] or by_title).strip("-")
        more["slug"] = self._free(slug) if slug else ""
        text = readable(plain(more["title"], more["content"]))
        post = self._shelf.add(
            self.name, user, text, client_key=more["slug"], more=self._named(more),
            media=self._pictures(more, _site(request)),
        )  # fmt: skip
        body = shown(post, _site(request), edit=True)
        return answer(201, body, {"Location": f"{_site(request)}/wp-json/wp/v2/posts/{post.id}"})

    async def _edit(self, request: web.Request, number: str) -> web.StreamResponse:
        post = self._post_of(number)
        parameters = await _parameters(request)
        if post.account != request[ACCOUNT]:
            status = 403 if request[ACCOUNT] else 401
            raise Declined(
                error(status, "rest_cannot_edit", "Sorry, you are not allowed to edit this post.")
            )
        if self._faults.take(self.name, {FaultName.EDIT_REFUSED}):
            raise Declined(wrong("content", "Invalid parameter.", "rest_invalid_param", 400))
        self._answering.edit_by_hand(self._shelf, post)
        more = {**post.more, **self._fields_of(parameters)}
        text = readable(plain(more["title"], more["content"]))
        if text != post.text:
            self._shelf.edit(post, text)
        self._shelf.mark(post, **self._named(more))
        post.media = self._pictures(more, _site(request))
        return answer(200, shown(post, _site(request), edit=True))

    async def _delete(self, request: web.Request, number: str) -> web.StreamResponse:
        post = self._post_of(number)
        if post.account != request[ACCOUNT]:
            refusal = self.forbidden()
            if not request[ACCOUNT]:
                refusal = error(
                    401, "rest_cannot_delete", "Sorry, you are not allowed to delete this post."
                )
            raise Declined(refusal)
        if request.query.get("force") == "true":
            before = shown(post, _site(request), edit=True)
            if post.deleted_at is None:
                self._answering.delete(self._shelf, post)
            self._shelf.mark(post, gone=True)
            return answer(200, {"deleted": True, "previous": before})
        if post.deleted_at is not None:
            raise Declined(error(410, "rest_already_trashed", "The post has already been deleted."))
        self._answering.delete(self._shelf, post)
        # A site that lies or is slow says all the same that the post is in the trash.
        row = shown(post, _site(request), edit=True) | {"status": "trash"}
        return answer(200, row)

    async def _media(self, request: web.Request, number: str) -> web.StreamResponse:
        site, user, force = _site(request), request[ACCOUNT], request.query.get("force") == "true"
        if request.method == "POST" and not number:
            return await self._library.add(request, site, user)
        if request.method == "GET" and not number:
            return self._library.find(request.query, site, user)
        if number.isdigit() and request.method == "GET":
            return self._library.show(int(number), site, user)
        if number.isdigit() and request.method == "DELETE":
            return self._library.delete(
                int(number), site, user, force=force, answering=self._answering
            )
        raise Declined(_no_route())

    async def _find_terms(self, request: web.Request, kind: str) -> web.StreamResponse:
        return self._terms.find(kind, request.query.get("search", ""))

    async def _add_term(self, request: web.Request, kind: str) -> web.StreamResponse:
        name = (await _parameters(request)).get("name", "")
        return self._terms.add(kind, str(name), request[ACCOUNT])

    async def _me(self, request: web.Request) -> web.StreamResponse:
        user = request[ACCOUNT]
        if not user:
            raise Declined(self.expired())
        return answer(200, {"id": 2, "username": user, "name": user, "roles": ["editor"]})

    def _fields_of(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return what a request says of a post, as it is stored."""
        status = parameters.get("status", "draft")
        if status not in _STATUSES:
            reason = "status is not one of publish, future, draft, pending, and private."
            raise Declined(wrong("status", reason, "rest_not_in_enum", None))
        if not isinstance(parameters.get("slug", ""), str):
            raise Declined(wrong("slug", "slug is not of type string.", "rest_invalid_type", None))
        fields: dict[str, Any] = {
            name: filtered(parameters[name])
            for name in ("title", "content", "excerpt")
            if isinstance(parameters.get(name), str)  # anything else is ignored
        }
        fields |= {name: parameters[name] for name in ("slug", "status") if name in parameters}
        if "featured_media" in parameters:  # a number of no picture is ignored
            number = parameters["featured_media"]
            known = type(number) is int and self._library.get(number) is not None
            fields["featured_media"] = number if known else 0
        for name, of in (("categories", "category_ids"), ("tags", "tag_ids")):
            numbers = parameters.get(name, [])
            if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
                raise Declined(
                    wrong(name, f"{name}[0] is not of type integer.", "rest_invalid_type", None)
                )
            if name in parameters:  # numbers of no term are left out without a word
                fields[of] = self._terms.known(name, numbers)
        return fields

    def _named(self, more: dict[str, Any]) -> dict[str, Any]:
        """Return what is kept of a post, with its title and the names of its terms as people read them."""
        return {
            **more,
            "heading": heading(more["title"]),
            "published": more["status"] == "publish",
            "categories": self._terms.names("categories", more["category_ids"]),
            "tags": self._terms.names("tags", more["tag_ids"]),
        }

    def _pictures(self, more: dict[str, Any], site: str) -> list[dict[str, str]]:
        """Return the pictures of a post as the wall shows them: the featured one, then those in its text."""
        featured = self._library.get(more.get("featured_media", 0))
        images = [] if featured is None else [(featured.shown(site)["source_url"], featured.alt)]
        images += pictures_in(more["content"])
        return [{"type": "image", "url": url, "alt": alt} for url, alt in images]

    def _free(self, slug: str) -> str:
        """Return the slug, or with a number behind it if another post has it."""
        number, free = 1, slug
        while any(post.deleted_at is None for post in self._with_slug(free)):
            number += 1
            free = f"{slug}-{number}"
        return free

    def _with_slug(self, slug: str) -> list[PracticePost]:
        posts = (
            self._shelf.with_key(self.name, each, slug) for each in self._shelf.accounts(self.name)
        )
        return [post for post in posts if post is not None and not post.more.get("gone")]

    def _by_id(self, number: str) -> PracticePost | None:
        post = self._shelf.any(self.name, number)
        return None if post is None or post.more.get("gone") else post

    def _post_of(self, number: str) -> PracticePost:
        post = self._by_id(number)
        if post is None:
            raise Declined(error(404, "rest_post_invalid_id", "Invalid post ID."))
        return post


def _site(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}/wordpress"


def _user(request: web.Request) -> str:
    """Return the user of an application password, empty if there is none: a wrong one is ignored."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return readable(user) if colon and password.strip() else ""


def _for_editing(request: web.Request) -> bool:
    if request.query.get("context") != "edit":
        return False
    if not request[ACCOUNT]:
        raise Declined(
            forbidden_context("Sorry, you are not allowed to edit posts in this post type.", 401)
        )
    return True


async def _parameters(request: web.Request) -> dict[str, Any]:
    try:
        parameters = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        parameters = None
    if not isinstance(parameters, dict):
        raise Declined(error(400, "rest_invalid_json", "Invalid JSON body passed."))
    return parameters


def _no_route() -> web.Response:
    message = "No route was found matching the URL and request method."
    return error(404, "rest_no_route", message)


def _not_found() -> web.Response:
    page = _PAGE.format(title="Page not found", content="<p>Nothing was found here.</p>")
    return web.Response(status=404, text=page, content_type="text/html")
