"""Each recipe of the cookbook, as copied off the page, played to its end on the practice platforms."""

import base64
import json
from collections import Counter

import aiohttp
import pytest

from appealbridge.model.notice import NOTICE
from appealbridge.practice.app import Sandbox
from tests.docs import cookbook
from tests.stories import staging
from tests.stories.conftest import Story

WITNESS = {
    "kind": "witness",
    "title": "Witnesses sought: collision on Moseley Road",
    "text": "A silver van did not stop.",
    "url": "https://www.example.police.uk/appeals/0419",
}
PRESS = ["newsdesk@example-mail.example", "desk@example-radio.example"]


class Kitchen(Story):
    """A story with the cookbook's own settings and one of its recipes."""

    async def cooks(self, recipe: str) -> None:
        """Raise the curtain."""
        self.sandbox = await self._stack.enter_async_context(Sandbox(clock=self.clock))
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
        folder = self._folder / "home"
        settings = cookbook.build(folder, recipe)
        text = settings.read_text("utf-8")
        for written, here in (
            ("http://127.0.0.1:8090", self.sandbox.url),
            ("every: 10s", "every: 10m"),  # so that days pass faster
        ):
            assert written in text
            text = text.replace(written, here)
        settings.write_text(f"listen: 127.0.0.1:0\nstore: sqlite:///{folder}/bridge.db\n{text}")
        secrets = folder / "secrets"
        secrets.mkdir(0o700)
        for hook in ("roads", "weather", "control_room"):
            secret = secrets / f"hook_{hook}"
            secret.touch(0o600)
            secret.write_text("whsec_" + base64.b64encode(staging.KEY).decode())
        self.stage = staging.Stage(folder, self.sandbox.url, self.sandbox.smtp_url)
        await self.starts()

    async def hears(self, hook: str, **data) -> None:
        """Have another system send us something."""
        self.sent += 1
        body = json.dumps(data).encode()
        headers = staging.signed(f"msg_{self.sent}", self.clock.now(), body)
        url = f"{self.bridge.url}/hooks/{hook}"
        async with self.session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 202, await answer.text()

    async def files(self, reference: str, **fields) -> None:
        """Have somebody write an appeal's file, and wait until it has been read."""
        # What the first look finds is old news.
        await self.until(lambda: self.logged("first_look"), passing=1)
        before = await self.runs_of_recipes()
        self.stage.appeal(reference, self.clock.now(), **fields)

        async def read() -> bool:
            return await self.runs_of_recipes() > before

        await self.until(read, passing=60)

    async def runs_of_recipes(self) -> int:
        """Count the runs, without those of notices, which also come by themselves."""
        return sum(run["recipe"] != NOTICE for run in await self.runs())

    async def agrees(self, count: int) -> None:
        """Have duty comms release what waits for them."""

        async def waiting() -> list:
            held = await self.deliveries(state="held")
            return held if len(held) == count else []

        for each in await self.until(waiting):
            await self.releases(each)

    async def published(self, **texts: int) -> None:
        """Wait until so many posts stand on each platform, and look that there are no more."""

        def there() -> bool:
            return all(len(self.posts(name)) == count for name, count in texts.items())

        await self.until(there)
        await self.settles()
        assert {name: len(self.posts(name)) for name in texts} == texts

    async def deliveries(self, **which: str) -> list[dict]:
        """List the deliveries of the recipe; people are also told of what waits for their approval."""
        return [each for each in await super().deliveries(**which) if each["recipe"] != NOTICE]

    def counts(self, *, except_of: str = NOTICE) -> Counter[str]:
        """Count the deliveries of the recipe."""
        return super().counts(except_of=except_of)

    def posts(self, platform: str) -> list[str]:
        """Return the texts of the recipe's posts, in their order."""
        posts = sorted(self.all_posts(platform), key=lambda post: post["created_at"])
        texts = [post for post in posts if not str(post.get("subject")).startswith("AppealBridge:")]
        return [post["text"].strip() for post in texts]

    def all_posts(self, platform: str) -> list[dict]:
        shown = (post.shown() for post in self.sandbox.shelf.everything())
        return [post for post in shown if post["platform"] == platform]


@pytest.fixture
async def kitchen(tmp_path):
    result = Kitchen(tmp_path)
    try:
        yield result
    finally:
        await result.ends()


async def test_a_road_is_closed_and_open_again(kitchen):
    await kitchen.cooks("road")
    road = {"closure": "RC-1", "road": "M6", "between": "at junction 6"}
    await kitchen.hears("roads", type="road.closed", **road)
    await kitchen.hears("roads", type="road.open", **road)
    await kitchen.published(x=2, facebook=2)
    closed, opened = kitchen.posts("x")
    assert closed.startswith("M6 is closed at junction 6 because of an incident.")
    assert opened.startswith("M6 is open again at junction 6.")


async def test_out_of_hours_the_press_is_told_and_in_hours_it_is_not(kitchen):
    await kitchen.cooks("out-of-hours")  # it is Wednesday, 11:06
    await kitchen.files("WMP-1", title="Missing: Aisha, 14", text="Last seen in Digbeth.")
    await kitchen.clock.passes(hours=9, step=1800)
    await kitchen.files("WMP-2", title="Missing: Tom, 9", text="Last seen in Aston.")
    await kitchen.published(email=len(PRESS))
    assert all("Tom" in text for text in kitchen.posts("email"))


async def test_red_weather_goes_out_at_night_and_amber_in_the_morning(kitchen):
    await kitchen.cooks("weather")
    await kitchen.clock.passes(hours=12, step=1800)  # 23:06
    wind = {"hazard": "wind", "area": "Solihull", "until": "2026-11-19T11:00:00Z"}
    await kitchen.hears("weather", warning="W-1", level="red", **wind)
    await kitchen.published(x=1, facebook=1, mastodon=1)
    await kitchen.hears("weather", warning="W-2", level="amber", **{**wind, "area": "Dudley"})
    await kitchen.hears("weather", warning="W-2", level="amber", **{**wind, "area": "Walsall"})
    await kitchen.clock.passes(hours=7, minutes=20, step=1800)
    await kitchen.published(x=1)
    await kitchen.restarts()
    await kitchen.clock.passes(minutes=5)
    await kitchen.published(x=2, facebook=1, mastodon=2)
    assert kitchen.posts("x")[1].startswith("Take care this morning: wind in Walsall until 11:00")


async def test_one_appeal_is_told_in_two_ways(kitchen):
    await kitchen.cooks("two-audiences")
    await kitchen.files("WMP-1", **WITNESS)
    await kitchen.agrees(3)
    await kitchen.published(x=1, facebook=1, email=1)
    assert "silver van" not in kitchen.posts("x")[0]
    assert "silver van" in kitchen.posts("facebook")[0]
    assert "drivers who worked in the area" in kitchen.posts("email")[0]


async def test_each_neighbourhood_has_its_own_account(kitchen):
    await kitchen.cooks("neighbourhoods")
    for reference, place in (("A-1", "52.4745, -1.8825"), ("A-2", "52.446, -1.888"), ("A-3", "")):
        more = {"position": place} if place else {}
        await kitchen.files(reference, **{**WITNESS, "title": reference, **more})
    await kitchen.agrees(3)
    await kitchen.published(x=3)
    assert {post["text"][:10] for post in kitchen.all_posts("x")} == {
        "Digbeth: A", "Moseley: A", "A-3 https:"
    }  # fmt: skip
    assert len({post["account"] for post in kitchen.all_posts("x")}) == 3


@pytest.mark.parametrize("somebody_comes", [False, True])
async def test_after_three_days_witnesses_are_asked_once_more(kitchen, somebody_comes):
    await kitchen.cooks("reminder")
    await kitchen.files("WMP-7", **WITNESS)
    await kitchen.agrees(1)
    await kitchen.published(x=1)
    await kitchen.clock.passes(days=2, step=1800)
    if somebody_comes:
        await kitchen.files("WMP-7", status="closed", **WITNESS)
    await kitchen.restarts()
    await kitchen.clock.passes(days=1, minutes=1, step=1800)
    if somebody_comes:
        await kitchen.settles()
        assert not await kitchen.deliveries(state="held")
        return
    await kitchen.agrees(1)
    await kitchen.published(x=2)
    first, again = (await kitchen.deliveries())[:2]
    assert again["content"]["in_reply_to"] == first["receipt"]["id"]


async def test_when_he_is_arrested_we_are_told_what_to_take_down(kitchen):
    await kitchen.cooks("wanted")
    appeal = {"kind": "wanted", "title": "Wanted: John Doe, 34", "url": WITNESS["url"]}
    await kitchen.files("WMP-9", **appeal)
    await kitchen.agrees(3)
    await kitchen.published(x=1, facebook=1, mastodon=1, email=0)
    await kitchen.clock.passes(days=4, step=1800)
    await kitchen.files("WMP-9", status="closed", closed_reason="arrested", **appeal)
    await kitchen.agrees(1)
    await kitchen.published(x=1, email=1)
    (mail,) = kitchen.posts("email")
    for delivery in await kitchen.deliveries():
        if delivery["channel"] != "press_office":
            assert delivery["receipt"]["url"] in mail


def visible(kitchen, platform):
    """Return the texts that readers still see."""
    return [post["text"] for post in kitchen.all_posts(platform) if not post.get("deleted_at")]


async def test_a_missing_child_is_corrected_and_taken_down_when_she_is_found(kitchen):
    await kitchen.cooks("missing-child")
    appeal = {"kind": "missing", "title": "Missing: Aisha, 9", "url": WITNESS["url"]}
    await kitchen.files("WMP-12", **appeal, text="Red coat. " * 60)
    await kitchen.agrees(4)
    await kitchen.published(x=1, facebook=1, email=len(PRESS))
    assert kitchen.posts("x")[0].endswith(WITNESS["url"])
    await kitchen.clock.passes(hours=5, step=600)
    await kitchen.files("WMP-12", **appeal, text="Blue coat.")
    await kitchen.agrees(4)
    await kitchen.published(x=2, facebook=1, email=2 * len(PRESS))
    assert "Blue coat." in kitchen.posts("facebook")[0]
    await kitchen.clock.passes(hours=5, step=600)
    await kitchen.files("WMP-12", status="closed", **appeal, text="Blue coat.")

    async def thanks() -> list:
        held = await kitchen.deliveries(state="held", hold="approval")
        return held if len(held) == 2 else []

    for each in await kitchen.until(thanks):
        await kitchen.releases(each)
    await kitchen.published(email=3 * len(PRESS))
    await kitchen.until(
        lambda: all(
            len(visible(kitchen, name)) == 1 and "Aisha" not in visible(kitchen, name)[0]
            for name in ("x", "facebook")
        ),
        passing=1,
    )


async def test_what_waits_about_a_child_who_is_found_is_cancelled(kitchen):
    await kitchen.cooks("missing-child")
    appeal = {"kind": "missing", "title": "Missing: Aisha, 9", "text": "Red coat."}
    await kitchen.files("WMP-12", **appeal, url=WITNESS["url"])
    await kitchen.state(4, "held")
    await kitchen.files("WMP-12", status="closed", **appeal, url=WITNESS["url"])

    async def cancelled() -> bool:
        return len(await kitchen.deliveries(state="cancelled")) == 4

    await kitchen.until(cancelled)
    assert kitchen.posts("x") == kitchen.posts("facebook") == []


async def test_the_public_hears_when_the_embargo_is_over(kitchen):
    await kitchen.cooks("embargo")
    await kitchen.files("WMP-20", **WITNESS, embargo="2026-11-19T06:00:00+00:00")
    await kitchen.published(email=len(PRESS), x=0)
    await kitchen.restarts()
    await kitchen.clock.passes(hours=18, minutes=30, step=1800)
    await kitchen.published(x=0)
    await kitchen.clock.passes(minutes=30)
    await kitchen.published(email=len(PRESS), x=1, facebook=1)


async def test_news_of_an_incident_goes_where_it_fits(kitchen):
    await kitchen.cooks("incident")
    fire = {"incident": "I-1", "severity": "major", "place": "New Street"}
    await kitchen.hears("control_room", type="incident.opened", text="A fire.", **fire)
    await kitchen.hears("control_room", type="incident.updated", text="Trains run again.", **fire)
    long = "All are safe. " * 30
    await kitchen.hears("control_room", type="incident.updated", text=long, important=True, **fire)
    await kitchen.hears("control_room", type="incident.closed", **fire)
    await kitchen.published(x=5, facebook=3, mastodon=2, email=len(PRESS))
    opened, update, single, two, closed = kitchen.posts("x")
    assert opened.startswith("Incident at New Street: A fire.")
    assert update == "Update on New Street: Trains run again."
    assert single.endswith("(1/2)")
    assert two.endswith("(2/2)")
    assert closed.startswith("The incident at New Street is over.")
