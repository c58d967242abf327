"""An account whose address is its secret, as those of incoming webhooks are: read, checked and kept from sight."""

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.daemon.assembly import assemble
from appealbridge.redact import Redactor
from tests.docs.pages import ROOT
from tests.plugging import installed

SETTINGS = """
channels:
  control_room: { platform: teams, url: !secret teams_url }
"""
RECIPE = """
triggers: [{ trigger: appeal }]
actions: [{ action: teams_message, channel: control_room, text: "{{ appeal.title }}" }]
approval: none
"""
ADDRESS = "https://flows.example:443/workflows/1/invoke?api-version=1&sig=hush-hush-1"


@pytest.fixture
def config(tmp_path, monkeypatch):
    code = ROOT / "examples/plugin-teams/appealbridge_teams/__init__.py"
    installed(tmp_path, monkeypatch, code.read_text("utf-8"))
    (tmp_path / "appealbridge.yaml").write_text(SETTINGS)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "a.yaml").write_text(RECIPE)
    return tmp_path / "appealbridge.yaml"


def checked(config):
    result = CliRunner().invoke(main, ["check", "--config", str(config)])
    return result.exit_code, result.output


def test_where_the_secret_is_not_there_is_only_a_note(config):
    status, output = checked(config)
    assert (status, "1 recipe fine, 0 errors" in output) == (0, True), output


def test_all_its_parts_are_known_as_secrets(config, monkeypatch):
    monkeypatch.setenv("APPEALBRIDGE_SECRET_TEAMS_URL", ADDRESS)
    assembly = assemble(config)
    assert "control_room" in assembly.active.channels
    result = Redactor(assembly.secrets()).clean(f"{ADDRESS} and hush-hush-1")
    assert "hush" not in result


WRONG = {
    "is no address": ("hush-hush-1", "the secret must be an address"),
    "would be read on its way": ("http://flows.example/hush-hush-1", "write https://"),
}


@pytest.mark.parametrize(("address", "message"), WRONG.values(), ids=WRONG)
def test_one_that_cannot_be_right_is_an_error_that_does_not_show_it(
    config, monkeypatch, address, message
):
    monkeypatch.setenv("APPEALBRIDGE_SECRET_TEAMS_URL", address)
    status, output = checked(config)
    assert status == 1
    assert message in output
    assert "hush" not in output


def test_in_practice_mode_it_leads_to_the_practice_platforms_and_no_secret_is_read(
    config, monkeypatch
):
    config.write_text(f"practice: http://127.0.0.1:9\n{SETTINGS}")
    monkeypatch.setenv("APPEALBRIDGE_SECRET_TEAMS_URL", ADDRESS)
    assembly = assemble(config)
    account = assembly.active.channels["control_room"].account
    assert account.url.get_secret_value().startswith(
        "http://127.0.0.1:9/generic/teams/control_room"
    )
    assert not assembly.settings.secrets
