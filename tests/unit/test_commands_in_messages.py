"""A command that a message or a page of the docs names exists."""

import ast
import re
from pathlib import Path

import click
import pytest

from appealbridge.cli.main import main
from tests.docs.pages import ROOT

NAMED = re.compile(
    r"`appealbridge ([a-z][a-z-]*)|(?:run|start it with|use): appealbridge ([a-z][a-z-]*)"
)


def texts(file: Path) -> list[str]:
    """Return the texts of a module, or a whole page."""
    if file.suffix == ".md":
        return [file.read_text("utf-8")]
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


FILES = [*ROOT.glob("src/appealbridge/**/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]


@pytest.mark.parametrize(
    "folder", sorted({file.parent.relative_to(ROOT) for file in FILES}), ids=str
)
def test_every_command_that_a_text_names_exists(folder):
    named = {
        name
        for file in FILES
        if file.parent == ROOT / folder
        for text in texts(file)
        for pair in NAMED.findall(text)
        for name in pair
        if name
    }
    assert named <= {*main.list_commands(click.Context(main))}
