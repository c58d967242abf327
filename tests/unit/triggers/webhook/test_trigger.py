"""From a POST's bytes and headers to events, or to a refusal that helps the sender."""

import hashlib
import hmac
import json
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from appealbridge.model.event import ALWAYS, NOT_NAMED, Repeats
from appealbridge.plugin import Event
from appealbridge.plugin.receiver import Refused, Request
from appealbridge.triggers.webhook.trigger import Webhook, WebhookOptions, WebhookSource

NOW = 1_790_000_000.0
KEY = bytes(range(32))
SECRET = "whsec_" + b64encode(KEY).decode()
WEBHOOK = Webhook()


def source(**options):
    return WebhookSource.model_validate({"secrets": [SECRET], **options})


def unsigned(**options):
    return WebhookSource.model_validate({"signature": "none", "allow_unsigned": True, **options})


def signed(body, *, message="msg_1", at=NOW, key=KEY, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    proof = hmac.digest(key, f"{message}.{at:.0f}.".encode() + content, "sha256")
    return Request(
        {
            "webhook-id": message,
            "webhook-timestamp": f"{at:.0f}",
            "webhook-signature": "v1," + b64encode(proof).decode(),
            "content-type": "application/json",
            **headers,
        },
        content,
        NOW,
    )


def bare(body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request({"content-type": "application/json", **headers}, content, NOW)


def received(desk, request):
    """Return the events of a request, as the daemon does: proven first, then read."""
    WEBHOOK.prove(desk, request)
    return WEBHOOK.receive(desk, request).events


def event(kind):
    return Event("e", "webhook:desk", kind, "s", "k", NOW, {}, NOW)


# -- the event that a plain body becomes ----------------------------------------------------------


def test_a_signed_body_becomes_one_event_under_its_message_id():
    body = {"type": "incident.opened", "subject": "INC-7", "timestamp": "2026-09-21T15:33:20Z"}
    [draft] = received(source(), signed(body))
    assert (draft.type, draft.subject, draft.key) == ("incident.opened", "INC-7", "msg_1")
    assert draft.data == body
    assert draft.time == 1_790_004_800.0


def test_a_body_that_names_nothing_still_has_a_type_a_subject_and_a_key():
    [draft] = received(source(), signed({"type": 7, "subject": ["x"], "time": "soon"}))
    assert (draft.type, draft.subject, draft.key, draft.time) == ("webhook", "msg_1", "msg_1", None)


def test_without_an_id_under_the_signature_the_key_is_the_hash_of_the_body():
    hooked = WebhookSource.model_validate({"signature": "github", "secrets": ["s3cret"]})
    body = b'{"a": 1}'
    proof = "sha256=" + hmac.digest(b"s3cret", body, "sha256").hex()
    sent = bare(body, **{"x-hub-signature-256": proof, "webhook-id": "not-signed"})
    assert received(hooked, sent)[0].key == hashlib.sha256(body).hexdigest()


def test_a_sender_who_proves_the_whole_request_may_name_its_message():
    hooked = WebhookSource.model_validate({"signature": "bearer", "secrets": ["token"]})
    sent = bare({}, authorization="Bearer token", **{"webhook-id": "msg_9"})
    assert received(hooked, sent)[0].key == "msg_9"


def test_the_sender_is_proven_before_anything_else_is_looked_at():
    request = bare(b"\xff not json", **{"content-type": "text/plain"})
    with pytest.raises(Refused) as refused:
        received(source(), request)
    assert refused.value.status == 401


# -- when the same is no repeat ---------------------------------------------------------------------


def with_scheme(signature, **options):
    secrets = [] if signature == "none" else ["0123456789abcdef"]
    return WebhookSource.model_validate(
        {
            "signature": signature,
            "secrets": secrets,
            "allow_unsigned": signature == "none",
            **options,
        }
    )


def reads(desk, body, **headers):
    return WEBHOOK.receive(desk, bare(body, **headers)).events


def test_an_id_under_the_signature_stands_for_one_content():
    [draft] = received(source(), signed({}))
    assert draft.repeats == Repeats(one_content=True)


@pytest.mark.parametrize(
    ("signature", "replayable"),
    [("bearer", False), ("none", False), ("github", True), ("pagerduty", True), ("hmac", True)],
)
def test_without_an_id_a_body_is_a_repeat_for_as_long_as_the_settings_say(signature, replayable):
    """And where a stranger could send old bytes again, what is new after that waits for a person."""
    [draft] = reads(with_scheme(signature), {"a": 1})
    assert draft.repeats == Repeats(within=600.0, replayable=replayable)
    [draft] = reads(with_scheme(signature, repeat_within="2h"), {"a": 1})
    assert draft.repeats.within == 7200.0


@pytest.mark.parametrize(("signature", "path"), [("stripe", "id"), ("slack", "event_id")])
def test_senders_who_try_for_long_are_known_by_the_id_that_they_write(signature, path):
    [draft] = reads(with_scheme(signature), {path: "evt_7"})
    assert (draft.key, draft.repeats) == ("evt_7", ALWAYS)


def test_an_alert_under_a_signature_without_time_waits_for_a_person_where_it_could_be_old():
    alert = {"status": "firing", "labels": {"a": "b"}}
    [bearer], [hmac_] = (
        reads(with_scheme(signature, preset="grafana"), {"alerts": [alert]})
        for signature in ("bearer", "hmac")
    )
    assert (bearer.repeats.replayable, hmac_.repeats.replayable) == (False, True)


# -- what is no event -------------------------------------------------------------------------------


def test_slacks_check_of_the_address_is_answered():
    requested = {"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV", "token": "x"}
    result = WEBHOOK.receive(with_scheme("slack"), bare(requested))
    assert (result.events, result.answer) == ((), {"challenge": "3eZbrw1aBm2rZgRNFdxV"})
    assert WEBHOOK.receive(with_scheme("bearer"), bare(requested)).events


@pytest.mark.parametrize("challenge", [None, 7, "x" * 1001])
def test_a_challenge_that_is_none_is_refused(challenge):
    with pytest.raises(Refused, match="without a challenge"):
        reads(with_scheme("slack"), {"type": "url_verification", "challenge": challenge})


def test_a_test_ping_of_github_is_no_event():
    ping = {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "Repository"}}
    assert WEBHOOK.receive(with_scheme("github"), bare(ping)).why_none == "a test ping of GitHub"
    assert reads(with_scheme("bearer"), ping)


def test_a_test_ping_of_pagerduty_is_no_event_whoever_reads_its_json():
    ping = {"event": {"event_type": "pagey.ping"}}
    assert WEBHOOK.receive(with_scheme("pagerduty"), bare(ping)).why_none
    assert WEBHOOK.receive(with_scheme("bearer", preset="pagerduty"), bare(ping)).why_none


# -- as senders really write it ---------------------------------------------------------------------

FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_the_form_of_github_is_read():
    body = urlencode({"payload": json.dumps({"type": "push", "subject": "main"})}).encode()
    [draft] = reads(with_scheme("github"), body, **FORM)
    assert (draft.type, draft.subject) == ("push", "main")
    with pytest.raises(Refused, match="send application/json"):
        reads(with_scheme("bearer"), body, **FORM)


def test_a_big_number_in_the_form_of_github_is_a_key_as_it_was_written():
    desk = with_scheme("github", mapping={"key": "$.id"})
    body = urlencode({"payload": '{"id": 123456789012345678901}'}).encode()
    assert reads(desk, body, **FORM)[0].key == "123456789012345678901"


def test_a_cloudevent_in_headers_needs_no_body():
    attributes = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/a", "ce-type": "t"}
    [draft] = reads(with_scheme("bearer", preset="cloudevents"), b"", **attributes)
    assert (draft.key, draft.data) == ("/a 1", {})


@pytest.mark.parametrize(
    ("preset", "limit"),
    [("alertmanager", 4), ("grafana", 4), ("cloudevents", 1), ("pagerduty", 1), (None, 1)],
)
def test_monitoring_may_send_larger_bodies(preset, limit):
    assert WEBHOOK.body_limit(source(preset=preset)) == limit * 1024 * 1024


# -- what is unsafe ---------------------------------------------------------------------------------


def weak(**sources):
    result = WEBHOOK.weaknesses({n: WebhookSource.model_validate(s) for n, s in sources.items()})
    return {(*each.path, each.problem.partition(":")[0]) for each in result}


def test_a_short_secret_is_named():
    desk = {"signature": "bearer", "secrets": ["0123456789abcdef", "0123456789abcde"]}
    assert weak(desk=desk) == {
        ("desk", "secrets", 1, "this secret has only 15 bytes and could be guessed")
    }


def test_a_secret_of_two_webhooks_is_named():
    desk, other = (
        {"signature": signature, "secrets": ["0123456789abcdef"]}
        for signature in ("github", "bearer")
    )
    assert weak(desk=desk, other=other) == {
        ("other", "secrets", 0, "webhook desk has the same secret, so its sender may send here too")
    }
    assert weak(desk={**desk, "secrets": ["0123456789abcdef"] * 2}) == set()


# -- what settings may say ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"secrets": []}, "write secrets: "),
        ({"secrets": ["planted-secret"]}, r"secrets\[0\] is not whsec_"),
        ({"secrets": [SECRET, "whsec_c2hvcnQ="]}, r"secrets\[1\] holds 5 bytes"),
        ({"secrets": [SECRET] * 3}, "at most 2"),
        ({"signature": "none"}, "allow_unsigned: true"),
        ({"signature": "none", "allow_unsigned": True}, "leave them out"),
        ({"allow_unsigned": True}, "is only for signature: none"),
        ({"preset": "alertmanger"}, "'alertmanager', 'cloudevents', 'grafana' or 'pagerduty'"),
        (
            {"preset": "alertmanager", "mapping": {"key": "$.id", "type": "$.a"}},
            "key and type of an event",
        ),
        ({"mapping": {"key": "id"}}, "begins with"),
        ({"mapping": {"key": "$.["}}, "not a JSONPath"),
        ({"header": "X-Signature"}, "is only for signature: hmac"),
        ({"signature": "hmac", "secrets": [""]}, r"secrets\[0\] is empty"),
        ({"tolerance": "0s"}, "greater than 0"),
    ],
)
def test_settings_that_cannot_work_are_problems_at_load(options, message):
    with pytest.raises(ValidationError, match=message) as wrong:
        source(**options)
    assert "planted-secret" not in str(wrong.value)


def test_a_webhook_prints_no_secret():
    assert SECRET not in repr(source())
    assert SECRET[6:] not in str(source().model_dump())


# -- what recipes may say -------------------------------------------------------------------------


def test_a_recipe_wants_its_webhook_and_its_types():
    options = WebhookOptions(webhook_id="desk", types=("incident.*", "road.closed"))
    assert WEBHOOK.source(options) == "desk"
    assert WEBHOOK.accepts(options, event("incident.opened")) == ""
    assert WEBHOOK.accepts(options, event("road.closed")) == ""
    assert WEBHOOK.accepts(options, event("road.open")) == (
        "type is road.open, wanted incident.* or road.closed"
    )
    assert WEBHOOK.accepts(WebhookOptions(webhook_id="desk"), event("anything")) == ""


@pytest.mark.parametrize(
    ("types", "known"),
    [
        (("a", "b.c"), {"a", "b.c"}),
        (("a", "b.*"), None),
        (("a?",), None),
        (("[a]",), None),
        ((), None),
    ],
)
def test_the_types_that_a_recipe_wants_are_known_where_they_are_named_in_full(types, known):
    assert WEBHOOK.types(WebhookOptions(webhook_id="desk", types=types)) == known


def test_the_fields_of_a_preset_are_known_and_those_of_other_json_are_not():
    options = WebhookOptions(webhook_id="desk")
    assert "labels" in WEBHOOK.fields(options, source(preset="alertmanager"))
    assert WEBHOOK.fields(options, source(preset="cloudevents")) is None
    assert WEBHOOK.fields(options, source()) is None
    assert WEBHOOK.fields(options, None) is None


def test_recipes_may_say_together_where_the_parts_stand():
    desk = source(mapping={"key": "$.id"})
    desk = WEBHOOK.with_recipe(desk, WebhookOptions(webhook_id="desk", subject="$.no"))
    desk = WEBHOOK.with_recipe(desk, WebhookOptions(webhook_id="desk", type="$.kind", key="$.id"))
    [draft] = received(desk, signed({"id": 1, "no": "INC-7", "kind": "opened"}))
    assert (draft.key, draft.subject, draft.type) == ("1", "INC-7", "opened")


def test_a_recipe_without_paths_changes_nothing():
    desk = source()
    assert WEBHOOK.with_recipe(desk, WebhookOptions(webhook_id="desk")) is desk


def test_recipes_that_disagree_are_told_so():
    desk = WEBHOOK.with_recipe(source(), WebhookOptions(webhook_id="desk", subject="$.a"))
    with pytest.raises(ValueError, match=r"subject of webhook desk is \$\.a elsewhere and \$\.b"):
        WEBHOOK.with_recipe(desk, WebhookOptions(webhook_id="desk", subject="$.b"))


def test_a_recipe_cannot_contradict_a_preset():
    desk = source(preset="cloudevents")
    with pytest.raises(ValueError, match="preset cloudevents of webhook desk knows its key"):
        WEBHOOK.with_recipe(desk, WebhookOptions(webhook_id="desk", key="$.id"))


# -- whatever is sent -----------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "subject", "id", "alerts", "event", "data", "time", "x"]),
            inner,
        )
    ),
    max_leaves=12,
)
SOURCES = [
    unsigned(),
    unsigned(mapping={"key": "$.id", "subject": "$..x", "time": "$.data[?(@.x > 1)].time"}),
    *(
        unsigned(preset=preset)
        for preset in ("alertmanager", "cloudevents", "grafana", "pagerduty")
    ),
    unsigned(preset="cloudevents", mapping={"author": "$.by.email"}),
    unsigned(preset="alertmanager", mapping={"author": "$..by"}),
]


@pytest.mark.parametrize(
    ("preset", "body", "path", "authors"),
    [
        ("cloudevents", {"data": {"by": "anna"}}, "$.by", ["anna"]),
        ("cloudevents", {"data": {"by": " "}}, "$.by", [NOT_NAMED]),
        ("cloudevents", {}, "$.by", [NOT_NAMED]),
        ("cloudevents", {"data": [1]}, "$.by", [NOT_NAMED]),
        (
            "alertmanager",
            {"alerts": [{"status": "firing", "labels": {"by": "anna"}}, {"status": "firing"}]},
            "$.labels.by",
            ["anna", NOT_NAMED],
        ),
        (
            "pagerduty",
            {"event": {"id": "1", "event_type": "incident.triggered", "agent": {"summary": "Ben"}}},
            "$.agent.summary",
            ["Ben"],
        ),
    ],
)
def test_beside_a_preset_the_data_of_each_event_says_who_wrote_it(preset, body, path, authors):
    if preset == "cloudevents":
        body = {"specversion": "1.0", "id": "1", "source": "/desk", "type": "opened", **body}
    drafts = received(unsigned(preset=preset, mapping={"author": path}), bare(body))
    assert [draft.author for draft in drafts] == authors
    assert all(draft.author == "" for draft in received(unsigned(preset=preset), bare(body)))


@given(st.sampled_from(SOURCES), JSON | st.binary(max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_body_raises_anything_but_a_refusal(desk, body):
    try:
        drafts = received(desk, bare(body))
    except Refused as refused:
        assert refused.status in (400, 422)  # noqa: PT017 - either outcome is right
    else:
        assert all(draft.type and draft.subject and draft.key for draft in drafts)


@given(
    st.sampled_from(["standard-webhooks", "github", "stripe", "slack", "pagerduty", "hmac", "bearer"]),
    st.dictionaries(
        st.sampled_from(
            [
                "webhook-id", "webhook-timestamp", "webhook-signature", "x-hub-signature-256",
                "stripe-signature", "x-slack-signature", "x-slack-request-timestamp",
                "x-pagerduty-signature", "x-signature", "authorization",
            ]
        ),
        st.text() | st.just(str(int(NOW))) | st.text().map(lambda t: f"v1,{t}")
        | st.text().map(lambda t: f"t={NOW:.0f},v1={t}") | st.text().map(lambda t: f"v0={t}"),
    ),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_no_header_of_a_stranger_lets_anything_in(signature, headers):
    desk = source(signature=signature)
    with pytest.raises(Refused) as refused:
        received(desk, bare({}, **headers))
    assert refused.value.status == 401
