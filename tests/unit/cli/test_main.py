"""Commands are found by their names, and a misspelt one is named."""

import pkgutil
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from appealbridge import cli
from appealbridge.cli.main import FILES, OTHER_WORDS, main


def test_every_command_is_found_by_its_name_and_stands_in_the_file_told():
    context = click.Context(main)
    values = {name: file for file, names in FILES.items() for name in names}
    assert main.list_commands(context) == sorted(values)
    for name, file in values.items():
        command = main.get_command(context, name)
        assert command is not None
        assert (command.name, command.callback.__module__) == (name, f"appealbridge.cli.{file}")


def test_no_command_is_left_out():
    for file in pkgutil.iter_modules(cli.__path__):
        module = vars(__import__(f"appealbridge.cli.{file.name}", fromlist=["x"])).values()
        result = {each for each in module if isinstance(each, click.Command) and each is not main}
        inside = {
            below
            for each in result
            if isinstance(each, click.Group)
            for below in each.commands.values()
        }
        assert {each.name for each in result - inside} == set(FILES.get(file.name, ()))


def test_an_unknown_command_is_wrong_use():
    result = CliRunner().invoke(main, ["publish"])
    assert (result.exit_code, 'unknown command "publish"; known here: ' in result.output) == (
        2,
        True,
    )


@pytest.mark.parametrize(("word", "meant"), OTHER_WORDS.items())
def test_a_word_of_other_programs_gets_a_command_that_there_is(word, meant):
    result = CliRunner().invoke(main, [word])
    assert (result.exit_code, f"use: appealbridge {meant}" in result.output) == (2, True)
    help_ = CliRunner().invoke(main, [*meant.split()[:1], "--help"])
    assert help_.exit_code == 0


@pytest.mark.parametrize("group", ["audit", "db", "people", "tokens"])
def test_a_group_of_commands_alone_shows_its_help_and_no_error(group):
    result = CliRunner().invoke(main, [group])
    assert (result.exit_code, "Commands:" in result.output, "Error" in result.output) == (
        2,
        True,
        False,
    )


def test_a_misspelt_command_gets_the_right_one():
    result = CliRunner().invoke(main, ["chek"])
    assert (result.exit_code, 'did you mean "check"?' in result.output) == (2, True)


def test_a_start_loads_no_command_that_was_not_asked_for():
    requested = "import sys, appealbridge.cli.main; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", requested], text=True).split()
    assert [name for name in loaded if name.startswith("appealbridge.")] == [
        "appealbridge.cli",
        "appealbridge.cli.main",
    ]
