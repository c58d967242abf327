"""`preview` of a recipe about an appeal in a file."""

from types import SimpleNamespace

import orjson
import pytest
from click.testing import CliRunner

from appealbridge.cli import recipes
from appealbridge.cli.main import main

SETTINGS = "practice: http://127.0.0.1:9\nchannels: { force_x: { platform: x } }\n"
RECIPE = """alias: Missing
triggers: [{{ trigger: appeal, {condition} }}]
actions:
  {first}
  - {{ action: tweet, text: "Missing: {{{{ appeal.title }}}}" }}
"""
CASE = """---
reference: WMP-12
kind: missing
title: "Aisha, 9"
{more}---
Red coat.
"""


@pytest.fixture
def previewed(tmp_path, monkeypatch):
    def run(name, written, *, condition="kinds: [missing]", first="", now=1_795_770_000.0):
        (tmp_path / "appealbridge.yaml").write_text(SETTINGS)
        (tmp_path / "recipes").mkdir()
        (tmp_path / "recipes/a.yaml").write_text(RECIPE.format(condition=condition, first=first))
        (tmp_path / name).write_text(written)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(recipes, "SystemClock", lambda: SimpleNamespace(now=lambda: now))
        return CliRunner().invoke(main, ["preview", "a", "--event", name, "--json"])

    return run


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("case.md", CASE.format(more="")),
        ("case.yaml", "reference: A\nkind: missing\ntitle: Aisha, 9\n"),
    ],
)
def test_a_preview_takes_the_file_of_an_appeal(previewed, name, written):
    (post,) = orjson.loads(previewed(name, written).output)["posts"]
    assert post["message"]["text"] == "Missing: Aisha, 9"


def test_a_closed_appeal_in_a_file_is_one_that_is_closed(previewed):
    result = previewed("case.md", CASE.format(more="status: closed\n"), condition="on: [new]")
    assert orjson.loads(result.output)["why_not"] == "appeal is closed, wanted new"


@pytest.mark.parametrize(("now", "later"), [(1_795_770_000.0, 3600.0), (1_795_777_200.0, 0.0)])
def test_an_appeal_in_a_file_comes_now(previewed, now, later):
    result = previewed(
        "case.md",
        CASE.format(more="embargo: 2026-11-27T10:00Z\n"),
        first='- delay: { until: "{{ appeal.embargo }}" }',
        now=now,
    )
    (post,) = orjson.loads(result.output)["posts"]
    assert post["after"] == later


def test_a_wrong_appeal_in_a_file_is_told_with_its_place(previewed):
    result = previewed("case.md", CASE.format(more="url: a: b\n"))
    assert result.exit_code == 1
    assert "case.md:5:7: a second colon" in result.output
