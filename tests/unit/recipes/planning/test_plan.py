import hashlib
from dataclasses import replace

import orjson
import pytest

from appealbridge.model.delivery import State
from appealbridge.model.receipt import Receipt
from appealbridge.recipes.planning.plan import plan
from tests.recipes.plugins import Tweet
from tests.unit.recipes.conftest import event_of, recipe_of

TWO = """
variables:
  link: "{{ results.first.url }}"
actions:
  - { action: tweet, id: second, text: "See {{ link }}" }
  - { action: tweet, id: first, text: "{{ appeal.title }}" }
"""
NOW = 1_777_636_811.0


def planned(text, event=None, so_far=None, **changes):
    return plan(recipe_of(text, **changes), event or event_of(), so_far or {}, NOW)


def settled(delivery, state=State.DELIVERED, **more):
    receipt = Receipt("9", "https://x.example/9") if state is State.DELIVERED else None
    return replace(delivery, state=state, receipt=receipt, **more)


def test_a_delivery_is_the_whole_of_what_was_decided():
    (delivery,) = planned(
        'actions: [{ action: tweet, text: "{{ appeal.title }}" }]\npublish_within: 2h'
    ).deliveries
    assert delivery.id == "e1.a.tweet"
    assert delivery.run_id == "e1.a"
    assert (delivery.subject, delivery.channel, delivery.action) == ("WMP-1", "force_x", "tweet")
    assert (delivery.state, delivery.hold) == (State.PLANNED, "")
    assert (delivery.planned_at, delivery.due_at) == (NOW, NOW)
    assert delivery.publish_by == 1_777_636_810.0 + 7200
    assert Tweet.model_validate_json(delivery.content) == Tweet(text="Aisha, 14")


def test_the_content_is_canonical_and_its_hash_is_of_its_bytes():
    (delivery,) = planned("actions: [{ action: tweet, text: Grüße }]").deliveries
    content = orjson.loads(delivery.content)
    assert orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode() == delivery.content
    assert delivery.content_hash == hashlib.sha256(delivery.content.encode()).hexdigest()


@pytest.mark.parametrize(
    ("approval", "hold"),
    [("", "approval"), ("approval: duty_comms", "approval"), ("approval: none", "")],
)
def test_only_a_recipe_that_says_so_publishes_without_a_person(approval, hold):
    text = f"triggers: [{{ trigger: appeal }}]\nactions: [{{ action: tweet, text: Hello }}]\n{approval}"
    (delivery,) = planned(text).deliveries
    assert delivery.hold == hold


def test_an_events_own_hold_holds_all_it_causes():
    (delivery,) = planned(
        "actions: [{ action: tweet, text: Hello }]", event_of(hold="burst")
    ).deliveries
    assert delivery.hold == "burst"


def test_what_needs_approval_waits_for_that_and_not_only_for_a_look_at_the_lot():
    text = (
        "triggers: [{ trigger: appeal }]\n"
        "actions: [{ action: tweet, text: Hello }]\napproval: duty_comms"
    )
    (delivery,) = planned(text, event_of(hold="burst")).deliveries
    assert delivery.hold == "approval"


def test_each_recipient_gets_a_delivery_of_its_own():
    text = 'actions: [{ action: email, channel: press_office, to: "{{ lists.regional_press }}", subject: A, text: B }]'
    deliveries = planned(text).deliveries
    assert [orjson.loads(delivery.content)["to"] for delivery in deliveries] == [
        "a@example.org",
        "b@example.org",
    ]
    assert len({delivery.id for delivery in deliveries}) == 2


def test_steps_that_need_nothing_are_planned_side_by_side():
    text = "actions: [{ action: tweet, text: A }, { action: tweet, text: B }]"
    plan_ = planned(text)
    assert [delivery.step for delivery in plan_.deliveries] == ["tweet", "tweet_2"]
    assert plan_.done


def test_a_step_waits_for_the_result_it_uses_by_way_of_a_variable():
    first = planned(TWO)
    assert [delivery.step for delivery in first.deliveries] == ["first"]
    assert not first.done
    waiting = planned(TWO, so_far={"first": [replace(first.deliveries[0], state=State.SENDING)]})
    assert (waiting.deliveries, waiting.done) == ([], False)
    then = planned(TWO, so_far={"first": [settled(first.deliveries[0])]})
    assert orjson.loads(then.deliveries[0].content)["text"] == "See https://x.example/9"
    assert then.done


def test_after_waits_without_using_anything():
    text = "actions: [{ action: tweet, text: A, after: b }, { action: tweet, id: b, text: B }]"
    assert [each.step for each in planned(text).deliveries] == ["b"]


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.CANCELLED])
def test_what_needs_a_failed_step_is_cancelled_with_the_reason(state):
    (first,) = planned(TWO).deliveries
    then = planned(TWO, so_far={"first": [settled(first, state, reason="403 no")]})
    assert (then.deliveries, then.done) == ([], True)
    assert then.trace == [
        {"step": "second", "message": f"cancelled, since first is {state}: 403 no"}
    ]


def test_what_needs_a_cancelled_step_is_cancelled_too():
    text = """
actions:
  - { action: tweet, id: one, text: A }
  - { action: tweet, id: two, text: B, after: one }
  - { action: tweet, id: three, text: C, after: two }
  - { action: tweet, id: four, text: "{{ results.two.state }}", after: two, even_if_failed: true }
"""
    (first,) = planned(text).deliveries
    then = planned(text, so_far={"one": [settled(first, State.FAILED)]})
    assert [delivery.step for delivery in then.deliveries] == ["four"]
    assert orjson.loads(then.deliveries[0].content)["text"] == "cancelled"
    assert [each["step"] for each in then.trace] == ["four", "two", "three"]


def test_even_if_failed_goes_on_once_the_other_has_ended():
    text = """
actions:
  - { action: tweet, text: "It is {{ results.b.state }}", even_if_failed: true }
  - { action: tweet, id: b, text: B }
"""
    first = planned(text)
    assert [delivery.step for delivery in first.deliveries] == ["b"]
    then = planned(text, so_far={"b": [settled(first.deliveries[0], State.FAILED)]})
    assert orjson.loads(then.deliveries[0].content)["text"] == "It is failed"


def test_one_published_message_of_many_is_enough_for_what_comes_after():
    text = """
actions:
  - { action: email, id: mail, channel: press_office, to: "{{ lists.regional_press }}", subject: A, text: B }
  - { action: tweet, text: C, after: mail }
"""
    first, two = planned(text).deliveries
    then = planned(text, so_far={"mail": [settled(first, State.FAILED), settled(two)]})
    assert [delivery.action for delivery in then.deliveries] == ["tweet"]


def test_a_missing_field_plans_nothing_and_names_its_place():
    text = 'actions: [{ action: tweet, text: A }, { action: tweet, text: "In {{ appeal.area }}" }]'
    plan_ = planned(text)
    assert plan_.deliveries == ()
    assert plan_.done
    assert plan_.failed == (
        'actions[1].text: appeal.area is missing; give a default: {{ appeal.area | default("…") }}'
    )


def test_a_text_that_became_too_long_plans_nothing():
    plan_ = planned(
        'actions: [{ action: tweet, text: "{{ appeal.title }}" }]', event_of({"title": "x" * 300})
    )
    assert plan_.failed.startswith("actions[0].text: 300 characters, but force_x allows 280")


def test_a_value_of_the_wrong_kind_plans_nothing():
    text = 'actions: [{ action: tweet, text: A, tags: "{{ appeal.title }}" }]'
    assert planned(text).failed == "actions[0].tags: must be a list"


def test_an_empty_text_plans_nothing():
    text = 'actions: [{ action: tweet, text: "{{ appeal.title }}" }]'
    assert planned(text, event_of({"title": ""})).failed == ("actions[0].text: must not be empty")


def test_a_message_for_nobody_plans_nothing():
    text = "actions: [{ action: email, channel: press_office, to: $.who, subject: A, text: B }]"
    assert planned(text, event_of({"who": []})).failed == (
        "actions[0]: the message has no recipient"
    )


def test_a_message_that_its_account_does_not_allow_plans_nothing():
    text = "actions: [{ action: email, channel: press_office, to: $.who, subject: A, text: B }]"
    result = planned(text, event_of({"who": [f"a{n}@example.org" for n in range(6)]}))
    assert len(result.deliveries) == 0
    assert result.failed == "actions[0]: too many recipients; shorten the list"


def test_a_number_goes_into_a_text_as_its_digits():
    text = "actions: [{ action: tweet, text: $.count, count: $.count }]"
    (delivery,) = planned(text, event_of({"count": 5})).deliveries
    assert (orjson.loads(delivery.content)["text"], orjson.loads(delivery.content)["count"]) == (
        "5",
        5,
    )


UNREADABLE = """
variables:
  when: "{{ appeal.embargo | local_time }}"
actions:
  - { action: tweet, text: "No time in it" }
  - { action: tweet, text: "Until {{ when }}" }
publish_within: 1h
"""


def test_what_names_a_time_that_cannot_be_read_is_held_with_all_that_was_planned_with_it():
    planned = plan(recipe_of(UNREADABLE), event_of({"embargo": "27/11/2026"}), {}, NOW)
    first, second = planned.deliveries
    assert '"Until 27/11/2026"' in second.content
    assert {first.hold, second.hold} == {"time"}
    assert second.reason == (
        'cannot read a time in it: "27/11/2026" is not a time that AppealBridge understands; check it '
        "before you release it"
    )
    assert second.publish_by is not None
    assert "everything planned now is held" in planned.trace[-1]["message"]


def test_a_time_that_can_be_read_holds_nothing():
    planned = plan(recipe_of(UNREADABLE), event_of({"embargo": "2026-11-27T10:00"}), {}, NOW)
    assert [delivery.hold for delivery in planned.deliveries] == ["", ""]


def test_shorten_counts_as_the_steps_channel_does():
    text = 'actions: [{ action: tweet, text: "{{ appeal.title | shorten(280) }}" }]'
    (delivery,) = planned(text, event_of({"title": "word " * 100})).deliveries
    assert len(orjson.loads(delivery.content)["text"]) <= 280


def test_the_trace_says_what_was_planned():
    text = "triggers: [{ trigger: appeal }]\nactions: [{ action: tweet, text: A }]"
    assert planned(text).trace == [
        {"step": "tweet", "message": "planned a delivery on force_x, held: approval"}
    ]


VARIABLES = """
triggers: [{ trigger: appeal }]
variables:
  headline: $.title
  place: "{{ appeal.place }}"
  unused: $.nowhere
actions:
  - { action: tweet, text: "{{ headline }}" }
  - { action: tweet, id: second, text: "{{ headline }}, {{ place }}" }
approval: none
"""


def test_the_trace_has_each_variable_where_it_is_used_first():
    planned = plan(recipe_of(VARIABLES), event_of({"title": "Aisha", "place": "Aston"}), {}, NOW)
    assert [entry.get("variables") for entry in planned.trace] == [
        {"headline": '"Aisha"'},
        {"place": '"Aston"'},
    ]


def test_a_plan_that_fails_has_the_variables_and_no_step_that_was_planned():
    failed = plan(recipe_of(VARIABLES), event_of({"title": "Aisha"}), {}, NOW)
    assert failed.failed.startswith("actions[1].text: ")
    assert [entry["message"] for entry in failed.trace] == ["could not be written"]
    assert failed.trace[0]["variables"] == {"headline": '"Aisha"', "place": "missing"}
