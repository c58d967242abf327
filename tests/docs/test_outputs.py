"""What the docs say that a command prints is what it prints, and a filter gives what they say it gives."""

import shlex

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.recipes.templates.expression import compile_template
from appealbridge.recipes.templates.filters import FILTERS
from tests.docs import workplace
from tests.docs.pages import blocks
from tests.unit.recipes.conftest import scope_of

OUTPUTS = [block for block in blocks() if block.word == "output"]
EXAMPLES = [
    line.split("  →  ")
    for block in blocks()
    if block.word == "filters"
    for line in block.text.splitlines()
]


@pytest.mark.parametrize("block", OUTPUTS, ids=lambda block: block.rest)
def test_a_command_prints_what_the_page_says(block, tmp_path, monkeypatch):
    workplace.build(tmp_path)
    workplace.enter(tmp_path, monkeypatch)
    program, *arguments = shlex.split(block.rest)
    assert program == "appealbridge"
    result = CliRunner().invoke(main, arguments).output
    assert [line.rstrip() for line in result.splitlines()] == block.text.splitlines()


@pytest.mark.parametrize(("template", "gives"), EXAMPLES, ids=[each[0] for each in EXAMPLES])
def test_a_filter_gives_what_the_page_says(template, gives):
    assert str(compile_template(template).fill(scope_of({}))) == gives


def test_every_filter_has_an_example():
    shown = " ".join(template for template, _ in EXAMPLES)
    assert [name for name in FILTERS if f"| {name}" not in shown] == []
