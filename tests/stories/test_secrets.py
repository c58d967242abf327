"""Whatever strangers send and platforms answer: no secret is in a log line, a row, an answer of ours, or a file."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.daemon.bridge import Bridge
from appealbridge.plugin.registry import BUILT_IN, load
from appealbridge.testing.clock import FakeClock
from appealbridge.testing.mail_server import ScriptedMailServer
from appealbridge.testing.server import ScriptedServer
from tests.stories import planted_secrets as plants
from tests.stories.planted_secrets import ANSWERS, CASES, MAIL_REPLIES, Planted, as_yaml, secrets_in

ROUNDS = 3
"""How often half a minute goes by, so that deliveries are tried again, sought, and given up."""


class Stage:
    """A folder, the strangers around it, and a daemon in their midst; `seen` is all that it ever told."""

    def __init__(self, folder: Path, form: str) -> None:
        self.folder = folder
        self.form = form
        self.planted = Planted()
        self.clock = FakeClock()
        self.outputs: dict[str, str] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self):
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
        self.platforms = await self._stack.enter_async_context(ScriptedServer())
        self.sources = await self._stack.enter_async_context(ScriptedServer())
        self.mails = {
            moment: await self._stack.enter_async_context(ScriptedMailServer())
            for moment in MAIL_REPLIES
        }
        self._write()
        self._script()
        self.bridge = await self._stack.enter_async_context(
            Bridge(self.config, clock=self.clock, rng=random.Random(7))
        )
        self.planted.values["the API's token"] = self.bridge.token
        return self

    async def __aexit__(self, *error):
        await self._stack.aclose()

    @property
    def config(self):
        return self.folder / "appealbridge.yaml"

    @property
    def store(self):
        return self.folder / "bridge.db"

    def _write(self) -> None:
        for part in ("recipes", "appeals", "secrets"):
            (self.folder / part).mkdir()
        self.settings = {
            "listen": "127.0.0.1:0",
            "store": f"sqlite:///{self.store}",
            "log": {"level": "debug", "format": self.form},
            "channels": self._channels(),
            "webhooks": plants.webhooks(self.planted),
            "feeds": {
                name: {"url": f"{self.sources.url}/{name}", "every": "1h"}
                for name in ("refused", "moved", "page", "malformed", "accident")
            },
            "appeals": {"desk": {"folder": "appeals/", "every": "1h"}},
        }
        self.config.write_text(as_yaml(self.settings))
        for name, value in self.planted.values.items():
            (self.folder / "secrets" / name).write_text(value)
        (self.folder / "secrets").chmod(0o700)
        self.secrets = list(self.planted.values.values())
        self._recipes()
        broken = f"reference: A1\ntitle: [{self.secrets[0]}\n{self.secrets[1]}: {{"
        (self.folder / "appeals" / "broken.yaml").write_text(broken)

    def _channels(self):
        values = {}
        for platform, case in CASES.items():
            own = plants.with_secrets(case.secrets, self.planted, platform)
            places = (
                {moment: mail.url for moment, mail in self.mails.items()}
                if case.address == "smtp"
                else {
                    how: f"{self.platforms.url}/{platform}/{number}"
                    for number, how in enumerate(ANSWERS)
                }
            )
            for number, (_, place) in enumerate(places.items()):
                values[f"{platform}_{number}"] = {
                    "platform": platform, **case.options, **own, case.address: place,
                }  # fmt: skip
        return values

    def _recipes(self) -> None:
        accounts = self.settings["channels"]
        steps = [
            {"action": CASES[a["platform"]].channel.action, "channel": name,
             **CASES[a["platform"]].message}
            for name, a in accounts.items()
        ]  # fmt: skip
        tweet = {"action": "tweet", "channel": "x_0", "text": "{{ event.data.text }}"}
        for name, hook, more in (
            ("everywhere", "bearer", {"actions": steps}),
            ("accident", "github", {"actions": [tweet]}),
            ("broken", "stripe", {"actions": [{**tweet, "text": "{{ event.data.nowhere }}"}]}),
            (
                "picky",
                "slack",
                {"actions": [tweet], "conditions": [{"field": "$.text", "equals": "something"}]},
            ),
        ):
            values = {"alias": name, "triggers": [{"trigger": "webhook", "webhook_id": hook}],
                    "approval": "none", **more}  # fmt: skip
            (self.folder / "recipes" / f"{name}.yaml").write_text(json.dumps(values))

    def _script(self) -> None:
        echo = plants.told_back(self.secrets[:5])
        self.platforms.otherwise = plants.by_path(self.planted)
        item = f"<item><guid>{len(echo)}</guid><title>{self.secrets[0]}</title></item>"
        feeds = {
            "refused": (500, echo),
            "moved": (302, echo, {"Location": f"http://localhost/{self.secrets[0]}"}),
            "page": (200, f"<html>{echo}</html>"),
            "malformed": (200, f"<rss><channel><item><title>x</{self.secrets[0]}>"),
            "accident": (200, f"<rss version='2.0'><channel>{item.replace('&', '&amp;')}</channel></rss>"),
        }  # fmt: skip
        self.sources.otherwise = lambda request: feeds[request.path.strip("/")]
        for moment, mail in self.mails.items():
            mail.replies[moment] = plants.mail_reply(MAIL_REPLIES[moment], self.secrets)

    # -- what strangers do --------------------------------------------------------------------------

    async def sends(self, scheme, body, **headers):
        """Send a body to a webhook, proven as its sender does; keep what is answered."""
        secret = self.planted.values.get(f"hook_{scheme.replace('-', '_')}_new", "")
        values = {**plants.proof(scheme, secret, body, self.clock.now()), **headers}
        url = f"{self.bridge.url}/hooks/{scheme}"
        values.setdefault("Content-Type", "application/json")
        async with self.session.post(url, data=body, headers=values) as answer:
            text = f"{answer.status} {dict(answer.headers)} {await answer.text()}"
        self.outputs[f"answer {len(self.outputs)} to {scheme}"] = text
        return answer.status

    async def asks(self, method, path, token=None):
        """Ask the API; keep what is answered."""
        headers = {"Authorization": f"Bearer {self.bridge.token if token is None else token}"}
        async with self.session.request(method, self.bridge.url + path, headers=headers) as answer:
            text = await answer.text()
        self.outputs[f"{method} {path} ({answer.status})"] = text
        self.outputs[f"the head of {method} {path}"] = str(dict(answer.headers))
        return json.loads(text) if "json" in answer.headers["Content-Type"] else text

    async def states(self):
        """Return the states of all deliveries."""
        listed = await self.asks("GET", "/api/v1/deliveries?limit=1000")
        return [row["state"] for row in listed]

    async def types(self, *arguments):
        """Type a command; keep what it prints."""
        arguments = [*arguments, "--config", str(self.config)]
        done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        self.outputs[f"appealbridge {' '.join(arguments[:-2])}"] = done.output

    async def has_settled(self):
        """Let all that is under way end, time and again."""
        for _ in range(ROUNDS):
            await self.clock.until(self._is_quiet, passing=1.0)
            await self.clock.passes(seconds=30)
        await self.clock.until(self._is_quiet)

    def _is_quiet(self):
        return not any(
            lane.in_flight or lane.searching for lane in self.bridge.engine.lanes.values()
        )


async def everything_happens(stage: Stage) -> None:
    """Success and failure of every kind, each with secrets in what strangers say."""
    accident = stage.secrets[0]
    for n, scheme in enumerate(stage.settings["webhooks"]):
        body = json.dumps(
            {"type": "incident", "subject": f"S{n}", "key": f"k{n}", "text": accident}
        )
        assert await stage.sends(scheme, body.encode()) == 202, stage.outputs
        assert await stage.sends(scheme, body.encode()) == 200
        for wrong in (
            f'{{"key": "{accident}',
            f'["{accident}"]',
            f'{{"key": {{"a": "{accident}"}}}}',
        ):
            assert await stage.sends(scheme, wrong.encode()) in (400, 422)
        await stage.sends(scheme, body.encode(), **{"Content-Type": accident})
        if scheme != "none":
            forged = dict.fromkeys(plants.proof(scheme, accident, b"", 0.0), f"{accident}")
            assert await stage.sends(scheme, body.encode(), **forged) == 401
    await stage.has_settled()
    await stage.asks("POST", "/api/v1/retry")
    await stage.has_settled()


async def everything_is_asked(stage: Stage) -> None:
    """Every address and every command that tells something."""
    for path in ("/healthz", "/readyz", "/metrics", "/nowhere", "/api/v1/recipes", "/api/v1/channels",
                 "/api/v1/events?limit=1000", "/api/v1/runs?limit=1000"):  # fmt: skip
        await stage.asks("GET", path)
    await stage.asks("GET", "/api/v1/events", token="wrong")
    listed = await stage.asks("GET", "/api/v1/deliveries?limit=1000")
    for row in listed:
        await stage.asks("GET", f"/api/v1/deliveries/{row['number']}")
    for run in await stage.asks("GET", "/api/v1/runs"):
        await stage.asks("GET", f"/api/v1/runs/{run['id']}")
    for arguments in (["deliveries"], ["runs"], ["channels"], ["trace", listed[0]["run"]]):
        await stage.types(*arguments)
        await stage.types(*arguments, "--json")
    for arguments in (["check"], ["check", "--format", "json"], ["retry", "--all"], ["reload"]):
        await stage.types(*arguments)
    await stage.types("db", "backup", str(stage.folder / "copy.db"))


async def settings_go_wrong(stage: Stage) -> None:
    """Secrets written out in the wrong places, and a reload that says so."""
    secret = stage.secrets[0]
    (stage.folder / "recipes" / "wrong.yaml").write_text(f"alias: {{{secret}\n  - {secret}: [")
    wrong = as_yaml({**stage.settings, "listen": secret}).replace(
        "!secret x_credentials", secret, 1
    )
    stage.config.write_text(wrong)
    await stage.asks("POST", "/api/v1/reload")
    await stage.types("check")
    stage.config.write_text(as_yaml(stage.settings))
    await stage.asks("POST", "/api/v1/reload")


def own_words_out(text: str) -> str:
    """Return an answer of the API without what a sender said itself and what recipes made of it."""
    try:
        result = json.loads(text)
    except ValueError:
        return text

    def without(value):
        if isinstance(value, dict):
            return {k: without(v) for k, v in value.items() if k not in ("data", "content")}
        return [without(each) for each in value] if isinstance(value, list) else value

    return json.dumps(without(result), ensure_ascii=False)


def test_every_built_in_channel_takes_part():
    modules = [name for name in BUILT_IN if ".channels." in name]
    assert set(CASES) == set(load(modules, third_party=False).channels)


@pytest.mark.parametrize("form", ["json", "text"])
async def test_no_secret_is_seen_anywhere(tmp_path, capfdbinary, form):
    async with Stage(tmp_path, form) as stage:
        await everything_happens(stage)
        await everything_is_asked(stage)
        await settings_go_wrong(stage)
        states = set(await stage.states())
        files = (file for file in tmp_path.glob("*.db*") if file.suffix != ".control")
        raw = {file.name: file.read_bytes().decode("latin-1") for file in files}
        stored = {**plants.stored_texts(tmp_path / "copy.db"), **plants.stored_texts(stage.store)}
    log = capfdbinary.readouterr().err.decode()

    assert {"delivered", "failed", "ready", "unknown"} <= states, "not all of it happened"
    assert log.count("***") > 100, "nobody repeated a secret"
    assert leaks(stage.planted, {"the log": log}) == {}
    assert (
        leaks(
            stage.planted, {where: own_words_out(result) for where, result in stage.outputs.items()}
        )
        == {}
    )
    assert leaks(stage.planted, stored) == {}
    # Of the one that a sender put into its own words there may be traces on the disk, of no other.
    others = [*stage.secrets[1:], stage.bridge.token]
    assert {(name, each) for name, text in raw.items() for each in others if each in text} == set()


def leaks(planted, values):
    """Return which secrets can be read where."""
    if not secrets_in(planted, "\0".join(values.values())):
        return {}
    return {
        where: secrets_in(planted, text)
        for where, text in values.items()
        if secrets_in(planted, text)
    }


def test_what_is_looked_for_would_be_found():
    planted = Planted()
    planted.another("one")
    planted.another("two", standard=True)
    for value in planted.values.values():
        for form in plants.spellings(value, whole=True):
            assert secrets_in(planted, f"said {form} back"), form
            assert secrets_in(planted, f"said {form[:14]}\n{form[14:]} back"), form
