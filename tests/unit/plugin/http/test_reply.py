import pytest
from multidict import CIMultiDict

from appealbridge.plugin import TryAgain, Unsure
from appealbridge.plugin.http import Effect, Reply, login_name
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
    message = reply(
        b"one\n  secret " + b"x" * 500, clean=lambda text: text.replace("secret", "***")
    )
    assert message.excerpt(10) == "one *** xx…"
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


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"error": {"code": 7}}', 7), (b'{"error": 7}', None), (b"[]", None), (b"<html>", None)],
)
def test_what_a_platform_may_leave_out_is_none(body, value):
    assert reply(body).get("error", "code") == value


def test_an_identifier_of_something_else_is_refused():
    reply().check_name(7, "7")
    with pytest.raises(ValueError, match="not 7"):
        reply().check_name("8", "7")


def test_an_error_has_the_request_the_status_and_what_is_given_besides():
    error = reply(b"no").error(TryAgain, after=3.0, throttled=True)
    assert (str(error), error.status, error.after, error.throttled) == (
        "GET https://a.example/x: 200 no", 200, 3.0, True,
    )  # fmt: skip
    assert str(reply(b"no").error(Unsure, "why")).endswith("200 why")


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"RateLimit-Reset": "784111814"}, 37.0),
        ({"X-RateLimit-Reset": "1994-11-06T08:50:14Z"}, 37.0),
        ({"x-rate-limit-reset": "20"}, 20.0),
        ({"x-rate-limit-reset": "20", "x-rate-limit-remaining": "3"}, None),
        ({"x-rate-limit-reset": "20", "Retry-After": "7"}, 7.0),
        ({"x-rate-limit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_a_rate_limit_ends_when_the_usual_headers_say(headers, after):
    headers = CIMultiDict(headers)
    answer = Reply(429, headers, b"", "https://a.example", now=http_date(DATE))
    assert (error := answer.failure()).throttled
    assert error.after == after


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (['</json/>; rel="https://api.w.org/"'], "/json/"),
        (["</json/>;rel=https://api.w.org/"], "/json/"),
        (
            [
                '<https://a.example/?p=1>; rel=shortlink, </json/>; title="A"; REL="x https://api.w.org/"'
            ],
            "/json/",
        ),
        (["<https://a.example/>; rel=shortlink", '</json/>; rel="https://api.w.org/"'], "/json/"),
        (['</json/>; title="https://api.w.org/"'], ""),
        (["</json/>"], ""),
        (["<" * 20_000, "; a" * 20_000], ""),
        ([], ""),
    ],
)
def test_a_link_header_gives_the_address_of_a_relation(lines, address):
    headers = CIMultiDict(("Link", line) for line in lines)
    assert reply(headers=headers).linked("https://api.w.org/") == address


def test_a_login_is_kept_under_another_name_when_its_password_changes():
    first, second = (login_name("chat", "https://a.example", password=word) for word in ("a", "b"))
    assert first != second
    assert first.startswith("chat https://a.example ")


def test_plug_ins_may_use_the_earlier_name_of_get():
    with pytest.warns(DeprecationWarning, match="^Reply.said is now Reply.get$"):
        assert reply(b'{"error": "7"}').said("error") == "7"
