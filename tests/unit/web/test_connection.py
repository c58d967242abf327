"""What strangers may hold: connections, bytes and time, each within its bound, and who goes where it is full."""

import asyncio
import os
import re
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from appealbridge.web import connection
from appealbridge.web.connection import connection_of
from appealbridge.web.server import serve

POST = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "


class Door:
    """A server with a page, one that reads a body, and one that proves its sender and then waits."""

    def __init__(self):
        self.refused = []
        self.opened = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self):
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/large", self._large)
        app.router.add_post("/read", self._read)
        app.router.add_post("/refuse", self._refuse)
        app.router.add_post("/prove", self._prove)
        result = serve(
            app, stop_within=1, refused=lambda *arguments: self.refused.append(arguments)
        )
        url = urlsplit(await self._stack.enter_async_context(result))
        self.address = url.hostname, url.port
        return self

    async def __aexit__(self, *values):
        self.opened.set()
        await self._stack.aclose()

    async def says(self, output=b""):
        """Open a connection and say something on it."""
        line = Line(*await asyncio.open_connection(*self.address))
        self._stack.push_async_callback(line.closes)
        await line.says(output)
        return line

    async def _page(self, request):
        return web.Response(text="here")

    async def _large(self, request):
        return web.Response(body=b"x" * 8_000_000)

    async def _read(self, request):
        held = connection_of(request)
        try:
            async with asyncio.timeout(5) as bound:
                held.body_timeout = bound
                body = b"".join([chunk async for chunk in request.content.iter_any()])
        except TimeoutError:
            return web.Response(status=503 if held.discarding else 408)
        finally:
            held.body_timeout = None
        return web.Response(text=str(len(body)))

    async def _refuse(self, request):
        return web.Response(status=401)

    async def _prove(self, request):
        connection_of(request).proven()
        await self.opened.wait()
        return web.Response(text="proven")


class Line:
    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer

    async def says(self, output):
        self._writer.write(output)
        with suppress(ConnectionError):
            await self._writer.drain()

    async def hears(self):
        """Return the status and the text of the next answer; nothing where we are hung up on."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(10):
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
                body = await self._reader.readexactly(length)
            return int(head.split()[1]), (head + body).decode()
        return None, ""

    async def is_hung_up_on(self):
        with suppress(ConnectionError):
            async with asyncio.timeout(10):
                while await self._reader.read(100_000):
                    pass
        return True

    async def closes(self):
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@pytest.fixture
async def door(monkeypatch):
    def bound(**bounds):
        for name, value in bounds.items():
            monkeypatch.setattr(connection, name, value)
        return Door()

    return bound


async def first(answers):
    """Return what comes first of several, and wait for none of the others."""
    waiting = [asyncio.ensure_future(each) for each in answers]
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in others:
        each.cancel()
    await asyncio.wait(waiting)
    return next(iter(done)).result()


async def status(line):
    return (await line.hears())[0]


# -- bytes ------------------------------------------------------------------------------------------


async def test_headers_that_never_end_are_refused_before_they_are_large(door):
    """Whether or not they come at once, and with the answer heard though more of them follows."""
    async with door() as there:
        line = await there.says(HALF + b"y" * 4000)
        for n in range(200):
            await line.says(b"\r\nX-%d: " % n + b"y" * 5000)
        response, answer = await line.hears()
        assert response == 431
        assert "application/problem+json" in answer
        assert "send fewer or shorter" in answer
        assert there.refused[0][:2] == ("unknown", 431)


async def test_whole_headers_that_are_too_large_together_are_refused(door):
    headers = b"".join(b"X-%d: " % n + b"y" * 900 + b"\r\n" for n in range(60))
    async with door() as there:
        response, answer = await (await there.says(GET[:-2] + headers + b"\r\n")).hears()
    assert response == 431
    assert "application/problem+json" in answer


async def test_too_many_headers_are_refused(door):
    async with door() as there:
        assert await status(await there.says(GET[:-2] + b"X: y\r\n" * 101 + b"\r\n")) == 400
        assert await status(await there.says(GET[:-2] + b"X: y\r\n" * 90 + b"\r\n")) == 200


async def test_a_large_body_is_no_large_header(door):
    async with door() as there:
        line = await there.says(POST % 100_000 + b"x" * 100_000)
        response, answer = await line.hears()
    assert (response, answer[-6:]) == (200, "100000")


async def test_the_longest_holder_goes_where_bodies_take_all_the_room(door):
    """And is told to come again; the others are read to their ends."""
    async with door(SHARED_BYTES=90_000) as there:
        lines = [await there.says(POST % 50_000 + b"x" * 40_000) for _ in range(5)]
        texts = [await status(line) for line in lines[:3]]
        assert texts == [503] * 3
        for line in lines[3:]:
            await line.says(b"x" * 10_000)
        assert [await status(line) for line in lines[3:]] == [200] * 2


async def test_headers_take_room_too(door):
    async with door(SHARED_BYTES=40_000) as there:
        lines = [await there.says(HALF + b"y" * 7000) for _ in range(3)]
        more = b"\r\nX-More: " + b"y" * 8000 + b"\r\nX-Yet: " + b"y" * 8000
        for line in lines:
            await line.says(more)
        response, answer = await first(line.hears() for line in lines)
        assert (response, "retry-after: 5" in answer.lower()) == (503, True)
        assert ("unknown", 503) in {text[:2] for text in there.refused}


async def test_short_requests_are_heard_where_there_is_no_room_at_all(door):
    """Those of watchers and of nearly all senders are short."""
    async with door(SHARED_BYTES=0) as there:
        assert await status(await there.says(POST % 50_000 + b"x" * 40_000)) == 503
        assert await status(await there.says(GET)) == 200
        assert await status(await there.says(POST % 5000 + b"x" * 5000)) == 200


async def test_room_is_given_back(door):
    """After an answer, and where somebody hangs up."""
    async with door(SHARED_BYTES=60_000) as there:
        line = await there.says()
        for _ in range(5):
            await line.says(POST % 50_000 + b"x" * 50_000)
            assert await status(line) == 200
        for _ in range(5):
            gone = await there.says(POST % 50_000 + b"x" * 40_000)
            await gone.closes()
        await line.says(POST % 50_000 + b"x" * 50_000)
        assert await status(line) == 200


async def test_what_is_proven_takes_no_room_of_strangers(door):
    async with door(SHARED_BYTES=60_000) as there:
        body = b"POST /prove HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000
        proven = [await there.says(body) for _ in range(4)]
        assert await status(await there.says(POST % 50_000 + b"x" * 50_000)) == 200
        there.opened.set()
        assert [await status(line) for line in proven] == [200] * 4


async def test_requests_one_behind_the_other_take_room(door):
    """Who sends on without waiting for answers cannot heap up what nobody has looked at."""
    behind = b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000
    async with door(SHARED_BYTES=60_000) as there:
        first = b"POST /prove HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        line = await there.says(first + behind * 10)
        assert await line.is_hung_up_on()
        assert await status(await there.says(GET)) == 200


async def test_what_follows_a_refusal_is_thrown_away_and_the_answer_heard(door):
    async with door(SHARED_BYTES=60_000) as there:
        head = b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"
        line = await there.says(head + b"x" * 10_000)
        assert await status(line) == 401
        for _ in range(100):
            await line.says(b"x" * 19_000)  # all of it is taken off our hands
        assert await status(await there.says(POST % 50_000 + b"x" * 50_000)) == 200


# -- connections ------------------------------------------------------------------------------------


async def test_the_oldest_stranger_goes_where_there_are_too_many(door):
    async with door(MOST_CONNECTIONS=20) as there:
        lines = [await there.says(output) for output in [b"", HALF, POST % 9, b""] * 5]
        late = await there.says(GET)
        assert await status(late) == 200
        assert await status(lines[0]) is None
        await lines[2].says(b"x" * 9)
        assert await status(lines[2]) == 200


async def test_who_has_proven_a_request_stays_among_a_crowd_of_strangers(door):
    async with door(MOST_CONNECTIONS=20) as there:
        there.opened.set()
        known = await there.says(b"POST /prove HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        assert await status(known) == 200
        for _ in range(40):
            await there.says(HALF)
        await known.says(GET)
        assert await status(known) == 200


async def test_a_connection_between_two_requests_gives_way_where_all_are_known(door):
    async with door(MOST_CONNECTIONS=20) as there:
        there.opened.set()
        lines = [
            await there.says(b"POST /prove HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            for _ in range(20)
        ]
        assert [await status(line) for line in lines] == [200] * 20
        assert await status(await there.says(GET)) == 200
        assert await lines[0].is_hung_up_on()


async def test_one_too_many_is_told_so_where_nobody_can_go(door):
    async with door(MOST_CONNECTIONS=20) as there:
        lines = [
            await there.says(b"POST /prove HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            for _ in range(20)
        ]
        while len(there.refused) == 0:
            response, answer = await (await there.says(GET)).hears()
            if response == 200:  # the last of them was not there yet
                continue
        assert response == 503
        assert "retry-after: 5" in answer.lower()
        there.opened.set()
        assert 200 in [await status(line) for line in lines]


async def test_files_are_kept_for_what_is_not_a_connection(monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda what: (1024, 1024))
    assert connection.Connections(lambda *_: None)._most == 1024 - connection.FILES_BESIDE


# -- time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [b"", HALF], ids=["nothing", "half a head"])
async def test_the_first_request_has_to_come_soon(door, values):
    async with door(HEAD_SECONDS=0.2, LINGER_SECONDS=0.2) as there:
        line = await there.says(values)
        assert await status(line) == (408 if values else None)
        assert await line.is_hung_up_on()


async def test_trickling_headers_are_not_waited_for(door):
    """Neither those of a first request nor those of a later one."""
    async with door(HEAD_SECONDS=0.5, LINGER_SECONDS=0.2) as there:
        for before in (b"", GET):
            line = await there.says(before)
            if before:
                assert await status(line) == 200
            trickle = asyncio.create_task(_trickles(line))
            assert await status(line) == 408
            await line.is_hung_up_on()
            trickle.cancel()


async def _trickles(line):
    for letter in HALF + b"y" * 1000:
        await line.says(bytes([letter]))
        await asyncio.sleep(0.01)


async def test_a_connection_may_be_idle_between_two_requests(door):
    async with door(HEAD_SECONDS=0.2) as there:
        line = await there.says(GET)
        assert await status(line) == 200
        await asyncio.sleep(0.5)
        await line.says(GET)
        assert await status(line) == 200


async def test_who_does_not_read_the_answer_is_hung_up_on(door):
    async with door(ANSWER_SECONDS=0.2) as there:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(5):
            await there.says(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(10):
            # Our own ends stay open, with what the kernel had for us.
            while len(os.listdir("/proc/self/fd")) > before + 5:  # noqa: PTH208, ASYNC110
                await asyncio.sleep(0.05)


async def test_what_is_no_http_is_answered_like_all_that_is_refused(door):
    async with door() as there:
        response, answer = await (await there.says(b"GET / HTTP/1.1\r\nX Y: z\r\n\r\n")).hears()
    assert (response, "application/problem+json" in answer) == (400, True)


async def test_no_other_protocol_is_spoken_whatever_follows_the_wish_for_one(door):
    head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with door() as there:
        line = await there.says(head + b"\xff" * 50_000)
        assert await status(line) == 200
        assert await line.is_hung_up_on()
        assert await status(await there.says(GET)) == 200
