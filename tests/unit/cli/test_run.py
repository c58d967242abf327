"""How `run` ends where it cannot begin: with what a manager of services needs to know."""

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.store.sqlite.connections import StoreLock
from tests.unit.test_unit_file import UNITS


def run(folder, settings):
    config = folder / "appealbridge.yaml"
    config.write_text(settings)
    return CliRunner().invoke(main, ["run", "--config", str(config)])


@pytest.mark.parametrize("settings", ["listn: 1", "%YAML 1.3\n---\n{}", "channels: [", "listen: a"])
def test_wrong_settings_are_wrong_use_which_no_other_start_mends(tmp_path, settings):
    result = run(tmp_path, settings)
    assert result.exit_code == 2
    assert "the daemon does not start until the settings above are fixed" in result.stderr
    unit = (UNITS / "appealbridge.service").read_text()
    assert "\nRestart=on-failure\n" in unit
    assert "\nRestartPreventExitStatus=2\n" in unit


def test_what_may_pass_is_tried_again(tmp_path):
    lock = StoreLock(tmp_path / "appealbridge.db")
    lock.take()
    try:
        assert run(tmp_path, "listen: 127.0.0.1:0").exit_code == 1
    finally:
        lock.release()
