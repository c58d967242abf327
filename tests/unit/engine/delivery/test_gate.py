"""May this delivery go out now?"""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from appealbridge.engine.delivery.gate import GO, content_hash, day_start, gate
from appealbridge.model.delivery import Delivery, State

NOW = 1_800_000_000.0
CONTENT = '{"text":"Missing: Aisha, 14"}'


def delivery(**changes):
    return Delivery(
        **{
            "id": "e.new-appeal.tweet",
            "run_id": "e.new-appeal",
            "event_id": "e",
            "recipe": "new-appeal",
            "step": "tweet",
            "subject": "A-1",
            "channel": "force_x",
            "action": "tweet",
            "content": CONTENT,
            "content_hash": content_hash(CONTENT),
            "state": State.SENDING,
            "planned_at": NOW,
            "due_at": NOW,
            **changes,
        }
    )


def test_what_was_planned_may_go():
    assert gate(delivery(), NOW) is GO


def test_what_is_late_expires():
    assert gate(delivery(publish_by=NOW), NOW).state is State.EXPIRED
    assert gate(delivery(publish_by=NOW + 0.001), NOW) is GO


def test_what_is_not_what_was_planned_is_held():
    verdict = gate(delivery(content=CONTENT.replace("14", "41")), NOW)
    assert (verdict.state, verdict.hold) == (State.HELD, "approval")


@pytest.mark.parametrize(("sent", "goes"), [(0, True), (59, True), (60, False), (61, False)])
def test_past_the_daily_cap_a_delivery_is_held_not_dropped(sent, goes):
    verdict = gate(delivery(), NOW, cap=60, sent_today=sent)
    assert (verdict is GO) is goes
    assert verdict.hold == ("" if goes else "daily_cap")


def test_what_a_person_let_out_past_the_cap_is_not_held_by_it_again():
    assert gate(delivery(hold="daily_cap"), NOW, cap=60, sent_today=61) is GO


def test_a_notice_goes_out_whatever_is_used_up():
    assert gate(delivery(recipe="notice"), NOW, cap=60, sent_today=61) is GO


def test_a_day_begins_at_local_midnight_also_when_the_clocks_change():
    london = ZoneInfo("Europe/London")
    # 25 October 2026, 12:00 UTC: the day began at 00:00 BST, which was 23:00 UTC the day before.
    noon = 1_792_929_600.0
    assert noon - day_start(noon, london) == 13 * 3600


@pytest.mark.parametrize(
    ("zone", "now", "begin"),
    [
        # The clock in Cuba shows the first hour of 1 November 2026 twice; the day begins with the first.
        ("America/Havana", "2026-11-01T04:30:00", "2026-11-01T04:00:00"),
        ("America/Havana", "2026-11-01T05:30:00", "2026-11-01T04:00:00"),
        ("America/Havana", "2026-11-01T12:00:00", "2026-11-01T04:00:00"),
        # In the Lebanon 29 March 2026 has no midnight; it begins at one.
        ("Asia/Beirut", "2026-03-28T22:10:00", "2026-03-28T22:00:00"),
        # In London it is half past one for the second time.
        ("Europe/London", "2026-10-25T01:30:00", "2026-10-24T23:00:00"),
    ],
)
def test_a_day_begins_with_the_first_moment_that_has_its_date(zone, now, begin):
    at, then = (datetime.fromisoformat(f"{each}+00:00").timestamp() for each in (now, begin))
    assert day_start(at, ZoneInfo(zone)) == then
