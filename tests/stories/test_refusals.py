"""Requests that are not accepted: a clear answer, nothing stored but a count."""

import json

import pytest

from tests.stories import staging

EVENT = json.dumps({"type": "incident", "subject": "M6", "text": "M6 closed"}).encode()


async def nothing_happened(story):
    _, events = await story.asks("GET", "/events")
    return events == [] and not story.posts("x")


async def begins_with_a_rate(story, rate):
    await story.begins({"tweet": staging.TWEET})
    text = story.stage.config.read_text()
    story.stage.config.write_text(text.replace("  desk:\n", f"  desk:\n    rate: {rate}\n", 1))
    assert (await story.asks("POST", "/reload"))[0] == 200


async def metric(story, line):
    async with story.session.get(f"{story.bridge.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next((float(text.rpartition(" ")[2]) for text in lines if text.startswith(line)), 0.0)


async def test_a_wrong_signature_is_refused_and_only_counted(story):
    await story.begins({"tweet": staging.TWEET})
    status, problem = await story.is_sent(EVENT, key=b"some other key of the same form")
    assert status == 401
    assert problem["status"] == 401
    assert await nothing_happened(story)
    (line,) = story.logged("refused")
    assert (line["webhook"], line["status"]) == ("desk", 401)
    refused = 'appealbridge_requests_refused_total{status="401",webhook="desk"}'
    assert await metric(story, refused) == 1.0


async def test_a_stale_request_is_refused(story):
    await story.begins({"tweet": staging.TWEET})
    headers = staging.signed("msg_1", story.clock.now(), EVENT)
    await story.clock.passes(minutes=6)
    status, _ = await story.is_sent(EVENT, "msg_1", **headers)
    assert status == 401
    assert await nothing_happened(story)


DEEP = b'{"a":' * 40 + b"1" + b"}" * 40

REFUSED = {
    "not JSON": (b"Missing: Aisha, 14", {}, 400),
    "not UTF-8": (b'{"text": "\xff"}', {}, 400),
    "too deep": (DEEP, {}, 400),
    "too large": (b'{"text": "' + b"x" * (1024 * 1024) + b'"}', {}, 413),
    "of another type": (EVENT, {"Content-Type": "text/csv"}, 415),
    "packed": (EVENT, {"Content-Encoding": "gzip"}, 415),
    "not an object": (b"[1, 2]", {}, 422),
}


@pytest.mark.parametrize(("body", "headers", "expected"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_body_that_cannot_be_read_is_refused_with_what_is_wrong(
    story, body, headers, expected
):
    await story.begins({"tweet": staging.TWEET})
    status, problem = await story.is_sent(body, **headers)
    assert (status, problem["status"]) == (expected, expected), problem
    assert problem["detail"]
    assert await nothing_happened(story)
    assert (await story.receives("M6 closed"))[0] == 202


async def test_a_webhook_that_nobody_knows_says_no_more_than_a_wrong_signature(story):
    await story.begins({"tweet": staging.TWEET})
    headers = staging.signed("msg_1", story.clock.now(), EVENT)
    url = f"{story.bridge.url}/hooks/elsewhere"
    async with story.session.post(url, data=EVENT, headers=headers) as answer:
        unknown = answer.status, await answer.json(content_type=None)
    assert unknown[0] == 401
    assert await nothing_happened(story)


async def test_what_comes_more_often_than_the_rate_is_answered_429_and_may_come_later(story):
    await begins_with_a_rate(story, "2 per 1m")
    bodies = [json.dumps({"type": "incident", "subject": s, "text": s}).encode() for s in "abcd"]
    answers = [await story.is_sent(body, f"msg_{n}") for n, body in enumerate(bodies)]
    assert [status for status, _ in answers] == [202, 202, 429, 429]
    assert len(story.logged("refused")) == 1
    refused = 'appealbridge_requests_refused_total{status="429",webhook="desk"}'
    assert await metric(story, refused) == 2.0
    await story.clock.passes(seconds=30)
    assert (await story.is_sent(bodies[2], "msg_2"))[0] == 202


async def test_a_429_says_when_to_come_again(story):
    await begins_with_a_rate(story, "1 per 1m")
    await story.is_sent(EVENT, "msg_1")
    url = f"{story.bridge.url}/hooks/desk"
    headers = staging.signed("msg_2", story.clock.now(), EVENT)
    async with story.session.post(url, data=EVENT, headers=headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
        assert (await answer.json(content_type=None))["title"] == "too often"
