"""Where the parts of an event stand in JSON that no preset knows."""

import json

import pytest

from appealbridge.model.event import ALWAYS, Repeats
from appealbridge.plugin.receiver import Refused, Request
from appealbridge.triggers.webhook.body import json_body
from appealbridge.triggers.webhook.mapping import Paths, mapped


def read(body, **paths):
    request = Request({}, json.dumps(body).encode(), 0.0)
    [draft] = mapped(Paths(**paths))(request, body, "msg_1").events
    return draft


def read_text(text, **paths):
    """Read a body whose numbers are not what Python would write."""
    request = Request({"content-type": "application/json"}, text.encode(), 0.0)
    [draft] = mapped(Paths(**paths))(request, json_body(request), "msg_1").events
    return draft


def test_a_mapping_says_where_the_parts_of_an_event_stand():
    paths = {"key": "$.id", "subject": "$.incident.number", "type": "$.kinds[0]", "time": "$.at"}
    body = {"id": 42, "incident": {"number": "INC-7"}, "kinds": ["opened"], "at": 1_789_999_000}
    draft = read(body, **paths)
    assert (draft.key, draft.subject, draft.type) == ("42", "INC-7", "opened")
    assert draft.time == 1_789_999_000.0


def test_a_time_that_cannot_be_read_gives_way_to_the_usual_ones():
    assert read({"at": "soon", "time": "2026-09-21T15:33:20"}, time="$.at").time == 1_790_004_800.0


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": ""}, {"id": {"a": 1}}, {"id": [1]}])
def test_a_part_that_is_not_where_the_mapping_says_is_refused(body):
    with pytest.raises(Refused, match=r"no key at \$\.id") as refused:
        read(body, key="$.id")
    assert refused.value.status == 422


def test_a_long_or_unprintable_part_becomes_a_bounded_word_that_still_tells_two_apart():
    first, two = (read({"subject": "A\x00\n" + "b" * 400 + tail}).subject for tail in "xy")
    assert first != two
    assert len(first) < 330
    assert first.startswith("A  bbb")


@pytest.mark.parametrize("name", ["key", "subject", "type"])
@pytest.mark.parametrize(
    "number",
    [
        "123456789012345678901",
        "-98765432109876543210",
        "1.50",
        "1.5",
        "1e3",
        "0.1",
        "9007199254740993.0",
    ],
)
def test_a_number_that_cannot_be_kept_exactly_is_taken_as_it_was_written(name, number):
    draft = read_text(f'{{"at": {{"id": {number}}}, "n": 1}}', **{name: "$.at.id"})
    assert getattr(draft, name) == number


def test_two_ids_that_differ_in_their_last_digit_only_are_two():
    first, two = (
        read_text(
            f'{{"list": [{{"n": 2, "id": 12345678901234567890{last}}}]}}',
            key="$.list[?(@.n > 1)].id",
        )
        for last in "12"
    )
    assert first.key != two.key


def test_a_number_in_a_large_body_is_refused_where_it_cannot_be_kept_exactly():
    """To read all of it once more, number by number, would take too long."""
    text = f'{{"id": 123456789012345678901, "text": "{"x" * 140_000}"}}'
    with pytest.raises(Refused, match=r"key at \$\.id .* send it as a text") as refused:
        read_text(text, key="$.id")
    assert refused.value.status == 422


@pytest.mark.parametrize("name", ["key", "subject"])
def test_true_and_false_tell_no_two_events_apart(name):
    with pytest.raises(Refused, match=f"{name} at .* is true; a text or number is wanted"):
        read({"closed": True}, **{name: "$.closed"})
    assert read({"closed": True}, type="$.closed").type == "true"


def test_two_keys_that_differ_in_what_cannot_be_printed_are_two():
    assert read({"id": "a\tb"}, key="$.id").key != read({"id": "a b"}, key="$.id").key
    assert read({"id": "a "}, key="$.id").key != read({"id": "a"}, key="$.id").key


def reads(body, vouched, **options):
    request = Request({}, json.dumps(body).encode(), 0.0)
    [draft] = mapped(Paths(**options.pop("paths", {})), **options)(request, body, vouched).events
    return draft.key, draft.repeats


def test_an_id_of_the_senders_own_has_one_content():
    assert reads({"id": "7"}, "", paths={"key": "$.id"}) == ("7", Repeats(one_content=True))
    assert reads({"id": "7"}, "msg_1") == ("msg_1", Repeats(one_content=True))


def test_without_an_id_the_same_body_is_a_repeat_for_a_while_only():
    key, repeats = reads({"id": "7"}, "", within=60.0, replayable=True)
    assert len(key) == 64
    assert repeats == Repeats(within=60.0, replayable=True)


def test_an_id_that_is_known_by_the_sender_is_taken_where_nothing_else_says_one():
    assert reads({"id": "evt_7"}, "", usual_key="$.id") == ("evt_7", ALWAYS)
    assert reads({"id": 7}, "", usual_key="$.id")[1].within == 600.0
    assert reads({"id": "evt_7", "no": 8}, "", usual_key="$.id", paths={"key": "$.no"})[0] == "8"


@pytest.mark.parametrize("body", [[], [{}], "text", 1, None, True])
def test_json_that_is_no_object_is_refused(body):
    with pytest.raises(Refused, match="not one object") as refused:
        read(body)
    assert refused.value.status == 422
