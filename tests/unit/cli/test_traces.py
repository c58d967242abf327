"""A run is printed in the order in which it happened, with nothing that a stranger could play tricks by."""

from appealbridge.cli import traces

AT = "2026-05-01T10:00:{:02}.000Z"
EVENT = {
    "id": "06apk2n1c8z9qj4v", "source": "webhook:roads", "type": "road.closed", "subject": "7",
    "time": AT.format(0), "received_at": AT.format(0), "hold": None, "cause": [], "data": {},
    "removed": False,
}  # fmt: skip
DELIVERY = {
    "number": 1, "step": "tweet", "channel": "force_x", "state": "held", "hold": "approval",
    "content": {"text": "A38 is closed.\n\nUse another route.", "link": None}, "attempts": 0,
    "history": [], "receipt": None, "reason": "", "publish_by": None, "begun_at": None,
    "due_at": AT.format(0), "settled_at": None,
}  # fmt: skip
RUN = {
    "id": "06apk2n1c8z9qj4v.road", "recipe": "road", "version": "ab12", "state": "planned",
    "reason": None, "begun_at": AT.format(0), "wake_at": None, "trace": [], "deliveries": [],
}  # fmt: skip


def printed(capsys, *runs, **event):
    traces.tell({"event": {**EVENT, **event}, "runs": runs})
    return capsys.readouterr().out


def in_order(text, *arguments):
    places = [text.index(word) for word in arguments]
    assert places == sorted(places), text


def tried(number, kind, outcome, second, detail=None, took=0):
    return {
        "number": number,
        "kind": kind,
        "outcome": outcome,
        "begun_at": AT.format(second - took),
        "ended_at": AT.format(second),
        "detail": detail,
    }


def test_every_line_of_a_message_is_set_in(capsys):
    shown = printed(capsys, {**RUN, "deliveries": [DELIVERY]})
    assert "    text: A38 is closed.\n\n    Use another route.\n" in shown
    assert "link" not in shown


def test_what_was_removed_is_said_to_be(capsys):
    receipt = {"id": "1", "url": "https://x.example/1"}
    gone = {**DELIVERY, "state": "delivered", "hold": None, "content": None, "removed": True}
    run = {**RUN, "deliveries": [{**gone, "receipt": receipt, "settled_at": AT.format(2)}]}
    shown = printed(capsys, run, data=None, removed=True)
    assert shown.count("(content removed: its retention is over)") == 2
    assert "https://x.example/1" in shown


def test_decisions_attempts_and_looks_stand_in_the_order_in_which_they_happened(capsys):
    trace = [
        {"at": AT.format(0), "step": "conditions", "message": "all hold: $.kind is 3"},
        {"at": AT.format(0), "step": "tweet", "message": "planned", "variables": {"road": '"A38"'}},
        {"at": AT.format(40), "step": "mail", "message": "planned a delivery on press_office"},
    ]
    history = [
        tried(1, "send", "unsure", 12, "the answer was lost", took=10),
        tried(1, "find", "found", 30),
    ]
    tweet = {**DELIVERY, "state": "delivered", "hold": None, "history": history}
    run = {**RUN, "trace": trace, "deliveries": [{**tweet, "settled_at": AT.format(30)}]}
    in_order(
        printed(capsys, run),
        "conditions: all hold: $.kind is 3",
        'road: "A38"',
        "no. 1 tweet on force_x: attempt 1 unsure after 10 s, the answer was lost",
        "no. 1 tweet on force_x: search 1 found",
        "mail: planned a delivery on press_office",
    )


def test_what_ended_without_an_attempt_is_part_of_the_story(capsys):
    gone = {**DELIVERY, "state": "cancelled", "hold": None, "reason": "a mistake"}
    run = {**RUN, "deliveries": [{**gone, "settled_at": AT.format(9)}]}
    assert "no. 1 tweet on force_x: cancelled, a mistake" in printed(capsys, run)


def test_a_recipe_that_did_not_want_the_event_comes_last_and_says_why(capsys):
    skipped = {**RUN, "recipe": "a", "state": "skipped", "reason": "$.kind is 4, wanted above 5"}
    shown = printed(capsys, skipped, {**RUN, "recipe": "b"})
    in_order(shown, "b: planned", "a: skipped", "skipped: $.kind is 4, wanted above 5")


def test_why_a_run_failed_is_said_once(capsys):
    entry = {"at": AT.format(5), "step": "", "message": "failed: event.data.road is missing"}
    run = {**RUN, "state": "failed", "reason": "event.data.road is missing", "trace": [entry]}
    assert printed(capsys, run).count("road is missing") == 1


def test_a_run_that_waits_says_until_when_and_for_which_deliveries(capsys):
    trace = [{"at": AT.format(0), "step": "actions[1]", "message": "waits"}]
    run = {
        **RUN,
        "deliveries": [DELIVERY],
        "state": "open",
        "wake_at": AT.format(50),
        "trace": trace,
    }
    shown = printed(capsys, run)
    assert "waits until then" in shown
    assert "when these have ended: no. 1" in shown


def test_each_way_on_is_named_with_its_command(capsys):
    unknown = {**DELIVERY, "number": 2, "hold": "unknown"}
    failed = {**DELIVERY, "number": 3, "hold": None, "state": "failed"}
    burst = {**DELIVERY, "number": 4, "hold": "burst"}
    both = {
        **DELIVERY,
        "number": 5,
        "recipe": "road",
        "hold": "acceptance burst",
        "holds": ["acceptance", "burst"],
    }
    shown = printed(capsys, {**RUN, "deliveries": [DELIVERY, unknown, failed, burst, both]})
    for command in (
        "approve 1",
        "reject 1 --reason",
        "confirm 2 --url",
        "release 2",
        "retry 3",
        "release 4",
        "recipes accept road",
        "release 5",
    ):
        assert f"appealbridge {command}" in shown


def test_no_stranger_moves_the_cursor_of_who_reads(capsys):
    run = {**RUN, "deliveries": [{**DELIVERY, "content": {"text": "\x1b[2Jgone"}}]}
    shown = printed(capsys, run)
    assert "\x1b" not in shown
    assert "\\x1b[2Jgone" in shown
