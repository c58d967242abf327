"""Whatever a sender puts under a good signature: events that can be kept, or a refusal that says why."""

import base64
import hmac
import time
import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin import Secret
from appealbridge.plugin.receiver import Refused, Request
from appealbridge.triggers.webhook.mapping import Paths
from appealbridge.triggers.webhook.presets import MOST_ALERTS, PRESETS
from appealbridge.triggers.webhook.signature import Scheme
from appealbridge.triggers.webhook.trigger import Webhook, WebhookSource
from tests.properties.strategies import TEXTS, drawn, trees, written

NOW = 1_795_000_000.0
KEY = b"a key of thirty-two bytes, no less"
WEBHOOK = Webhook()
REFUSALS = {400, 401, 403, 413, 415, 422}
"""What docs/configuration.md says a sender may be answered for its own request."""

PATHS = Paths(key="$.key", subject="$.subject", type="$.type", time="$.time")


def source(scheme, meaning):
    values = {"signature": scheme}
    if scheme is Scheme.NONE:
        values["allow_unsigned"] = True
    else:
        text = KEY.decode()
        standard = f"whsec_{base64.b64encode(KEY).decode()}"
        values["secrets"] = (Secret(standard if scheme is Scheme.STANDARD else text),)
    return WebhookSource(**values, **meaning)


MEANINGS = {name: {"preset": name} for name in PRESETS} | {"mapped": {"mapping": PATHS}, "": {}}
SOURCES = {
    (scheme, name): source(scheme, meaning)
    for scheme in Scheme
    for name, meaning in MEANINGS.items()
}


def signed(scheme, body, message="msg_1"):
    stamp = str(int(NOW)).encode()

    def mac(*parts):
        return hmac.digest(KEY, b"".join(parts), "sha256")

    match scheme:
        case Scheme.STANDARD:
            proof = mac(message.encode("utf-8", "surrogatepass"), b".", stamp, b".", body)
            return {
                "webhook-id": message,
                "webhook-timestamp": stamp.decode(),
                "webhook-signature": f"v1,{base64.b64encode(proof).decode()}",
            }
        case Scheme.GITHUB:
            return {"x-hub-signature-256": f"sha256={mac(body).hex()}"}
        case Scheme.STRIPE:
            return {"stripe-signature": f"t={stamp.decode()},v1={mac(stamp, b'.', body).hex()}"}
        case Scheme.SLACK:
            proof = mac(b"v0:", stamp, b":", body).hex()
            return {"x-slack-signature": f"v0={proof}", "x-slack-request-timestamp": stamp.decode()}
        case Scheme.PAGERDUTY:
            return {"x-pagerduty-signature": f"v1={mac(body).hex()}"}
        case Scheme.HMAC:
            return {"x-signature": mac(body).hex()}
        case Scheme.BEARER:
            return {"authorization": f"Bearer {KEY.decode()}"}
        case Scheme.NONE:
            return {}


NAMES = [
    "key", "subject", "type", "time", "timestamp", "version", "alerts", "status", "labels", "annotations",
    "startsAt", "fingerprint", "commonLabels", "specversion", "id", "source", "data", "data_base64",
    "event", "event_type", "occurred_at",
]  # fmt: skip
ANY = trees(NAMES, leaves=6)
ALERT = st.fixed_dictionaries(
    {"status": st.just("firing") | ANY, "labels": st.dictionaries(TEXTS, TEXTS) | ANY},
    optional={"startsAt": ANY, "endsAt": ANY, "fingerprint": ANY, "annotations": ANY},
)
CLOUD_EVENT = st.fixed_dictionaries(
    {"specversion": st.just("1.0"), "id": TEXTS | ANY, "source": TEXTS, "type": TEXTS},
    optional={"subject": ANY, "data": ANY, "time": ANY},
)
VALUES = st.one_of(
    ANY,
    st.fixed_dictionaries(
        {"alerts": st.lists(ALERT, max_size=3) | ANY},
        optional={"version": st.sampled_from(["4", "1", 4, {}, []]), "commonLabels": ANY},
    ),
    CLOUD_EVENT,
    st.lists(CLOUD_EVENT, max_size=3),
    st.fixed_dictionaries(
        {"event": st.fixed_dictionaries({"id": ANY, "event_type": ANY}, optional={"data": ANY})}
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["content-type", "ce-specversion", "ce-id", "ce-type", "ce-source", "ce-subject", "ce-time",
         "ce-data", "ce-", "webhook-id", "webhook-timestamp", "authorization", "content-encoding"]
    ),
    st.text(max_size=10)
    | st.sampled_from(
        ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json",
         "application/json; charset=utf-16", "text/html", "1.0", "\udcff", "%FF%00", "x" * 5000]
    ),
    max_size=6,
)  # fmt: skip


def received(desk, request):
    """Return what a request brings, as the daemon finds out: looked at, proven, read."""
    WEBHOOK.before_body(desk, Request(request.headers, b"", request.arrived))
    WEBHOOK.prove(desk, request)
    return WEBHOOK.receive(desk, request)


def can_be_stored(draft):
    """Whether a store can keep it and a page can show it."""
    text = (draft.type, draft.subject, draft.key)
    assert all(word and len(word) <= 320 and word.isprintable() for word in text), text
    orjson.dumps(draft.data)
    return draft.time is None or 0 <= draft.time < 253_402_300_800


@given(st.sampled_from(list(SOURCES)), written(VALUES), HEADERS, st.booleans())
@drawn(300)
def test_what_is_signed_becomes_events_that_can_be_kept_or_is_refused(which, body, headers, over):
    proof = signed(which[0], body, headers.get("webhook-id") or "msg_1")
    values = {**proof, **headers} if over else {**headers, **proof}
    try:
        brought = received(SOURCES[which], Request(values, body, NOW))
    except Refused as refused:
        assert refused.status in REFUSALS  # noqa: PT017 - either outcome is right
        assert len(str(refused)) < 1000  # noqa: PT017
    else:
        assert bool(brought.events) != bool(brought.why_none)
        assert all(can_be_stored(draft) for draft in brought.events)


@given(
    st.sampled_from([scheme for scheme in Scheme if scheme is not Scheme.NONE]),
    written(VALUES),
    st.binary(min_size=1, max_size=8),
)
@drawn(80)
def test_no_proof_of_another_body_lets_a_body_in(scheme, body, more):
    if scheme is not Scheme.BEARER:
        request = Request(signed(scheme, body), body + more, NOW)
        with pytest.raises(Refused) as refused:
            received(SOURCES[scheme, ""], request)
        assert refused.value.status == 401


MIB = 1024 * 1024
LARGE = {
    "one long text": b'{"key":"k","subject":"' + b"x" * MIB + b'"}',
    "one long key": b'{"' + b"x" * MIB + b'":1}',
    "a long number": b'{"key":' + b"9" * MIB + b"}",
    "many names": b"{" + b",".join(b'"n%d":1' % n for n in range(100_000)) + b"}",
    "many lists": b"[" + b"[]," * 150_000 + b"[]]",
    "a level too many": b"[" * 500_000 + b"]" * 500_000,
    "many alerts": b'{"alerts":[' + b'{"status":"firing"},' * 50_000 + b'{"status":"firing"}]}',
    "few alerts with much in common": b'{"commonLabels":"' + b"x" * 900_000 + b'","alerts":['
    + b'{"status":"firing"},' * 480 + b'{"status":"firing"}]}',
    "many CloudEvents": b"[" + b'{"specversion":"1.0"},' * 40_000 + b"{}]",
    "escapes": b'{"key":"' + b"\\u0000" * 170_000 + b'"}',
    "not JSON": b"\xff" * MIB,
    "blanks": b" " * MIB,
}  # fmt: skip


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("meaning", list(MEANINGS))
def test_the_largest_body_costs_little_time_and_memory(meaning, body):
    types = ("application/json", "application/cloudevents-batch+json")
    tracemalloc.start()
    begin = time.process_time()
    for media in types if meaning == "cloudevents" else types[:1]:
        request = Request({"content-type": media}, body, NOW)
        try:
            drafts = received(SOURCES[Scheme.NONE, meaning], request).events
        except Refused:
            continue
        assert len(drafts) <= MOST_ALERTS
    spent, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 3.0
    assert peak < 100 * MIB
