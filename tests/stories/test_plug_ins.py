"""A plug-in that breaks once its message is out has published it, whatever it raises; practice publishes nothing."""

import pytest

from appealbridge.testing.server import ScriptedServer
from tests.docs.pages import ROOT
from tests.plugging import PLUG_IN, installed
from tests.stories import staging
from tests.stories.browser import Browser


async def test_one_that_breaks_over_a_rate_limit_has_published(story, monkeypatch):
    def broken(channel, reply):
        raise KeyError("x-rate-limit")

    monkeypatch.setattr("appealbridge.channels.x.channel.X.allowance", broken)
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed")
    await story.state(1, "delivered")
    assert story.posts("x") == ["M6 closed"]
    assert story.logged("plugin_bug")


BOTH = """
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
  - { action: ACTION, channel: other, text: "{{ event.data.text }}" }
approval: none
"""
CHANNELS = "force_x: { platform: x }\n"


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    folder = tmp_path / "plug_in"
    folder.mkdir()
    return lambda code: installed(folder, monkeypatch, code)


async def test_what_a_channel_of_a_plug_in_sends_in_practice_mode_is_on_the_wall(story, plug_in):
    plug_in((ROOT / "examples/plugin-teams/appealbridge_teams/__init__.py").read_text("utf-8"))
    channels = CHANNELS + "other: { platform: teams, url: !secret teams_url }\n"
    await story.begins({"both": BOTH.replace("ACTION", "teams_message")}, channels)
    await story.receives("M6 closed")
    await story.state(2, "delivered")
    assert story.posts("generic") == ["M6 closed"]
    (post,) = [
        post.shown() for post in story.sandbox.shelf.everything() if post.platform == "generic"
    ]
    assert (post["plug_in"], post["account"]) == ("teams", "other")


OF_ITS_OWN = """
        class Panic(BaseException):
            pass
        raise Panic
"""
WAITED = """
        import asyncio
        waited = asyncio.ensure_future(asyncio.sleep(1000))
        waited.cancel()
        await waited
"""


@pytest.mark.parametrize(
    "raises",
    ["raise SystemExit(3)", "raise GeneratorExit", OF_ITS_OWN.strip(), WAITED.strip()],
)
async def test_one_that_would_end_the_program_at_an_attempt_leaves_that_one_unclear(
    story, plug_in, raises
):
    plug_in(PLUG_IN.replace('return Receipt("1")', raises))
    channels = CHANNELS + "other: { platform: sms }\n"
    await story.begins({"both": BOTH.replace("ACTION", "sms")}, channels)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x") and story.logged("unsure"))
    states = {row["channel"]: row["state"] for row in await story.deliveries()}
    assert states == {"force_x": "delivered", "other": "unknown"}


LIVE = PLUG_IN.replace(
    'return Receipt("1")',
    'return Receipt((await tools.http.post("http://live.example:PORT/", json={})).name("1"))',
).replace('return {"url": address}', "return options")


async def test_an_address_in_the_code_of_a_plug_in_is_not_reached_in_practice_mode(story, plug_in):
    async with ScriptedServer() as live:
        _, _, port = live.url.rpartition(":")
        plug_in(LIVE.replace("PORT", port))
        story.lookup = lambda host, *_, **__: [(2, 1, 6, "", ("127.0.0.1", int(port)))]
        channels = CHANNELS + "other: { platform: sms }\n"
        await story.begins({"both": BOTH.replace("ACTION", "sms")}, channels)
        await story.receives("M6 closed")
        await story.until(lambda: story.logged("account_refused"))
        (line,) = story.logged("account_refused")
        assert "nothing is sent to live.example in practice mode" in line["reason"]
        await story.until(lambda: story.posts("x"))
        assert live.requests == []
    assert story.posts("x") == ["M6 closed"]


async def test_the_pages_show_a_plug_ins_post_by_the_name_and_colour_that_it_gives(story, plug_in):
    plug_in((ROOT / "examples/plugin-teams/appealbridge_teams/__init__.py").read_text("utf-8"))
    channels = CHANNELS + "other: { platform: teams, url: !secret teams_url }\n"
    await story.begins({"both": BOTH.replace("ACTION", "teams_message")}, channels)
    await story.receives("M6 closed")
    numbers = {row["channel"]: row["number"] for row in await story.state(2, "delivered")}
    tab = Browser(story.bridge.url)
    await tab.get(f"/deliveries/{numbers['other']}")
    assert 'class="look teams post" aria-label="As readers see it: Microsoft Teams"' in tab.page
    await tab.get("/style.css")
    assert ".look.teams { --tint: #4b53bc; }" in tab.page
