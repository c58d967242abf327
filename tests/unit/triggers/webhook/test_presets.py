"""What well-known senders mean, from payloads as they really come."""

import base64
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.model.event import ALWAYS, Repeats
from appealbridge.plugin.receiver import Received, Refused, Request
from appealbridge.plugin.timestamps import moment
from appealbridge.triggers.webhook.presets import (
    MOST_ALERTS,
    PRESET_FIELDS,
    PRESETS,
    WHOLE_REQUEST,
    PresetName,
    bounded,
    joined,
)

TEXTS = st.text(st.sampled_from('ab c[]",…\0\n'), max_size=6) | st.text(max_size=310)

ALERT = {
    "status": "firing",
    "labels": {"alertname": "MajorIncident", "severity": "critical", "place": "Digbeth"},
    "annotations": {"summary": "Road closed"},
    "startsAt": "2026-09-21T15:33:20.5Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "c6f1ab34ef9d0e11",
}


@pytest.mark.parametrize(
    "value", [1_777_636_800, 1_777_636_800.0, "2026-05-01T12:00:00Z", "2026-05-01T13:00+01:00"]
)
def test_a_time_is_a_date_or_seconds_since_1970(value):
    assert moment(value) == 1_777_636_800


@pytest.mark.parametrize(
    "value", [10, 10.00, 700, 20261127, 202611271000, 1_777_636_800_000, "20261127", "10:00", True]
)
def test_a_number_that_may_be_something_else_is_no_time(value):
    assert moment(value) is None


POST = {
    "version": "4",
    "groupKey": '{}:{alertname="MajorIncident"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "desk",
    "groupLabels": {"alertname": "MajorIncident"},
    "commonLabels": {"severity": "critical"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager",
    "alerts": [
        ALERT,
        {**ALERT, "status": "resolved", "endsAt": "2026-09-21T16:33:20Z", "fingerprint": "b2"},
    ],
}
CLOUD = {
    "specversion": "1.0",
    "id": "42",
    "source": "/desk",
    "type": "uk.police.incident.opened",
    "subject": "INC-7",
    "time": "2026-09-21T15:33:20+01:00",
    "data": {"severity": "major"},
}
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
CE = {
    "ce-specversion": "1.0",
    "ce-id": "42",
    "ce-source": "/desk%20two",
    "ce-type": "incident.opened",
    "ce-time": "2026-09-21T15:33:20Z",
}


def brings(preset, body, content_type="application/json", vouched="", **headers):
    request = Request({"content-type": content_type, **headers}, b"", 0.0)
    return PRESETS[preset](request, body, vouched)


def read(preset, body, content_type="application/json", vouched="", **headers):
    return brings(preset, body, content_type, vouched, **headers).events


def refusal(preset, body, **options):
    with pytest.raises(Refused) as refused:
        read(preset, body, **options)
    assert refused.value.status == 422
    return str(refused.value)


def test_one_post_of_alertmanager_becomes_one_event_per_alert():
    firing, resolved = read("alertmanager", POST)
    assert (firing.type, firing.subject) == ("alertmanager.firing", "c6f1ab34ef9d0e11")
    assert firing.key == "c6f1ab34ef9d0e11 2026-09-21T15:33:20.5Z firing"
    assert firing.time == 1_790_004_800.5
    assert (resolved.type, resolved.time) == ("alertmanager.resolved", 1_790_008_400.0)


def test_an_alert_carries_what_its_group_shares():
    [firing, _] = read("alertmanager", POST)
    assert firing.data["labels"]["place"] == "Digbeth"
    assert firing.data["annotations"]["summary"] == "Road closed"
    assert firing.data["status"] == "firing"
    assert firing.data["commonLabels"] == {"severity": "critical"}
    assert firing.data["groupLabels"] == {"alertname": "MajorIncident"}
    assert (firing.data["externalURL"], firing.data["receiver"]) == ("http://alertmanager", "desk")


def test_an_alert_that_is_sent_again_is_the_same_event_until_it_changes():
    assert (
        read("alertmanager", POST)[0].key == read("alertmanager", {**POST, "groupKey": "x"})[0].key
    )
    again = {**POST, "alerts": [{**ALERT, "startsAt": "2026-09-22T00:00:00Z"}]}
    assert read("alertmanager", again)[0].key != read("alertmanager", POST)[0].key


def test_alerts_without_a_fingerprint_are_told_apart_by_their_labels():
    plain = {name: value for name, value in ALERT.items() if name != "fingerprint"}
    other = {**plain, "labels": {**ALERT["labels"], "place": "Aston"}}
    drafts = read("alertmanager", {**POST, "alerts": [plain, other, plain]})
    assert drafts[0].subject == drafts[2].subject != drafts[1].subject


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "5"}, "version is '5'; this preset knows 4"),
        ({"alerts": []}, "at least one alert"),
        ({"alerts": None}, "at least one alert"),
        ({"alerts": ["x"]}, r"alerts[0] is not a JSON object"),
        ({"alerts": [{**ALERT, "status": "pending"}]}, "alerts[0].status is 'pending'"),
        ({"alerts": [{**ALERT, "labels": []}]}, "alerts[0].labels is not a JSON object"),
        ({"alerts": [{**ALERT, "annotations": 1}]}, "alerts[0].annotations is not"),
    ],
)
def test_an_alert_of_an_unknown_kind_is_refused(change, message):
    assert message in refusal("alertmanager", {**POST, **change})


def test_grafana_speaks_alertmanagers_language_under_its_own_name():
    body = {**POST, "version": "1", "orgId": 1, "alerts": [{**ALERT, "values": {"A": 1}}]}
    [draft] = read("grafana", body)
    assert (draft.type, draft.data["values"]) == ("grafana.firing", {"A": 1})
    assert "version is '4'" in refusal("grafana", POST)


def test_a_structured_cloudevent_keeps_its_attributes():
    [draft] = read("cloudevents", CLOUD, STRUCTURED + "; charset=utf-8")
    assert (draft.type, draft.subject) == ("uk.police.incident.opened", "INC-7")
    assert (draft.key, draft.data) == ("/desk 42", {"severity": "major"})
    assert draft.time == 1_790_001_200.0


def test_a_cloudevent_without_subject_is_about_itself():
    bare = {name: CLOUD[name] for name in ("specversion", "id", "source", "type")}
    [draft] = read("cloudevents", bare, STRUCTURED)
    assert (draft.subject, draft.data, draft.time) == ("/desk 42", {}, None)


def test_a_batch_of_cloudevents_becomes_as_many_events():
    drafts = read("cloudevents", [CLOUD, {**CLOUD, "id": "43"}], BATCH)
    assert [draft.key for draft in drafts] == ["/desk 42", "/desk 43"]


def test_a_cloudevent_in_headers_is_read_where_the_proof_covers_headers():
    [draft] = read("cloudevents", {"severity": "major"}, vouched=WHOLE_REQUEST, **CE)
    assert (draft.type, draft.key) == ("incident.opened", '["/desk two","42"]')
    assert draft.data == {"severity": "major"}


def test_a_cloudevent_in_headers_under_a_signed_id_goes_by_that_id():
    """Its own id is not signed: with another one in a replay it would be a new event."""
    [draft] = read("cloudevents", {}, vouched="msg_1", **CE)
    assert draft.key == "msg_1"


def test_a_cloudevent_in_headers_is_refused_where_nothing_vouches_for_them():
    assert "send structured CloudEvents" in refusal("cloudevents", {}, **CE)


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ([], STRUCTURED, "the body is not a JSON object"),
        (CLOUD, BATCH, "at least one CloudEvent"),
        ([2, 1], BATCH, "[0] is not a JSON object"),
        ({**CLOUD, "specversion": "2.0"}, STRUCTURED, "specversion of the body is '2.0'"),
        ({**CLOUD, "id": ""}, STRUCTURED, "has no id"),
        ({**CLOUD, "source": 1}, STRUCTURED, "has no source"),
        ({**CLOUD, "type": None}, STRUCTURED, "has no type"),
        ({**CLOUD, "data_base64": "AA=="}, STRUCTURED, "send JSON, as data"),
        ({"hello": 1}, "application/json", "specversion of the body is ''"),
    ],
)
def test_what_is_no_cloudevent_is_refused(body, content_type, message):
    assert message in refusal("cloudevents", body, content_type=content_type)


def test_pagerduty_says_what_happened_to_which_incident():
    event = {
        "id": "01CH754SM17TWPE2V2H4VPBRO7",
        "event_type": "incident.triggered",
        "occurred_at": "2026-09-21T15:33:20Z",
        "data": {"id": "PGR0VU2", "title": "A little bump in the road"},
    }
    [draft] = read("pagerduty", {"event": event})
    assert (draft.type, draft.subject) == ("pagerduty.incident.triggered", "PGR0VU2")
    assert (draft.key, draft.data) == (event["id"], event)
    assert "no event_type" in refusal("pagerduty", {"event": {"id": "1"}})


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00Z", "not a time", True, -1, [], "9999-99-99", 1e300]
)
def test_a_time_that_is_none_leaves_the_event_without_one(time):
    alerts = [{**ALERT, "startsAt": time}]
    [draft] = read("alertmanager", {**POST, "alerts": alerts})
    assert draft.time is None


@pytest.mark.parametrize(("preset", "version"), [("alertmanager", "4"), ("grafana", "1")])
def test_the_fields_of_an_alert_are_known(preset, version):
    for draft in read(preset, {**POST, "version": version}):
        assert draft.data.keys() <= PRESET_FIELDS[preset]


def test_every_preset_that_may_be_named_is_known():
    assert set(get_args(PresetName)) == set(PRESETS)


@pytest.mark.parametrize("version", [4, {"a": 1}, ["4"], True, 4.0])
@pytest.mark.parametrize("preset", ["alertmanager", "grafana"])
def test_a_version_of_another_kind_is_refused(preset, version):
    assert "version is" in str(refusal(preset, {**POST, "version": version}))


def test_more_events_than_can_be_taken_at_once_are_refused():
    assert "at most 500" in str(refusal("cloudevents", [CLOUD] * 501, content_type=BATCH))
    assert len(read("cloudevents", [CLOUD] * 500, BATCH)) == 500


def test_of_a_group_that_is_too_large_the_first_alerts_are_taken_and_the_others_counted():
    """Monitoring never sends again what is answered 4xx."""
    alerts = [{**ALERT, "fingerprint": f"{n:016x}"} for n in range(MOST_ALERTS + 7)]
    all_of_them = brings("alertmanager", {**POST, "alerts": alerts[:MOST_ALERTS]})
    assert (len(all_of_them.events), all_of_them.left_out) == (MOST_ALERTS, "")
    too_many = brings("alertmanager", {**POST, "alerts": alerts})
    assert [draft.subject for draft in too_many.events[:2]] == [f"{n:016x}" for n in range(2)]
    assert len(too_many.events) == MOST_ALERTS
    assert "sent 7 alerts more" in too_many.left_out


def test_alerts_that_monitoring_left_out_itself_are_counted_too():
    assert brings("alertmanager", POST).left_out == ""
    cut = brings("alertmanager", {**POST, "truncatedAlerts": 12})
    assert len(cut.events) == 2
    assert "left out 12 alerts" in cut.left_out


def test_what_all_alerts_share_cannot_be_made_large_by_their_number():
    body = {**POST, "commonAnnotations": {"summary": "x" * 100_000}}
    assert len(read("alertmanager", {**body, "alerts": [ALERT] * 100})) == 100
    brought = brings("alertmanager", {**body, "alerts": [ALERT] * 200})
    assert 100 < len(brought.events) < 200
    assert f"sent {200 - len(brought.events)} alerts more" in brought.left_out


@pytest.mark.parametrize("preset", ["alertmanager", "grafana"])
def test_an_alert_that_fires_is_ended_by_the_one_that_says_it_is_resolved(preset):
    body = {**POST, "version": {"alertmanager": "4", "grafana": "1"}[preset]}
    firing, resolved = (
        read(preset, {**body, "alerts": [{**ALERT, "status": status}]})[0]
        for status in ("firing", "resolved")
    )
    assert firing.repeats == Repeats(ended_by=resolved.key)
    assert resolved.repeats == ALWAYS


# -- what is no event ------------------------------------------------------------------------------


def test_a_test_of_a_grafana_contact_point_is_no_event():
    test = {
        **ALERT,
        "labels": {"alertname": "TestAlert", "instance": "Grafana"},
        "annotations": {"summary": "Notification test"},
    }
    body = {**POST, "version": "1", "alerts": [test]}
    assert brings("grafana", body) == Received(why_none="a test of a Grafana contact point")
    assert len(read("grafana", {**body, "alerts": [ALERT, test]})) == 2


def test_a_test_ping_of_pagerduty_is_no_event():
    ping = {"id": "1", "event_type": "pagey.ping", "data": {"message": "Hello", "type": "ping"}}
    assert brings("pagerduty", {"event": ping}) == Received(why_none="a test ping of PagerDuty")


def test_an_empty_batch_brings_no_event():
    assert brings("cloudevents", [], BATCH).why_none


# -- CloudEvents as they really come ---------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [{}, {"data": None}, {"data_base64": None}, {"data_base64": "e30="}],
    ids=["absent", "null", "unset", "base64"],
)
def test_a_cloudevent_without_data_carries_an_empty_object(data):
    bare = {name: CLOUD[name] for name in ("specversion", "id", "source", "type")}
    [draft] = read("cloudevents", {**bare, **data}, STRUCTURED)
    assert draft.data == {}


def test_data_in_base64_that_is_json_is_read():
    bare = {name: value for name, value in CLOUD.items() if name != "data"}
    packed = base64.b64encode(b'{"severity": "major"}').decode()
    [draft] = read("cloudevents", {**bare, "data_base64": packed}, STRUCTURED)
    assert draft.data == {"severity": "major"}


@pytest.mark.parametrize(
    ("value", "meant"),
    [("/desk%20two", "/desk two"), ('"/desk two"', "/desk two"), (r'"a \"b\""', 'a "b"')],
)
def test_an_attribute_in_a_header_may_be_quoted_or_percent_encoded(value, meant):
    [draft] = read("cloudevents", {}, vouched=WHOLE_REQUEST, **{**CE, "ce-subject": value})
    assert draft.subject == meant


def test_an_attribute_that_is_not_utf_8_is_refused():
    """Read leniently, two ids could become one."""
    text = refusal("cloudevents", {}, vouched=WHOLE_REQUEST, **{**CE, "ce-id": "%ff"})
    assert "the ce-id header is not percent-encoded UTF-8" in text


# -- keys ------------------------------------------------------------------------------------------


@given(*[st.lists(TEXTS, min_size=2, max_size=3)] * 2)
def test_two_lists_of_parts_never_make_one_key(first, other):
    assert (joined(*first) == joined(*other)) == (first == other)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (("a b", "c"), ("a", "b c")),
        (("a", ""), ("", "a")),
        (('["a', 'b"]'), ('["a","b"]',)),
        (("a\0b", "c"), ("a b", "c")),
        (("x" * 400, "y"), ("x" * 400, "z")),
    ],
)
def test_parts_that_look_alike_when_joined_make_two_keys(first, other):
    assert joined(*first) != joined(*other)


def test_two_senders_of_cloudevents_cannot_make_one_key():
    ours, theirs = (
        read("cloudevents", {**CLOUD, "source": source, "id": id_}, STRUCTURED)[0].key
        for source, id_ in [("desk a", "b"), ("desk", "a b")]
    )
    assert ours != theirs


def test_two_alerts_whose_parts_join_alike_are_two():
    first, other = (
        read("alertmanager", {**POST, "alerts": [{**ALERT, "fingerprint": mark, "startsAt": at}]})[
            0
        ]
        for mark, at in [("a b", "c"), ("a", "b c")]
    )
    assert first.key != other.key


@given(*[TEXTS] * 2)
def test_two_ids_never_become_one_key(first, other):
    assert (bounded(first) == bounded(other)) == (first == other)


@pytest.mark.parametrize("number", [1.5, 1e20, True])
def test_an_id_that_is_no_exact_number_is_refused(number):
    event = {"id": number, "event_type": "incident.triggered"}
    assert "send ids as texts" in refusal("pagerduty", {"event": event})


def test_of_a_batch_of_cloudevents_the_readable_ones_are_taken_and_the_sender_is_refused_the_others():
    received = brings("cloudevents", [1, CLOUD, {**CLOUD, "id": ""}], BATCH)
    assert [event.type for event in received.events] == ["uk.police.incident.opened"]
    result = "2 of 3 CloudEvents cannot be read, the first because [0] is not a JSON object"
    assert received.left_out == f"{result}. Nothing is published about these"
    assert str(received.refused) == f"{result}. The other events of this request are stored"
    assert brings("cloudevents", [CLOUD], BATCH).refused is None
