"""What a person sees who asks for help."""

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import FILES, main


@pytest.mark.parametrize("group", [[], ["db"], ["channels"]])
def test_no_command_is_told_of_in_half_a_sentence(group):
    result = CliRunner().invoke(main, [*group, "--help"], terminal_width=80).output
    commands = result.partition("Commands:\n")[2].splitlines()
    assert commands
    assert [line for line in commands if not line.endswith(".")] == []
    assert "..." not in "".join(commands)


@pytest.mark.parametrize("name", sorted(name for names in FILES.values() for name in names))
def test_the_help_of_every_command_fits_a_terminal_and_says_what_it_does(name):
    shown = CliRunner().invoke(main, [name, "--help"], terminal_width=80)
    assert shown.exit_code == 0
    usage, _, description = shown.output.partition("\n\n")
    assert usage.startswith(f"Usage: main {name}")
    assert description.strip().partition("\n\n")[0].rstrip().endswith((".", ":"))
    too_long = [line for line in shown.output.splitlines() if len(line) > 80]
    assert all("appealbridge completion" in line for line in too_long)  # is copied as it is
