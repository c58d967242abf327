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
    arguments = ["backtest", recipe, "--config", str(folder / "appealbridge.yaml"), *options]
    return CliRunner().invoke(main, arguments)


def draft(folder: Path, text: str) -> str:
    (folder / "drafts").mkdir()
    (folder / "drafts" / "roads.yaml").write_text(text)
    return str(folder / "drafts" / "roads.yaml")


def test_a_draft_is_told_beside_the_recipe_in_force(folder):
    text = RECIPE.replace("actions:", "conditions: [{ field: $.road, not: M6 }]\nactions:")
    result = run(folder, draft(folder, text.replace("is closed", "closed")))
    assert result.exit_code == 0
    assert "compared with version v1, the latest in force" in result.output
    assert "    - text: A38 is closed\n    + text: A38 closed\n" in result.output
    assert (
        "tweet on force_x: 12 of 280 characters as X counts\n    text: M6 is closed"
        in result.output
    )
    assert result.output.endswith(
        "\n4 events of the last 30d; 3 wanted\n- 1 would no longer be published\n~ 3 would differ\n"
    )


def test_what_stays_is_counted_and_shown_only_with_all(folder):
    assert "M6" not in run(folder, "roads").output
    output = run(folder, "roads", "--all").output
    assert "M6 is closed" in output
    assert "= 4 would stay the same" in output


def test_only_what_came_since_is_played(folder):
    assert "2 events of the last 2h; 2 wanted" in run(folder, "roads", "--since", "2h").output


def test_pages_make_no_difference(folder, monkeypatch):
    whole = run(folder, "roads", "--all").output
    monkeypatch.setattr(backtest, "PAGE", 1)
    assert run(folder, "roads", "--all").output == whole


def test_a_program_gets_the_same(folder):
    output = json.loads(run(folder, "roads", "--all", "--limit", "1", "--json").output)
    assert (output["recipe"], output["compared_with"], output["events"]) == (
        "roads",
        "version v1, the latest in force",
        4,
    )
    assert output["counts"] == {"+": 0, "-": 0, "~": 0, "=": 4, "!": 0}
    (single,) = output["findings"]
    assert single["post"]["message"] == {"text": "M5 is closed"}
    assert output["left_out"] == 3


def test_a_recipe_that_never_was_in_force_is_compared_with_nothing(folder):
    (folder / "recipes" / "fresh.yaml").write_text(RECIPE)
    output = run(folder, "fresh").output
    assert "compared with nothing: no version was ever in force" in output
    assert "+ 4 would be published" in output


def test_a_draft_with_errors_is_not_played(folder):
    result = run(folder, draft(folder, RECIPE.replace("text:", "txet:")))
    assert result.exit_code == 1
    assert 'did you mean "text"?' in result.output


def test_without_a_store_there_is_nothing_to_play(folder):
    (folder / "bridge.db").unlink()
    result = run(folder, "roads")
    assert result.exit_code == 1
    assert "no store at" in result.output
