"""The trail of decisions in the running program: traced, checked, copied, and marked every hour."""

import asyncio
import json
import sqlite3
from contextlib import closing
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.store.checkpoints import read_checkpoints
from tests.stories import staging

HELD = staging.TWEET.replace("approval: none\n", "")


@pytest.fixture
def types(story):
    """Run a command as a person does; return its exit status and what it prints."""

    async def run_command(*arguments):
        line = [*arguments, "--config", str(story.stage.config)]
        result = await asyncio.to_thread(CliRunner().invoke, main, line)
        return result.exit_code, result.output

    return run_command


async def test_a_trace_shows_a_release_and_who_made_it_and_the_trail_verifies(story, types):
    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    await story.receives("M5 closed")
    first, second = await story.deliveries(state="held")
    _, question = await story.asks("GET", f"/deliveries/{first['number']}/question")
    (requested,) = question["deliveries"]
    by = quote("alice")
    await story.asks("POST", f"/deliveries/{first['number']}/release?by={by}")
    await story.state(2, "delivered", "held", passing=1)
    reason = quote("not for the public")
    await story.asks("POST", f"/deliveries/{second['number']}/cancel?by={by}&reason={reason}")
    _, shown = await types("trace", str(first["number"]))
    assert "released by alice (one desk)" in shown
    _, shown = await types("trace", str(second["number"]))
    assert "cancelled by alice (one desk): not for the public" in shown
    status, shown = await types("audit", "verify")
    assert (status, "2 decisions checked" in shown) == (0, True)
    _, lines = await types("audit", "export")
    left, other = map(json.loads, lines.splitlines())
    assert (left["object"], left["content_hash"]) == (
        f"delivery {first['number']}",
        requested["revision"]["hash"],
    )
    assert other["previous"] == left["hash"]
    assert other["reason"] == "not for the public"


async def test_whoever_may_not_read_the_checkpoints_still_checks_the_trail(
    story, types, monkeypatch
):
    """People of the control socket are not the user of the daemon, to whom the file belongs."""
    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    await story.releases((await story.deliveries(state="held"))[0])

    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("appealbridge.cli.decisions.audit.read_checkpoints", refused)
    status, shown = await types("audit", "verify")
    assert status == 0, shown
    assert "you may not read" in shown
    assert "1 decisions checked, against 0 checkpoints" in shown


async def test_an_old_hash_is_refused_at_the_command_line_with_what_has_changed(story, types):
    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    _, (question,) = await story.asks("GET", "/questions")
    hash_ = question["deliveries"][0]["revision"]["hash"]
    status, _ = await types("edit", "1", "--text", "M6 open")
    assert status == 0
    status, shown = await types("approve", "1", "--hash", hash_)
    assert status == 1
    assert "  changed: text\n    before: M6 closed\n    after: M6 open\n" in shown


async def test_what_nobody_decides_leaves_no_entry(story, types):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed")
    await story.state(1, "delivered")
    _, lines = await types("audit", "export")
    assert lines == ""


async def test_a_checkpoint_is_kept_every_hour_and_shows_a_trail_that_was_cut_off(story, types):
    await story.begins({"tweet": HELD})
    file = story.stage.folder / "bridge.db.checkpoints"
    for text in ("M6 closed", "M5 closed"):
        await story.receives(text)
    for delivery in await story.deliveries(state="held"):
        await story.releases(delivery)
    await story.state(2, "delivered", passing=1)
    await story.clock.passes(hours=2)
    await story.until(file.exists)
    (point,) = await asyncio.to_thread(read_checkpoints, file)
    assert point.seq == 2
    await story.stops()
    with closing(sqlite3.connect(story.stage.store)) as db:
        db.executescript(
            "DELETE FROM audit WHERE seq = 2; DELETE FROM checkpoints;"
            "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'audit'"
        )
    status, shown = await types("audit", "verify")
    assert status == 1
    assert "entry 2 was cut off" in shown
    await story.starts()
