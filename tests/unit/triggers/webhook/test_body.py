"""Which bytes are JSON that may be looked at, and what is said of the others."""

import json
import time
from urllib.parse import unquote_plus, urlencode

import pytest

from appealbridge.plugin.receiver import Refused, Request
from appealbridge.triggers.webhook.body import json_body


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
    ("body", "title", "message"),
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
def test_what_cannot_be_read_is_refused_with_what_is_wrong(body, title, message):
    with pytest.raises(Refused, match=message) as refused:
        read(body)
    assert (refused.value.status, refused.value.title) == (400, title)


@pytest.mark.parametrize("value", [b"1", b"[]", b"{}", b'{"a":[1]}'])
def test_a_body_of_very_many_values_is_refused_before_it_is_read(value):
    few = 200_000 // (value.count(b"[") + value.count(b"{") + 1) - 1
    assert len(read(b"[" + b",".join([value] * few) + b"]")) == few
    with pytest.raises(Refused, match="more than 200000 values") as refused:
        read(b"[" + b",".join([value] * (few + 9)) + b"]")
    assert refused.value.status == 413


def test_a_large_text_is_one_value():
    assert read(b'"' + b"x, " * 60_000 + b'"')


@pytest.mark.parametrize(
    "content_type",
    [
        'application/json; charset="UTF-8"',
        "application/json;",
        "application/json; odata.metadata=minimal; charset=utf-8; q",
        " APPLICATION/JSON ;x=y",
        "application/json; charset=iso-8859-1",
    ],
)
def test_parameters_of_the_content_type_change_nothing(content_type):
    assert read(b'{"a": 1}', content_type) == {"a": 1}


def test_a_byte_order_mark_is_passed_over():
    assert read(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_a_byte_order_mark_alone_is_no_json():
    with pytest.raises(Refused, match="not JSON"):
        read(b"\xef\xbb\xbf")


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "value", [{"zen": "a & b = c + 100 %", "é": "…\n"}, {}, {"text": "=3D=\n%41+"}, ["x" * 300]]
)
def test_json_in_a_field_of_a_form_is_read(value):
    body = urlencode({"payload": json.dumps(value), "other": "1"}).encode()
    request = Request({"content-type": FORM}, body, 0.0)
    assert json_body(request, form="payload") == value


@pytest.mark.parametrize("body", [b"", b"a=1&b=2", b"payloads=%7B%7D", b"a&" * 20 + b"payload={}"])
def test_a_form_without_the_field_is_refused(body):
    request = Request({"content-type": FORM}, body, 0.0)
    with pytest.raises(Refused, match="no field payload") as refused:
        json_body(request, form="payload")
    assert refused.value.status == 400


def test_a_form_is_decoded_all_at_once():
    """The ordinary library goes from one escape to the next, which takes 100 ms for 1 MB of them."""
    body = urlencode({"payload": json.dumps({"a": 'é"' * 60_000}, ensure_ascii=False)}).encode()

    def cpu(work):
        begin = time.process_time()
        work()
        return time.process_time() - begin

    ours = cpu(lambda: json_body(Request({"content-type": FORM}, body, 0.0), form="payload"))
    assert ours < cpu(lambda: unquote_plus(body.decode())) / 4


def test_depth_is_what_counts_and_not_the_number_of_objects():
    body = {"list": [{"n": n} for n in range(1000)]}
    for _ in range(29):
        body = {"in": body}
    assert read(body) == body
    with pytest.raises(Refused, match="levels"):
        read({"in": body})
