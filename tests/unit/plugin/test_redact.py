import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin.redact import MASK, Redactor

SECRET = 'p"ss/w&rd +ü'
secrets = st.text(min_size=6, max_size=30)


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        html.escape(SECRET),
        repr(SECRET),
    ],
)
def test_a_secret_is_found_in_every_spelling(form):
    assert Redactor([SECRET]).clean(f"said {form} back") in (
        f"said {MASK} back",
        f'said "{MASK}" back',
        f"said '{MASK}' back",
    )


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "abcd"])
def test_a_secret_is_found_inside_base64(user):
    login = base64.b64encode(f"{user}:{SECRET}!".encode()).decode()
    cleaned = Redactor([SECRET]).clean(f"AUTH {login}")
    assert MASK in cleaned
    assert login[8:-8] not in cleaned


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abcdefghijk", "Authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("?a=b&access_token=EAAB123&c=d", "?a=b&access_token=***&c=d"),
        ('oauth_signature="abc%3D", x', 'oauth_signature="***", x'),
        ('{"refresh_token": "abc"}', '{"refresh_token": "***"}'),
        ("postgresql://me:pass@host/db", "postgresql://***@host/db"),
        ("the password is wrong", "the password is wrong"),
        ("https://example.org/a:b@c", "https://example.org/a:b@c"),
    ],
)
def test_a_credential_is_known_by_its_place(text, clean):
    assert Redactor().clean(text) == clean


def test_the_longer_of_two_secrets_goes_first():
    assert Redactor(["secret", "secret-longer"]).clean("a secret-longer b") == f"a {MASK} b"


def test_what_is_too_short_is_left_in_peace():
    assert Redactor(["a", ""]).clean("a banana") == "a banana"


@given(secrets, st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives(secret, before, after):
    assert secret not in Redactor([secret]).clean(before + secret + after).replace(MASK, "\0")


@given(st.text(max_size=200))
def test_a_text_without_secrets_stays_as_it_is(text):
    if "=" not in text and ":" not in text:
        assert Redactor(["a-secret-that-nobody-draws"]).clean(text) == text
