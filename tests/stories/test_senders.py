"""Senders who are slow, lie about what they send, or send no HTTP: they get a clear answer, and the others theirs."""

from __future__ import annotations

import asyncio
import json
import os
import re
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.strategies import drawn
from tests.stories import staging

EVENT = json.dumps({"type": "incident", "subject": "M6", "text": "M6 closed"}).encode()
ANSWERS = {200, 202, 400, 401, 404, 405, 408, 413, 415, 422, 429, 503}
"""What docs/configuration.md says may be answered; a fault of ours is not among it."""


class Line:
    """One connection to the daemon, on which anything may be said."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer

    async def says(self, output):
        self._writer.write(output)
        with suppress(ConnectionError):
            await self._writer.drain()

    async def hears(self):
        """Return the status of the next answer, nothing where the daemon hangs up instead."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(10):
                head = await self._reader.readuntil(b"\r\n\r\n")
            return int(head.split()[1])
        return None

    async def hears_all(self):
        """Return the statuses of all that is answered until the daemon hangs up."""
        with suppress(ConnectionError):
            async with asyncio.timeout(20):
                result = await self._reader.read()
            return set(map(int, re.findall(rb"HTTP/1\.[01] (\d{3})", result)))
        return set()

    async def closes(self):
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@asynccontextmanager
async def lines_to(story, count):
    address = urlsplit(story.bridge.url)
    async with AsyncExitStack() as stack:
        lines = []
        for _ in range(count):
            line = Line(*await asyncio.open_connection(address.hostname, address.port))
            stack.push_async_callback(line.closes)
            lines.append(line)
        yield lines


async def is_answered(story, values):
    async with lines_to(story, 1) as (line,):
        await line.says(values)
        return await line.hears()


async def is_answered_to_the_end(story, values):
    async with lines_to(story, 1) as (line,):
        await line.says(values)
        return await line.hears_all()


def request(body=EVENT, path="/hooks/desk", *lines, **signed):
    headers = {**staging.signed("msg_raw", 1_795_000_000.0, body), **signed}
    texts = [f"POST {path} HTTP/1.1", "Host: a", *(f"{n}: {v}" for n, v in headers.items()), *lines]
    return "\r\n".join(texts).encode("latin-1") + b"\r\n"


def with_length(length, body=EVENT, **headers):
    return request(body, "/hooks/desk", f"Content-Length: {length}", **headers) + b"\r\n" + body


async def stored(story):
    return len((await story.asks("GET", "/events"))[1])


CUT = EVENT[: len(EVENT) // 2]
LIES = {
    "less is said than sent": (with_length(10), 400),
    "more is said than sent": (with_length(5000), 408),
    "a negative length": (with_length("-5"), 400),
    "a length that is no number": (with_length("many"), 400),
    "two lengths": (request(EVENT, "/hooks/desk", "Content-Length: 1", "Content-Length: 2") + b"\r\n", 400),
    "a length and chunks": (with_length(9).replace(b"Host: a", b"Transfer-Encoding: chunked"), 400),
    "a chunk of another size": (
        request(EVENT, "/hooks/desk", "Transfer-Encoding: chunked") + b"\r\nzz\r\n" + EVENT, 400),
    "chunks that break off": (
        request(EVENT, "/hooks/desk", "Transfer-Encoding: chunked") + b"\r\n40\r\n" + CUT, 408),
    "an endless header": (request(EVENT, "/hooks/desk", "X-Long: " + "x" * 100_000) + b"\r\n", 400),
    "many headers": (request(EVENT, "/hooks/desk", *["X: y"] * 5000) + b"\r\n", 400),
    "a long address": (request(EVENT, "/hooks/" + "x" * 20_000) + b"\r\n", 400),
    "bytes in the address": (b"POST /hooks/\xff\xfe\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "bytes in a header": (with_length(len(EVENT), **{"Content-Type": "text/\xff"}), 415),
    "another coding": (with_length(len(EVENT), **{"Content-Encoding": "gzip"}), 415),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "another verb": (b"PUT /hooks/desk HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    "a verb that is none": (b"G\xffT / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
}  # fmt: skip


@pytest.mark.parametrize(("values", "answer"), LIES.values(), ids=LIES)
async def test_what_is_no_sound_request_is_told_so_and_nothing_is_stored(
    story, monkeypatch, values, answer
):
    monkeypatch.setattr("appealbridge.web.hooks.BODY_SECONDS", 0.3)
    await story.begins({"tweet": staging.TWEET})
    assert await is_answered(story, values) == answer
    assert await stored(story) == 0
    assert not story.logged("plugin_bug")
    assert (await story.receives("M6 closed"))[0] == 202


PIECES = st.sampled_from(
    [b"POST /hooks/desk HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n", b"\r\n\r\n", b"\n",
     b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n",
     b"0\r\n\r\n", b"Expect: 100-continue\r\n", b"Connection: upgrade\r\nUpgrade: websocket\r\n",
     b"Content-Type: application/json\r\n", b"webhook-id: \xff\r\n", b"webhook-signature: v1,x\r\n",
     b"GET /api/v1/events?limit=\xff HTTP/1.1\r\n", b"GET /%ff%00/../%2e HTTP/1.1\r\n",
     b"Authorization: Bearer \xff\r\n",
     EVENT, b"hello", b": x\r\n", b" folded\r\n"]
)  # fmt: skip


async def test_whatever_is_sent_is_answered_as_documented_or_not_at_all(story, monkeypatch):
    monkeypatch.setattr("appealbridge.web.hooks.BODY_SECONDS", 0.1)
    monkeypatch.setattr("appealbridge.web.server.IDLE_SECONDS", 0.1)
    await story.begins({"tweet": staging.TWEET})
    loop = asyncio.get_running_loop()

    @given(st.lists(PIECES | st.binary(max_size=20), max_size=10).map(b"".join))
    @drawn(60)
    def holds(values):
        sending = asyncio.run_coroutine_threadsafe(is_answered_to_the_end(story, values), loop)
        assert sending.result(30) <= ANSWERS | {100, 426}

    await asyncio.to_thread(holds)
    assert await stored(story) == 0
    assert not story.logged("plugin_bug")


async def test_a_body_that_trickles_is_given_up_and_delays_nobody(story, monkeypatch):
    monkeypatch.setattr("appealbridge.web.hooks.BODY_SECONDS", 0.5)
    await story.begins({"tweet": staging.TWEET})
    async with lines_to(story, 50) as slow:
        for line in slow:
            await line.says(with_length(1_000_000))
        assert (await story.receives("M6 closed"))[0] == 202
        for line in slow:
            await line.says(b" ")
            assert await line.hears() == 408
    assert await stored(story) == 1


async def test_connections_that_never_make_a_request_are_closed_and_delay_nobody(
    story, monkeypatch
):
    monkeypatch.setattr("appealbridge.web.server.IDLE_SECONDS", 0.5)
    await story.begins({"tweet": staging.TWEET})
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    async with lines_to(story, 100) as idle:
        for line in idle[::2]:
            await line.says(b"POST /hooks/desk HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        assert (await story.receives("M6 closed"))[0] == 202
        for line in idle:
            assert await line.hears() in (None, 400, 408)
    await story.until(lambda: len(os.listdir("/proc/self/fd")) <= before + 4)  # noqa: PTH208


async def test_what_is_no_http_is_worth_a_line_and_a_count_without_quoting_it(story):
    await story.begins({"tweet": staging.TWEET})
    result = b"POST /hooks/desk HTTP/1.1\r\nAuthorization: Bearer abcd\r\nX Y: z\r\n\r\n"
    assert await is_answered(story, result) == 400
    assert await is_answered(story, LIES["HTTP/2"][0]) == 400
    first, second = story.logged("refused")
    assert first["reason"].startswith("not valid HTTP")
    assert (first["webhook"], second["status"]) == ("unknown", 400)
    assert story.logged("library") == []
