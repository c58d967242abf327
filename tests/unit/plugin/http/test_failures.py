"""Why a connection failed is told in plain words; a private authority is trusted if the settings name it."""

import errno
import random
import socket
import ssl
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web

from appealbridge.model.errors import SourceDown, TryAgain, Unsure
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.egress import EgressPolicy, Route
from appealbridge.plugin.feeds import read_feed
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.failures import failure_reason
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.offload import Pool
from appealbridge.testing.server import DAWDLE, HANG_UP, TRUNCATE, ScriptedServer
from tests.leaps import runs_out

FEED = b'<rss version="2.0"><channel><item><guid>1</guid><title>A</title></item></channel></rss>'


@asynccontextmanager
async def client(authority=None, *, lookup=socket.getaddrinfo, within=30.0):
    pem = "" if authority is None else authority.cert_pem.bytes().decode()
    policy = EgressPolicy(this_machine=True, route=Route(authorities=pem))
    resolver = Resolver(Pool("names", 2), lookup)
    async with open_session(policy=lambda: policy, resolver=resolver) as session:
        yield Http(session, str, now=lambda: 0.0, timeout=within)


@asynccontextmanager
async def tls_server(authority, name="localhost"):
    """Serve a feed over TLS; yield its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)

    async def answer(_):
        return web.Response(body=FEED, content_type="application/rss+xml")

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def nobody():
    """Return a port at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def no_such_name(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def no_name_server(*_, **__):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


async def test_a_refused_connection_is_told_in_plain_words(nobody):
    async with client() as http:
        with pytest.raises(TryAgain) as failed:
            await http.post(f"http://127.0.0.1:{nobody}/posts", json={})
    assert str(failed.value) == (
        f"POST http://127.0.0.1:{nobody}/posts: cannot connect to 127.0.0.1:{nobody}: connection refused"
    )


async def test_several_addresses_that_are_refused_are_one_refusal(nobody):
    def two(host, port, **_):
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in ("127.0.0.1", "127.0.0.3")
        ]

    async with client(lookup=two) as http:
        with pytest.raises(TryAgain) as failed:
            await http.get(f"http://localhost:{nobody}/")
    assert str(failed.value).endswith(f"cannot connect to localhost:{nobody}: connection refused")


@pytest.mark.parametrize(
    ("lookup", "reason"),
    [
        (no_such_name, "there is no such name"),
        (
            no_name_server,
            "its name cannot be looked up, because the name servers do not answer",
        ),
    ],
)
async def test_a_name_without_an_address_is_told_in_plain_words(lookup, reason):
    async with client(lookup=lookup) as http:
        with pytest.raises(TryAgain) as failed:
            await http.get("https://api.example/posts")
        with pytest.raises(OSError, match=reason) as of_mail:
            await http.open_socket("mail.example", 587)
    assert str(failed.value) == (
        f"GET https://api.example/posts: cannot connect to api.example:443: {reason}"
    )
    assert str(of_mail.value) == f"cannot connect to mail.example:587: {reason}"


async def test_tls_with_a_server_that_has_none_is_told_in_plain_words():
    async with ScriptedServer() as plain, client() as http:
        place = plain.url.removeprefix("http://")
        with pytest.raises(TryAgain) as failed:
            await http.get(f"https://{place}/")
    assert str(failed.value).startswith(
        f"GET https://{place}/: cannot connect to {place}: TLS does not work there ("
    )
    assert "[SSL" not in str(failed.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (HANG_UP, "the server closed the connection without an answer"),
        (TRUNCATE, "the answer broke off before its end"),
    ],
)
async def test_an_answer_that_does_not_come_is_told_in_plain_words(answer, reason):
    async with ScriptedServer(answer) as server, client() as http:
        with pytest.raises(Unsure) as failed:
            await http.post(f"{server.url}/posts", json={})
    assert str(failed.value) == f"POST {server.url}/posts: {reason}"


async def test_a_server_that_says_nothing_is_told_in_plain_words():
    async with ScriptedServer(DAWDLE) as server, client() as http:
        with pytest.raises(Unsure) as failed:
            await runs_out(http.post(f"{server.url}/posts", json={}), server.hears(1))
    assert str(failed.value) == f"POST {server.url}/posts: no answer in time"


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETDOWN])
def test_no_reason_shows_a_number_or_brackets(number):
    reason = failure_reason(OSError(number, f"[Errno {number}] Connect call failed ('::1', 1, 0)"))
    assert reason.isprintable()
    assert not set(reason) & set("[]()'0123456789")


# -- a private authority ----------------------------------------------------------------------------


async def test_a_server_of_an_authority_in_the_settings_is_trusted(authority):
    async with tls_server(authority) as port, client(authority) as http:
        reply = await http.get(f"https://localhost:{port}/rss")
    assert reply.body == FEED


@pytest.mark.parametrize("settings_name", ["no authority", "another authority"])
async def test_a_server_of_any_other_authority_is_not_trusted(authority, settings_name):
    trusted = trustme.CA() if settings_name == "another authority" else None
    async with tls_server(authority) as port, client(trusted) as http:
        with pytest.raises(
            TryAgain,
            match=r"its certificate is not trusted \(.+\); .* ca_file: in appealbridge.yaml",
        ):
            await http.get(f"https://localhost:{port}/rss")


async def test_a_trusted_server_must_have_the_right_name(authority):
    async with tls_server(authority, "elsewhere.example") as port, client(authority) as http:
        with pytest.raises(TryAgain, match="its certificate is not trusted"):
            await http.get(f"https://localhost:{port}/rss")


async def test_a_feed_of_an_authority_in_the_settings_is_read(authority):
    async with tls_server(authority) as port:
        url = f"https://localhost:{port}/rss"
        async with client(authority) as http:
            poll = await read_feed(url, {}, Tools(http, 0.0, random.Random(1)))
        async with client() as http:
            with pytest.raises(SourceDown, match="its certificate is not trusted"):
                await read_feed(url, {}, Tools(http, 0.0, random.Random(1)))
    assert [entry.guid for entry in poll.entries] == ["1"]
