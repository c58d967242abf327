"""From a blueprint and answers to a recipe's text, written as its author wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.blueprints.filling import fill, still_asked, written
from appealbridge.blueprints.reading import read_blueprint
from appealbridge.documents import read

TEXT = """\
# What stands above stays.
blueprint:
  name: Road closed
  description: Says so.
  inputs:
    x: { description: X, kind: channel, platform: x, optional: true }
    fb: { description: Facebook, kind: channel, platform: facebook, optional: true }
    to: { description: To whom, kind: list }
    who: { description: Who agrees, kind: people, optional: true }

# A comment.
alias: Road closed
actions:
  # First X,
  - action: tweet
    channel: !input x     # the account
    text: Closed.

  # then Facebook,
  - action: facebook_post
    channel: !input fb
    text: |
      Closed.

      Really.

  # and mail.
  - { action: email, to: !input to, subject: Closed, text: Closed. }

# Who has to agree.
approval: !input who
publish_within: 30m
tests:
  - name: all
    event: { type: x }
    expect:
      - { action: tweet, channel: !input x }
      - { action: facebook_post, channel: !input fb }
"""
BLUEPRINT = read_blueprint(TEXT, "a.yaml", "a")
ANSWERS = {"x": "force_x", "fb": "page", "to": "{{ lists.press }}", "who": "bob"}


def filled(**answers):
    return fill(BLUEPRINT, {**ANSWERS, **answers})


def test_all_but_the_questions_stays_as_it_was_written():
    questions = TEXT[TEXT.index("blueprint:") : TEXT.index("# A comment.")]
    expected = TEXT.replace(questions, "")
    for name, answer in ("x", "force_x"), ("fb", "page"), ("who", "bob"):
        expected = expected.replace(f"!input {name}", answer)
    assert filled() == expected.replace("!input to", '"{{ lists.press }}"')


def test_an_entry_goes_with_what_is_left_out_and_with_its_comment():
    text = filled(fb=None)
    assert "acebook" not in text
    assert "Really." not in text
    assert "    text: Closed.\n\n  # and mail.\n" in text
    assert read(text, "a").value["tests"][0]["expect"] == [
        {"action": "tweet", "channel": "force_x"}
    ]


def test_the_first_entry_may_go():
    text = filled(x=None)
    assert "actions:\n  # then Facebook,\n" in text


def test_a_name_at_the_top_goes_with_its_comment():
    text = filled(who=None)
    assert "approval" not in text
    assert "Who has to agree." not in text
    assert "Closed. }\n\npublish_within: 30m\n" in text


def test_the_empty_line_after_a_list_stays_when_its_last_entry_goes():
    text = TEXT.replace(
        "  # and mail.\n  - { action: email, to: !input to, subject: Closed, text: Closed. }\n\n",
        "",
    )
    blueprint = read_blueprint(
        text.replace("alias: Road", "alias: !input to\ndescription: Road"), "a", "a"
    )
    assert "    text: Closed.\n\n# Who has" in fill(blueprint, {**ANSWERS, "fb": None})


def test_a_recipe_that_does_nothing_is_refused():
    text = TEXT.replace("to: !input to,", "to: a@x.org, reply_to: !input to,").replace(
        "kind: list }", "kind: list, optional: true }"
    )
    blueprint = read_blueprint(text, "a.yaml", "a")
    with pytest.raises(ValueError, match="these answers leave no actions"):
        fill(blueprint, {**ANSWERS, "x": None, "fb": None, "to": None})


def test_what_has_no_place_any_more_need_not_be_asked():
    text = TEXT.replace("text: Closed.\n\n  # then", "text: !input words\n\n  # then")
    text = text.replace("    who:", "    words: { description: Words }\n    who:")
    blueprint = read_blueprint(text, "a.yaml", "a")
    assert still_asked(blueprint, "words", {"x": "force_x"})
    assert not still_asked(blueprint, "words", {"x": None})


@pytest.mark.parametrize(
    "bare", ["force_x", "incident-desk", "30m", "1h30m", "Road closed", "none"]
)
def test_a_plain_word_is_written_bare(bare):
    assert written(bare) == bare


@pytest.mark.parametrize(
    "text", ["08:00", "101", "no", "true", "a: b", "{{ x }}", "", "#1", "- a", "1e3"]
)
def test_what_would_become_something_else_is_quoted(text):
    assert written(text).startswith('"')


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]))
        | st.integers(-9, 9)
        | st.booleans(),
        lambda each: st.lists(each, max_size=3),
        max_leaves=4,
    )
)
def test_what_is_written_is_read_again_as_it_was(value):
    assert read(f"a: [{written(value)}, {written(value)}]\nb: {written(value)}\n", "a").value == {
        "a": [value, value],
        "b": value,
    }
