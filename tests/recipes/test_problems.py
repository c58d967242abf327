"""Every way of being wrong: exactly what is said about it."""

from pathlib import Path

import pytest

from tests.recipes.golden import HERE, RULE, problems_of

FILES = sorted((HERE / "problems").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_said_is_what_the_golden_file_says(file: Path):
    text, message = file.read_text("utf-8").split(RULE)
    assert problems_of(file.stem, text) == message


def test_there_is_a_golden_file_for_many_ways_of_being_wrong():
    assert len(FILES) >= 60
