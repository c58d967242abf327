"""Log in, log out, and choose a password with a one-time code."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web
from markupsafe import Markup

from appealbridge.engine.intake.throttle import Throttle
from appealbridge.engine.people.log_ins import LONGEST_NAME, NotProven, TooSoon
from appealbridge.engine.people.passwords import SHORTEST, Crowded
from appealbridge.engine.people.totp import address_for_apps, from_text
from appealbridge.logs import LogEvent
from appealbridge.model.rate import Rate
from appealbridge.web.pages.origin import address_of, safe_target
from appealbridge.web.pages.site import Site, Visit

LOGGED = Rate(10, 60.0)
"""How often failed log-ins are logged."""


class LogInPages:
    """The pages for those who are not logged in yet."""

    def __init__(self, site: Site) -> None:
        self._people = site.engine.people
        self._report = site.engine.report
        self._clock = site.engine.clock
        self._throttle = Throttle(LOGGED)
        site.page("GET", "/log-in", self.ask)
        site.page("POST", "/log-in", self.log_in)
        site.page("GET", "/code", self.ask_code)
        site.page("POST", "/code", self.enrol)
        site.page("POST", "/log-out", self.log_out)

    async def ask(self, visit: Visit) -> web.Response:
        """Show the form, or go on if somebody is logged in already."""
        target = safe_target(visit.request.query.get("next", "/"))
        if visit.caller.actor is not None:
            return visit.go_on(target)
        return _form(visit, target)

    async def log_in(self, visit: Visit) -> web.Response:
        """Begin a session."""
        form = visit.form
        target = safe_target(form.get("next", "/"))
        name = form.get("name", "").strip()[:LONGEST_NAME]
        address = address_of(visit.request)
        try:
            secret = await self._people.log_ins.log_in(
                name, form.get("password", ""), form.get("digits", ""), address
            )
        except (NotProven, TooSoon, Crowded) as error:
            self._failed(name, address, str(error))
            return _refused(_form(visit, target, name, str(error)), error)
        return await self._logged_in(visit, secret, target)

    async def ask_code(self, visit: Visit) -> web.Response:
        """Show the form for a one-time code."""
        return visit.show("code.html", title="Enter your one-time code", name="", error="")

    async def enrol(self, visit: Visit) -> web.Response:
        """Show a new second factor for a valid code; with everything filled in, store it and begin a session."""
        form, address = visit.form, address_of(visit.request)
        name = form.get("name", "").strip()[:LONGEST_NAME]
        code, totp = form.get("code", ""), form.get("totp", "")
        invitations = self._people.invitations
        try:
            if not totp:
                await invitations.check(name, code, address)
                return _enrolment(visit, name, code, invitations.new_secret(), "")
            try:
                if form.get("password") != form.get("again"):
                    raise ValueError("the two passwords are not the same")
                secret = await invitations.enrol(
                    name, code, form.get("password", ""), totp, form.get("digits", ""), address
                )
            except ValueError as error:
                return _enrolment(visit, name, code, totp, str(error))
        except (NotProven, TooSoon, Crowded) as error:
            self._failed(name, address, str(error))
            page = visit.show(
                "code.html", 403, title="Enter your one-time code", name=name, error=str(error)
            )
            return _refused(page, error)
        return await self._logged_in(visit, secret, "/")

    async def log_out(self, visit: Visit) -> web.Response:
        """End the session."""
        if visit.secret:
            await self._people.log_ins.log_out(visit.secret)
            self._report.person(LogEvent.LOGGED_OUT, str(visit.actor))
        answer = visit.go_on("/log-in")
        visit.place.del_cookie(answer, visit.place.session_cookie)
        return answer

    async def _logged_in(self, visit: Visit, secret: str, target: str) -> web.Response:
        """Answer with the cookie of a new session; the browser's old one ends."""
        old = visit.request.cookies.get(visit.place.session_cookie, "")[:100]
        if old:
            await self._people.log_ins.log_out(old)
        session = await self._people.log_ins.session(secret)
        if session is not None:
            address = address_of(visit.request)
            self._report.person(LogEvent.LOGGED_IN, session[0].id, address=address)
        answer = visit.go_on(target)
        visit.place.set_cookie(answer, visit.place.session_cookie, secret)
        visit.place.del_cookie(answer, visit.place.form_cookie)
        return answer

    def _failed(self, name: str, address: str, reason: str) -> None:
        """Log a failed log-in by the person's id; what nobody is called may be a password in the wrong field."""
        if self._throttle.wait(self._clock.monotonic()):
            return
        person = self._people.roster.called(name)
        person_id = person.id if person else "unknown"
        self._report.person(LogEvent.NOT_LOGGED_IN, person_id, address=address, reason=reason)


def _form(visit: Visit, target: str, name: str = "", error: str = "") -> web.Response:
    status = 403 if error else 200
    return visit.show("log-in.html", status, title="Log in", target=target, name=name, error=error)


def _enrolment(visit: Visit, name: str, code: str, totp: str, error: str) -> web.Response:
    try:
        address = address_for_apps(from_text(totp), name)
    except ValueError:
        raise ValueError("load the page again, and enter the code once more") from None
    values: dict[str, Any] = {"name": name, "code": code, "totp": totp, "error": error}
    return visit.show(
        "enrol.html",
        422 if error else 200,
        title="Choose your password",
        address=address,
        grouped=" ".join(totp[n : n + 4] for n in range(0, len(totp), 4)),
        picture=_picture(address),
        shortest=SHORTEST,
        **values,
    )


def _picture(address: str) -> Markup:
    """Return an address as a QR code in SVG."""
    import segno  # only for those who get a new second factor

    code = segno.make(address, micro=False)
    svg = code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(svg)  # noqa: S704 - made of squares alone


def _refused(page: web.Response, error: Exception) -> web.Response:
    """Return a page with the status that says when to try again."""
    if isinstance(error, TooSoon | Crowded):
        after = error.after if isinstance(error, TooSoon) else 5.0
        page.set_status(429 if isinstance(error, TooSoon) else 503)
        page.headers[hdrs.RETRY_AFTER] = str(max(1, round(after)))
    return page
