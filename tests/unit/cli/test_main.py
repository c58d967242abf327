"""What a person sees who asks for help."""

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main


@pytest.mark.parametrize("group", [[], ["db"], ["channels"]])
def test_no_command_is_told_of_in_half_a_sentence(group):
    told = CliRunner().invoke(main, [*group, "--help"], terminal_width=80).output
    commands = told.partition("Commands:\n")[2].splitlines()
    assert commands
    assert [line for line in commands if not line.endswith(".")] == []
    assert "..." not in "".join(commands)
