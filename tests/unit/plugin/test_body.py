"""Which bytes are JSON that may be looked at, and what is said of the others."""

import json

import pytest

from appealbridge.plugin import Refused, Request, json_body


def read(body, content_type="application/json"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return json_body(Request({"content-type": content_type}, content, 0.0))


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data; boundary=x",
        "image/svg+json",
    ],
)
def test_what_does_not_say_it_is_json_is_refused(content_type):
    with pytest.raises(Refused, match="send application/json") as refused:
        read(b"{}", content_type)
    assert refused.value.status == 415


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.desk+json", ""],
)
def test_json_by_any_of_its_names_is_read(content_type):
    assert read(b"{}", content_type) == {}


@pytest.mark.parametrize(
    ("body", "title", "words"),
    [
        (b"", "not JSON", "the body is not JSON"),
        (b"{", "not JSON", "line 1 column"),
        (b'{"a": NaN}', "not JSON", "the body is not JSON"),
        (b'{"a": "\\ud800"}', "not JSON", "surrogate"),
        (b'{"a": "\xff"}', "not UTF-8", "byte 7 of the body"),
        ("{}".encode("utf-16"), "not UTF-8", "byte 0"),
        (b"[" * 5000 + b"]" * 5000, "not JSON", "depth limit"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too deep", "more than 32 levels"),
    ],
    ids=["empty", "cut", "nan", "surrogate", "latin", "utf-16", "abyss", "deep"],
)
def test_what_cannot_be_read_is_refused_with_what_is_wrong(body, title, words):
    with pytest.raises(Refused, match=words) as refused:
        read(body)
    assert (refused.value.status, refused.value.title) == (400, title)


def test_depth_is_what_counts_and_not_the_number_of_objects():
    body = {"list": [{"n": n} for n in range(1000)]}
    for _ in range(29):
        body = {"in": body}
    assert read(body) == body
    with pytest.raises(Refused, match="levels"):
        read({"in": body})
