"""
What `check` says about the mistakes that people make in their first hour, word for word.

Each recipe and each settings file of `tests/data/first-mistakes` has one mistake, or is right although it looks odd.
After a change of messages, `python -m tests.recipes.test_first_mistakes` writes the answers anew: read the difference.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main

DATA = Path(__file__).parents[1] / "data" / "first-mistakes"
GROUPS = {"recipes": ["check"], "settings": ["check", "--config"]}
MARK = "=== "
CASES = [(group, file.name) for group in GROUPS for file in sorted((DATA / group).iterdir())]
SECRETS = ("hook_roads", "hook_weather", "hook_dispatch")


def prepare(folder: Path) -> None:
    """Put the files into a folder, with the secrets that the settings name."""
    shutil.copytree(DATA, folder, dirs_exist_ok=True)
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    for name in SECRETS:
        (secrets / name).write_text(name.encode().hex()[:20] * 3)
        (secrets / name).chmod(0o600)


def answer(folder: Path, group: str, name: str) -> str:
    """Return the exit status and everything that the command prints about one file."""
    with chdir(folder):
        result = CliRunner().invoke(main, [*GROUPS[group], f"{group}/{name}"])
    return f"exit status {result.exit_code}\n{result.output}"


def expected(group: str) -> dict[str, str]:
    """Return the answers of a group by the name of the file."""
    sections = (DATA / f"{group}.txt").read_text("utf-8").split(MARK)[1:]
    return {name: text for name, _, text in (section.partition("\n") for section in sections)}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        yield Path(folder)


@pytest.fixture(autouse=True)
def wide_and_plain(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in [name for name in os.environ if name.startswith("APPEALBRIDGE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("group", "name"), CASES)
def test_a_first_mistake_gets_its_golden_answer(folder, group, name):
    assert answer(folder, group, name) == expected(group)[name]


@pytest.mark.parametrize("group", GROUPS)
def test_every_golden_answer_has_its_file(group):
    assert sorted(expected(group)) == sorted(name for kind, name in CASES if kind == group)


if __name__ == "__main__":
    os.environ |= {"COLUMNS": "120", "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as temporary:
        prepare(Path(temporary))
        for each in GROUPS:
            answers = (
                f"{MARK}{file}\n{answer(Path(temporary), each, file)}"
                for kind, file in CASES
                if kind == each
            )
            (DATA / f"{each}.txt").write_text("".join(answers), "utf-8")
