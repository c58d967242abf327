"""What an event makes that is run again."""

from dataclasses import replace

import pytest

from appealbridge.engine.runs.replays import LEFT_OUT, next_number, number_of, plan_again, replay
from appealbridge.model.actor import Actor, How
from appealbridge.model.delivery import OPEN, State
from appealbridge.model.ids import run_id
from appealbridge.model.run import Run, RunState
from tests.store_contract.case import NOW, RECEIPT, an_event
from tests.unit.recipes.conftest import recipe_of

HEAD = "triggers: [{ trigger: webhook, webhook_id: incident-desk }]\napproval: none\n"
TWEET = HEAD + 'actions: [{ action: tweet, channel: force_x, text: "{{ event.data.place }}" }]\n'
EVENT = an_event(1)
NOBODY = Actor("", How.DESK)
HAD = OPEN | {State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN}


def load(text, name):
    return replace(recipe_of(text), name=name)


@pytest.fixture
def recipe():
    return load(TWEET, "tweet")


def first(recipe, state, number=1, event=EVENT):
    """Return what the event made the first time, in a state."""
    (replayed,) = replay(event, [recipe], [], [], NOW, NOBODY)
    return [
        replace(
            delivery,
            id=delivery.id.replace("~2", ""),
            run_id=delivery.run_id.replace("~2", ""),
            state=state,
            number=number + n,
            receipt=RECEIPT if state is State.DELIVERED else None,
        )
        for n, delivery in enumerate(replayed.deliveries)
    ]


def again(recipe, number=2):
    return Run(
        id=f"{run_id(EVENT.id, recipe.name)}~{number}",
        event_id=EVENT.id,
        recipe=recipe.name,
        version=recipe.version,
        state=RunState.OPEN,
        begun_at=NOW,
    )


@pytest.mark.parametrize("state", State)
def test_what_is_published_or_may_still_be_is_not_planned_again(recipe, state):
    (replayed,) = replay(EVENT, [recipe], [], first(recipe, state), NOW, NOBODY)
    assert len(replayed.deliveries) == (0 if state in HAD else 1)
    assert len(replayed.left_out) == (1 if state in HAD else 0)


def test_a_channel_that_had_it_by_another_recipe_had_it(recipe):
    other = load(TWEET, "other")
    (replayed,) = replay(EVENT, [recipe], [], first(other, State.DELIVERED), NOW, NOBODY)
    assert replayed.deliveries == []


def test_recipes_of_one_replay_do_not_stand_in_for_each_other(recipe):
    other = load(TWEET, "other")
    (sibling,) = replay(EVENT, [other], [], [], NOW, NOBODY)
    sent = [replace(delivery, state=State.DELIVERED) for delivery in sibling.deliveries]
    planned = plan_again(recipe, again(recipe), EVENT, {}, sent, NOW)
    assert len(planned.plan.deliveries) == 1


def test_a_thread_goes_the_way_of_its_first_post():
    text = "\n".join(f"line {n} " + "word " * 40 for n in range(3))
    long = TWEET.replace('place }}"', 'place }}", overflow: thread')
    thread = load(long, "thread")
    event = an_event(1, data={"place": text})
    posts = first(thread, State.FAILED, event=event)
    assert len(posts) > 1
    head = [replace(posts[0], state=State.DELIVERED), *posts[1:]]
    for before, count in ((posts, len(posts)), (head, 0)):
        (replayed,) = replay(event, [thread], [], before, NOW, NOBODY)
        assert len(replayed.deliveries) == count
    (replayed,) = replay(event, [thread], [], posts, NOW, NOBODY)
    follows = [delivery.follows for delivery in replayed.deliveries]
    assert follows == ["", *(delivery.id for delivery in replayed.deliveries[:-1])]


def test_what_was_left_out_once_stays_so(recipe):
    (held,) = first(recipe, State.HELD)
    once = plan_again(recipe, again(recipe), EVENT, {}, [held], NOW)
    assert once.plan.marks[LEFT_OUT] == {"tweet": [1]}
    run = replace(again(recipe), marks=once.plan.marks)
    gone = replace(held, state=State.CANCELLED)
    assert plan_again(recipe, run, EVENT, {}, [gone], NOW).plan.deliveries == []


def test_what_a_replay_left_out_stays_so_if_it_is_called_off_before_the_run_goes_on():
    two = load(
        HEAD
        + """actions:
  - { action: tweet, id: x, channel: force_x, text: "{{ event.data.place }}" }
  - { action: email, channel: press_office, to: [a@example.org], subject: News, text: "{{ results.x.url }}" }
""",
        "two",
    )
    (held,) = first(two, State.HELD)
    (replayed,) = replay(EVENT, [two], [], [held], NOW, NOBODY)
    assert [each.number for each in replayed.left_out] == [1]
    gone = replace(held, state=State.CANCELLED)
    assert plan_again(two, replayed.run, EVENT, {}, [gone], NOW).plan.deliveries == []


def test_of_a_list_a_replay_leaves_out_for_good_who_had_it_when_it_was_asked_for():
    press = load(
        HEAD
        + """actions:
  - action: email
    channel: press_office
    to: [a@example.org, b@example.org]
    subject: News
    text: "{{ event.data.place }}"
""",
        "press",
    )
    a, b = first(press, State.HELD)
    before = [a, replace(b, state=State.FAILED)]
    (replayed,) = replay(EVENT, [press], [], before, NOW, NOBODY)
    assert len(replayed.deliveries) == 1
    before[0] = replace(a, state=State.CANCELLED)
    planned = plan_again(press, replayed.run, EVENT, {}, before, NOW).plan
    assert [delivery.id for delivery in planned.deliveries] == [
        delivery.id for delivery in replayed.deliveries
    ]


def test_a_replay_says_nothing_twice_in_its_trace(recipe):
    held = first(recipe, State.HELD)
    once = plan_again(recipe, again(recipe), EVENT, {}, held, NOW)
    run = replace(again(recipe), trace=tuple(once.plan.trace), marks=once.plan.marks)
    assert plan_again(recipe, run, EVENT, {}, held, NOW).plan.trace == []


def test_each_replay_of_an_event_has_a_number_of_its_own(recipe):
    base = run_id(EVENT.id, "tweet")
    assert next_number([base]) == 2
    assert next_number([base, f"{base}~2", f"{base}~odd~3", "e.other~4"]) == 5
    assert number_of(again(recipe, 7)) == 7
    assert number_of(replace(again(recipe), id=base)) == 0


def test_a_recipe_whose_name_looks_like_a_replay_is_none():
    odd = load(TWEET, "odd~2")
    run = replace(again(odd), id=run_id(EVENT.id, "odd~2"))
    assert number_of(run) == 0
    (replayed,) = replay(
        EVENT, [load(TWEET, "odd")], [run], first(odd, State.DELIVERED), NOW, NOBODY
    )
    assert replayed.deliveries == []


def test_a_post_that_came_of_the_recipe_itself_does_not_start_it_again(recipe):
    (replayed,) = replay(replace(EVENT, cause=("tweet",)), [recipe], [], [], NOW, NOBODY)
    assert replayed.run is None
    assert "answer itself" in replayed.why_not


def test_what_was_held_as_a_flood_is_not_once_more_when_a_person_asks_for_it(recipe):
    for hold, stored in (("burst", ""), ("approval", "approval")):
        (replayed,) = replay(replace(EVENT, hold=hold), [recipe], [], [], NOW, NOBODY)
        assert [delivery.hold for delivery in replayed.deliveries] == [stored]
