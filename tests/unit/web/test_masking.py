import orjson
import pytest
from aiohttp import web

from appealbridge.redact import Redactor
from appealbridge.web.masking import masked
from appealbridge.web.problem import answer

SECRET = 's3cret"with\\signs'
CLEAN = Redactor([SECRET]).clean


def told(value, status=200):
    response = masked(answer(value, status), CLEAN)
    return response.status, orjson.loads(response.body)


def test_an_answer_without_a_secret_is_the_very_same():
    response = answer({"reason": "all is well"})
    assert masked(response, CLEAN) is response


@pytest.mark.parametrize("name", ["reason", "subject", "trace"])
def test_a_secret_is_masked_wherever_it_stands(name):
    assert told([{name: [f"said {SECRET}"]}], 202) == (202, [{name: ["said ***"]}])


@pytest.mark.parametrize("name", ["data", "content"])
def test_what_a_sender_or_a_recipe_says_is_shown_as_it_is(name):
    value = {name: {"text": SECRET}, "reason": SECRET}
    assert told(value) == (200, {name: {"text": SECRET}, "reason": "***"})


def test_what_is_no_text_stays_so():
    assert told([SECRET, 1, 2.5, None, True]) == (200, ["***", 1, 2.5, None, True])


def test_what_has_no_body_is_left_alone():
    response = web.Response(status=204)
    assert masked(response, CLEAN) is response
