"""
The demo's last scene: a daemon as in real use, with people, and recipes that an admin has to accept.

It is in live mode, where acceptance counts, but its accounts lead to the practice platforms.
"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from appealbridge.clock import Clock
from appealbridge.demo import script
from appealbridge.demo.process import running
from appealbridge.demo.show import Show
from appealbridge.demo.stage import keep_secrets, new_secret
from appealbridge.engine.people.totp import code_at, from_text, step_of

SECONDS = 40.0
"""How long anything of the scene may take."""

TURN_SECONDS = 0.1

_SETTINGS = """\
# Live: what is accepted or approved goes out. Only in this demo do the accounts lead to the practice platforms.
listen: 127.0.0.1:0
store: sqlite:///{folder}/appealbridge.db
recipes: {folder}/recipes

channels:
  force_mastodon:
    platform: mastodon
    api: {practice}/mastodon
    credentials: {{ access_token: !secret force_mastodon }}

webhooks:
  weather: {{ secrets: [!secret hook_weather] }}
  roads: {{ secrets: [!secret hook_roads] }}

people:
  carol: {{ name: Carol Lee, email: carol@example.police.uk, roles: [admin] }}
  bob: {{ name: Bob Jones, email: bob@example.police.uk, roles: [approver, operator] }}
"""

_RECIPE = """\
alias: {alias}
triggers: [{{ trigger: webhook, webhook_id: {webhook} }}]
actions: [{{ action: mastodon_post, channel: force_mastodon, text: "{{{{ event.data.text }}}}" }}]
approval: none
"""

RECIPES = {"weather": "Severe weather", "roads": "Closed roads"}
"""The recipes of the scene: each publishes without approval what the webhook of its name sends."""

ADMIN = "carol"
_PASSWORD = "only for this demo"  # noqa: S105 - thrown away with the store


class SceneFailed(Exception):
    """Something of the scene did not happen; the message says what."""


@dataclass(frozen=True, slots=True)
class LiveStage:
    """Where everything of the scene lies. `secrets` maps a webhook's name to its secret."""

    folder: Path
    secrets: Mapping[str, str]

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "appealbridge.yaml"

    @property
    def log(self) -> Path:
        """What the daemon logs."""
        return self.folder / "daemon.log"


def build(folder: Path, practice: str) -> LiveStage:
    """Write everything that the daemon needs into a new folder."""
    stage = LiveStage(folder, {name: new_secret() for name in RECIPES})
    (folder / "recipes").mkdir(parents=True)
    for name, alias in RECIPES.items():
        recipe = _RECIPE.format(alias=alias, webhook=name)
        (folder / "recipes" / f"{name}.yaml").write_text(recipe, "utf-8")
    hooks = {f"hook_{name}": secret for name, secret in stage.secrets.items()}
    keep_secrets(folder, {**hooks, "force_mastodon": "practice-live_force"})
    stage.config.write_text(_SETTINGS.format(folder=folder, practice=practice), "utf-8")
    return stage


class LiveScene:
    """Shows that a recipe which publishes without approval does so only once an admin has accepted it."""

    def __init__(self, folder: Path, practice: str, show: Show, clock: Clock) -> None:
        self._stage = build(folder, practice)
        self._practice = practice
        self._show = show
        self._clock = clock

    async def play(self) -> None:
        """Start the daemon, let Carol accept one recipe before and one after it is used, and end the daemon."""
        config, log = self._stage.config, self._stage.log
        # Carol's cookie is for an address without a name.
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            running("appealbridge", "run", "--config", str(config), log=log),
            aiohttp.ClientSession(cookie_jar=jar) as self._browser,
        ):
            self._url = str((await self._logged("ready"))["url"])
            self._show.live_begins(self._url, config)
            await self._logs_in(str((await self._logged("first_code"))["code"]))
            await self._accepts("weather")
            await self._sends("weather", script.STORM)
            self._show.accepted_before(await self._published(script.STORM))
            await self._sends("roads", script.FLOODED)
            self._show.held_for_acceptance((await self._logged("held"))["reason"])
            await self._accepts("roads")
            self._show.accepted_after(await self._published(script.FLOODED))

    async def _logs_in(self, code: str) -> None:
        """Choose a password with the one-time code that the daemon has printed, and log in."""
        await self._page("/code")
        page = await self._posts("/code", name=ADMIN, code=code)
        field = re.search(r'name="totp" value="([^"]+)"', page)
        if field is None:
            raise SceneFailed(f"the daemon does not take the one-time code of {ADMIN}")
        secret = from_text(html.unescape(field[1]))
        digits = code_at(secret, step_of(self._clock.now()))
        fields = {"name": ADMIN, "password": _PASSWORD, "again": _PASSWORD, "digits": digits}
        await self._posts("/code", **fields)
        self._show.logged_in()

    async def _accepts(self, recipe: str) -> None:
        await self._page(f"/recipes/{recipe}")
        await self._posts(f"/recipes/{recipe}/accept")
        self._show.accepted(recipe)

    async def _page(self, path: str) -> None:
        async with self._browser.get(f"{self._url}{path}") as answer:
            self._shown = await self._read(answer, path)

    async def _posts(self, path: str, **fields: str) -> str:
        """Send the form of the page that is shown, with what a person fills in; return the page that follows."""
        hidden = {
            name: html.unescape(value)
            for name, value in re.findall(
                r'<input type="hidden" name="(\w+)" value="([^"]*)">', self._shown
            )
        }
        form = hidden | fields
        headers = {"Origin": self._url}
        async with self._browser.post(f"{self._url}{path}", data=form, headers=headers) as answer:
            self._shown = await self._read(answer, path)
        return self._shown

    async def _read(self, answer: aiohttp.ClientResponse, path: str) -> str:
        text = await answer.text()
        if answer.status >= 400:
            raise SceneFailed(f"{path} answered {answer.status}: {text[-300:]}")
        return text

    async def _sends(self, webhook: str, event: Mapping[str, str]) -> None:
        self._show.happened(f"the {webhook} desk sends a signed webhook", event["text"])
        body, now = script.encoded(event), self._clock.now()
        headers = script.signed(self._stage.secrets[webhook], f"live-{webhook}", now, body)
        url = f"{self._url}/hooks/{webhook}"
        async with self._browser.post(url, data=body, headers=headers) as answer:
            await self._read(answer, f"/hooks/{webhook}")

    async def _published(self, event: Mapping[str, str]) -> dict[str, Any]:
        """Return the post with the words of an event, once the public would see it."""
        for _ in self._turns():
            async with self._browser.get(f"{self._practice}/posts") as answer:
                posts: list[dict[str, Any]] = await answer.json()
            for post in posts:
                if (post["text"] or "").strip() == event["text"]:
                    return post
            await self._clock.sleep(TURN_SECONDS)
        raise SceneFailed(f"was not published within {SECONDS:g} seconds: {event['text']}")

    async def _logged(self, event: str) -> dict[str, Any]:
        """Return the newest line of the log about an event, once there is one."""
        for _ in self._turns():
            lines = await asyncio.to_thread(self._lines)
            matching = [line for line in lines if line.get("event") == event]
            if matching:
                return matching[-1]
            await self._clock.sleep(TURN_SECONDS)
        raise SceneFailed(
            f"the daemon with people did not say {event!r} within {SECONDS:g} seconds"
        )

    def _lines(self) -> list[dict[str, Any]]:
        lines = []
        for line in self._stage.log.read_bytes().splitlines():
            try:
                lines.append(orjson.loads(line))
            except orjson.JSONDecodeError:  # it is being written
                continue
        return lines

    def _turns(self) -> Iterator[int]:
        return iter(range(int(SECONDS / TURN_SECONDS)))
