"""Every command over a store, recipes and files in which strangers wrote whatever moves a cursor."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.clock import SystemClock
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.event import Event
from appealbridge.model.ids import delivery_id, event_id, run_id
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import Arrival
from appealbridge.store.sqlite.store import SqliteStore
from tests.unit.cli.test_output import HOSTILE, harmful

WORDS = HOSTILE.replace("\ud800", "").replace("\0", "")
QUOTED = WORDS.encode("unicode_escape").decode().replace('"', '\\"')
"""The same as YAML and JSON write it between quotes."""
SETTINGS = """
store: sqlite:///{folder}/bridge.db
recipes: {folder}/recipes
practice: http://127.0.0.1:9
channels: {{ force_x: {{ platform: x }} }}
webhooks: {{ desk: {{ secrets: [!secret desk], mapping: {{ type: $.type }} }} }}
"""
RECIPE = f"""
alias: "{QUOTED}"
triggers: [{{ trigger: webhook, webhook_id: desk }}]
actions:
  - {{ action: tweet, channel: force_x, text: "{{{{ event.data.text }}}}" }}
approval: none
tests:
  - {{ name: "{QUOTED}", event: {{ type: a, data: {{ text: "{QUOTED}" }} }}, expect: [{{ text: "no {QUOTED}" }}] }}
"""
BLUEPRINT = f"""
blueprint:
  name: "{QUOTED}"
  description: "{QUOTED}"
  inputs:
    account: {{ description: "{QUOTED}", kind: text, default: "{QUOTED}" }}
triggers: [{{ trigger: webhook, webhook_id: desk }}]
actions: [{{ action: tweet, channel: !input account, text: x }}]
"""


@pytest.fixture
async def folder(tmp_path: Path, monkeypatch) -> Path:
    """A store in which every text is hostile, and the files of somebody who means harm."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPEALBRIDGE_SECRET_DESK", "whsec_" + "QUJD" * 8)
    (tmp_path / "appealbridge.yaml").write_text(SETTINGS.format(folder=tmp_path))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "roads.yaml").write_text(RECIPE)
    (tmp_path / "broken.yaml").write_text(f'"{QUOTED}": "{QUOTED}"\n')
    (tmp_path / "raw.yaml").write_text(f"alias: {WORDS}\n")
    (tmp_path / "event.yaml").write_text(f'type: "{QUOTED}"\ndata: {{ text: "{QUOTED}" }}\n')
    (tmp_path / "blueprint.yaml").write_text(BLUEPRINT)
    now = SystemClock().now()
    id_ = event_id(now, 1)
    event = Event(id_, "webhook:desk", WORDS, WORDS, WORDS, now, {"text": WORDS}, received_at=now)
    run = Run(
        id=run_id(id_, "roads"), event_id=id_, recipe="roads", version="v1", state=RunState.FAILED,
        begun_at=now, reason=WORDS, trace=({"at": now, "step": WORDS, "message": WORDS},),
    )  # fmt: skip
    delivery = Delivery(
        id=delivery_id(run.id, "tweet", ""), run_id=run.id, event_id=id_, recipe="roads", step="tweet",
        subject=WORDS, channel="force_x", action="tweet", content=json.dumps({"text": WORDS}),
        content_hash="h", state=State.HELD, planned_at=now, due_at=now, hold=WORDS, reason=WORDS,
    )  # fmt: skip
    store = await SqliteStore.open(tmp_path / "bridge.db")
    await store.accept([Arrival(event, (run,), (delivery,))])
    await store.close()
    return tmp_path


COMMANDS = {
    "deliveries": "RC-77 [/]", "deliveries --json": "RC-77 [/]", "runs": "RC-77 [/]", "runs --json": "RC-77 [/]",
    "trace 1": "RC-77 [/]", "trace 1 --json": "RC-77 [/]", "backtest roads --all": "RC-77 [/]",
    "backtest roads --all --json": "RC-77 [/]", "test": "RC-77 [/]", "test --json": "RC-77 [/]",
    "preview roads --event event.yaml": "RC-77 [/]", "preview roads --event event.yaml --json": "RC-77 [/]",
    "preview roads": "RC-77 [/]", "check broken.yaml": "RC-77 [/]", "check raw.yaml": "raw.yaml",
    "check broken.yaml --format json": "RC-77 [/]", "check broken.yaml --format github": "RC-77 [/]",
    "new blueprint.yaml --output x.yaml": "RC-77 [/]", "new blueprint.yaml --input a=b": "account",
    "channels check": "force_x",
}  # fmt: skip


@pytest.mark.parametrize("colour", [False, True], ids=["a pipe", "a terminal"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_lets_a_stranger_steer_the_terminal(folder, command, colour):
    arguments = [*command.split(), "--config", str(folder / "appealbridge.yaml")]
    result = CliRunner().invoke(main, arguments, color=colour)
    assert harmful(result.output + result.stderr) == []
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert COMMANDS[command] in result.output + result.stderr


def test_questions_and_their_defaults_are_harmless_too(folder, monkeypatch):
    monkeypatch.setattr("appealbridge.cli.new._terminal", lambda: True)
    arguments = ["new", "blueprint.yaml", "--config", str(folder / "appealbridge.yaml")]
    result = CliRunner().invoke(main, arguments, input="force_x\n", color=True)
    assert harmful(result.output) == []
    assert "RC-77 [/]" in result.output


def test_what_is_asked_for_on_the_command_line_is_no_way_round(folder):
    arguments = ["channels", "check", f"a{WORDS}", "--config", str(folder / "appealbridge.yaml")]
    result = CliRunner().invoke(main, arguments, color=True)
    assert result.exit_code == 2
    assert harmful(result.output) == []
