"""Each scheme against its own published vectors or library, and against one changed byte anywhere."""

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from appealbridge.plugin.receiver import Refused, Request
from appealbridge.triggers.webhook.signature import (
    Digest,
    Scheme,
    key_of,
    proof,
    sign,
    signed_id,
)

NOW = 1_790_000_000.0
TEXT = "It's a Secret to Everybody"
STANDARD = "whsec_" + b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + b64encode(bytes(range(32, 64))).decode()
BODY = b'{"type": "incident.opened"}'


def verifier(*agreed, **more):
    return proof(*agreed, **more).whole


def _hex(key, *parts, algorithm="sha256"):
    return hmac.digest(key.encode(), b"".join(parts), algorithm).hex()


def standard(secret=STANDARD, message="msg_2Zx", at=NOW, body=BODY):
    signature = Webhook(secret).sign(message, datetime.fromtimestamp(at, UTC), body.decode())
    return {
        "webhook-id": message,
        "webhook-timestamp": f"{at:.0f}",
        "webhook-signature": signature,
    }


def stripe(at=NOW):
    return {"stripe-signature": f"t={at:.0f},v1={_hex(TEXT, f'{at:.0f}.'.encode(), BODY)}"}


def slack(at=NOW):
    return {
        "x-slack-request-timestamp": f"{at:.0f}",
        "x-slack-signature": "v0=" + _hex(TEXT, f"v0:{at:.0f}:".encode(), BODY),
    }


SIGNED = {
    Scheme.STANDARD: (STANDARD, standard()),
    Scheme.GITHUB: (TEXT, {"x-hub-signature-256": "sha256=" + _hex(TEXT, BODY)}),
    Scheme.STRIPE: (TEXT, stripe()),
    Scheme.SLACK: (TEXT, slack()),
    Scheme.PAGERDUTY: (TEXT, {"x-pagerduty-signature": "v1=" + _hex(TEXT, BODY)}),
    Scheme.HMAC: (TEXT, {"x-signature": _hex(TEXT, BODY)}),
    Scheme.BEARER: (TEXT, {"authorization": f"Bearer {TEXT}"}),
}
TIMED = {Scheme.STANDARD: standard, Scheme.STRIPE: stripe, Scheme.SLACK: slack}
EVERY = pytest.mark.parametrize("scheme", SIGNED, ids=str)


def request(headers, body=BODY, arrived=NOW):
    return Request(headers, body, arrived)


def refusal(verify, sent):
    with pytest.raises(Refused) as refused:
        verify(sent)
    assert refused.value.status == 401
    return str(refused.value)


@EVERY
def test_the_right_sender_is_let_in(scheme):
    secret, headers = SIGNED[scheme]
    verifier(scheme, [secret])(request(headers))


@EVERY
def test_either_of_two_live_secrets_will_do(scheme):
    secret, headers = SIGNED[scheme]
    other = OTHER if scheme is Scheme.STANDARD else "another one"
    verifier(scheme, [other, secret])(request(headers))
    verifier(scheme, [secret, other])(request(headers))
    refusal(verifier(scheme, [other]), request(headers))


@EVERY
def test_a_missing_header_is_named(scheme):
    secret, headers = SIGNED[scheme]
    for name in headers:
        rest = {n: v for n, v in headers.items() if n != name}
        assert f"the {name} header is missing" in refusal(verifier(scheme, [secret]), request(rest))


@EVERY
def test_a_refusal_tells_neither_the_secret_nor_the_right_answer(scheme):
    secret, headers = SIGNED[scheme]
    wrong = {name: value[:-1] + chr(ord(value[-1]) ^ 1) for name, value in headers.items()}
    text = refusal(verifier(scheme, [secret]), request(wrong))
    assert secret not in text
    assert not any(value[-20:] in text for value in headers.values())


@given(st.sampled_from(sorted(set(SIGNED) - {Scheme.BEARER})), st.data())
@settings(max_examples=300, deadline=None)
def test_a_body_or_header_changed_in_any_byte_is_refused(scheme, data):
    secret, headers = SIGNED[scheme]
    name = data.draw(st.sampled_from(["body", *headers]))
    content = BODY if name == "body" else headers[name].encode()
    at = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[at] ^= data.draw(st.integers(1, 127))
    # Hex may be written in capitals.
    assume(name == "body" or changed.lower() != content.lower())
    sent = request(headers, bytes(changed))
    if name != "body":
        sent = request({**headers, name: changed.decode("utf-8", "surrogateescape")})
    refusal(verifier(scheme, [secret]), sent)


@pytest.mark.parametrize("scheme", TIMED, ids=str)
def test_a_replay_outside_the_window_is_refused(scheme):
    secret, _ = SIGNED[scheme]
    verify = verifier(scheme, [secret], tolerance=300)
    for at in (NOW - 300, NOW + 300):
        verify(request(TIMED[scheme](at=at)))
    assert "400 s in the past" in refusal(verify, request(TIMED[scheme](at=NOW - 400)))
    assert "400 s in the future" in refusal(verify, request(TIMED[scheme](at=NOW + 400)))


@pytest.mark.parametrize("at", ["", "soon", "-5", "1e9", "17900000.5", "９", "9" * 400])
def test_a_timestamp_that_is_none_is_refused(at):
    sent = request({**standard(), "webhook-timestamp": at or " "})
    assert "webhook-timestamp is not a whole number" in refusal(
        verifier(Scheme.STANDARD, [STANDARD]), sent
    )


def test_githubs_own_vector_is_let_in():
    proof = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    sent = request({"x-hub-signature-256": proof}, b"Hello, World!")
    verifier(Scheme.GITHUB, [TEXT])(sent)


def test_the_specifications_own_vector_is_let_in():
    """The example that every library of Standard Webhooks carries in its tests."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    sent = request(headers, b'{"test": 2432232314}', 1_614_265_330.0)
    verifier(Scheme.STANDARD, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])(sent)


def test_one_fitting_signature_among_several_is_enough():
    headers = standard()
    proofs = (
        f"v1a,xyz v1,AAAA {standard(OTHER)['webhook-signature']} {headers['webhook-signature']}"
    )
    verifier(Scheme.STANDARD, [STANDARD])(request({**headers, "webhook-signature": proofs}))


def test_stripe_may_send_proofs_of_several_versions_and_secrets():
    [value] = stripe().values()
    sent = request({"stripe-signature": value.replace(",v1=", ",v0=00,v1=00,v1=")})
    verifier(Scheme.STRIPE, [TEXT])(sent)


def test_a_signature_of_another_version_is_not_taken_for_ours():
    text = refusal(
        verifier(Scheme.STANDARD, [STANDARD]),
        request({**standard(), "webhook-signature": "v1a,abc"}),
    )
    assert "has no signature that begins with v1," in text


def test_signatures_without_end_are_not_all_tried():
    headers = standard()
    proofs = "v1,AAAA " * 16 + headers["webhook-signature"]
    refusal(
        verifier(Scheme.STANDARD, [STANDARD]), request({**headers, "webhook-signature": proofs})
    )


@pytest.mark.parametrize(
    ("digest", "value"),
    [
        (Digest("x-desk", "sha512"), _hex(TEXT, BODY, algorithm="sha512")),
        (Digest("x-desk", "sha512"), "sha512=" + _hex(TEXT, BODY, algorithm="sha512")),
        (Digest("x-desk", prefix="v0:"), "v0:" + _hex(TEXT, BODY)),
        (
            Digest("x-desk", encoding="base64"),
            b64encode(hmac.digest(TEXT.encode(), BODY, hashlib.sha256)).decode(),
        ),
    ],
)
def test_a_plain_hmac_comes_as_the_settings_say(digest, value):
    verify = verifier(Scheme.HMAC, [TEXT], digest=digest)
    verify(request({"x-desk": value}))
    refusal(verify, request({"x-desk": "v9:" + value}))


@pytest.mark.parametrize("value", ["Bearer", "Basic abc", "bearer", "Bearer ü"])
def test_what_is_not_the_agreed_token_is_refused(value):
    refusal(verifier(Scheme.BEARER, [TEXT]), request({"authorization": value}))


@pytest.mark.parametrize("form", ["bearer {}", "BEARER {}", "Bearer  {} "])
def test_the_word_bearer_is_read_in_any_case_and_with_any_blanks(form):
    verifier(Scheme.BEARER, [TEXT])(request({"authorization": form.format(TEXT)}))


JSON = {"content-type": "application/json; charset=utf-8", "host": "127.0.0.1:8080"}


def test_none_lets_everyone_in():
    verifier(Scheme.NONE, [])(request(JSON))
    verifier(Scheme.NONE, [])(request({"content-type": "application/cloudevents+json"}))


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/json"],
)
def test_none_takes_nothing_that_a_strangers_page_can_have_a_browser_send(media):
    """Forms and plain text go anywhere without a question, also to what only this browser reaches."""
    with pytest.raises(Refused, match="takes application/json") as refused:
        verifier(Scheme.NONE, [])(request({**JSON, "content-type": media}))
    assert refused.value.status == 415


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://elsewhere.example", "127.0.0.1:8080"),
        ("null", "127.0.0.1:8080"),
        ("", "127.0.0.1:8080"),
        ("http://127.0.0.1:9090", "127.0.0.1:8080"),
        # A name may lead to an address of ours for as long as a page is looked at.
        ("http://rebound.example:8080", "rebound.example:8080"),
        ("file://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1", "[::1"),
    ],
)
def test_none_takes_nothing_from_a_page_of_another_place(origin, host):
    with pytest.raises(Refused, match="from a web page") as refused:
        verifier(Scheme.NONE, [])(request({**JSON, "host": host, "origin": origin}))
    assert refused.value.status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]:8080", "localhost:8080"])
def test_none_takes_what_a_page_of_the_same_address_sends(host):
    verifier(Scheme.NONE, [])(request({**JSON, "host": host, "origin": f"http://{host}"}))


# -- before the body is there ----------------------------------------------------------------------


@EVERY
def test_a_proof_that_is_missing_is_seen_before_the_body(scheme):
    secret, headers = SIGNED[scheme]
    look = proof(scheme, [secret]).head
    for name in headers:
        rest = {n: v for n, v in headers.items() if n != name}
        assert f"the {name} header is missing" in refusal(look, request(rest, b""))
        if name != "webhook-id":
            assert refusal(look, request({**headers, name: headers[name][:-1]}, b""))


@pytest.mark.parametrize("scheme", TIMED, ids=str)
def test_a_stale_proof_is_seen_before_the_body(scheme):
    secret, _ = SIGNED[scheme]
    look = proof(scheme, [secret]).head
    assert "400 s in the past" in refusal(look, request(TIMED[scheme](at=NOW - 400), b""))


@EVERY
def test_only_a_bearer_token_proves_its_sender_without_the_body(scheme):
    secret, headers = SIGNED[scheme]
    assert proof(scheme, [secret]).head(request(headers, b"")) is (scheme is Scheme.BEARER)


# -- as senders really write it --------------------------------------------------------------------


def svix(**changed):
    headers = {name.replace("webhook", "svix"): value for name, value in standard().items()}
    return {**headers, **changed}


def test_the_headers_of_svix_are_those_of_standard_webhooks_by_another_name():
    verifier(Scheme.STANDARD, [STANDARD])(request(svix()))
    assert signed_id(svix()) == "msg_2Zx"


def test_only_the_id_of_the_headers_that_are_signed_counts():
    """Whoever saw a request could add a header, and the request would be a new event."""
    assert signed_id(svix(**{"webhook-id": "msg_new"})) == "msg_2Zx"
    assert signed_id({**standard(), "svix-id": "msg_new", "svix-signature": "v1,x"}) == "msg_2Zx"


def test_the_two_names_are_not_mixed():
    mixed = {**standard(), "svix-signature": standard()["webhook-signature"]}
    del mixed["webhook-signature"]
    assert "svix-id header is missing" in refusal(
        verifier(Scheme.STANDARD, [STANDARD]), request(mixed)
    )


@pytest.mark.parametrize("between", ["  ", "\t", "   "])
def test_signatures_may_have_any_blanks_between_them(between):
    headers = standard()
    other = standard(OTHER)["webhook-signature"]
    proofs = between.join([other, headers["webhook-signature"]])
    sent = {**headers, "webhook-signature": f"{between}{proofs}{between}"}
    verifier(Scheme.STANDARD, [STANDARD])(request(sent))


def test_parts_between_commas_may_have_blanks_around_them():
    spaced = {"stripe-signature": stripe()["stripe-signature"].replace(",", " , ")}
    verifier(Scheme.STRIPE, [TEXT])(request(spaced))
    both = f"v1={_hex('another one', BODY)} ,  v1={_hex(TEXT, BODY)} "
    verifier(Scheme.PAGERDUTY, [TEXT])(request({"x-pagerduty-signature": both}))


@pytest.mark.parametrize("scheme", [Scheme.GITHUB, Scheme.SLACK, Scheme.HMAC])
def test_hex_may_be_written_in_capitals(scheme):
    secret, headers = SIGNED[scheme]
    capitals = {
        name: value.replace(digits := value[-64:], digits.upper())
        for name, value in headers.items()
    }
    verifier(scheme, [secret])(request(capitals))


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("", "is empty"),
        ("whsec_not base64!", "is not whsec_ followed by base64"),
        ("whsec_" + b64encode(b"x" * 23).decode(), "holds 23 bytes"),
        ("whsec_" + b64encode(b"x" * 65).decode(), "holds 65 bytes"),
    ],
)
def test_a_malformed_secret_is_refused_without_being_shown(secret, message):
    with pytest.raises(ValueError, match=message) as wrong:
        key_of(Scheme.STANDARD, secret)
    assert not secret or secret[6:] not in str(wrong.value)


@pytest.mark.parametrize("length", [24, 25, 26, 64])
def test_a_secret_may_come_unpadded_and_without_its_prefix(length):
    text = b64encode(b"k" * length).decode()
    assert key_of(Scheme.STANDARD, text.rstrip("=")) == b"k" * length
    assert key_of(Scheme.STANDARD, f"whsec_{text}") == b"k" * length


DIGESTS = [
    None,
    Digest("x-desk", "sha512", "base64"),
    Digest("x-desk", "sha384", "hex", "v9="),
]


@pytest.mark.parametrize("digest", DIGESTS, ids=str)
@pytest.mark.parametrize("scheme", [*SIGNED, Scheme.NONE], ids=str)
@given(body=st.binary())
@settings(max_examples=20)
def test_what_we_sign_as_a_sender_is_let_in(scheme, digest, body):
    secret = SIGNED.get(scheme, ("", {}))[0]
    headers = sign(scheme, secret, body, at=NOW + 0.9, message_id="msg_1", digest=digest)
    checks = proof(scheme, [secret] if secret else [], digest=digest)
    sent = request({"content-type": "application/json", **headers}, body)
    checks.head(sent)
    checks.whole(sent)


@EVERY
def test_what_we_sign_is_what_the_published_vectors_have(scheme):
    secret, headers = SIGNED[scheme]
    assert sign(scheme, secret, BODY, at=NOW, message_id="msg_2Zx") == headers


def test_a_secret_that_cannot_sign_is_named_without_its_value():
    with pytest.raises(ValueError, match="is not whsec_ followed by base64"):
        sign(Scheme.STANDARD, "not base64!", BODY, at=NOW, message_id="msg_1")
