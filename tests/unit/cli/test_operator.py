"""The operator's verbs, before a daemon is asked."""

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main


@pytest.mark.parametrize("command", ["deliveries", "runs"])
def test_a_state_that_there_is_not_is_wrong_use(command):
    result = CliRunner().invoke(main, [command, "--state", "failed,nonsense"])
    assert result.exit_code == 2
    assert "unknown value 'nonsense'; known: " in result.output


@pytest.mark.parametrize("command", ["deliveries", "release --all", "cancel --all"])
def test_a_hold_that_there_is_not_is_wrong_use(command):
    result = CliRunner().invoke(main, [*command.split(), "--hold", "nonsense"])
    assert result.exit_code == 2
    assert "unknown value 'nonsense'; known: " in result.output


@pytest.mark.parametrize(
    "command", ["runs --state open,failed", "release --all --hold burst,same_text"]
)
def test_two_words_where_one_is_asked_for_are_wrong_use(command):
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 2
    assert "give one value, not 2" in result.output
