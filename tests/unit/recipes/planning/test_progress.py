"""Choices, waits and stops: what is planned, when, and what the trace says of it."""

from dataclasses import replace

import orjson
import pytest

from appealbridge.model.delivery import State
from appealbridge.model.receipt import Receipt
from appealbridge.recipes.planning.plan import plan
from tests.unit.recipes.conftest import event_of, recipe_of

T0 = 1_777_636_810.0  # when the event is received: 13:00:10 on 1 May 2026 in London
HOUR, DAY = 3600.0, 86_400.0


class Played:
    """One run, planned again and again; what it plans is published at once unless a test says otherwise."""

    def __init__(self, actions, data=None, **event):
        self.recipe = recipe_of(actions)
        self.event = event_of(data, **event)
        self.so_far, self.marks, self.later_events, self.messages = {}, {}, [], []
        self.at(0)

    def at(self, after, *later_events, publish=True):
        """Plan as many seconds after the event; return the texts that are planned then."""
        self.later_events += later_events
        self.plan = plan(
            self.recipe, self.event, self.so_far, T0 + after, self.marks, self.later_events
        )
        self.later_events = [
            event for event in self.later_events if event.id not in self.plan.unneeded
        ]
        self.marks = orjson.loads(orjson.dumps(self.plan.marks))
        self.messages += [f"{each['step']}: {each['message']}" for each in self.plan.trace]
        for delivery in self.plan.deliveries:
            self.so_far[delivery.step] = [delivery]
            if publish:
                self.ends(delivery.step)
        self.texts = [orjson.loads(delivery.content)["text"] for delivery in self.plan.deliveries]
        return self.texts

    def ends(self, step, state=State.DELIVERED):
        """Let a step's delivery be in a state."""
        receipt = Receipt("9", f"https://x.example/{step}") if state is State.DELIVERED else None
        (result,) = self.so_far[step]
        self.so_far[step] = [replace(result, state=state, receipt=receipt)]

    @property
    def wakes(self):
        """How long after the event the run wants to be looked at again."""
        return None if self.plan.wake_at is None else self.plan.wake_at - T0


def news(type_, after, data=None, **more):
    return event_of(data or {}, id=f"e{after}", type=type_, received_at=T0 + after, **more)


# -- choices ----------------------------------------------------------------------------------------

IF = """
actions:
  - if: { field: $.kind, equals: missing }
    then:
      - { action: tweet, text: Missing }
    else:
      - { action: tweet, text: Wanted }
  - { action: tweet, text: Both }
"""


@pytest.mark.parametrize(
    ("kind", "texts"), [("missing", ["Missing", "Both"]), ("x", ["Wanted", "Both"])]
)
def test_one_branch_of_an_if_is_done_and_what_follows_it_is_too(kind, texts):
    run = Played(IF, {"kind": kind})
    assert run.texts == texts
    assert run.plan.done


def test_the_trace_says_which_branch_was_taken_and_why():
    assert (
        Played(IF, {"kind": "missing"}).messages[0]
        == 'actions[0]: then: its conditions hold: $.kind is "missing"'
    )
    assert Played(IF, {"kind": "x"}).messages[0].startswith('actions[0]: else: $.kind is "x"')


def test_an_if_without_an_else_may_do_nothing():
    run = Played(
        'actions: [{ if: "{{ appeal.x }}", then: [{ action: tweet, text: A }] }]', {"x": 0}
    )
    assert (run.texts, run.plan.done) == ([], True)
    assert run.messages == ["actions[0]: passed by: {{ appeal.x }} is not true"]


CHOOSE = """
actions:
  - choose:
      - conditions: [{ field: $.n, above: 10 }]
        sequence: [{ action: tweet, text: Large }]
      - if: { field: $.n, above: 5 }
        then: [{ action: tweet, text: Middling }]
    default: [{ action: tweet, text: Small }]
"""


@pytest.mark.parametrize(("n", "text"), [(11, "Large"), (6, "Middling"), (1, "Small")])
def test_the_first_way_that_holds_is_gone(n, text):
    run = Played(CHOOSE, {"n": n})
    assert run.texts == [text]
    assert run.plan.done


def test_the_trace_tells_the_ways_of_a_choose_apart():
    assert (
        Played(CHOOSE, {"n": 6}).messages[0]
        == "actions[0]: choose[1]: its conditions hold: $.n is 6"
    )
    assert Played(CHOOSE, {"n": 1}).messages[0].startswith("actions[0]: default: ")


ON_A_RESULT = """
actions:
  - { action: tweet, id: first, text: First }
  - if: "{{ results.first.state == 'delivered' }}"
    then: [{ action: tweet, text: It is out }]
    else: [{ action: tweet, text: It failed }]
  - { action: tweet, text: Last }
"""


@pytest.mark.parametrize(
    ("state", "text"), [(State.DELIVERED, "It is out"), (State.EXPIRED, "It failed")]
)
def test_an_if_waits_for_the_result_it_looks_at_and_holds_up_nobody(state, text):
    run = Played(ON_A_RESULT)
    run.ends("first", State.SENDING)
    assert run.texts == ["First", "Last"]
    assert (run.at(1), run.plan.done) == ([], False)
    run.ends("first", state)
    assert run.at(2) == [text]
    assert run.plan.done


def test_a_choice_once_made_stays_made():
    actions = """
actions:
  - if: { between: ["13:00", "14:00"] }
    then: [{ delay: 2h }, { action: tweet, text: It was one }]
    else: [{ action: tweet, text: It was not }]
"""
    run = Played(actions)
    assert run.at(2 * HOUR) == ["It was one"]


def test_what_stands_in_the_other_branch_is_left_out_with_all_that_needs_it():
    run = Played("""
actions:
  - if: "{{ false }}"
    then: [{ action: tweet, id: page, text: A }]
  - { action: tweet, text: B, after: page }
  - { action: tweet, text: "{{ results.page.state }}", even_if_failed: true }
""")
    assert (run.texts, run.plan.done) == (["cancelled"], True)
    assert (
        run.messages[-1] == "tweet: cancelled, since page was left out: another branch was chosen"
    )


def test_a_missing_field_in_an_if_stops_the_recipe_with_its_place():
    run = Played(IF.replace("{ field: $.kind, equals: missing }", '"{{ appeal.kind == 1 }}"'))
    assert run.plan.failed.startswith("actions[0].if: appeal.kind is missing")
    assert run.plan.deliveries == ()


# -- delays -----------------------------------------------------------------------------------------

DELAY = """
actions:
  - { action: tweet, id: first, text: First }
  - delay: 2h
  - { action: tweet, text: "Then {{ results.first.url }}" }
publish_within: 1h
"""


def test_what_stands_behind_a_delay_is_planned_when_it_is_over():
    run = Played(DELAY)
    assert (run.texts, run.plan.done, run.wakes) == (["First"], False, 2 * HOUR)
    assert run.at(2 * HOUR - 1) == []
    assert run.at(2 * HOUR) == ["Then https://x.example/first"]
    assert run.plan.done
    assert run.messages == [
        "actions[1]: waits until 15:00 BST on 1 May 2026",
        "first: planned a delivery on force_x",
        "actions[1]: the wait is over",
        "tweet: planned a delivery on force_x",
    ]


def test_publish_within_counts_from_the_end_of_the_wait_before_a_step():
    run = Played(DELAY)
    assert run.plan.deliveries[0].publish_by == T0 + HOUR
    run.at(2.5 * HOUR)
    assert run.plan.deliveries[0].publish_by == T0 + 3 * HOUR


def test_what_stands_before_a_delay_goes_on_meanwhile():
    run = Played("""
actions:
  - { action: tweet, id: first, text: First }
  - { action: tweet, text: Second, after: first }
  - delay: 1d
""")
    assert run.at(1) == ["Second"]
    assert (run.plan.done, run.wakes) == (False, DAY)


def test_a_wait_in_a_branch_holds_up_what_stands_behind_the_branch():
    actions = (
        'actions: [{ if: "{{ appeal.x }}", then: [{ delay: 1h }] }, { action: tweet, text: A }]'
    )
    assert Played(actions, {"x": 0}).texts == ["A"]
    run = Played(actions, {"x": 1})
    assert run.texts == []
    assert run.at(HOUR) == ["A"]


def test_a_delay_may_begin_when_a_step_has_ended():
    run = Played("""
actions:
  - { action: tweet, id: first, text: First }
  - delay: 1h
    after: first
  - { action: tweet, text: Then }
""")
    assert run.wakes is None
    assert (run.at(10 * HOUR), run.wakes) == ([], 11 * HOUR)
    assert run.at(11 * HOUR) == ["Then"]


@pytest.mark.parametrize(
    ("until", "hours"),
    [('"14:00"', 1), ('"12:00"', 23), ("2026-05-02T13:00", 24), ("$.when", 2), ("2pm", 1)],
)
def test_a_delay_until_a_time_ends_at_that_time(until, hours):
    run = Played(
        f"actions: [{{ delay: {{ until: {until} }} }}, {{ action: tweet, text: A }}]",
        {"when": "2026-05-01T14:00:00Z"},
    )
    assert run.wakes == hours * HOUR - 10
    assert run.at(hours * HOUR) == ["A"]


EMBARGO = """
actions:
  - { action: tweet, text: For the press }
  - delay: { until: $.embargo }
  - { action: tweet, text: For all }
publish_within: 1h
"""

UNREADABLE = [
    (10.00, "10.0 is a bare number"),
    (20261127, "20261127 is a bare number"),
    (T0 + HOUR, "is a bare number"),
    ("1000", '"1000" is a bare number'),
    ("27/11/2026 10:00", "not a time that AppealBridge understands"),
    ("soon", "not a time that AppealBridge understands"),
    ("", "not a time that AppealBridge understands"),
    ("2026-11-27 10:00 BST", "BST is not in force"),
    (True, "not a time that AppealBridge understands"),
    ([], "not a time that AppealBridge understands"),
]
PAST = [
    ("2025-05-02T09:00", "09:00 BST on 2 May 2025 had already passed when the event came"),
    ("today 10:00", "10:00 BST on 1 May 2026 had already passed when the event came"),
]


@pytest.mark.parametrize(("embargo", "reason"), UNREADABLE + PAST)
def test_what_stands_behind_a_time_that_is_none_or_past_is_held_for_a_person(embargo, reason):
    run = Played(EMBARGO, {"embargo": embargo})
    first, second = run.plan.deliveries
    assert (first.hold, first.reason, first.publish_by) == ("", "", T0 + HOUR)
    assert second.hold == "time"
    assert second.reason.startswith("its time is not known: ")
    assert reason in second.reason
    assert second.publish_by is None  # nobody knows when it is too late
    assert any("the steps after it are held" in text for text in run.messages)


def test_a_time_in_the_recipe_itself_that_is_past_is_held_too():
    run = Played(
        "actions: [{ delay: { until: 2026-05-01T09:00 } }, { action: tweet, text: A }]\npublish_within: 1h"
    )
    assert run.plan.deliveries[0].hold == "time"


def test_a_time_that_passed_while_the_run_waited_for_its_turn_is_no_wait():
    run = Played(EMBARGO.replace("$.embargo", "2026-05-01T13:30"))
    assert run.wakes == 0.5 * HOUR - 10
    late = Played.__new__(Played)
    late.recipe, late.event = run.recipe, run.event
    late.so_far, late.marks, late.later_events, late.messages = {}, {}, [], []
    assert late.at(2 * HOUR) == ["For the press", "For all"]
    assert late.plan.deliveries[1].hold == ""


def test_a_time_that_passed_while_the_event_was_on_its_way_is_no_wait():
    run = Played(EMBARGO, {"embargo": "2026-05-01T13:00:05"}, time=T0 - 60)
    assert run.plan.deliveries[1].hold == ""
    older = Played(EMBARGO, {"embargo": "2026-05-01T09:00"}, time=T0 - DAY)
    assert older.plan.deliveries[1].hold == "time"


def test_a_time_that_passed_while_a_step_before_it_was_held_is_no_wait():
    run = Played(EMBARGO.replace("text: For the press", "id: press, text: For the press").replace(
        "$.embargo }", "$.embargo }\n    after: press"), {"embargo": "2026-05-01T14:00"})  # fmt: skip
    run.ends("press", State.SENDING)
    assert run.at(HOUR) == []
    run.ends("press")
    assert run.at(2 * HOUR) == ["For all"]
    assert run.plan.deliveries[0].hold == ""


@pytest.mark.parametrize(
    ("until", "hours"),
    [("tomorrow 10:00", 3 * 24 + 21), ("$.embargo", 3 * 24), ("2026-05-02T10:00", 3 * 24)],
)
def test_tomorrow_is_that_of_whoever_says_it(until, hours):
    # The recipe says it when its wait is over, the event when it came.
    actions = f"actions: [{{ delay: 3d }}, {{ delay: {{ until: {until} }} }}, {{ action: tweet, text: A }}]"
    run = Played(actions, {"embargo": "tomorrow 10:00"})
    run.at(3 * DAY)
    if run.texts == []:
        assert run.wakes == hours * HOUR - 10
        run.at(hours * HOUR)
    assert [(delivery.hold, delivery.planned_at - T0) for delivery in run.plan.deliveries] == [
        ("", hours * HOUR)
    ]


def test_in_the_night_of_two_hours_from_one_to_two_the_next_one_counts():
    ten_past_one = 1_792_890_600.0  # 01:10 GMT on 25 October 2026, for the second time
    run = Played('actions: [{ delay: { until: "01:30" } }, { action: tweet, text: A }]',
                 time=ten_past_one, received_at=ten_past_one)  # fmt: skip
    assert run.plan.wake_at - ten_past_one == 20 * 60


def test_whoever_has_to_agree_reads_that_the_time_could_not_be_read():
    agreed = f"triggers: [{{ trigger: appeal }}]\n{EMBARGO}approval: duty_comms\n"
    run = Played(agreed, {"embargo": "10.00"})
    second = run.plan.deliveries[1]
    assert (second.hold, "bare number" in second.reason) == ("approval", True)


def test_what_is_held_for_its_time_stays_so_behind_further_waits():
    run = Played("""
actions:
  - delay: { until: $.embargo }
  - delay: 2h
  - { action: tweet, text: A }
  - wait_for: appeal.closed
    timeout: 1h
  - { action: tweet, text: B }
""", {"embargo": 10})  # fmt: skip
    assert (run.texts, run.wakes) == ([], 2 * HOUR)
    run.at(2 * HOUR)
    assert [delivery.hold for delivery in run.plan.deliveries] == ["time"]
    run.at(3 * HOUR)
    assert [delivery.hold for delivery in run.plan.deliveries] == ["time"]


def test_a_time_by_the_clock_counts_from_the_wait_before_it():
    actions = 'actions: [{ delay: 20h }, { delay: { until: "10:00" } }, { action: tweet, text: A }]'
    run = Played(actions)
    run.at(20 * HOUR)  # 09:00 on the next day
    assert run.wakes == 21 * HOUR - 10


def test_a_time_by_the_clock_counts_from_the_step_it_stands_after():
    run = Played("""
actions:
  - { action: tweet, id: first, text: A }
  - { delay: { until: "14:00" }, after: first }
  - { action: tweet, text: B }
""")
    run.ends("first", State.SENDING)
    run.at(2 * HOUR)  # it is three o'clock when the first is out
    run.ends("first")
    run.at(2 * HOUR)
    assert run.wakes == 25 * HOUR - 10


@pytest.mark.parametrize(
    ("delay", "data", "reason"),
    [
        ("{{ event.data.n }}h", {"n": "soon"}, '"soonh" is not a length of time'),
        ("{{ event.data.n }}h", {"n": 99999}, '"99999h" is not a length of time'),
        ("{{ event.data.n }}", {"n": 30}, "30 is a bare number"),
    ],
)
def test_what_stands_behind_a_delay_of_no_length_is_held_for_a_person(delay, data, reason):
    run = Played(f'actions: [{{ delay: "{delay}" }}, {{ action: tweet, text: A }}]', data)
    assert run.plan.deliveries[0].hold == "time"
    assert reason in run.plan.deliveries[0].reason


def test_a_delay_of_which_the_event_says_nothing_stops_the_recipe():
    run = Played('actions: [{ delay: "{{ event.data.n }}h" }, { action: tweet, text: A }]', {})
    assert run.plan.failed.startswith("actions[0].delay: event.data.n is missing")


@pytest.mark.parametrize("n", ["soon", 30])
def test_a_wait_that_ends_nobody_knows_when_stops_the_recipe(n):
    actions = (
        'actions: [{ wait_for: a, timeout: "{{ event.data.n }}" }, { action: tweet, text: A }]'
    )
    assert Played(actions, {"n": n}).plan.failed.startswith("actions[0].timeout: ")


# -- waits ------------------------------------------------------------------------------------------

WAIT = """
actions:
  - wait_for: appeal.closed
    timeout: 3d
    on_timeout:
      - { action: tweet, text: Still missing }
  - if: "{{ wait.completed }}"
    then:
      - { action: tweet, text: "{{ wait.event.data.title }} after {{ appeal.title }}" }
publish_within: 1h
"""


def test_an_event_that_was_waited_for_ends_the_wait_and_is_in_reach():
    run = Played(WAIT)
    assert (run.texts, run.wakes) == ([], 3 * DAY)
    assert run.at(DAY, news("appeal.closed", DAY, {"title": "Home"})) == ["Home after Aisha, 14"]
    assert run.plan.done
    assert run.plan.deliveries[0].publish_by == T0 + DAY + HOUR
    assert run.messages[:2] == [
        "actions[0]: waits for appeal.closed until 13:00 BST on 4 May 2026 at the latest",
        "actions[0]: appeal.closed came: event e86400.0",
    ]


def test_without_it_the_wait_ends_at_its_timeout():
    run = Played(WAIT)
    assert run.at(3 * DAY) == ["Still missing"]
    assert run.plan.done
    assert "actions[0]: nothing came in time" in run.messages
    assert run.messages[-2] == "actions[1]: passed by: {{ wait.completed }} is not true"


def test_a_run_goes_on_after_a_timeout_unless_it_is_to_stop():
    actions = "actions: [{ wait_for: a, timeout: 1h, on_timeout: %s }, { action: tweet, text: A }]"
    assert Played(actions % "continue").at(HOUR) == ["A"]
    run = Played(actions % "stop")
    assert (run.at(HOUR), run.plan.done) == ([], True)
    assert run.plan.reason == "stopped: nothing came in time"


def test_what_comes_after_the_timeout_is_too_late_even_if_it_is_seen_at_once():
    run = Played(WAIT)
    assert run.at(4 * DAY, news("appeal.closed", 3 * DAY + 1)) == ["Still missing"]


@pytest.mark.parametrize(
    ("expected", "ends"), [("appeal.*", True), ("[b, appeal.closed]", True), ("appeal", False)]
)
def test_types_may_have_a_star_or_be_several(expected, ends):
    run = Played(
        f"actions: [{{ wait_for: {expected}, timeout: 1d }}, {{ action: tweet, text: A }}]"
    )
    assert bool(run.at(1, news("appeal.closed", 1))) is ends


CONDITION = """
actions:
  - wait_for:
      types: appeal.updated
      conditions:
        - { field: $.status, equals: found }
        - "{{ appeal.place == event.data.place }}"
    timeout: 1d
  - { action: tweet, text: "{{ wait.event.data.place }}" }
"""


def test_the_conditions_of_a_wait_are_about_the_event_that_came():
    run = Played(CONDITION, {"status": "found"})
    assert run.at(1, news("appeal.updated", 1, {"status": "missing", "place": "A"})) == []
    assert (
        run.at(2, news("appeal.updated", 2, {"status": "found"})) == []
    )  # a field is missing there
    assert run.at(3, news("appeal.updated", 3, {"status": "found", "place": "B"})) == ["B"]


def test_what_a_wait_does_not_want_need_not_be_heard_again():
    run = Played(CONDITION)
    run.at(2, news("appeal.closed", 1), news("appeal.updated", 2, {"status": "missing"}))
    assert run.plan.unneeded == {"e1", "e2"}
    run.at(3, news("appeal.updated", 3, {"status": "found", "place": "B"}))
    assert run.plan.unneeded == frozenset()


def test_a_wait_hears_what_came_before_it_was_reached():
    run = Played("""
actions:
  - { action: tweet, id: first, text: First }
  - wait_for: appeal.closed
    timeout: 3d
    after: first
  - { action: tweet, text: "{{ wait.event.id }}" }
""")
    assert run.at(HOUR, news("appeal.closed", 5.0)) == ["e5.0"]


def test_but_not_what_came_while_a_delay_before_it_went_on():
    actions = "actions: [{ delay: 1h }, { wait_for: a, timeout: 1d }, { action: tweet, text: A }]"
    run = Played(actions)
    assert run.at(60, news("a", 60)) == []
    assert run.later_events == []
    assert run.at(HOUR) == []
    assert run.at(2 * HOUR, news("a", 2 * HOUR)) == ["A"]


def test_nor_when_it_is_looked_at_late():
    actions = "actions: [{ delay: 1h }, { wait_for: a, timeout: 1d }, { action: tweet, text: A }]"
    run = Played(actions)
    assert run.at(2 * HOUR, news("a", 60)) == []
    assert run.at(3 * HOUR, news("a", 1.5 * HOUR)) == ["A"]


def test_one_event_ends_one_wait():
    actions = """
actions:
  - { wait_for: a, timeout: 1d }
  - { action: tweet, text: "{{ wait.event.id }}" }
  - { wait_for: a, timeout: 1d }
  - { action: tweet, text: "{{ wait.event.id }}" }
"""
    run = Played(actions)
    assert run.at(1, news("a", 1)) == ["e1"]
    assert run.at(2, news("a", 2)) == ["e2"]
    both = Played(actions)
    assert both.at(9, news("a", 1), news("a", 2)) == ["e1", "e2"]


def test_a_step_speaks_of_the_wait_that_it_stands_behind():
    run = Played("""
actions:
  - { action: tweet, id: first, text: First }
  - { wait_for: a, timeout: 1d }
  - { action: tweet, text: "{{ wait.event.id }}", after: first }
  - { wait_for: a, timeout: 1d }
  - { action: tweet, text: "{{ wait.event.id }}" }
""")
    run.ends("first", State.SENDING)
    assert run.at(2, news("a", 1), news("a", 2)) == ["e2"]
    run.ends("first")
    assert run.at(3) == ["e1"]


# -- stops ------------------------------------------------------------------------------------------


def test_a_stop_ends_the_run_and_says_why():
    run = Played("""
actions:
  - { action: tweet, text: First }
  - if: "{{ appeal.exercise }}"
    then: [{ stop: "exercise {{ appeal.exercise }}" }]
  - { action: tweet, text: Last }
""", {"exercise": 7})  # fmt: skip
    assert (run.texts, run.plan.done) == (["First"], True)
    assert run.plan.reason == "stopped: exercise 7"
    assert run.messages[1] == "actions[1].then[0]: stopped: exercise 7"


def test_what_stands_before_a_stop_is_still_planned():
    run = Played("""
actions:
  - { action: tweet, id: first, text: First }
  - { action: tweet, text: Second, after: first }
  - stop: enough
""")
    assert not run.plan.done
    assert run.at(1) == ["Second"]
    assert run.plan.done
