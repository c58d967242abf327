import pytest

from appealbridge.plugin import TryAgain, Unsure
from appealbridge.plugin.http import Effect, Reply
from appealbridge.plugin.http.reply import bare, http_date

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def reply(body=b"{}", headers=None, **more):
    return Reply(200, headers or {}, body, "https://a.example/x?y=z", **more)


def test_a_value_is_found_by_its_path():
    assert reply(b'{"data": [{"id": "7"}]}').at("data", 0, "id") == "7"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"1", b"", b"<html>", b'{"data": null}'])
@pytest.mark.parametrize(("effect", "failure"), [(Effect.CREATE, Unsure), (Effect.READ, TryAgain)])
def test_a_missing_value_leaves_the_outcome_unclear(body, effect, failure):
    with pytest.raises(failure):
        reply(body, effect=effect).at("data", "id")


@pytest.mark.parametrize("value", ["", "soon", "-3", "nan", "inf", "-inf", "Sun, 99 Nov 1994"])
def test_a_nonsensical_retry_after_is_none(value):
    assert reply(headers={"Retry-After": value}).retry_after() is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": DATE}, 37.0),
        ({"Retry-After": DATE, "Date": "Sun, 06 Nov 1994 08:49:30 GMT"}, 7.0),
        ({"Retry-After": DATE, "Date": "Sun, 06 Nov 1994 09:49:30 GMT"}, 0.0),
    ],
)
def test_retry_after_is_seconds_from_now(headers, seconds):
    now = http_date(DATE) - 37
    assert reply(headers=headers, now=now).retry_after() == seconds


def test_words_are_cleaned_and_cut():
    said = reply(b"one\n  secret " + b"x" * 500, clean=lambda text: text.replace("secret", "***"))
    assert said.excerpt(10) == "one *** xx…"
    assert reply(b"").excerpt() == "(empty)"


def test_an_excerpt_is_one_line_of_whatever_bytes():
    assert reply(b"\xff\n\n a").excerpt() == "\ufffd a"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@a.example:8443/b?c=d#e", "https://a.example:8443/b"),
        ("/there?a=b", "/there"),
        ("http://[", "an address that is not valid"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url, shown):
    assert bare(url) == shown
