"""An account on Bluesky: its options, its login, and requests to its server (a PDS)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appealbridge.channels.bluesky.rich_text import HANDLE
from appealbridge.model.value import value
from appealbridge.plugin import (
    Account,
    AccountRefused,
    Address,
    DeliveryError,
    Field,
    Options,
    Secret,
    Tools,
    TryAgain,
)
from appealbridge.plugin.http import Effect, Login, Reply, StaleLogin, login_name

_LOGINS = ((2, 40.0), (15, 300.0), (150, 86_400.0))
"""
How many new logins are asked for, in so many seconds. Bluesky allows twice as many, to all programs together.

They are spread out, so that after an outage the next login is never far away.
"""

_STALE = frozenset({"ExpiredToken", "InvalidToken"})
_REFUSED = frozenset(
    {"AccountTakedown", "AccountSuspended", "AccountDeactivated", "AccountNotFound"}
)


class BlueskyCredentials(Options):
    """The login of an account."""

    app_password: Secret = Field(
        description="An app password of the account. Do not give the account's own password: it may do too much.",
        examples=["!secret bluesky_app_password"],
    )


class BlueskyAccount(Account):
    """One account on Bluesky, or on another server of its network."""

    handle: str = Field(
        max_length=253,
        pattern=rf"^(?:{HANDLE}|did:[a-z]+:[A-Za-z0-9._:%-]+)$",
        description="The account's name, without @; or its permanent id, which begins with did:.",
        examples=["force.police.uk"],
    )
    credentials: BlueskyCredentials = Field(
        description="The login.", examples=[{"app_password": "!secret bluesky_app_password"}]
    )
    api: Address = Field(
        "https://bsky.social", description="The account's server.", examples=["https://bsky.social"]
    )


@value
class BlueskyServer:
    """The server of an account, for one attempt. It logs in only if no earlier login is good any more."""

    account: BlueskyAccount
    tools: Tools

    async def login(self, *, stale: Login | None = None) -> Login:
        """Return the login. `about` has the account's permanent id (`did`) and its name (`handle`)."""
        return await self.tools.http.logins.current(self._name, self._renew, stale=stale)

    async def call(self, method: str, name: str, effect: Effect, **options: Any) -> Reply:
        """Make one request. If the login has expired, nothing was done, and it is made with another one."""

        async def attempt(login: Login) -> Reply:
            token = Secret(login.tokens["access"])
            reply = await self._ask(method, name, effect, bearer=token, **options)
            if error_name(reply) in _STALE:
                raise failure(reply)
            return reply

        return await self.tools.http.logins.use(self._name, self._renew, attempt)

    async def upload(self, picture: bytes, media_type: str) -> Reply:
        """Upload a picture."""
        headers = {"Content-Type": media_type}
        return await self.call(
            "POST", "repo.uploadBlob", Effect.CREATE, content=picture, headers=headers
        )

    async def record(self, place: Mapping[str, str]) -> Reply:
        """Ask for a record; if there is none, the answer has the error RecordNotFound."""
        reply = await self.call("GET", "repo.getRecord", Effect.READ, params=place, accept=(400,))
        if reply.status == 400 and error_name(reply) != "RecordNotFound":
            raise failure(reply)
        return reply

    async def accounts(self, names: list[str]) -> dict[str, str]:
        """Return the permanent ids of accounts by name; those that do not exist are left out."""
        ids = {}
        for name in names:
            reply = await self._ask(
                "GET", "identity.resolveHandle", Effect.READ, params={"handle": name}, accept=(400,)
            )
            if reply.status == 200:
                with reply.expecting("an account"):
                    ids[name] = reply.name(reply.at("did"))
        return ids

    @property
    def _name(self) -> str:
        account = self.account
        password = account.credentials.app_password.get_secret_value()
        return login_name("bluesky", account.api, account.handle, password=password)

    async def _ask(self, method: str, name: str, effect: Effect, **options: Any) -> Reply:
        url = f"{self.account.api}/xrpc/com.atproto.{name}"
        return await self.tools.http.request(method, url, effect, failure=failure, **options)

    async def _renew(self, login: Login) -> None:
        """Get new tokens for the last ones, or else for the password."""
        refresh = login.tokens.pop("refresh", "")
        if refresh:
            may = {"bearer": Secret(refresh), "accept": (400, 401)}
            reply = await self._ask("POST", "server.refreshSession", Effect.READ, **may)
            if reply.status < 300:
                return _take(login, reply)
        login.tokens.clear()
        handle, now = self.account.handle, self.tools.now
        if wait := login.wait(now, _LOGINS):
            reason = f"{handle} logged in too often; the next login has to wait"
            raise TryAgain(reason, after=wait, throttled=True)
        login.begins(now)
        password = self.account.credentials.app_password.get_secret_value()
        body = {"identifier": handle, "password": password}
        try:
            reply = await self._ask("POST", "server.createSession", Effect.READ, json=body)
        except TryAgain as error:
            if not error.sent:
                login.not_begun()
            raise
        return _take(login, reply)


def failure(reply: Reply) -> DeliveryError:
    """Handle what is special to Bluesky: the names of its errors."""
    name = error_name(reply)
    if name in _STALE:
        return reply.error(StaleLogin)
    return reply.error(AccountRefused) if name in _REFUSED else reply.failure()


def error_name(reply: Reply) -> str:
    """Return the name of an error, such as RecordNotFound; empty if the server gave none."""
    name = reply.get("error")
    return name if isinstance(name, str) else ""


def _take(login: Login, reply: Reply) -> None:
    """Take the tokens of an answer, and whose they are."""
    with reply.expecting("a login"):
        tokens = {"access": str(reply.at("accessJwt")), "refresh": str(reply.at("refreshJwt"))}
        about = {name: reply.name(reply.at(name)) for name in ("did", "handle")}
    login.tokens.update(tokens)
    login.about.update(about)
