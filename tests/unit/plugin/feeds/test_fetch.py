"""One look at a feed over a real connection: conditions, redirects, refusals."""

import asyncio
import gzip
import os
import random
import signal
import socket
import threading
from base64 import b64encode
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from appealbridge.markup import worker_client
from appealbridge.markup.feed import FeedEntry, FeedReading
from appealbridge.plugin import Secret, SourceDown, Tools, in_thread
from appealbridge.plugin.egress import EgressPolicy, allowed
from appealbridge.plugin.feeds.fetch import (
    SIZE_LIMIT,
    FeedCredentials,
    feed_identity,
    read_at_once,
    read_feed,
    short_identity,
)
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.offload import Pool
from appealbridge.testing.server import DAWDLE, HANG_UP, TRUNCATE, ScriptedServer, this_machine

RSS = (Path(__file__).parents[3] / "data" / "feeds" / "appeals.rss").read_bytes()
HEADERS = {"Content-Type": "application/rss+xml", "ETag": 'W/"v1"', "Last-Modified": "some day"}
NOW = 1_790_000_000.0
OUTSIDE = "127.0.0.2"
"""An address of this machine that stands for one of the public internet."""


@pytest.fixture
async def server():
    async with ScriptedServer((200, RSS, HEADERS)) as running:
        yield running


@pytest.fixture
async def tools():
    session = open_session(policy=this_machine)
    yield Tools(Http(session, str, now=lambda: NOW, timeout=5.0), NOW, random.Random(1))
    await session.close()


@asynccontextmanager
async def looker(policy, **names):
    """Give the tools of a look, with a policy and a name server of its own."""
    known = {name.replace("_", "."): address for name, address in names.items()}

    def lookup(host, *rest, **more):
        return socket.getaddrinfo(known.get(host, host), *rest, **more)

    resolver = Resolver(Pool("names", 2), lookup)
    async with open_session(policy=lambda: policy, resolver=resolver) as session:
        yield Tools(Http(session, str, now=lambda: NOW, timeout=5.0), NOW, random.Random(1))


async def test_what_a_look_learns_makes_the_next_one_conditional(server, tools):
    look = await read_feed(f"{server.url}/rss", {}, tools)
    assert len(look.entries) == 3
    assert look.cursor.items() > {"etag": 'W/"v1"', "modified": "some day"}.items()
    server.answers(304)
    again = await read_feed(f"{server.url}/rss", look.cursor, tools)
    assert (again.entries, again.cursor) == (None, look.cursor)
    first, second = server.requests
    assert "If-None-Match" not in first.headers
    assert second.headers["If-None-Match"] == 'W/"v1"'
    assert second.headers["If-Modified-Since"] == "some day"


async def test_a_feed_that_is_the_same_as_before_is_not_read_again(server, tools, monkeypatch):
    """Many servers never answer that nothing has changed."""
    server.otherwise = (200, RSS, {"Content-Type": "application/rss+xml"})
    first = await read_feed(server.url, {}, tools)
    monkeypatch.setattr("appealbridge.plugin.feeds.fetch.read_in_process", None)
    again = await read_feed(server.url, first.cursor, tools)
    assert (again.entries, again.cursor) == (None, first.cursor)
    monkeypatch.undo()
    server.otherwise = (200, RSS + b"<!-- -->", {"Content-Type": "application/rss+xml"})
    assert len((await read_feed(server.url, first.cursor, tools)).entries) == 3


async def test_as_many_feeds_are_read_at_once_as_the_settings_say(server, tools):
    """Shown with real processes: one of them is stopped while it reads."""
    await read_feed(server.url, {}, tools)  # starts a process
    (idle,) = worker_client._PROCESSES._idle
    os.kill(idle.worker._running.process.pid, signal.SIGSTOP)
    try:
        stuck = asyncio.create_task(read_feed(server.url, {}, tools))
        while worker_client._PROCESSES._idle:  # noqa: ASYNC110 - real sockets and threads need a moment
            await asyncio.sleep(0.001)
        another = asyncio.create_task(read_feed(server.url, {}, tools))
        while len(server.requests) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert not another.done()
        read_at_once(2)
        assert len((await read_feed(server.url, {}, tools)).entries) == 3
        assert len((await another).entries) == 3
        assert not stuck.done()
    finally:
        read_at_once(1)
        os.kill(idle.worker._running.process.pid, signal.SIGCONT)
    assert len((await stuck).entries) == 3


async def test_what_is_no_feed_leaves_no_conditions_behind(server, tools):
    server.answers((200, b"<html></html>", {"ETag": '"page"', "Content-Type": "text/html"}))
    with pytest.raises(SourceDown, match="an HTML page"):
        await read_feed(server.url, {}, tools)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_feed_that_moved_is_followed(server, tools, status):
    server.answers((status, "", {"Location": "/new/rss"}))
    look = await read_feed(f"{server.url}/old?key=secret", {"etag": '"x"'}, tools)
    assert len(look.entries) == 3
    assert [request.path for request in server.requests] == ["/old", "/new/rss"]
    assert server.requests[1].headers["If-None-Match"] == '"x"'
    assert look.notes == (
        (f"the feed has moved permanently to {server.url}/new/rss; change its address",)
        if status in (301, 308)
        else ()
    )


async def test_a_move_for_good_behind_one_for_now_is_none(server, tools):
    server.answers((302, "", {"Location": "/a"}), (301, "", {"Location": "/b"}))
    assert (await read_feed(server.url, {}, tools)).notes == ()


async def test_a_feed_that_points_in_circles_is_left(server, tools):
    server.otherwise = lambda request: (302, "", {"Location": request.path + "x"})
    with pytest.raises(SourceDown, match="more than 3 times"):
        await read_feed(server.url, {}, tools)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("file:///etc/passwd", "not a web address"),
        ("ftp://example.org/rss", "not a web address"),
        ("", "redirects to itself"),
        ("http://[", "not valid"),
        (
            "http://169.254.169.254/latest",
            r"169\.254\.169\.254:80 is inside your network; if that is right",
        ),
        (
            "http://localhost/rss",
            "localhost has the address .* inside your network; if that is right",
        ),
    ],
)
async def test_a_feed_is_not_followed_just_anywhere(server, tools, location, message):
    server.answers((302, "", {"Location": location}))
    with pytest.raises(SourceDown, match=message):
        await read_feed(f"{server.url}/", {}, tools)
    assert len(server.requests) == 1


async def test_a_name_that_leads_into_this_network_is_not_followed(server):
    port = int(server.url.rpartition(":")[2])
    server.answers((302, "", {"Location": f"http://inner.example:{port}/inside"}))
    policy = replace(this_machine(), inside=(allowed(f"inner.example:{port}"),))
    async with looker(policy, inner_example="127.0.0.1") as tools:
        with pytest.raises(
            SourceDown, match=r"redirects to .* inner.example has the address 127.0.0.1"
        ) as down:
            await read_feed(f"{server.url}/", {}, tools)
        assert (
            not down.value.by_settings
        )  # the feed's owner says so, and perhaps no longer tomorrow
        # Who writes that address is allowed to.
        await read_feed(f"http://inner.example:{port}/", {}, tools)
    assert [request.path for request in server.requests] == ["/", "/"]


async def test_a_feed_is_not_followed_to_another_port_inside(server, tools):
    async with ScriptedServer((200, RSS, HEADERS)) as other:
        server.answers((302, "", {"Location": f"{other.url}/new"}))
        with pytest.raises(
            SourceDown, match="inside your network; if that is right, write that address"
        ):
            await read_feed(f"{server.url}/", {}, tools)
        assert other.requests == []


async def test_a_feed_outside_is_followed_to_nothing_inside_not_even_to_what_is_allowed(server):
    """Who runs it would choose what an inner server is asked."""
    async with ScriptedServer(host=OUTSIDE) as outside:
        outside.answers((302, "", {"Location": f"{server.url}/inside"}))
        policy = EgressPolicy(this_machine=True, internal=lambda address: address != OUTSIDE)
        async with looker(policy) as tools:
            with pytest.raises(SourceDown, match="inside your network"):
                await read_feed(f"{outside.url}/", {}, tools)
    assert server.requests == []


async def test_a_feed_is_not_followed_back_inside_by_way_of_the_outside(server):
    async with ScriptedServer(host=OUTSIDE) as outside:
        server.answers((302, "", {"Location": f"{outside.url}/there"}))
        outside.answers((302, "", {"Location": f"{server.url}/back"}))
        policy = EgressPolicy(this_machine=True, internal=lambda address: address != OUTSIDE)
        async with looker(policy) as tools:
            with pytest.raises(SourceDown, match="inside your network"):
                await read_feed(f"{server.url}/", {}, tools)
    assert [request.path for request in server.requests] == ["/"]


async def test_a_feed_that_must_not_be_reached_is_for_the_settings_to_change(server):
    async with looker(EgressPolicy()) as tools:
        with pytest.raises(SourceDown, match=r"to inside: in appealbridge\.yaml") as down:
            await read_feed(f"{server.url}/", {}, tools)
    assert down.value.by_settings
    assert server.requests == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"])
async def test_no_other_spelling_of_this_machine_is_followed_either(server, tools, host):
    port = server.url.rpartition(":")[2]
    server.answers((302, "", {"Location": f"http://{host}:{port}/inside"}))
    with pytest.raises(SourceDown):
        await read_feed(f"{server.url}/", {}, tools)
    assert [request.path for request in server.requests] == ["/"]


async def test_a_redirect_brings_no_login_along(server, tools):
    there = server.url.replace("http://", "http://stranger:pw@")
    server.answers((302, "", {"Location": f"{there}/new"}))
    await read_feed(f"{server.url}/old", {}, tools)
    assert "Authorization" not in server.requests[1].headers


async def test_a_login_in_the_address_is_handed_to_its_own_server_alone(server):
    own = server.url.replace("http://", "http://force:pw@")
    policy = EgressPolicy(this_machine=True, internal=lambda address: address != OUTSIDE)
    async with ScriptedServer((200, RSS, HEADERS), host=OUTSIDE) as other, looker(policy) as tools:
        server.answers((302, "", {"Location": f"{other.url}/new"}))
        await read_feed(f"{own}/old", {}, tools)
        assert "Authorization" in server.requests[0].headers
        assert "Authorization" not in other.requests[0].headers


async def test_a_login_is_sent_to_the_address_itself_and_nowhere_that_it_points_to(server):
    login = FeedCredentials(username="förce", password=Secret("p:w"))
    policy = EgressPolicy(this_machine=True, internal=lambda address: address != OUTSIDE)
    async with ScriptedServer((200, RSS, HEADERS), host=OUTSIDE) as other, looker(policy) as tools:
        server.answers((302, "", {"Location": "/new"}), (302, "", {"Location": f"{other.url}/x"}))
        await read_feed(f"{server.url}/old", {}, tools, login)
        texts = [
            request.headers.get("Authorization") for request in (*server.requests, *other.requests)
        ]
    assert texts == [f"Basic {b64encode('förce:p:w'.encode()).decode()}"] * 2 + [None]


@pytest.mark.parametrize("etag", ["ü", "x" * 2000, "a\tb"])
async def test_a_validator_that_could_not_be_kept_or_sent_is_forgotten(server, tools, etag):
    server.answers((200, RSS, {"ETag": etag, "Content-Type": "application/rss+xml"}))
    assert (await read_feed(server.url, {}, tools)).cursor.keys() == {"body"}


async def test_a_feed_that_is_gone_for_good_is_said_to_be(server, tools):
    server.answers(410)
    with pytest.raises(SourceDown, match=r"permanently gone \(410\); ask its owner"):
        await read_feed(server.url, {}, tools)


@pytest.mark.parametrize(("status", "after"), [(429, 120.0), (503, 120.0), (500, 120.0)])
async def test_a_feed_may_say_when_to_look_again(server, tools, status, after):
    server.answers((status, "busy", {"Retry-After": "120"}))
    with pytest.raises(SourceDown) as down:
        await read_feed(server.url, {}, tools)
    assert down.value.after == after


@pytest.mark.parametrize("answer", [404, 401, HANG_UP, DAWDLE, TRUNCATE], ids=str)
async def test_a_feed_that_does_not_answer_is_down(server, tools, answer):
    server.otherwise = answer
    with pytest.raises(SourceDown):
        await read_feed(server.url, {}, tools)


async def test_a_feed_that_is_too_long_is_down(server, tools):
    server.answers((200, b" " * (SIZE_LIMIT + 1)))
    with pytest.raises(SourceDown, match="longer than"):
        await read_feed(server.url, {}, tools)


def test_an_entry_goes_by_its_guid_else_its_link_else_its_title_and_date():
    def entry(guid="", link="", **data):
        return FeedEntry(guid, link, data, None)

    assert feed_identity(entry("g", "l", title="t")) == "g"
    assert feed_identity(entry("", "l", title="t")) == "l"
    plain = feed_identity(entry(title="t", published="2026-09-21"))
    assert plain == feed_identity(entry(title="t", published="2026-09-21", text="other"))
    assert plain != feed_identity(entry(title="t", published="2026-09-22"))


def test_a_long_identity_is_bounded_and_still_its_own():
    first, two = short_identity("x" * 1000 + "1"), short_identity("x" * 1000 + "2")
    assert first != two
    assert len(first) <= 300
    assert short_identity("x" * 300) == "x" * 300


async def test_a_feed_that_breaks_off_leaves_no_conditions_behind(server, tools):
    """Whole, it may come with the same ones, and what was cut off would never be seen."""
    server.answers((200, RSS[: RSS.index(b"</item>") + 20], HEADERS))
    look = await read_feed(server.url, {}, tools)
    assert (len(look.entries), look.cursor) == (1, {})
    assert look.notes == ("the feed breaks off; an entry that is not whole was left out",)


async def test_a_feed_that_is_packed_without_saying_so_is_read(server, tools):
    server.answers((200, gzip.compress(RSS), HEADERS))
    assert len((await read_feed(server.url, {}, tools)).entries) == 3


async def test_a_feed_that_calls_itself_a_page_is_read(server, tools):
    server.answers((200, RSS, {"Content-Type": "text/html; charset=utf-8"}))
    assert len((await read_feed(server.url, {}, tools)).entries) == 3


async def test_feeds_that_wait_to_be_read_take_no_thread_from_others(server, tools, monkeypatch):
    """A slow feed holds up other feeds for a while, and nothing else."""
    go_on = threading.Event()
    monkeypatch.setattr(
        "appealbridge.plugin.feeds.fetch.read_in_process",
        lambda *_: go_on.wait(30) and FeedReading([]),
    )
    looks = [asyncio.create_task(read_feed(server.url, {}, tools)) for _ in range(50)]
    while len(server.requests) < 50:  # noqa: ASYNC110 - real sockets need a moment
        await asyncio.sleep(0)
    assert await in_thread(lambda: "free") == "free"
    go_on.set()
    await asyncio.gather(*looks)
