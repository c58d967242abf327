"""The examples are packages as third parties make them: pip installs them beside AppealBridge, and they are there."""

import json
import shutil
from functools import partial

import pytest

from tests.docs.pages import ROOT
from tests.plugging import Environment

SETTINGS = """
practice: http://127.0.0.1:9
channels:
  control_room: { platform: teams, url: !secret control_room_teams_url }
  intranet: { platform: outgoing, api: https://intranet.example.org/posts, credentials: { token: !secret token } }
notice_boards:
  city: { url: https://notices.example.org/notices.json }
"""
RECIPE = """
triggers: [{ trigger: notice_board, board: city, on: [new, changed] }]
actions:
  - { action: teams_message, channel: control_room, title: "{{ event.data.title }}", text: Seen }
  - { action: outgoing_post, channel: intranet, text: "{{ event.data.title }}" }
approval: none
tests:
  - name: both are told
    event: { type: notice.new, data: { id: "1", title: Road closed } }
    expect:
      - { action: teams_message, text: Seen, title: Road closed }
      - { action: outgoing_post, text: Road closed }
"""
EXAMPLES = ("plugin", "plugin-teams")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    environment_ = Environment(folder / "venv")
    for name in EXAMPLES:
        shutil.copytree(ROOT / "examples" / name, folder / name)
        environment_.run("pip", "install", f"./{name}", folder=folder)
    (folder / "appealbridge.yaml").write_text(SETTINGS)
    (folder / "recipes").mkdir()
    (folder / "recipes" / "notices.yaml").write_text(RECIPE)
    return environment_, folder


@pytest.fixture
def appealbridge(environment):
    result, folder = environment
    return partial(result.run, "appealbridge", folder=folder)


def test_check_reads_their_accounts_sources_and_recipes(appealbridge):
    assert "1 recipe fine, 0 errors, 0 notes" in appealbridge("check")
    assert "1 test, 1 passed, 0 failed" in appealbridge("test")


def test_check_knows_their_options_like_any_other(environment, appealbridge):
    _, folder = environment
    wrong = folder / "wrong.yaml"
    wrong.write_text(RECIPE.replace("title:", "titel:", 1).replace("data.title", "data.titel"))
    output = appealbridge("check", str(wrong), status=1)
    assert 'did you mean "title"?' in output
    assert "titel" in output


def test_preview_shows_what_they_would_send_and_counts_it(appealbridge):
    output = appealbridge("preview", "notices")
    assert "teams_message on control_room: " in output
    assert "outgoing_post on intranet: 11 of 2000 characters" in output


def test_the_schemas_have_them(appealbridge):
    settings = json.loads(appealbridge("schema", "settings"))
    platforms = {
        way["title"] for way in settings["properties"]["channels"]["additionalProperties"]["oneOf"]
    }
    assert {"teams", "outgoing", "x"} <= platforms
    assert "notice_boards" in settings["properties"]
    recipe = appealbridge("schema", "recipe")
    assert '"teams_message"' in recipe
    assert '"notice_board"' in recipe


def test_channels_has_their_accounts(appealbridge):
    output = appealbridge("channels", "check")
    assert "control_room (teams): good" in output
    assert "intranet (outgoing): good" in output


@pytest.mark.parametrize("name", EXAMPLES)
def test_their_own_tests_pass_where_they_are_installed(environment, name):
    result, folder = environment
    output = result.run(
        "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=folder / name
    )
    assert " passed" in output
    assert "skipped" not in output
