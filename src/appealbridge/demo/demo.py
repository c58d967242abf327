"""The demo from curtain to curtain: start everything, let things happen, show what the public sees."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from appealbridge.clock import SystemClock
from appealbridge.demo import script, stage
from appealbridge.demo.live import LiveScene, SceneFailed
from appealbridge.demo.process import running
from appealbridge.demo.show import Show
from appealbridge.store.opening import store_at
from appealbridge.store.records import Control

START_SECONDS = 30.0
PUBLISH_SECONDS = 60.0
TURN_SECONDS = 0.2
READING_SECONDS = 8.0
"""How long a person may look at the wall before the next thing happens."""


class DemoFailed(Exception):
    """The demo did not show what it is to show; the message says what was missing."""


async def play(*, once: bool, show: Show) -> None:
    """
    Play the demo; with `once` until the last post is removed, else until cancelled, as SIGTERM does.

    Raise `DemoFailed` with the reason if something does not start, or is not published, corrected or removed.
    """
    current = asyncio.current_task()
    assert current is not None  # noqa: S101 - a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    with tempfile.TemporaryDirectory(prefix="appealbridge-demo-") as folder:
        async with aiohttp.ClientSession() as session:
            await Demo(Path(folder), session, show).play(once=once)


@dataclass(frozen=True, slots=True)
class Watch:
    """The daemon that is watched, its log, and whether the demo ends by itself, so that what is missing is an error."""

    daemon: asyncio.subprocess.Process
    log: Path
    once: bool


class Demo:
    """One performance in one throw-away folder."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession, show: Show) -> None:
        self._folder = folder
        self._http = session
        self._show = show
        self._clock = SystemClock()
        self._seen: set[tuple[str, ...]] = set()
        self._released: set[str] = set()

    async def play(self, *, once: bool) -> None:
        """Start the platforms and the daemon, let things happen, watch."""
        listen = ("--listen", "127.0.0.1:0", "--smtp", "127.0.0.1:0")
        async with running(
            "appealbridge.practice",
            *listen,
            log=self._folder / "practice.log",
            stdout=asyncio.subprocess.PIPE,
        ) as platforms:
            practice = await self._practice(platforms)
            self._stage = stage.build(self._folder, listen="127.0.0.1:0", practice=practice)
            self._practice_url = practice
            self._website = f"{practice}/website"
            log = self._folder / "daemon.log"
            arguments = ("appealbridge", "run", "--config", str(self._stage.config))
            async with running(*arguments, log=log) as daemon:
                self._control = await self._ready(daemon, log)
                self._show.opened(practice, self._control.url, self._stage)
                await self._first_looks(daemon, log)
                await self._scenes(Watch(daemon, log, once))

    async def _practice(self, platforms: asyncio.subprocess.Process) -> str:
        assert platforms.stdout is not None  # noqa: S101 - it was started with a pipe
        async with asyncio.timeout(START_SECONDS):
            line = (await platforms.stdout.readline()).decode()
        parts = line.split()
        urls = [word for word in parts if "://" in word]
        if len(urls) != 2:
            raise DemoFailed(f"the practice platforms did not start: {line or 'no word from them'}")
        return urls[0]

    async def _ready(self, daemon: asyncio.subprocess.Process, log: Path) -> Control:
        for _ in self._tries(START_SECONDS):
            self._must_live(daemon, log)
            control = store_at(f"sqlite://{self._stage.store}").control()
            if control is not None:
                return control
            await self._clock.sleep(TURN_SECONDS)
        raise DemoFailed(f"the daemon was not ready within {START_SECONDS:g} seconds\n{_tail(log)}")

    async def _first_looks(self, daemon: asyncio.subprocess.Process, log: Path) -> None:
        """Wait until every source was looked at once: whatever stands there before is old news."""
        for _ in self._tries(START_SECONDS):
            self._must_live(daemon, log)
            looks = sum(line.get("event") == "first_look" for line in _lines(log))
            if looks == len(stage.SOURCES):
                return
            await self._clock.sleep(TURN_SECONDS)
        raise DemoFailed(f"not every source could be looked at\n{_tail(log)}")

    async def _scenes(self, watch: Watch) -> None:
        await self._happenings()
        await self._until(watch, script.PUBLISHED)
        self._show.all_published(script.PUBLISHED)
        await self._pause(watch)
        await self._correct()
        await self._until(watch, script.CORRECTED)
        self._show.all_corrected()
        await self._pause(watch)
        await self._close()
        await self._until(watch, script.TAKEN_DOWN)
        self._show.all_removed(await self._withdrawn(watch))
        await self._pause(watch)
        await self._with_people()
        if watch.once:
            return
        self._show.stays()
        while True:
            await self._turn(watch)

    async def _with_people(self) -> None:
        """Show a second daemon, which has people."""
        scene = LiveScene(self._folder / "live", self._practice_url, self._show, self._clock)
        try:
            await scene.play()
        except SceneFailed as error:
            raise DemoFailed(f"{error}\n{_tail(self._folder / 'live' / 'daemon.log')}") from error

    async def _happenings(self) -> None:
        for name, drawn in script.PICTURES.items():
            await self._send("PUT", f"{self._website}/pictures/{name}", data=drawn())
        self._show.happened(
            "the website's RSS feed lists a new appeal", script.WEBSITE_APPEAL["title"]
        )
        await self._list_appeal(script.WEBSITE_APPEAL)
        self._show.happened("the case system drops an appeal file", script.CASE_FILE_NAME)
        self._drop(script.CASE_FILE)
        self._show.happened(
            "the incident desk's Alertmanager sends a signed webhook",
            script.INCIDENT["alerts"][0]["annotations"]["summary"],
        )
        await self._webhook("incident-desk", script.INCIDENT)
        self._show.happened("the roads desk sends a signed webhook", "A38(M) closed")
        await self._webhook("roads", script.ROAD)
        self._show.happened("the news feed lists a new item", script.NEWS["title"])
        await self._send("POST", f"{self._website}/news", json=script.NEWS)

    async def _webhook(self, name: str, payload: object) -> None:
        body = script.encoded(payload)
        now = self._clock.now()
        headers = script.signed(self._stage.secrets[name], f"demo-{name}-{now:.0f}", now, body)
        url = f"{self._control.url}/hooks/{name}"
        async with self._http.post(url, data=body, headers=headers) as answer:
            if answer.status != 202:
                raise DemoFailed(f"{url} answered {answer.status}: {await answer.text()}")

    async def _list_appeal(self, appeal: Mapping[str, str]) -> None:
        listed = script.with_picture(appeal, self._website)
        await self._send("POST", f"{self._website}/appeals", json=listed)

    async def _send(self, method: str, url: str, **body: Any) -> None:
        async with self._http.request(method, url, **body) as answer:
            if answer.status >= 300:
                raise DemoFailed(f"{url} answered {answer.status}: {await answer.text()}")

    async def _correct(self) -> None:
        self._show.happened(
            "the case system corrects the appeal file", "the van was white, not silver"
        )
        self._drop(script.CORRECTED_FILE)

    async def _close(self) -> None:
        self._show.happened("the website closes the appeal", "Aisha has been found safe")
        await self._list_appeal(script.FOUND)

    def _drop(self, text: str) -> None:
        draft = self._folder / script.CASE_FILE_NAME
        draft.write_text(text.format(website=self._website), encoding="utf-8")
        draft.rename(self._stage.appeals / script.CASE_FILE_NAME)

    async def _until(self, watch: Watch, expected: Counter[tuple[str, str]]) -> None:
        """Watch until the platforms show what is wanted; with `once` no more, and not too late."""
        deadline = self._clock.monotonic() + PUBLISH_SECONDS
        while not (count := await self._turn(watch)) >= expected:
            if watch.once and self._clock.monotonic() > deadline:
                raise DemoFailed(f"{_missing(expected - count)}\n{_tail(watch.log)}")
        if watch.once and count != expected:
            raise DemoFailed(f"happened more than once: {_listed(count - expected)}")

    async def _withdrawn(self, watch: Watch) -> list[dict[str, Any]]:
        """Return what became of the posts that were taken down, once AppealBridge has looked for each."""
        deadline = self._clock.monotonic() + PUBLISH_SECONDS
        while True:
            await self._turn(watch)
            listed = await self._api("GET", "/withdrawals")
            posts: list[dict[str, Any]] = [
                post for withdrawal in listed for post in withdrawal["posts"]
            ]
            if posts and all(post["state"] != "being removed" for post in posts):
                return posts
            if watch.once and self._clock.monotonic() > deadline:
                raise DemoFailed(f"nobody knows whether the posts are gone\n{_tail(watch.log)}")

    async def _pause(self, watch: Watch) -> None:
        """Give a person the time to look at the wall."""
        if not watch.once:
            self._show.waits(READING_SECONDS)
            for _ in self._tries(READING_SECONDS):
                await self._turn(watch)

    async def _turn(self, watch: Watch) -> Counter[tuple[str, str]]:
        """Release what waits for a person, show what is new, and return what there is."""
        self._must_live(watch.daemon, watch.log)
        await self._release_held()
        count = await self._show_posts()
        await self._clock.sleep(TURN_SECONDS)
        return count

    async def _release_held(self) -> None:
        held = await self._api("GET", "/deliveries?state=held&limit=100")
        for delivery in reversed(held):
            if delivery["hold"] == "approval" and delivery["id"] not in self._released:
                self._released.add(delivery["id"])
                self._show.released(delivery)
                await self._api("POST", f"/deliveries/{delivery['id']}/release")

    async def _show_posts(self) -> Counter[tuple[str, str]]:
        async with self._http.get(f"{self._practice_url}/posts") as answer:
            posts = await answer.json()
        for post in posts:
            if self._is_new(post, "published"):
                self._show.published(post)
            for number, edit in enumerate(post["edits"]):
                if self._is_new(post, "edited", str(number)):
                    self._show.edited(post, edit["text"])
            if post["deleted_at"] is not None and self._is_new(post, "removed"):
                self._show.removed(post)
        return script.counted(posts)

    def _is_new(self, post: dict[str, Any], *what: str) -> bool:
        key = (post["platform"], post["id"], *what)
        new = key not in self._seen
        self._seen.add(key)
        return new

    async def _api(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self._control.token}"}
        url = f"{self._control.url}/api/v1{path}"
        async with self._http.request(method, url, headers=headers) as answer:
            if answer.status >= 300:
                raise DemoFailed(f"{url} answered {answer.status}: {await answer.text()}")
            return await answer.json()

    def _tries(self, seconds: float) -> range:
        return range(int(seconds / TURN_SECONDS))

    def _must_live(self, daemon: asyncio.subprocess.Process, log: Path) -> None:
        if daemon.returncode is not None:
            raise DemoFailed(f"the daemon ended with status {daemon.returncode}\n{_tail(log)}")


def _missing(missing: Counter[tuple[str, str]]) -> str:
    return f"did not happen within {PUBLISH_SECONDS:g} seconds: {_listed(missing)}"


def _listed(count: Counter[tuple[str, str]]) -> str:
    return ", ".join(f"{n} {what} on {platform}" for (platform, what), n in count.items())


def _lines(log: Path) -> list[dict[str, Any]]:
    lines = []
    for line in log.read_bytes().splitlines():
        try:
            lines.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue
    return lines


def _tail(log: Path, lines: int = 20) -> str:
    if not log.exists():
        return ""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
