"""
What all pages share: who visits, the layout, forms that only our own pages can send, and strict headers.

A page is a handler with a line in `web/access.py`:

    site.page("GET", "/waiting", waiting)

    async def waiting(visit: Visit) -> web.Response:
        return visit.show("waiting.html", title="What waits for you", rows=...)

A page that changes something is a POST. Its form has `{{ form_token }}` in it, and `visit.form` its fields.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from appealbridge.engine.engine import Engine
from appealbridge.model.actor import Actor, How
from appealbridge.model.errors import StoreError
from appealbridge.model.people import Profile
from appealbridge.plugin.offload import Pool, offload
from appealbridge.web.access import ROUTES, Access, Caller, refusal
from appealbridge.web.callers import CALLER
from appealbridge.web.connection import connection_of
from appealbridge.web.pages.origin import PageOrigin, origin_of
from appealbridge.web.pages.previews import visible
from appealbridge.web.pages.wording import act_text, hold_text, local_time
from appealbridge.web.problem import STATUSES, nothing_at, status_of

TEMPLATES = Path(__file__).parent / "templates"

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer`, browsers would send forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

FORM_BYTES = 64 * 1024
MOST_FIELDS = 200
FORM_SECONDS = 20.0

_COMPILING = Pool("templates of pages", 1)

Handler = Callable[["Visit"], Awaitable[web.StreamResponse]]


class Outside(Exception):
    """A form did not come from a page of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a page: who asks, from where, and the fields of the form."""

    site: Site
    request: web.Request
    place: PageOrigin
    caller: Caller
    person: Profile | None = None
    secret: str = field(default="", repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def actor(self) -> Actor:
        """Who decides; only on pages that ask for a log-in."""
        if self.caller.actor is None:
            raise RuntimeError("nobody is logged in")
        return self.caller.actor

    def may(self, path: str) -> bool:
        """Return whether this person may send the form of a page."""
        return ROUTES[f"POST {path}"].allows(self.caller)

    def show(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """Return a page."""
        return self.site.show(self, template, status, **values)

    def go_on(self, target: str) -> web.Response:
        """Return an answer that leads to another page of ours."""
        return web.Response(status=303, headers={hdrs.LOCATION: target, **HEADERS})


class Site:
    """Makes pages. `navigation` has their places in the menu: address, words, and who sees it by the table."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.routes: list[web.RouteDef] = []
        self.navigation: list[tuple[str, str]] = []
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["visible"] = visible
        self._environment.filters["named"] = lambda id_, name_of: name_of(id_)
        self._compiled = False
        self._style = (TEMPLATES / "style.css").read_bytes()
        self.routes.append(web.get("/style.css", self._send_style))

    def page(self, method: str, path: str, handler: Handler, menu: str = "") -> None:
        """Add a page; `menu` are its words in the menu."""
        access = ROUTES[f"{method} {path}"]
        if menu:
            self.navigation.append((path, menu))

        async def answer(request: web.Request) -> web.StreamResponse:
            visit = await self._visit(request)
            if isinstance(visit, web.StreamResponse):
                return visit
            if not self._compiled:
                await offload(_COMPILING, self._compile)
            return await self._answer(visit, access, handler)

        self.routes.append(web.route(method, path, answer))

    def _compile(self) -> None:
        """Compile all templates, which takes too long for the event loop and is only needed where people use pages."""
        for name in self._environment.list_templates(["html"]):
            self._environment.get_template(name)
        self._compiled = True

    def show(self, visit: Visit, template: str, status: int = 200, **values: Any) -> web.Response:
        """Return a page for a visit."""
        key = visit.secret or visit.request.cookies.get(visit.place.form_cookie, "")
        fresh = "" if key else new_secret()
        menu = [
            (path, label)
            for path, label in self.navigation
            if visit.caller.actor is not None and ROUTES[f"GET {path}"].allows(visit.caller)
        ]
        text = self._environment.get_template(template).render(
            person=visit.person,
            desk=visit.caller.desk,
            mode=self.engine.active.mode,
            stopped=visit.caller.actor is not None and self.engine.stops.in_force,
            when=partial(local_time, zone=self.engine.active.zone),
            act_text=act_text,
            hold_text=hold_text,
            name_of=self.engine.people.roster.shown,
            menu=menu,
            here=visit.request.path,
            form_token=_form_field(key or fresh),
            **values,
        )
        answer = web.Response(
            text=text, status=status, content_type="text/html", charset="utf-8", headers=HEADERS
        )
        if fresh:
            visit.place.set_cookie(answer, visit.place.form_cookie, fresh)
        return answer

    async def _visit(self, request: web.Request) -> Visit | web.StreamResponse:
        """Return the visit that a request is, or the answer where there are no pages."""
        active, people = self.engine.active, self.engine.people
        one_desk = people.roster.one_desk
        place = origin_of(request, active)
        if one_desk and (active.control_socket or isinstance(place, str) or place.secure):
            # Who may use the socket decides, and not everybody who has a user here.
            return nothing_at(request)
        if isinstance(place, str):
            return web.Response(status=421, text=f"{place}\n", headers=HEADERS)
        secret = request.cookies.get(place.session_cookie, "")[:100]
        if one_desk:
            caller = Caller(Actor("", How.DESK), desk=True)
            return Visit(site=self, request=request, place=place, caller=caller)
        try:
            logged_in = await people.log_ins.session(secret)
        except StoreError as error:
            return web.Response(status=503, text=f"{error}\n", headers=HEADERS)
        if logged_in is None:
            caller = Caller(why="you are not logged in")
            return Visit(site=self, request=request, place=place, caller=caller)
        person, _ = logged_in
        connection_of(request).proven()
        caller = Caller(Actor(person.id, How.LOG_IN, people.roster.shown(person.id)), person.roles)
        return Visit(
            site=self, request=request, place=place, caller=caller, person=person, secret=secret
        )

    async def _answer(self, visit: Visit, access: Access, handler: Handler) -> web.StreamResponse:
        request = visit.request
        request[CALLER] = visit.caller
        if not access.allows(visit.caller):
            if visit.caller.actor is None:
                target = quote(request.path_qs, safe="/") if request.method == "GET" else "/"
                return visit.go_on(f"/log-in?next={target}")
            return self._message(visit, 403, refusal(access, visit.caller))
        try:
            if request.method != "GET":
                visit = await self._with_form(visit)
            return await handler(visit)
        except Outside as error:
            return self._message(visit, 403, str(error))
        except tuple(STATUSES) as error:
            return self._message(visit, status_of(error), str(error))

    async def _with_form(self, visit: Visit) -> Visit:
        """Return the visit with the fields of its form; raise `Outside` if the form is none of ours."""
        request, place = visit.request, visit.place
        if request.headers.get(hdrs.ORIGIN) != place.origin:
            raise Outside("this form was not sent by a page of this address; load the page again")
        if request.content_type != "application/x-www-form-urlencoded":
            raise Outside("a form is sent as application/x-www-form-urlencoded")
        length = request.content_length
        if length is None or length > FORM_BYTES:
            raise Outside(f"a form has at most {FORM_BYTES} bytes")
        try:
            async with asyncio.timeout(FORM_SECONDS):
                body = await request.read()
        except TimeoutError:
            raise Outside("the form took too long to arrive; send it again") from None
        fields = dict(
            parse_qsl(
                body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
            )
        )
        key = visit.secret if visit.person else request.cookies.get(place.form_cookie, "")
        expected = _form_token(key)
        sent = fields.pop("form_token", "").encode()
        if not key or not hmac.compare_digest(sent, expected.encode()):
            raise Outside("this form is too old, or from another log-in; load the page again")
        return replace(visit, form=fields)

    def _message(self, visit: Visit, status: int, text: str) -> web.Response:
        """Return a page that says why something was not done."""
        message = self.engine.clean(text)
        return self.show(visit, "message.html", status, title="That did not work", message=message)

    async def _send_style(self, _request: web.Request) -> web.Response:
        headers = HEADERS | {"Cache-Control": "max-age=3600"}
        channels = {lane.channel for lane in self.engine.lanes.values()}
        tints = "".join(
            f".look.{channel.platform} {{ --tint: {channel.appearance.colour}; }}\n"
            for channel in channels
        )
        style = self._style + tints.encode()
        return web.Response(body=style, content_type="text/css", charset="utf-8", headers=headers)


def new_secret() -> str:
    """Return a new random value for a cookie."""
    return base64.urlsafe_b64encode(secrets.token_bytes(24)).decode()


def _form_token(key: str) -> str:
    """Return the value that proves that a form was made for the browser that has this cookie."""
    return hmac.digest(key.encode("utf-8", "replace"), b"form", "sha256").hex()


def _form_field(key: str) -> Markup:
    """Return the hidden field with that value."""
    return Markup('<input type="hidden" name="form_token" value="{}">').format(_form_token(key))
