"""`backtest` over a real store: what it prints, for people and for programs, and what it leaves alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from appealbridge.cli import backtest
from appealbridge.cli.main import main
from appealbridge.clock import SystemClock
from appealbridge.model.event import Event
from appealbridge.model.ids import event_id
from appealbridge.store.records import Arrival, RecipeVersion
from appealbridge.store.sqlite.store import SqliteStore

SETTINGS = """
store: sqlite:///{folder}/bridge.db
recipes: {folder}/recipes
practice: http://127.0.0.1:9
channels: {{ force_x: {{ platform: x }} }}
webhooks: {{ desk: {{ secrets: [!secret desk], mapping: {{ type: $.type }} }} }}
"""
RECIPE = """
alias: Roads
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.road }} is closed" }
approval: none
"""
HOUR = 3600.0


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Settings, a recipe that was in force, and a store with events of the last four hours."""
    (tmp_path / "appealbridge.yaml").write_text(SETTINGS.format(folder=tmp_path))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "roads.yaml").write_text(RECIPE)
    now = SystemClock().now()
    store = await SqliteStore.open(tmp_path / "bridge.db")
    await store.keep_recipes([RecipeVersion("old", "roads", RECIPE.replace("is", "was"))], now - 9)
    await store.keep_recipes([RecipeVersion("v1", "roads", RECIPE)], now)
    roads = ("M5", "M6", "A38", "A45")
    for number, road in enumerate(roads):
        at = now - (4 - number) * HOUR + 60
        key, source = f"k{number}", "webhook:desk"
        event = Event(
            event_id(at, number), source, "closed", road, key, at, {"road": road}, received_at=at
        )
        await store.accept([Arrival(event)])
    await store.close()
    return tmp_path


def run(folder: Path, recipe: str, *options: str):
    words = ["backtest", recipe, "--config", str(folder / "appealbridge.yaml"), *options]
    return CliRunner().invoke(main, words)


def draft(folder: Path, text: str) -> str:
    (folder / "drafts").mkdir()
    (folder / "drafts" / "roads.yaml").write_text(text)
    return str(folder / "drafts" / "roads.yaml")


def test_a_draft_is_told_beside_the_recipe_in_force(folder):
    text = RECIPE.replace("actions:", "conditions: [{ field: $.road, not: M6 }]\nactions:")
    told = run(folder, draft(folder, text.replace("is closed", "closed")))
    assert told.exit_code == 0
    assert "compared with version v1, the latest in force" in told.output
    assert "    - text: A38 is closed\n    + text: A38 closed\n" in told.output
    assert (
        "tweet on force_x: 12 of 280 characters as X counts\n    text: M6 is closed" in told.output
    )
    assert told.output.endswith(
        "\n4 events of the last 30d; 3 wanted\n- 1 would no longer be published\n~ 3 would differ\n"
    )


def test_what_stays_is_counted_and_shown_only_with_all(folder):
    assert "M6" not in run(folder, "roads").output
    told = run(folder, "roads", "--all").output
    assert "M6 is closed" in told
    assert "= 4 would stay the same" in told


def test_only_what_came_since_is_played(folder):
    assert "2 events of the last 2h; 2 wanted" in run(folder, "roads", "--since", "2h").output


def test_pages_make_no_difference(folder, monkeypatch):
    whole = run(folder, "roads", "--all").output
    monkeypatch.setattr(backtest, "PAGE", 1)
    assert run(folder, "roads", "--all").output == whole


def test_a_program_gets_the_same(folder):
    told = json.loads(run(folder, "roads", "--all", "--limit", "1", "--json").output)
    assert (told["recipe"], told["compared_with"], told["events"]) == (
        "roads",
        "version v1, the latest in force",
        4,
    )
    assert told["counts"] == {"+": 0, "-": 0, "~": 0, "=": 4, "!": 0}
    (one,) = told["findings"]
    assert one["post"]["message"] == {"text": "M5 is closed"}
    assert told["left_out"] == 3


def test_a_recipe_that_never_was_in_force_is_compared_with_nothing(folder):
    (folder / "recipes" / "fresh.yaml").write_text(RECIPE)
    told = run(folder, "fresh").output
    assert "compared with nothing: no version was ever in force" in told
    assert "+ 4 would be published" in told


def test_a_draft_with_errors_is_not_played(folder):
    told = run(folder, draft(folder, RECIPE.replace("text:", "txet:")))
    assert told.exit_code == 1
    assert 'did you mean "text"?' in told.output


def test_without_a_store_there_is_nothing_to_play(folder):
    (folder / "bridge.db").unlink()
    told = run(folder, "roads")
    assert told.exit_code == 1
    assert "no store at" in told.output
