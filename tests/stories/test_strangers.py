"""Who holds no secret may neither stop the daemon, nor spend what is a sender's, nor learn which webhooks there are."""

import asyncio
import json
import re
import resource
import sqlite3
import time
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from appealbridge.clock import SystemClock
from appealbridge.store.sqlite.control import read_control
from tests.stories import staging
from tests.stories.processes import daemon
from tests.stories.test_senders import EVENT, is_answered, lines_to, request, stored

WEBHOOKS = """\
  anybody: { signature: none, allow_unsigned: true }
  partner: { signature: bearer, secrets: [!secret hook_partner] }
"""
PARTNER = {"Authorization": "Bearer the token that only the partner has"}


async def begins(story, webhooks=WEBHOOKS):
    """Begin with more webhooks than the desk's."""
    await story.begins({"tweet": staging.TWEET})
    secret = story.stage.folder / "secrets" / "hook_partner"
    secret.write_text(PARTNER["Authorization"].removeprefix("Bearer "))
    text = story.stage.config.read_text()
    story.stage.config.write_text(text.replace("webhooks:\n", f"webhooks:\n{webhooks}", 1))
    assert (await story.asks("POST", "/reload"))[0] == 200


async def sends(story, name, body=EVENT, method="POST", **headers):
    url = f"{story.bridge.url}/hooks/{name}"
    values = {"Content-Type": "application/json", **headers}
    async with story.session.request(method, url, data=body, headers=values) as answer:
        return answer.status, await answer.json(content_type=None), dict(answer.headers)


# -- what they may hold -----------------------------------------------------------------------------

CROWD = 300
MEMORY_MB = 80
"""Less than a tenth of what these 300 would have the daemon hold if it kept what they send."""

MEBI = b"x" * 1024 * 1024


def well_formed(length):
    """Return headers with nothing wrong but that the signature fits no body."""
    headers = staging.signed("msg_x", time.time(), b"something else")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /hooks/desk HTTP/1.1\r\nHost: a\r\n{lines}{length}\r\n\r\n".encode()


POST = b"POST /hooks/%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CROWDS = {
    "headers": lambda: b"GET / HTTP/1.1\r\nHost: a\r\n" + b"h: %s\r\n" % (b"y" * 8100) * 99,
    "bodies without a proof": lambda: POST % (b"desk", len(MEBI)) + MEBI[:-1],
    "bodies": lambda: well_formed(f"Content-Length: {len(MEBI)}") + MEBI[:-1],
    "chunks": lambda: well_formed("Transfer-Encoding: chunked") + b"100000\r\n" + MEBI,
    "requests behind requests": lambda: (POST % (b"elsewhere", 9) + b"x" * 9) * 9000,
    "no HTTP": lambda: b"\xff" * 200_000,
    "no sound HTTP": lambda: b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n" + MEBI,
    "nothing": lambda: b"",
}


def memory_mb(pid, what):
    lines = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", lines)[1]) / 1024


@pytest.fixture(autouse=True)
def enough_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("crowd", CROWDS)
async def test_a_crowd_of_strangers_costs_little_and_keeps_nobody_out(tmp_path, crowd):
    stage = staging.build(
        tmp_path / "s", "http://127.0.0.1:1", "smtp://127.0.0.1:1", {"t": staging.TWEET}
    )
    async with daemon(stage) as running, AsyncExitStack() as stack:
        assert await running.ready()
        address = urlsplit(read_control(stage.store).url)
        before = memory_mb(running.process.pid, "VmRSS")
        result, open_ = CROWDS[crowd](), []
        for number in range(CROWD):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            stack.callback(writer.transport.abort)
            open_.append((reader, writer))
            writer.write(result)
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(2):
                    await writer.drain()
            if number % 60 == 59:
                assert (await running.ask("GET", "/healthz"))[0] == 200
                assert (await running.ask("GET", "/readyz"))[0] == 200
                assert (await running.ask("GET", "/api/v1/deliveries"))[0] == 200
                event = {"type": "incident", "subject": f"M{number}", "text": f"M{number}"}
                assert (await running.receives(f"msg_{number}", event))[0] == 202
        assert memory_mb(running.process.pid, "VmHWM") - before < MEMORY_MB
        result = [line for line in running.lines if '"event":"refused"' in line]
        assert len(result) <= 60


# -- what is looked at before the body --------------------------------------------------------------

MISSING = {"webhook-signature": "", "webhook-id": "", "webhook-timestamp": ""}
UNPROVEN = {
    "no proof": MISSING,
    "no signature": {"webhook-signature": ""},
    "no id": {"webhook-id": ""},
    "an old time": {"webhook-timestamp": "1000000000"},
    "a time that is none": {"webhook-timestamp": "soon"},
    "a signature of another form": {"webhook-signature": "v2,abc"},
    "a signature that is too short": {"webhook-signature": "v1,abc"},
}


@pytest.mark.parametrize("headers", UNPROVEN.values(), ids=UNPROVEN)
@pytest.mark.parametrize("length", ["Content-Length: 900000", "Transfer-Encoding: chunked"])
async def test_what_cannot_be_proven_is_answered_without_its_body(story, headers, length):
    await story.begins({"tweet": staging.TWEET})
    result = request(EVENT, "/hooks/desk", length, **headers)
    assert await is_answered(story, result + b"\r\n") == 401


async def test_a_sender_that_asks_before_it_sends_is_told_by_its_headers(story):
    await story.begins({"tweet": staging.TWEET})
    length = f"Content-Length: {len(EVENT)}"
    requested = "Expect: 100-continue"
    proven = staging.signed("msg_1", story.clock.now(), EVENT)
    async with lines_to(story, 2) as (known, stranger):
        await known.says(request(EVENT, "/hooks/desk", length, requested, **proven) + b"\r\n")
        assert await known.hears() == 100
        await known.says(EVENT)
        assert await known.hears() == 202
        await stranger.says(request(EVENT, "/hooks/desk", length, requested, **MISSING) + b"\r\n")
        assert await stranger.hears() == 401
    assert await stored(story) == 1


# -- what they learn --------------------------------------------------------------------------------

PROBES = {
    "nothing": {},
    "a wrong signature": staging.signed("msg_1", 1_795_000_000.0, b"another body"),
    "an old signature": staging.signed("msg_1", 1_000_000_000.0, EVENT),
    "a token": {"Authorization": "Bearer 0123456789abcdef"},
}


@pytest.mark.parametrize("headers", PROBES.values(), ids=PROBES)
async def test_a_webhook_that_is_not_there_answers_like_one_that_is(story, headers):
    await begins(story)
    answer = [await sends(story, name, **headers) for name in ("desk", "partner", "elsewhere")]
    for status, problem, answered in answer:
        assert (status, problem["title"]) == (401, "not accepted")
        del answered["Date"]
    assert answer[0] == answer[1] == answer[2]


async def test_the_log_says_what_the_stranger_is_not_told(story):
    await begins(story)
    await sends(story, "desk")
    await sends(story, "elsewhere", **PROBES["a wrong signature"])
    known, unknown = story.logged("refused")
    assert (known["webhook"], unknown["webhook"]) == ("desk", "unknown")
    assert "webhook-signature header is missing" in known["reason"]


async def test_the_body_for_a_webhook_that_is_not_there_is_waited_for_too(story):
    """Else the time that an answer takes would tell which there are."""
    await story.begins({"tweet": staging.TWEET})
    async with lines_to(story, 2) as lines:
        for line, name in zip(lines, ("desk", "elsewhere"), strict=True):
            length = f"Content-Length: {len(EVENT)}"
            wrong = staging.signed("msg_1", story.clock.now(), b"another body")
            await line.says(request(EVENT, f"/hooks/{name}", length, **wrong) + b"\r\n" + EVENT[:9])
        hearing = [asyncio.ensure_future(line.hears()) for line in lines]
        assert (await story.receives("M6 closed"))[0] == 202
        assert not any(each.done() for each in hearing)
        for line in lines:
            await line.says(EVENT[9:])
        assert [await each for each in hearing] == [401, 401]


# -- what is a sender's -----------------------------------------------------------------------------


async def test_a_stranger_does_not_spend_a_senders_rate(story):
    await story.begins({"tweet": staging.TWEET})
    text = story.stage.config.read_text()
    story.stage.config.write_text(text.replace("  desk:\n", "  desk:\n    rate: 2 per 1m\n", 1))
    assert (await story.asks("POST", "/reload"))[0] == 200
    for _ in range(5):
        assert (await sends(story, "desk"))[0] == 401
    assert [(await story.receives(f"M{n}"))[0] for n in range(3)] == [202, 202, 429]
    assert (await sends(story, "desk"))[0] == 401


async def test_a_flood_of_what_is_refused_is_counted_and_said_now_and_then(story):
    await begins(story)
    for _ in range(60):
        await sends(story, "desk")
        await sends(story, "elsewhere")
    assert len([line for line in story.logged("refused") if line["webhook"] == "desk"]) == 10
    async with story.session.get(f"{story.bridge.url}/metrics") as answer:
        assert 'requests_refused_total{status="401",webhook="desk"} 60.0' in await answer.text()
    await story.clock.passes(seconds=6)
    await sends(story, "desk")
    assert story.logged("refused")[-1]["unsaid"] == 50


# -- where nobody has to prove anything -------------------------------------------------------------


async def test_an_unsigned_webhook_takes_json_from_anybody_and_nothing_from_a_page(story):
    await begins(story)
    plain = await sends(story, "anybody", **{"Content-Type": "text/plain"})
    form = await sends(story, "anybody", **{"Content-Type": "application/x-www-form-urlencoded"})
    page = await sends(story, "anybody", Origin="https://elsewhere.example")
    assert [each[0] for each in (plain, form, page)] == [415, 415, 403]
    assert "send it without an Origin header" in page[1]["detail"]
    assert await stored(story) == 0
    assert (await sends(story, "anybody"))[0] == 202


# -- what the address says --------------------------------------------------------------------------


async def test_a_slash_behind_the_name_changes_nothing(story):
    await begins(story)
    assert (await sends(story, "partner/", **PARTNER))[0] == 202
    assert (await sends(story, "partner", **PARTNER))[0] == 200
    assert (await sends(story, "partner/"))[0] == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("name", ["desk", "desk/", "elsewhere"])
async def test_another_verb_is_told_which_are_taken(story, method, name):
    await story.begins({"tweet": staging.TWEET})
    status, problem, headers = await sends(story, name, b"", method)
    assert (status, headers["Allow"]) == (405, "OPTIONS, POST")
    assert problem["detail"] == f"{method} is not allowed here; allowed: OPTIONS, POST"


async def test_head_is_told_so_too(story):
    await story.begins({"tweet": staging.TWEET})
    async with story.session.head(f"{story.bridge.url}/hooks/desk") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("name", ["", "desk/more", "desk//"])
async def test_what_is_no_address_of_a_webhook_is_told_what_is(story, name):
    await story.begins({"tweet": staging.TWEET})
    status, problem, _ = await sends(story, name)
    assert status == 404
    assert "the address of a webhook is /hooks/NAME" in problem["detail"]


async def test_a_post_to_what_is_only_read_is_not_told_that_nothing_is_there(story):
    await story.begins({"tweet": staging.TWEET})
    async with story.session.post(f"{story.bridge.url}/healthz") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_a_sender_of_cloudevents_that_asks_first_is_told_that_it_may(story):
    await story.begins({"tweet": staging.TWEET})
    requested = {"WebHook-Request-Origin": "emitter.example.com", "WebHook-Request-Rate": "120"}
    for name in ("desk", "desk/", "elsewhere"):
        url = f"{story.bridge.url}/hooks/{name}"
        async with story.session.options(url, headers=requested) as answer:
            assert answer.status == 200
            assert answer.headers["Allow"] == "OPTIONS, POST"
            assert answer.headers["WebHook-Allowed-Origin"] == "emitter.example.com"
            assert answer.headers["WebHook-Allowed-Rate"] == "*"


@pytest.mark.parametrize("call", [{}, {"WebHook-Request-Origin": "\xff"}])
async def test_a_browser_that_asks_first_is_not_told_that_it_may(story, call):
    await story.begins({"tweet": staging.TWEET})
    headers = {
        "Origin": "https://elsewhere.example",
        "Access-Control-Request-Method": "POST",
        **call,
    }
    url = f"{story.bridge.url}/hooks/desk"
    async with story.session.options(url, headers=headers) as answer:
        allowed = [
            name for name in answer.headers if name.lower().startswith(("access", "webhook"))
        ]
        assert (answer.status, allowed) == (204, [])


async def test_an_expectation_that_nobody_knows_is_refused(story):
    await story.begins({"tweet": staging.TWEET})
    result = request(EVENT, "/hooks/desk", f"Content-Length: {len(EVENT)}", "Expect: more")
    assert await is_answered(story, result + b"\r\n") == 417


async def test_a_secret_that_could_be_found_by_trying_stops_nobody_and_is_said(story):
    """An update must not silence the force; `check` calls it an error."""
    await begins(story)
    (story.stage.folder / "secrets" / "hook_partner").write_text("short")
    await story.restarts()
    (line,) = story.logged("setting_unsafe")
    assert line["setting"] == "webhooks.partner.secrets[0]"
    assert "this secret has only 5 bytes" in line["reason"]
    assert (await sends(story, "partner", Authorization="Bearer short"))[0] == 202


async def test_of_what_is_proven_only_so_much_may_wait_for_the_store(story, monkeypatch):
    """The store stalls because another program holds it."""
    monkeypatch.setattr("appealbridge.engine.intake.reception.MOST_WAITING_BYTES", 100_000)
    await begins(story)
    bodies = [json.dumps({"id": n, "text": "x" * 60_000}).encode() for n in range(3)]
    with closing(sqlite3.connect(story.stage.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.ensure_future(sends(story, "partner", bodies[0], **PARTNER))
        # By a real clock: that of the story waits for what is asked of the store.
        while not story.bridge.engine.reception._waiting:
            await SystemClock().sleep(0.01)
        status, problem, headers = await sends(story, "partner", bodies[1], **PARTNER)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "too many requests wait to be stored" in problem["detail"]
        other.execute("ROLLBACK")
    assert (await first)[0] == 202
    assert (await sends(story, "partner", bodies[1], **PARTNER))[0] == 202


async def test_a_crowd_that_asks_for_the_figures_has_them_put_together_once(story, monkeypatch):
    """They need no token, and take some milliseconds each time."""
    await story.begins({"tweet": staging.TWEET})
    store, requested = story.bridge.engine.store, []

    async def backlog(of=store.backlog):
        requested.append(None)
        return await of()

    monkeypatch.setattr(store, "backlog", backlog)

    async def figures():
        async with story.session.get(f"{story.bridge.url}/metrics") as answer:
            return answer.status, await answer.text()

    result = await asyncio.gather(*(figures() for _ in range(40)))
    assert {status for status, _ in result} == {200}
    assert len(requested) < 20
    before = len(requested)
    assert (await figures())[0] == 200
    assert len(requested) == before + 1
