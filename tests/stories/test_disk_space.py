"""A disk that fills closes the door before it is full; what is inside goes on."""

import io

import pytest

from appealbridge.engine.intake.disk_space import SELDOM
from appealbridge.model.errors import StoreError
from appealbridge.store.records import Space
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.testing.server import ScriptedServer
from tests.stories import staging
from tests.stories.processes import daemon, platforms, until
from tests.stories.test_images import TOOTED, arrives, picture, puts

HELD = staging.TWEET.replace("approval: none\n", "")
PLENTY = Space(50 * 10**9, 100 * 10**9)
NEARLY_FULL = Space(10**6, 100 * 10**9)
FEED = """
alias: News
triggers: [{{ trigger: feed, url: "{url}", every: 60s }}]
actions: [{{ action: tweet, channel: force_x, text: "{{{{ event.data.title }}}}" }}]
approval: none
"""
EMPTY = '<rss version="2.0"><channel><title>News</title></channel></rss>'


class Disk:
    """A disk that has as much room as it is told."""

    def __init__(self):
        self.space = PLENTY

    def __call__(self):
        return self.space


@pytest.fixture
def disk(story):
    story.space = Disk()
    return story.space


async def fills(story, disk):
    disk.space = NEARLY_FULL
    await story.until(lambda: story.bridge.engine.disk_space.why, passing=SELDOM)


async def empties(story, disk):
    disk.space = PLENTY
    await story.until(lambda: not story.bridge.engine.disk_space.why, passing=SELDOM)


async def asks(story, path):
    async with story.session.get(f"{story.bridge.url}{path}") as answer:
        return answer.status, answer.headers, (await answer.read()).decode()


async def test_a_disk_that_is_nearly_full_is_answered_503_and_what_was_accepted_goes_out(
    story, disk
):
    await story.begins({"held": HELD})
    await story.receives("M6 closed")
    (held,) = await story.state(1, "held")
    await fills(story, disk)
    body = b'{"type": "incident", "subject": "A38", "text": "A38 closed"}'
    headers = staging.signed("msg_a38", story.clock.now(), body)
    url = f"{story.bridge.url}/hooks/desk"
    async with story.session.post(url, data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
    status, _, why = await asks(story, "/readyz")
    assert status == 503
    assert "1 MB left, and 64 MB are kept" in why
    assert "appealbridge_store_accepting 0.0" in (await asks(story, "/metrics"))[2]
    await story.releases(held)
    await story.state(1, "delivered")
    assert story.posts("x") == ["M6 closed"]

    await empties(story, disk)
    assert (await asks(story, "/readyz"))[0] == 200
    assert (await story.receives("A38 closed", message="msg_a38"))[0] == 202
    kinds = [line["kind"] for line in story.logged("alarm")]
    assert kinds == ["store.nearly_full", "store.room_again"]
    assert story.logged("store_trouble") == []


async def test_a_daemon_that_is_started_on_a_full_disk_accepts_nothing_and_sends_what_waits(
    story, disk
):
    await story.begins({"held": HELD})
    await story.receives("M6 closed")
    (held,) = await story.state(1, "held")
    disk.space = NEARLY_FULL
    await story.restarts()
    assert (await story.receives("A38 closed"))[0] == 503
    await story.releases(held)
    await story.state(1, "delivered")


async def test_sources_are_left_alone_while_there_is_no_room(story, disk):
    async with ScriptedServer((200, EMPTY, {"Content-Type": "application/rss+xml"})) as server:
        await story.begins({"news": FEED.format(url=f"{server.url}/feed")})
        await story.until(lambda: server.requests, passing=0.1)
        await fills(story, disk)
        await story.settles()
        before = len(server.requests)
        await story.clock.passes(minutes=30)
        await story.settles()
        assert len(server.requests) <= before + 1  # one look may have been under way
        await empties(story, disk)
        await story.until(lambda: len(server.requests) > before + 1, passing=10)


async def test_the_disk_is_really_asked_and_a_reload_changes_what_is_kept(tmp_path):
    """No disk keeps a thousand terabytes free."""
    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {"held": HELD})
        settings = stage.config.read_text()
        async with daemon(stage) as running:
            assert await running.ready()
            event = {"type": "incident", "subject": "M6", "text": "M6 closed"}
            assert (await running.receives("msg_1", event))[0] == 202
            stage.config.write_text(f"keep_free: 1000TB\n{settings}")
            assert (await running.ask("POST", "/api/v1/reload"))[0] == 200

            async def says(status):
                return (await running.ask("GET", "/readyz"))[0] == status

            await until(lambda: says(503), "no more room")
            assert (await running.receives("msg_2", event))[0] == 503
            (held,) = await running.deliveries()
            assert (await running.ask("POST", f"/api/v1/deliveries/{held['id']}/release"))[0] == 200
            await until(lambda: there.posts("M6"), "the released post")
            stage.config.write_text(f"keep_free: 1KB\n{settings}")
            assert (await running.ask("POST", "/api/v1/reload"))[0] == 200
            await until(lambda: says(200), "room again")
            assert (await running.receives("msg_2", event))[0] == 202


async def test_a_source_is_asked_less_and_less_while_the_store_keeps_nothing(story, monkeypatch):
    """What a look finds cannot be kept, so looking every second would only wear the source out."""

    async def refuses(*_):
        raise StoreError("nothing can be kept")

    async with ScriptedServer((200, EMPTY, {"Content-Type": "application/rss+xml"})) as server:
        await story.begins({"news": FEED.format(url=f"{server.url}/feed")})
        await story.until(lambda: story.logged("first_look"), passing=0.1)
        monkeypatch.setattr(SqliteStore, "accept", refuses)
        before = len(server.requests)
        await story.until(lambda: len(server.requests) > before + 8, passing=5)
        begun, before = story.clock.now(), len(server.requests)
        await story.until(lambda: len(server.requests) > before + 3, passing=5)
        assert story.clock.now() - begun > 3 * 60


async def test_no_picture_is_fetched_or_stored_while_there_is_no_room(story, disk):
    await story.begins({"toot": TOOTED})
    url = f"{story.sandbox.url}/website/pictures/late.png"
    await arrives(story, "Missing: Aisha", {"url": url, "alt": "A girl"})
    await story.until(lambda: planned_because(story, "404"))
    await fills(story, disk)
    await story.settles()
    before = story.sandbox.pictures.fetched["late.png"]
    await puts(story, "late.png", picture())
    await story.clock.passes(minutes=30)
    await story.settles()
    assert story.sandbox.pictures.fetched["late.png"] == before
    await empties(story, disk)
    await story.state(1, "delivered", passing=10)
    assert story.sandbox.pictures.fetched["late.png"] == before + 1


async def planned_because(story, reason):
    (delivery,) = await story.deliveries()
    return delivery["state"] == "planned" and reason in (delivery["reason"] or "")
