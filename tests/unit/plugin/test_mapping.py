"""Where the parts of an event stand in JSON that no preset knows."""

import json

import pytest

from appealbridge.plugin import Paths, Refused, Request, mapped


def read(body, **paths):
    request = Request({}, json.dumps(body).encode(), 0.0)
    [draft] = mapped(Paths(**paths))(request, body, "msg_1")
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
    one, two = (read({"subject": "A\x00\n" + "b" * 400 + tail}).subject for tail in "xy")
    assert one != two
    assert len(one) < 330
    assert one.startswith("A  bbb")


@pytest.mark.parametrize("body", [[], [{}], "text", 1, None, True])
def test_json_that_is_no_object_is_refused(body):
    with pytest.raises(Refused, match="not one object") as refused:
        read(body)
    assert refused.value.status == 422
