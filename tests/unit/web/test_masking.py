import threading

import orjson
import pytest
from aiohttp import web

from appealbridge.redact import Redactor
from appealbridge.web.masking import LARGE, masked
from appealbridge.web.problem import answer

SECRET = 's3cret"with\\signs'
CLEAN = Redactor([SECRET]).clean


async def masked_answer(value, status=200):
    response = await masked(answer(value, status), CLEAN)
    return response.status, orjson.loads(response.body)


async def test_an_answer_without_a_secret_is_the_very_same():
    response = answer({"reason": "all is well"})
    assert await masked(response, CLEAN) is response


@pytest.mark.parametrize("name", ["reason", "subject", "trace"])
async def test_a_secret_is_masked_wherever_it_stands(name):
    assert await masked_answer([{name: [f"said {SECRET}"]}], 202) == (202, [{name: ["said ***"]}])


@pytest.mark.parametrize("name", ["data", "content"])
async def test_what_a_sender_or_a_recipe_says_is_shown_as_it_is(name):
    value = {name: {"text": SECRET}, "reason": SECRET}
    assert await masked_answer(value) == (200, {name: {"text": SECRET}, "reason": "***"})


async def test_what_is_no_text_stays_so():
    assert await masked_answer([SECRET, 1, 2.5, None, True]) == (200, ["***", 1, 2.5, None, True])


async def test_what_has_no_body_is_left_alone():
    response = web.Response(status=204)
    assert await masked(response, CLEAN) is response


async def test_a_long_answer_is_masked_aside_and_text_by_text():
    """One search of a long text full of escapes takes a second, in which nothing else goes on."""
    searched = []

    def clean(text):
        searched.append((threading.current_thread(), len(text)))
        return CLEAN(text)

    rows = [{"reason": f"%41{SECRET}", "data": "x" * 1000} for _ in range(100)]
    response = await masked(answer(rows), clean)
    assert orjson.loads(response.body) == [{**row, "reason": "%41***"} for row in rows]
    assert len(orjson.dumps(rows)) > LARGE
    assert len(searched) == len(rows)
    assert max(length for _, length in searched) < 1000
    assert threading.main_thread() not in {thread for thread, _ in searched}
