"""Somebody with root changes the trail in the file of the store; `audit verify` names what they did."""

import asyncio
import shutil
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.model.people import Role
from tests.stories.crew import HELD, UIDS, Crew, as_root, open_folder, people

pytestmark = as_root
CHANGED = "UPDATE audit SET actor = 'mallory' WHERE seq = 3"
REMOVED = "DELETE FROM audit WHERE seq = 3"
INSERTED = (
    "UPDATE audit SET seq = seq + 100 WHERE seq > 3; UPDATE audit SET seq = seq - 99 WHERE seq > 100;"
    "INSERT INTO audit (seq, at, actor, how, act, object, revision, content_hash, reason_hash, shown, previous, hash)"
    " SELECT 4, at, actor, how, act, object, revision, content_hash, reason_hash, shown, previous, hash FROM audit"
    " WHERE seq = 3"
)
CUT = (
    "DELETE FROM audit WHERE seq > 4; DELETE FROM checkpoints;"
    "UPDATE sqlite_sequence SET seq = 4 WHERE name = 'audit'"
)


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


async def decided(crew):
    """Let people decide six things in a running daemon and stop it; return the settings of its store."""
    story = crew.story
    await crew.begins({"tweet": HELD}, settings=people())
    for number in range(1, 7):
        await story.receives(f"M{number} closed")
    rows = await story.state(6, "held")
    for row in rows:
        path = f"/api/v1/deliveries/{row['number']}/cancel?reason=no"
        assert (await crew.asks(UIDS[Role.OPERATOR], "POST", path))[0] == 200
    await story.clock.passes(hours=2, step=600)  # a checkpoint is kept every hour
    file = story.stage.folder / "bridge.db.checkpoints"
    await story.until(file.exists)
    await story.stops()
    return story.stage.config


async def verifies(config, *arguments):
    line = ["audit", "verify", "--config", str(config), *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, main, line)
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize(
    ("forgery", "named"),
    [
        (CHANGED, "entry 3"),
        (REMOVED, "entry 3"),
        (INSERTED, "entry 4"),
        (CUT, "entries 5 to 7 were cut off"),
    ],
    ids=["changed", "removed", "inserted", "cut"],
)
async def test_whatever_is_done_to_the_rows_is_named(crew, forgery, named):
    config = await decided(crew)
    store = crew.story.stage.store
    stored = store.with_name("kept.db")
    await asyncio.to_thread(shutil.copy, store, stored)
    assert (await verifies(config))[0] == 0
    with closing(sqlite3.connect(store)) as db:
        db.executescript(forgery)
    status, result = await verifies(config)
    assert status == 1, result
    assert named in result
    await asyncio.to_thread(shutil.copy, stored, store)
    assert (await verifies(config))[0] == 0
    await crew.story.starts()
