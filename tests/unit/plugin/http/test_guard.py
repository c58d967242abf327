"""What a hostile server may cost, and what is checked here before a proxy is asked."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from contextlib import asynccontextmanager, suppress

import pytest

from appealbridge.media import SOURCE_BYTES, ImageRefused
from appealbridge.model.errors import AddressNotAllowed, Rejected, TryAgain
from appealbridge.plugin.egress import EgressPolicy, allowed, egress_policy, is_internal, proxy_at
from appealbridge.plugin.http import images
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.images import fetch_image
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.offload import Pool
from appealbridge.testing.server import DAWDLE, ScriptedServer, this_machine
from tests import pictures
from tests.proxying import PracticeProxy

OUTSIDE = "127.0.0.2"
"""An address of this machine that stands for one of the public internet."""


def internal(address):
    return address != OUTSIDE and is_internal(address)


class Names:
    """A name server; it does not know other names. `asked` are those that it was asked for."""

    def __init__(self, **addresses):
        self.addresses = {name.replace("_", "."): item for name, item in addresses.items()}
        self.queries = []

    def __call__(self, host, port, **_):
        self.queries.append(host)
        if host not in self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        result = self.addresses[host]
        if ":" in result:
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (result, port, 0, 0))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (result, port))]


@asynccontextmanager
async def client(policy, names=None, *, within=10.0):
    resolver = None if names is None else Resolver(Pool("names", 2), names)
    async with open_session(policy=lambda: policy, resolver=resolver) as session:
        yield Http(session, str, now=lambda: 0.0, timeout=within)


@asynccontextmanager
async def raw_server(*parts, endless=b""):
    """Answer each request with these bytes, and then with the same again and again."""
    taken = []

    async def talk(reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
            while endless:
                writer.write(endless)
                await writer.drain()
                taken.append(len(endless))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", taken
    server.close()


# -- a proxy ----------------------------------------------------------------------------------------

INSIDE_BY_NAME = [
    "127.0.0.1",
    "10.0.0.5",
    "169.254.169.254",
    "::ffff:10.0.0.5",
    "64:ff9b::a00:5",
    "2002:a00:5::1",
]


@pytest.mark.parametrize("address", INSIDE_BY_NAME)
async def test_a_public_name_that_leads_inside_here_is_not_asked_for_at_the_proxy(address):
    names = Names(**{"evil.example": address})
    async with PracticeProxy() as proxy:
        policy = egress_policy((), (), None, proxy=proxy_at(proxy.url))
        async with client(policy, names) as http:
            for get in (http.get, http.get_outside):
                for url in ("http://evil.example/", "https://evil.example/"):
                    with pytest.raises(AddressNotAllowed, match="inside your network"):
                        await get(url)
            with pytest.raises(AddressNotAllowed, match="inside your network"):
                await http.open_socket("evil.example", 587)
        assert proxy.requests == []


async def test_a_name_that_is_not_known_here_is_left_to_the_proxy_and_looked_up_once():
    names = Names()
    async with ScriptedServer() as server, PracticeProxy() as proxy:
        proxy.places["news.example:8080"] = server.url.removeprefix("http://")
        server.otherwise = (200, {}, {"Connection": "close"})
        policy = egress_policy((), (), None, proxy=proxy_at(proxy.url))
        async with client(policy, names) as http:
            for _ in range(3):
                await http.get("http://news.example:8080/")
        assert len(server.requests) == 3
    assert names.queries == ["news.example"]


async def test_a_name_server_that_hangs_leaves_the_name_to_the_proxy(monkeypatch):
    monkeypatch.setattr("appealbridge.plugin.http.session._LOOK_UP_SECONDS", 0.01)
    answers = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hangs(*_, **__):
        asyncio.run_coroutine_threadsafe(answers.wait(), loop).result()
        raise socket.gaierror(socket.EAI_AGAIN, "late")

    async with ScriptedServer() as server, PracticeProxy() as proxy:
        proxy.places["news.example:8080"] = server.url.removeprefix("http://")
        policy = egress_policy((), (), None, proxy=proxy_at(proxy.url))
        async with client(policy, hangs) as http:
            await http.get("http://news.example:8080/")
        answers.set()
        assert len(server.requests) == 1


async def test_a_public_name_that_is_public_here_goes_through_the_proxy():
    async with ScriptedServer() as server, PracticeProxy() as proxy:
        proxy.places["news.example:8080"] = server.url.removeprefix("http://")
        policy = egress_policy((), (), None, proxy=proxy_at(proxy.url))
        async with client(policy, Names(news_example="93.184.215.14")) as http:
            await http.get("http://news.example:8080/")
        assert len(proxy.requests) == 1


# -- what an answer may cost ------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"X-%d: a\r\n", b"X: " + b"a" * 4000 + b"\r\n"])
async def test_a_flood_of_headers_is_not_read_to_its_end(line):
    async with (
        raw_server(b"HTTP/1.1 200 OK\r\n", endless=line * 20) as (url, taken),
        client(this_machine()) as http,
    ):
        with pytest.raises(TryAgain):
            await http.get(url)
    assert sum(taken) < 16 * 1024 * 1024


async def test_one_header_without_an_end_is_not_read_to_its_end():
    async with (
        raw_server(b"HTTP/1.1 200 OK\r\nX: ", endless=b"a" * 10_000) as (url, taken),
        client(this_machine()) as http,
    ):
        with pytest.raises(TryAgain):
            await http.get(url)
    assert sum(taken) < 16 * 1024 * 1024


async def test_answers_before_the_answer_are_not_read_for_ever():
    async with (
        raw_server(endless=b"HTTP/1.1 103 Early Hints\r\n\r\n") as (url, taken),
        client(this_machine()) as http,
    ):
        with pytest.raises(TryAgain, match="more than 20 interim answers"):
            await http.get(url)
    assert sum(taken) < 16 * 1024 * 1024


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked_in_memory(packing):
    zeros = bytes(300 * 1024 * 1024)
    bomb = gzip.compress(zeros, 1) if packing == "gzip" else zlib.compress(zeros, 1)
    del zeros
    async with ScriptedServer() as server, client(this_machine()) as http:
        server.answers((200, bomb, {"Content-Encoding": packing}))
        with pytest.raises(ImageRefused, match="larger than 20 MB"):
            await fetch_image(server.url, http)


async def test_a_body_that_comes_too_slowly_is_given_up():
    async with (
        raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"slow") as (url, _),
        client(this_machine(), within=0.3) as http,
    ):
        with pytest.raises(TryAgain):
            await http.get(url)
    async with ScriptedServer(DAWDLE) as server, client(this_machine(), within=0.3) as http:
        with pytest.raises(TryAgain, match="no answer in time"):
            await http.get(server.url)


# -- pictures ---------------------------------------------------------------------------------------


async def test_a_picture_is_fetched_whole_through_redirects():
    async with (
        ScriptedServer(host=OUTSIDE) as server,
        client(EgressPolicy(internal=internal)) as http,
    ):
        server.answers(
            (302, "", {"Location": "/b"}),
            (307, "", {"Location": "/c"}),
            (301, "", {"Location": "photo.jpg"}),
            (200, pictures.jpeg()),
        )
        assert await fetch_image(f"{server.url}/first", http) == pictures.jpeg()
        assert [request.path for request in server.requests][-1] == "/photo.jpg"
        assert "image/avif" not in server.requests[0].headers["Accept"]


async def test_a_picture_is_not_fetched_through_more_than_three_redirects():
    async with (
        ScriptedServer(host=OUTSIDE) as server,
        client(EgressPolicy(internal=internal)) as http,
    ):
        server.otherwise = lambda request: (302, "", {"Location": request.path + "x"})
        with pytest.raises(Rejected, match="redirects more than 3 times"):
            await fetch_image(f"{server.url}/a", http)
        assert len(server.requests) == 4


async def test_a_picture_is_fetched_inside_only_where_inside_names_it():
    async with ScriptedServer() as inner:
        written = egress_policy((), (f"{inner.url}/rss",), None)
        async with client(written) as http:
            await http.get(f"{inner.url}/rss")
            with pytest.raises(AddressNotAllowed, match=r"add .* to inside:"):
                await fetch_image(f"{inner.url}/photo.jpg", http)
        assert len(inner.requests) == 1
        named = egress_policy((allowed(inner.url.removeprefix("http://")),), (), None)
        async with client(named) as http:
            await fetch_image(f"{inner.url}/photo.jpg", http)
        assert len(inner.requests) == 2


async def test_a_server_inside_that_may_be_asked_may_name_another_of_its_addresses():
    async with ScriptedServer() as inner:
        named = egress_policy((allowed(inner.url.removeprefix("http://")),), (), None)
        inner.answers((302, "", {"Location": "/2026/photo.jpg"}), (200, pictures.jpeg()))
        async with client(named) as http:
            assert await fetch_image(f"{inner.url}/photo.jpg", http) == pictures.jpeg()


async def test_a_redirect_of_a_picture_reaches_nothing_inside_not_even_what_is_allowed():
    async with ScriptedServer() as inner, ScriptedServer(host=OUTSIDE) as outside:
        entry = allowed(inner.url.removeprefix("http://"))
        policy = EgressPolicy(inside=(entry,), internal=internal)
        outside.answers((302, "", {"Location": f"{inner.url}/photo.jpg"}))
        async with client(policy) as http:
            with pytest.raises(AddressNotAllowed, match="no other server may lead there"):
                await fetch_image(f"{outside.url}/photo.jpg", http)
        assert inner.requests == []


@pytest.mark.parametrize(
    "there", ["file:///etc/passwd", "ftp://a.example/x", "data:image/png,x", "gopher://a/"]
)
async def test_a_picture_is_fetched_by_http_only(there):
    async with (
        ScriptedServer(host=OUTSIDE) as server,
        client(EgressPolicy(internal=internal)) as http,
    ):
        with pytest.raises(Rejected, match="not a web address"):
            await fetch_image(there, http)
        server.answers((302, "", {"Location": there}))
        with pytest.raises(Rejected, match="not a web address"):
            await fetch_image(server.url, http)


async def test_a_picture_larger_than_20_mb_is_refused_and_not_read_to_its_end():
    async with (
        raw_server(b"HTTP/1.1 200 OK\r\n\r\n", endless=b"x" * 100_000) as (url, taken),
        client(this_machine(), within=60.0) as http,
    ):
        with pytest.raises(ImageRefused, match="larger than 20 MB; give the address of a smaller"):
            await fetch_image(url, http)
    assert sum(taken) < 2 * SOURCE_BYTES
    async with ScriptedServer() as server, client(this_machine()) as http:
        server.answers((200, bytes(SOURCE_BYTES)))
        assert len(await fetch_image(server.url, http)) == SOURCE_BYTES


async def test_all_requests_for_a_picture_have_one_limit_of_time(monkeypatch):
    monkeypatch.setattr(images, "SECONDS", 0.2)
    async with (
        ScriptedServer(host=OUTSIDE) as server,
        client(EgressPolicy(internal=internal)) as http,
    ):
        server.answers((302, "", {"Location": "/next"}), DAWDLE)
        with pytest.raises(TryAgain, match="not complete after"):
            await fetch_image(server.url, http)


async def test_an_address_without_a_picture_is_told():
    async with ScriptedServer() as server, client(this_machine()) as http:
        server.answers((404, "no"))
        with pytest.raises(Rejected, match="404"):
            await fetch_image(server.url, http)
