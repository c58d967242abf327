import pytest

from appealbridge.recipes.model.recipe import RecipeTrigger
from appealbridge.recipes.parsing.field_names import Fields, fields_of, flaw_in
from tests.recipes.plugins import Appeal, Feed, Hook, HookOptions, catalogue
from tests.unit.recipes.conftest import recipe_of

ITEM = frozenset({"title", "link", "tags", "tags.term", "images", "images.url"})
OPEN = ITEM | {"*"}


def trigger(plugin, options=None, source=""):
    return RecipeTrigger(plugin, options or plugin.options.model_construct(), source)


FEED, APPEAL = trigger(Feed()), trigger(Appeal())
HOOK = trigger(Hook(), HookOptions(webhook_id="incident-desk"), "webhook:incident-desk")


def flaw_of(name, *keys, data=ITEM, appeal=None):
    flaw = flaw_in((name, keys), Fields(data, appeal))
    return None if flaw is None else (flaw.problem, flaw.cure)


@pytest.mark.parametrize(
    "keys",
    [(), ("title",), ("tags", 0, "term"), ("tags", 0), ("title", "upper"), ("items",), ("get",)],
)
def test_what_an_event_has_is_right(keys):
    assert flaw_of("event", "data", *keys) is None


@pytest.mark.parametrize(
    ("keys", "problem", "cure"),
    [
        (("titel",), 'unknown field "titel"', 'did you mean "title"?'),
        (("reference",), 'unknown field "reference"', "known here: images, link, tags, title"),
        (("tags", 0, "trem"), 'unknown field "trem"', 'did you mean "term"?'),
        (("images", "ulr"), 'unknown field "ulr"', 'did you mean "url"?'),
    ],
)
def test_what_no_event_has_is_told_with_the_nearest(keys, problem, cure):
    assert flaw_of("event", "data", *keys) == (problem, cure)


def test_where_there_may_be_others_only_what_is_nearly_known_is_a_slip():
    assert flaw_of("event", "data", "titel", data=OPEN) is not None
    assert flaw_of("event", "data", "nickname", data=OPEN) is None
    assert flaw_of("event", "data", "links", data=OPEN) is None
    assert flaw_of("event", "data", "image", data=OPEN) is None


def test_of_unknown_data_nothing_is_said():
    assert flaw_of("event", "data", "titel", data=None) is None
    assert flaw_of("appeal", "titel", appeal=None) is None


@pytest.mark.parametrize(
    ("chain", "problem", "cure"),
    [
        (("event", "tpye"), 'unknown part of an event "tpye"', 'did you mean "type"?'),
        (
            ("event", "road"),
            'unknown part of an event "road"',
            "what was sent is in event.data.road",
        ),
        (("event", "type", "uper"), 'unknown part of a text "uper"', 'did you mean "upper"?'),
        (("now", "hours"), 'unknown part of a time "hours"', 'did you mean "hour"?'),
    ],
)
def test_what_is_no_part_of_an_event_or_a_time_is_told(chain, problem, cure):
    assert flaw_of(*chain) == (problem, cure)


def test_other_names_are_left_alone():
    assert flaw_of("headline", "titel") is None
    assert flaw_of("now") is None
    assert flaw_of("event") is None


def test_several_triggers_have_the_fields_of_all():
    fields = fields_of(catalogue(), [FEED, APPEAL])
    assert fields.data is not None
    assert {"link", "kind", "*"} <= fields.data
    assert fields.appeal is not None
    assert "link" not in fields.appeal


def test_one_trigger_whose_fields_are_unknown_makes_all_unknown():
    assert fields_of(catalogue(), [FEED, HOOK]) == Fields(None, None)
    assert fields_of(catalogue(), [APPEAL, HOOK]).appeal is None


def test_where_no_event_is_about_an_appeal_there_is_none():
    fields = fields_of(catalogue(), [FEED])
    assert fields.appeal == frozenset()
    flaw = flaw_in(("appeal", ("title",)), fields)
    assert flaw is not None
    assert "about an appeal" in flaw.problem


def test_what_a_recipe_waits_for_may_come_from_elsewhere():
    recipe_of(
        """
triggers: [{ trigger: feed, url: https://example.org/rss }]
actions:
  - wait_for: { types: [road.open], conditions: [{ field: $.road, exists: true }] }
    timeout: 2h
  - { action: tweet, text: "{{ event.data.title }} is over" }
approval: none
"""
    )


def test_without_any_trigger_nothing_is_known():
    assert fields_of(catalogue(), []).appeal is None
