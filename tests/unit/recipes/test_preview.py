import pytest

from appealbridge.documents import InvalidDocuments
from appealbridge.recipes.rehearse import preview
from tests.unit.recipes.conftest import recipe_of

RECIPE = """
triggers: [{ trigger: appeal, kinds: [missing] }]
actions:
  - { action: tweet, text: "Missing: {{ appeal.title }}" }
"""
TESTS = """
tests:
  - { name: one, event: { type: appeal.new, data: { kind: missing, title: Aisha } }, expect: [] }
"""


def test_a_preview_shows_each_post_as_its_platform_counts_it():
    assert preview(recipe_of(RECIPE + TESTS)).text() == (
        "tweet on force_x, held: approval\n  text (14 of 280 characters):\n    Missing: Aisha"
    )


def test_a_preview_takes_its_event_from_a_file(tmp_path):
    file = tmp_path / "event.json"
    file.write_text('{"type": "appeal.new", "data": {"kind": "missing", "title": "Ben"}}')
    shown = preview(recipe_of(RECIPE), file).as_json()
    (post,) = shown["posts"]
    assert post["message"]["text"] == "Missing: Ben"
    assert post["measure"] == {"field": "text", "count": 12, "limit": 280, "unit": "characters"}


def test_a_file_without_an_event_is_told_with_its_place(tmp_path):
    file = tmp_path / "event.yaml"
    file.write_text("tpye: appeal.new\n")
    with pytest.raises(InvalidDocuments) as failure:
        preview(recipe_of(RECIPE), file)
    assert failure.value.problems[0].cure == 'did you mean "type"?'


def test_an_event_that_is_not_wanted_says_why(tmp_path):
    file = tmp_path / "event.yaml"
    file.write_text("type: appeal.new\ndata: { kind: wanted }\n")
    assert preview(recipe_of(RECIPE), file).text() == (
        "a does not want this event: kind is wanted, wanted missing"
    )


def test_without_an_event_nothing_can_be_shown():
    assert "name a file with --event" in preview(recipe_of(RECIPE)).failed


WAITS = """
triggers: [{ trigger: appeal }]
actions:
  - { action: tweet, text: Seen? }
  - { wait_for: appeal.closed, timeout: 1d12h, on_timeout: stop }
  - { action: tweet, text: Found }
approval: none
"""


def test_a_preview_says_how_much_later_a_post_goes_out():
    events = "    events: [{ after: 1h30m, type: appeal.closed }]\n"
    tests = f"tests:\n  - name: one\n    event: {{ type: appeal.new, data: {{}} }}\n{events}    expect: []\n"
    shown = preview(recipe_of(WAITS + tests))
    assert "\n\ntweet on force_x, 1h30m later\n" in shown.text()
    assert [post["after"] for post in shown.as_json()["posts"]] == [0, 5400]


def test_a_preview_says_that_a_run_is_stopped(tmp_path):
    file = tmp_path / "event.yaml"
    file.write_text("type: appeal.new\ndata: {}\n")
    shown = preview(recipe_of(WAITS), file)
    assert shown.text().endswith("\n\na is then stopped: nothing came in time")
    assert shown.as_json()["stopped"] == "stopped: nothing came in time"
