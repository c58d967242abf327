"""A browser without scripts: keeps cookies, and sends the forms of pages as people fill them in."""

from __future__ import annotations

import html
import re
from http.cookies import SimpleCookie
from typing import Any

from aiohttp import ClientSession, DummyCookieJar

from appealbridge.engine.people.totp import code_at, from_text, step_of


class Browser:
    """
    One browser at an address of the pages.

    `origin` is what it shows in its address line, `url` where the daemon listens. `cookies` are those that it keeps.
    """

    def __init__(self, url: str, origin: str = "", address: str = "") -> None:
        self.url = url
        self.origin = origin or url
        self.address = address
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self.headers: dict[str, str] = {}
        self.page = ""

    async def get(self, path: str, **headers: str) -> int:
        """Load a page; return the status."""
        return await self._sends("GET", path, headers=headers)

    async def post(
        self, path: str, origin: str | None = None, token: str | None = None, **fields: str
    ) -> int:
        """Send the form of the page that is shown; return the status."""
        shown = {
            name: html.unescape(value)
            for name, value in re.findall(
                r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.page
            )
        }
        if token is not None:
            shown["form_token"] = token
        headers = {} if origin == "" else {"Origin": origin or self.origin}
        return await self._sends("POST", path, headers=headers, data=shown | fields)

    async def _sends(self, method: str, path: str, **more: Any) -> int:
        headers = {"Host": self.origin.partition("://")[2]} | more.pop("headers")
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.address:
            headers["X-Forwarded-For"] = self.address
        async with (
            ClientSession(cookie_jar=DummyCookieJar()) as session,
            session.request(
                method, self.url + path, headers=headers, allow_redirects=False, **more
            ) as answer,
        ):
            self.page = await answer.text()
            self.headers = {name.lower(): value for name, value in answer.headers.items()}
            self.set_cookies = answer.headers.getall("Set-Cookie", [])
        for line in self.set_cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer.status

    @property
    def goes_to(self) -> str:
        """The page to which the answer leads."""
        return self.headers.get("location", "")


class Phone:
    """An authenticator app."""

    def __init__(self) -> None:
        self.secret = ""

    def scans(self, page: str) -> None:
        """Take over the secret that a page shows."""
        match = re.search(r"secret=([A-Z2-7]+)", page)
        assert match
        self.secret = match[1]

    def shows(self, now: float) -> str:
        """Return the six digits of now."""
        return code_at(from_text(self.secret), step_of(now))
