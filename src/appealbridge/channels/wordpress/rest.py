"""Asks the REST API of a WordPress site: where it is, whose login it gets, and what its answers mean."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

from appealbridge.plugin import (
    Account,
    AccountRefused,
    Address,
    DeliveryError,
    Field,
    LoginExpired,
    Options,
    Rejected,
    Secret,
    Tools,
)
from appealbridge.plugin.http import PAGE_SAYS_NO, Effect, Reply, basic_login
from appealbridge.plugin.published import looking, page_answers

_ROOT = "/wp-json"
_FORBIDDEN = ("rest_forbidden", "rest_forbidden_context", "rest_forbidden_status")
_TERMS = 100

NO_SUCH_POST = "rest_post_invalid_id"
"""The code for a post or picture that is not there."""


class WordPressCredentials(Options):
    """The login of a user."""

    username: str = Field(
        min_length=1,
        pattern=r"^[^:\x00-\x1f]+$",
        description="The user's name.",
        examples=["bridge"],
    )
    application_password: Secret = Field(
        description="An application password, from the user's profile in WordPress; not the password for logging in.",
        examples=["!secret newsroom_password"],
    )


class WordPressAccount(Account):
    """One user of one WordPress site."""

    api: Address = Field(
        description="The site's address.", examples=["https://news.example.police.uk"]
    )
    credentials: WordPressCredentials = Field(
        description="The login.",
        examples=[{"username": "bridge", "application_password": "!secret newsroom_password"}],
    )


@dataclass(frozen=True, slots=True)
class WordPressRest:
    """
    The API of one site, for one user.

    `root` is its address; if the site has no addresses for it, paths are sent to `root` as `rest_route`.
    """

    root: str
    routed: bool
    login: Mapping[str, str]
    tools: Tools

    async def ask(
        self,
        method: str,
        path: str,
        effect: Effect = Effect.READ,
        *,
        params: dict[str, str] | None = None,
        **options: Any,
    ) -> Reply:
        """Make one request. A refusal to show something is never about the message that is to be published."""
        route = f"/wp/v2/{path}"
        return await self.tools.http.request(
            method,
            self.root if self.routed else f"{self.root}{route}",
            effect,
            params={**({"rest_route": route} if self.routed else {}), **(params or {})},
            headers=self.login,
            failure=looking(failure) if effect is Effect.READ else failure,
            **options,
        )

    async def delete(self, path: str, what: str) -> Reply:
        """Delete something for good, past the trash."""
        params = {"force": "true", "_fields": "deleted"}
        reply = await self.ask("DELETE", path, Effect.CHANGE, params=params)
        with reply.expecting(what):
            if reply.json()["deleted"] is not True:
                raise ValueError("it is still there")
        return reply

    async def term(self, kind: str, name: str) -> int:
        """Return the number of a category or tag; create it if the site has none of this name."""
        stored_name = html.escape(name, quote=False)  # as WordPress stores it
        params = {"search": stored_name, "per_page": str(_TERMS), "_fields": "id,name"}
        response = await self.ask("GET", kind, params=params)
        with response.expecting("a list of terms"):
            for term in response.json():
                if html.unescape(term["name"]).casefold() == name.casefold():
                    return int(term["id"])
        # A second creation finds the first, so an unclear answer is as good as none.
        reply = await self.ask("POST", kind, json={"name": name}, accept=(400, 403))
        if reply.status == 403:
            reason = f'there is no "{name}" under {kind}; create it on the site, or let the user create it'
            raise reply.error(AccountRefused, reason, sure=False)
        error = error_of(reply)
        if reply.status == 400 and error.get("code") != "term_exists":
            raise reply.error(Rejected)
        with reply.expecting("a term"):
            return int(error["data"]["term_id"] if reply.status == 400 else reply.json()["id"])


async def open_rest(account: WordPressAccount, tools: Tools) -> WordPressRest:
    """Find the API of a site: at the address that the site names, or else under `?rest_route=`."""
    api, user = account.api, account.credentials
    login = basic_login(user.username, user.application_password.get_secret_value())
    if api.endswith(_ROOT):
        return WordPressRest(api, routed=False, login=login, tools=tools)
    reply = await tools.http.request("HEAD", f"{api}/", Effect.READ, accept=PAGE_SAYS_NO)
    if 300 <= reply.status < 400:
        raise AccountRefused(str(reply.failure()), status=reply.status)
    named = reply.linked("https://api.w.org/")
    if not named:
        return WordPressRest(f"{api}/", routed=True, login=login, tools=tools)
    site, root = URL(api), URL(api).join(URL(named))
    if (site.host, site.explicit_port) != (root.host, root.explicit_port):
        other = reply.readable(str(root.origin()))
        raise AccountRefused(
            f"{api} says that its API is at {other}, which may not get this login; set api: to that site's address"
        )
    # Behind a proxy a site may name itself without TLS, so only the path is taken.
    address = str(site.with_path(root.path).with_query(root.query)).rstrip("/")
    if "rest_route" in root.query:
        return WordPressRest(f"{api}/", routed=True, login=login, tools=tools)
    return WordPressRest(address, routed=False, login=login, tools=tools)


async def still_answers(
    account: WordPressAccount, address: str, otherwise: str, tools: Tools
) -> bool:
    """
    Return whether readers still get something at an address that the site gave, on whatever host.

    If it gave none, `otherwise` is asked for, which is a path on the site.
    """
    site = URL(account.api.removesuffix(_ROOT))
    page = URL(address or f"{str(site).rstrip('/')}/{otherwise}")
    if (page.host, page.explicit_port) == (site.host, site.explicit_port):
        page = page.with_scheme(site.scheme)
    return await page_answers(tools, str(page))


def error_of(reply: Reply) -> dict[str, Any]:
    """Return WordPress's own error, empty if the answer is none: `code`, `message` and `data`."""
    error = reply.get()
    good = isinstance(error, dict) and isinstance(error.get("code"), str)
    return error if good else {}


def failure(reply: Reply) -> DeliveryError:
    """Handle what is special to WordPress: a login that it ignores, and the texts of its errors."""
    error = error_of(reply)
    reason = reply.readable(f"{error['message']} ({error['code']})") if error else ""
    try:
        inner = {
            detail["data"]["status"]
            for detail in error["data"]["details"].values()
            if detail["code"] in _FORBIDDEN
        }
    except (LookupError, TypeError, AttributeError):
        inner = set()
    if reply.status == 401 or 401 in inner:
        # A wrong login is ignored, so WordPress says what a stranger may not do.
        plain = reply.url.startswith("http://")
        cure = "; application passwords need https://" if plain else ""
        message = f"{reason or reply.excerpt()}: the login does not count{cure}"
        return reply.error(LoginExpired, message)
    if str(error.get("code")).startswith("rest_upload_"):
        # A file of another type, or one that is too large, is a 500 here.
        return reply.error(Rejected, reason)
    if 403 in inner:
        return reply.error(AccountRefused, reason, sure=False)
    return reply.failure(reason)
