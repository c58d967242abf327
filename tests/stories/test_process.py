"""The daemon as a real process: signals, a second one on its store, a full disk, a kill during an attempt."""

import asyncio
import resource
import shutil
import signal

import pytest

from appealbridge.testing.server import DAWDLE, ScriptedServer
from tests import forking
from tests.stories import staging
from tests.stories.processes import ANEW, daemon, platforms, until

EVENT = {"type": "incident", "subject": "M6", "text": "M6 closed"}


async def delivered(running):
    return await running.has(1, "delivered")


async def test_sigterm_lets_an_attempt_that_is_under_way_end(tmp_path):
    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {"t": staging.TWEET})
        await there.fault("x", "slow", seconds=1)
        async with daemon(stage, *ANEW) as first:
            assert await first.ready()
            await first.receives("msg_1", EVENT)
            await until(lambda: there.posts("M6"), "the post")
            assert await first.end(signal.SIGTERM) == 0
        assert any('"event":"delivered"' in line for line in first.lines)
        assert len(await there.posts("M6")) == 1


async def test_sigterm_does_not_wait_for_ever_and_what_was_cut_off_is_looked_into(tmp_path):
    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {"t": staging.TWEET})
        stage.configure(shutdown_within="1s")
        await there.fault("x", "post_then_hang", count=1, seconds=50)
        async with daemon(stage) as first:
            assert await first.ready()
            await first.receives("msg_1", EVENT)
            await until(lambda: there.posts("M6"), "the post")
            async with asyncio.timeout(5):
                assert await first.end(signal.SIGTERM) == 0
        async with daemon(stage) as second:
            assert await second.ready()
            await delivered(second)
        assert len(await there.posts("M6")) == 1


async def test_sigterm_does_not_wait_for_a_feed_that_says_nothing(tmp_path):
    recipe = """
    alias: News
    triggers: [{{ trigger: feed, url: "{url}", every: 60s }}]
    actions: [{{ action: tweet, channel: force_x, text: "{{{{ event.data.title }}}}" }}]
    """
    async with ScriptedServer() as silent:
        silent.answers(DAWDLE)
        stage = staging.build(tmp_path / "stage", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
        stage.recipe("news", recipe.format(url=f"{silent.url}/feed"))
        async with daemon(stage) as running:
            assert await running.ready()
            await silent.hears(1)
            async with asyncio.timeout(5):
                assert await running.end(signal.SIGTERM) == 0


async def test_a_kill_in_the_middle_of_an_attempt_publishes_nothing_twice(tmp_path):
    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {"t": staging.TWEET})
        await there.fault("x", "post_then_hang", count=1, seconds=50)
        async with daemon(stage) as first:
            assert await first.ready()
            assert (await first.receives("msg_1", EVENT))[0] == 202
            await until(lambda: there.posts("M6"), "the post")
            await first.end(signal.SIGKILL)
        async with daemon(stage) as second:
            assert await second.ready()
            (delivery,) = await delivered(second)
            _, answer = await second.ask("GET", f"/api/v1/deliveries/{delivery['number']}")
        assert [tried["outcome"] for tried in answer["history"]] == ["unsure", "found"]
        assert len(await there.posts("M6")) == 1


async def test_sighup_takes_new_recipes(tmp_path):
    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {})
        async with daemon(stage) as running:
            assert await running.ready()
            stage.recipe("tweet", staging.TWEET)
            running.process.send_signal(signal.SIGHUP)
            assert await running.line('"event":"reloaded"')
            await running.receives("msg_1", EVENT)
            await delivered(running)


async def test_a_second_daemon_on_one_store_says_who_holds_it_and_ends(tmp_path):
    stage = staging.build(tmp_path / "stage", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
    async with daemon(stage) as first:
        assert await first.ready()
        async with daemon(stage) as second:
            async with asyncio.timeout(20):
                assert await second.ending == 1
            assert await second.line(f"process {first.process.pid} uses this store")
        assert (await first.ask("GET", "/healthz"))[0] == 200


async def test_a_full_disk_is_answered_with_503_and_what_was_accepted_stays(tmp_path):
    """No file may grow beyond a limit, which is what a full disk looks like to SQLite."""
    held = staging.TWEET.replace("approval: none\n", "")

    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))

    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {"t": held})
        accepted = []
        async with daemon(stage, before=little_room) as first:
            assert await first.ready()
            for size in (50_000, 5_000, 1):  # until nothing fits any more
                for number in range(200):
                    name = f"{size}-{number}"
                    event = {**EVENT, "subject": name, "padding": "x" * size}
                    status, answer = await first.receives(name, event)
                    if status != 202:
                        break
                    accepted.append(answer["event"])
                assert status == 503
            assert len(accepted) > 3
            assert (await first.ask("GET", "/healthz"))[0] == 200

            async def refuses() -> bool:
                # What the daemon notes for itself may still fit, and is the last thing that was stored then.
                event = {**EVENT, "subject": "again", "padding": "x" * 50_000}
                status, answer = await first.receives(f"again-{len(accepted)}", event)
                if status == 202:
                    accepted.append(answer["event"])
                return status == 503 and (await first.ask("GET", "/readyz"))[0] == 503

            await until(refuses, "a refusal after which the daemon is not ready")
            assert len(await first.deliveries()) == len(accepted)
            stage.recipe("another", staging.EVERYWHERE + "# as long as this\n" * 5_000)
            first.process.send_signal(signal.SIGHUP)
            assert await first.line('"event":"reload_refused"')
            assert (await first.ask("GET", "/healthz"))[0] == 200
            # The disk has room again, and the daemon goes on without a restart.
            resource.prlimit(
                first.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2
            )
            assert (await first.receives("msg_last", EVENT))[0] == 202
            assert (await first.ask("GET", "/readyz"))[0] == 200
            await first.end(signal.SIGKILL)
        async with daemon(stage) as second:
            assert await second.ready()
            _, events = await second.ask("GET", "/api/v1/events?limit=1000")
            assert {event["id"] for event in events} >= set(accepted)
            (last, *_) = await second.deliveries()
            assert (await second.ask("POST", f"/api/v1/deliveries/{last['id']}/release"))[0] == 200
            await until(lambda: there.posts("M6"), "the released post")


async def test_a_recipe_is_taken_as_soon_as_it_is_saved_and_no_webhook_is_refused_meanwhile(
    tmp_path,
):
    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {"t": staging.TWEET})
        async with daemon(stage) as running:
            assert await running.ready()
            await running.line("watching")
            stage.recipe("t", staging.TWEET.replace("{{ event", "Saved: {{ event"))
            statuses = []
            while not any('"event":"reloaded"' in line for line in running.lines):
                about = f"msg_{len(statuses)}"
                event = EVENT | {"subject": about, "text": f"{about} closed"}
                statuses.append((await running.receives(about, event))[0])
            assert set(statuses) == {202}
            await running.receives("last", EVENT | {"subject": "A38", "text": "A38 closed"})
            await until(lambda: there.posts("Saved: A38 closed"), "the post of the saved recipe")


async def test_a_folder_of_recipes_that_comes_later_is_taken_with_what_is_in_it_and_watched(
    tmp_path,
):
    stage = staging.build(tmp_path / "stage", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
    folder = stage.recipes
    shutil.rmtree(folder)
    async with daemon(stage) as running:
        assert await running.ready()
        assert not any('"event":"watching"' in line for line in running.lines)
        (later := folder.with_name("later")).mkdir()
        (later / "t.yaml").write_text(staging.TWEET)
        later.rename(folder)
        assert "1 new" in await running.line('"event":"reloaded"')
        assert str(folder) in await running.line('"event":"watching"')


async def test_a_recipe_that_is_saved_waits_for_a_reload_where_the_settings_say_so(tmp_path):
    stage = staging.build(tmp_path / "stage", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {})
    stage.config.write_text(stage.config.read_text() + "watch: false\n")
    async with daemon(stage) as running:
        assert await running.ready()
        stage.recipe("t", staging.TWEET)
        running.process.send_signal(signal.SIGHUP)
        await running.line('"event":"reloaded"')
        assert not any('"event":"changed"' in line for line in running.lines)
        assert any("1 new" in line for line in running.lines)


@pytest.mark.parametrize("how", ["command", "file"])
async def test_a_stop_while_the_daemon_hangs_lets_nothing_out_when_it_goes_on(tmp_path, how):
    async with platforms(tmp_path) as there:
        stage = staging.build(tmp_path / "stage", there.url, there.smtp, {"t": staging.TWEET})
        async with daemon(stage) as hung:
            assert await hung.ready()
            hung.process.send_signal(signal.SIGSTOP)
            waiting = [
                asyncio.ensure_future(hung.receives(f"msg_{n}", {**EVENT, "text": f"M{n}"}))
                for n in range(3)
            ]
            if how == "file":
                stage.store.with_name("bridge.db.stop").write_text("wrong picture")
            else:
                stop = await forking.start(
                    *("-m", "appealbridge", "stop", "--reason", "wrong picture"),
                    *("--config", str(stage.config)), stdout=forking.PIPE, stderr=forking.STDOUT,
                )  # fmt: skip
                assert b"nothing more is published" in await stop.stdout.readline()
            hung.process.send_signal(signal.SIGCONT)
            assert [status for status, _ in await asyncio.gather(*waiting)] == [202] * 3
            await until(lambda: hung.line("everything_stopped"), "the stop")
            await hung.has(3, "ready")
            assert await there.posts("M") == []
            if how == "command":
                assert await stop.wait() == 0
