import pytest

from appealbridge.documents import InvalidDocuments
from appealbridge.recipes.rehearsal.preview import preview
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
        "tweet on force_x: 14 of 280 characters, held: approval\n  ┌\n  │ Missing: Aisha\n  └"
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
    assert "\n\ntweet on force_x: 5 of 280 characters, 1h30m later\n" in shown.text()
    assert [post["after"] for post in shown.as_json()["posts"]] == [0, 5400]


def test_a_preview_says_that_a_run_is_stopped(tmp_path):
    file = tmp_path / "event.yaml"
    file.write_text("type: appeal.new\ndata: {}\n")
    shown = preview(recipe_of(WAITS), file)
    assert shown.text().endswith("\n\na is then stopped: nothing came in time")
    assert shown.as_json()["stopped"] == "stopped: nothing came in time"


LINKS = """
triggers: [{ trigger: appeal }]
actions: [{ action: tweet, text: "See https://example.org/a, or example.org.\\n\\nThank you" }]
approval: none
"""


def shown_links(tmp_path, **more):
    file = tmp_path / "event.yaml"
    file.write_text("type: appeal.new\ndata: {}\n")
    return preview(recipe_of(LINKS), file).text("<{}>".format, **more)


def test_what_the_platform_makes_a_link_of_is_marked(tmp_path):
    shown = shown_links(tmp_path)
    assert "  │ See <https://example.org/a>, or example.org.\n  │\n  │ Thank you\n  └" in shown


def test_lines_are_folded_where_a_terminal_would_break_the_frame(tmp_path):
    shown = shown_links(tmp_path, width=30)
    assert "  │ See <https://example.org/a>, or\n  │ example.org.\n" in shown
