"""READY is said when all is in force, at the start and after a reload; and a start on nothing is not silent."""

import io
import json
import random
from dataclasses import replace

import pytest

from appealbridge.daemon.assembly import assemble
from appealbridge.daemon.bridge import Bridge
from appealbridge.daemon.process import Process
from appealbridge.daemon.systemd import Notifier
from appealbridge.logs import Level, Log, Output
from appealbridge.settings.paths import Listen
from appealbridge.store.sqlite.control import read_control
from appealbridge.testing.clock import FakeClock
from tests.stories import staging
from tests.stories.test_sources import APPEAL


class Enough(Exception):
    """Ends a daemon of which enough was seen."""


class Manager(Notifier):
    """Writes down what was in force whenever it was told that the daemon is ready."""

    def __init__(self):
        super().__init__("")
        self.bridge = None
        self.messages = []

    def ready(self):
        engine = self.bridge.engine
        self.messages.append(
            (
                sorted(engine.active.book.recipes),
                sorted(engine.lanes),
                sorted(engine.active.watched),
            )
        )


async def test_ready_is_said_again_once_what_is_new_is_in_force(story):
    await story.begins({"one": staging.TWEET})
    manager = story.bridge.systemd = Manager()
    manager.bridge = story.bridge
    story.stage.recipe("two", APPEAL)
    story.stage.configure(staging.CHANNELS.replace("force_mastodon", "ward_mastodon"))
    await story.bridge.reload()
    recipes, lanes, watched = manager.messages[-1]
    assert recipes == ["one", "two"]
    assert "ward_mastodon" in lanes
    assert "force_mastodon" not in lanes
    assert watched == ["appeal:desk"]


async def test_ready_is_said_after_a_reload_that_took_nothing(story):
    await story.begins({"one": staging.TWEET})
    manager = story.bridge.systemd = Manager()
    manager.bridge = story.bridge
    story.stage.config.write_text("listn: 1")
    await story.bridge.reload()
    assert [recipes for recipes, *_ in manager.messages] == [["one"]]


async def test_a_reload_that_meets_what_nobody_foresaw_changes_nothing(story, monkeypatch):
    await story.begins({"one": staging.TWEET})

    def broken(*_, **__):
        raise KeyError("a")

    monkeypatch.setattr("appealbridge.daemon.bridge.assemble", broken)
    answer = await story.bridge.reload()
    assert answer["loaded"] == []
    assert "please report it" in answer["problems"][0]["text"]
    assert story.logged("reload_refused")
    await story.receives("M6 closed")
    await story.state(1, "delivered")


async def test_at_the_start_it_is_said_when_the_daemon_can_be_reached(tmp_path):
    stage = staging.build(tmp_path / "stage", "http://127.0.0.1:9", "127.0.0.1:9", {})
    stage.configure()
    reached = []

    class Asked(Notifier):
        def ready(self):
            control = read_control(stage.store)
            reached.append(control is not None and control.url == bridge.url)
            raise Enough

    bridge = Bridge(stage.config, clock=FakeClock(), rng=random.Random(1), systemd=Asked(""))
    with pytest.raises(ExceptionGroup):
        await Process(bridge).run()
    assert reached == [True]


@pytest.mark.parametrize("settings", [None, "listen: 127.0.0.1:0\n"])
async def test_a_start_on_nothing_says_so(tmp_path, monkeypatch, settings):
    monkeypatch.chdir(tmp_path)
    if settings is not None:
        (tmp_path / "appealbridge.yaml").write_text(settings)
    assembly = assemble(None)
    daemon = assembly.settings.daemon.model_copy(update={"listen": Listen(("127.0.0.1", 0))})
    anywhere = replace(assembly.settings, daemon=daemon)
    lines = io.BytesIO()
    log = Log(Output(lines, FakeClock().now, level=Level.INFO))
    async with Bridge(assembly=replace(assembly, settings=anywhere), clock=FakeClock(), log=log):
        pass
    text = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert ("no_settings" in text) == (settings is None)
    assert "no_recipes" in text
