"""Recipes that wait: for a while, for an event, for their turn; and what a restart changes of it, which is nothing."""

import pytest

HEAD = "triggers: [{ trigger: webhook, webhook_id: desk, types: [appeal.new] }]\napproval: none\n"
X = 'action: tweet, channel: force_x, text: "{{ event.data.text }}'

REMINDER = f"""{HEAD}
actions:
  - {{ {X}" }}
  - wait_for: appeal.closed
    timeout: 3d
    on_timeout:
      - {{ {X}, still" }}
      - stop: nobody has answered
  - {{ {X}: {{{{ wait.event.data.text }}}}" }}
"""
DELAY = f"""{HEAD}
actions:
  - {{ {X}" }}
  - delay: 2h
  - {{ {X}, two hours later" }}
publish_within: 1h
"""


async def begins(story, text, **data):
    status, answer = await story.receives(text, type="appeal.new", subject="WMP-1", **data)
    assert status == 202, answer


async def closes(story, text, subject="WMP-1"):
    await story.receives(text, type="appeal.closed", subject=subject)


async def posted(story, *texts, passing=0.0):
    await story.until(lambda: story.posts("x") == [*texts], passing=passing)


async def state(story, *states):
    """Wait until the runs that were wanted are in these states, and return them."""

    async def there():
        runs = [
            run
            for run in await story.runs()
            if run["state"] != "skipped" or "mode" in run["reason"]
        ]
        return runs if [run["state"] for run in runs] == [*states] else []

    return await story.until(there)


async def test_after_a_delay_the_rest_is_published(story):
    await story.begins({"delay": DELAY})
    await begins(story, "M6 closed")
    await posted(story, "M6 closed")
    await story.clock.passes(hours=1, minutes=59)
    await story.settles()
    await posted(story, "M6 closed")
    await story.clock.passes(minutes=1)
    await posted(story, "M6 closed", "M6 closed, two hours later")
    await state(story, "planned")


async def test_a_restart_in_the_middle_of_a_delay_changes_nothing(story):
    await story.begins({"delay": DELAY})
    await begins(story, "M6 closed")
    await posted(story, "M6 closed")
    await story.stops()
    await story.clock.passes(hours=1, step=600)
    await story.starts()
    await story.settles()
    await posted(story, "M6 closed")
    await story.clock.passes(hours=1, step=600)
    await posted(story, "M6 closed", "M6 closed, two hours later")


async def test_what_a_delay_has_let_out_too_late_is_not_published(story):
    await story.begins({"delay": DELAY})
    await begins(story, "M6 closed")
    await posted(story, "M6 closed")
    await story.stops()
    await story.clock.passes(hours=3, minutes=1)
    await story.starts()
    await story.state(2, "delivered", "expired")
    await posted(story, "M6 closed")


async def test_the_event_that_is_waited_for_ends_the_wait(story):
    await story.begins({"reminder": REMINDER})
    await begins(story, "Missing")
    await posted(story, "Missing")
    await story.clock.passes(days=1, step=1800)
    await closes(story, "somebody else is found", subject="WMP-2")
    await closes(story, "found safe")
    await posted(story, "Missing", "Missing: found safe")
    (run,) = await state(story, "planned")
    text = [entry["message"] for entry in run["trace"]]
    assert any(phrase.startswith("waits for appeal.closed until ") for phrase in text)
    assert any(phrase.startswith("appeal.closed came: event ") for phrase in text)


async def test_without_it_the_recipe_goes_on_at_the_timeout(story):
    await story.begins({"reminder": REMINDER})
    await begins(story, "Missing")
    await posted(story, "Missing")
    await story.clock.passes(days=3, step=1800)
    await posted(story, "Missing", "Missing, still")
    (run,) = await state(story, "planned")
    assert run["reason"] == "stopped: nobody has answered"


async def test_a_restart_in_the_middle_of_a_wait_changes_nothing(story):
    await story.begins({"reminder": REMINDER})
    await begins(story, "Missing")
    await posted(story, "Missing")
    await story.restarts()
    await story.clock.passes(days=1, step=1800)
    await story.restarts()
    await closes(story, "found safe")
    await posted(story, "Missing", "Missing: found safe")


async def test_what_came_in_the_same_breath_is_heard(story):
    await story.begins({"reminder": REMINDER})
    await begins(story, "Missing")
    await closes(story, "found safe")
    await posted(story, "Missing", "Missing: found safe")


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_run_that_waits_keeps_the_version_that_began_it(story, restarts):
    await story.begins({"reminder": REMINDER})
    await begins(story, "Missing")
    await posted(story, "Missing")
    (story.stage.recipes / "reminder.yaml").unlink()
    if restarts:
        await story.restarts()
    else:
        await story.asks("POST", "/reload")
    await story.clock.passes(hours=1, step=600)
    await closes(story, "found safe")
    await posted(story, "Missing", "Missing: found safe")


async def test_queued_one_run_of_a_subject_begins_when_the_older_one_is_over(story):
    await story.begins({"delay": DELAY.replace("publish_within: 1h", "")})
    for text in ("First", "Second"):
        await begins(story, text)
    await posted(story, "First")
    await story.restarts()
    await story.clock.passes(hours=2, step=600)
    earlier = ("First", "First, two hours later", "Second")
    await posted(story, *earlier)
    await story.clock.passes(hours=2, step=600)
    await posted(story, *earlier, "Second, two hours later")
    await state(story, "planned", "planned")


async def test_single_a_newer_run_is_left_out_and_says_so(story):
    await story.begins({"delay": DELAY + "mode: single\n"})
    for text in ("First", "Second"):
        await begins(story, text)
    first, second = await state(story, "open", "skipped")
    assert second["reason"] == (f"run {first['id']} is still open, and the recipe has mode: single")
    await story.clock.passes(hours=2, step=600)
    await posted(story, "First", "First, two hours later")


async def test_restart_a_newer_run_ends_the_older_one_which_keeps_what_it_has_planned(story):
    await story.begins({"delay": DELAY + "mode: restart\n"})
    await begins(story, "First")
    await posted(story, "First")
    await begins(story, "Second")
    await posted(story, "First", "Second")
    first, second = await state(story, "planned", "open")
    assert first["reason"] == f"ended by run {second['id']}, because the recipe has mode: restart"
    await story.clock.passes(hours=2, step=600)
    await posted(story, "First", "Second", "Second, two hours later")


async def test_in_parallel_runs_of_one_subject_do_not_mind_each_other(story):
    await story.begins({"delay": DELAY + "mode: parallel\n"})
    for text in ("First", "Second"):
        await begins(story, text)
    await posted(story, "First", "Second")
    await story.clock.passes(hours=2, step=600)
    await story.until(lambda: len(story.posts("x")) == 4)
    await state(story, "planned", "planned")


async def test_runs_of_different_subjects_do_not_wait_for_each_other(story):
    await story.begins({"delay": DELAY})
    await begins(story, "First")
    await story.receives("Second", type="appeal.new", subject="WMP-2")
    await story.until(lambda: sorted(story.posts("x")) == ["First", "Second"])


async def test_one_run_that_cannot_go_on_is_failed_and_the_next_has_its_turn(story):
    recipe = DELAY.replace("delay: 2h", 'delay: "{{ event.data.hours }}h"')
    await story.begins({"delay": recipe})
    await begins(story, "First")
    await begins(story, "Second", hours=2)
    first, _ = await state(story, "failed", "open")
    assert "event.data.hours is missing" in first["reason"]
    await posted(story, "Second")


async def test_a_choice_of_an_appeal_needs_no_wait(story):
    recipe = f"""{HEAD}
actions:
  - if: {{ field: $.kind, equals: missing }}
    then: [{{ {X}, missing" }}]
    else: [{{ stop: "{{{{ event.data.kind }}}} is not for X" }}]
"""
    await story.begins({"choice": recipe})
    await begins(story, "First", kind="wanted")
    await begins(story, "Second", kind="missing")
    await posted(story, "Second, missing")
    first, _ = await state(story, "planned", "planned")
    assert first["reason"] == "stopped: wanted is not for X"


EMBARGO = f"""{HEAD}
actions:
  - {{ {X}, for the press" }}
  - delay: {{ until: $.embargo }}
  - {{ {X}, for all" }}
publish_within: 1h
"""


@pytest.mark.parametrize("embargo", [10.00, 20261127, "27/11/2026 10:00", "2025-11-27T10:00"])
async def test_a_time_that_is_none_or_past_publishes_nothing_until_a_person_says_so(story, embargo):
    await story.begins({"embargo": EMBARGO})
    await begins(story, "Charged", embargo=embargo)
    await posted(story, "Charged, for the press")
    _, held = await story.state(2, "delivered", "held")
    assert held["hold"] == "time"
    assert held["reason"].startswith("its time is not known: ")
    await story.restarts()
    await story.clock.passes(days=2, step=1800)  # it is not too late: nobody knows when its time is
    await story.settles()
    await posted(story, "Charged, for the press")
    await story.releases(held)
    await posted(story, "Charged, for the press", "Charged, for all")


async def test_an_embargo_is_read_as_people_write_it(story):
    await story.begins({"embargo": EMBARGO})
    await begins(story, "Charged", embargo="tomorrow 10:00")  # it is 11:06 on 18 November
    await posted(story, "Charged, for the press")
    await story.clock.passes(hours=22, minutes=53, step=1800)
    await story.settles()
    await posted(story, "Charged, for the press")
    await story.clock.passes(minutes=2)
    await posted(story, "Charged, for the press", "Charged, for all")


async def test_an_embargo_that_passes_while_the_daemon_is_down_is_no_reason_to_hold(story):
    await story.begins({"embargo": EMBARGO})
    await begins(story, "Charged", embargo="2026-11-18T12:00")
    await posted(story, "Charged, for the press")
    await story.stops()
    await story.clock.passes(hours=1, minutes=30)
    await story.starts()
    await posted(story, "Charged, for the press", "Charged, for all")


WITHDRAWN = DELAY.replace("[appeal.new]", "[appeal.new, appeal.closed]").replace(
    "actions:",
    """actions:
  - if: "{{ event.type == 'appeal.closed' }}"
    then: [{ action: withdraw, reason: found }, { stop: closed }]""",
)


@pytest.mark.parametrize("mode", ["queued", "single", "restart", "parallel"])
async def test_a_withdrawal_waits_for_no_older_run_and_is_not_left_out(story, mode):
    """A child is found while the run that reported her waits for hours; nothing more of it is published."""
    await story.begins({"delay": WITHDRAWN + f"mode: {mode}\n"})
    shelf = story.sandbox.shelf
    await begins(story, "Missing: Aisha")
    await posted(story, "Missing: Aisha")
    await closes(story, "found")
    await story.until(lambda: all(each.shown()["deleted_at"] for each in shelf.everything()))
    await story.clock.passes(hours=2, step=600)
    await state(story, "planned", "planned")
    assert story.posts("x") == ["Missing: Aisha"]


async def test_a_run_that_does_not_withdraw_still_waits_for_its_turn(story):
    await story.begins({"delay": WITHDRAWN.replace("publish_within: 1h", "")})
    for text in ("First", "Second"):
        await begins(story, text)
    await posted(story, "First")
    await story.clock.passes(hours=2, step=600)
    await posted(story, "First", "First, two hours later", "Second")
