"""Every test that the page of promises names is there to be run."""

import re

import pytest

from tests.docs.pages import ROOT, text_of

SHOWN = [
    (file, name)
    for file, names in re.findall(r"\]\(\.\./([\w/]+\.py)\)([^\[|]*)", text_of("promises.md"))
    for name in re.findall(r"`(test_\w+)`", names)
]


@pytest.mark.parametrize(("file", "name"), SHOWN)
def test_a_promise_names_a_test_that_exists(file, name):
    assert re.search(rf"def {name}\(", (ROOT / file).read_text("utf-8"))


def test_every_promise_is_shown_by_something():
    rows = re.findall(r"^\| (?!promise|---)[^|]+\|([^|]*)\|", text_of("promises.md"), re.MULTILINE)
    assert len(rows) >= 10
    assert all(".py)" in shown for shown in rows)
