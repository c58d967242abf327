"""What is outside is reached through the proxy of the settings, and nothing inside is."""

import ssl
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trustme
from aiohttp import web

from appealbridge.channels.email.smtp import MailServer, hand_over
from appealbridge.model.errors import AddressNotAllowed, TryAgain
from appealbridge.plugin.egress import (
    EgressPolicy,
    Route,
    allowed,
    direct,
    egress_policy,
    is_internal,
    proxy_at,
)
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.mail_server import ScriptedMailServer
from appealbridge.testing.server import DAWDLE, ScriptedServer, this_machine
from tests.leaps import runs_out
from tests.proxying import PracticeProxy

OUTSIDE = "127.0.0.2"
"""An address of this machine that stands for one of the public internet."""
LOGIN = "bridge:pass word"


def policy_of(proxy, authority=None, **more):
    address = proxy.url.replace("//", f"//{more.pop('login', '')}")
    pem = "" if authority is None else authority.cert_pem.bytes().decode()
    return egress_policy((), (), None, proxy=proxy_at(address), authorities=pem, **more)


@asynccontextmanager
async def client(policy, *, within=5.0):
    now = policy if callable(policy) else lambda: policy
    async with open_session(policy=now) as session:
        yield Http(session, str, now=lambda: 0.0, timeout=within)


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
async def platform(authority):
    """A platform with TLS, which is called api.example and is where the proxy says."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("api.example").configure_cert(context)
    requests = []

    async def answer(request):
        requests.append((request.method, request.path_qs, dict(request.headers)))
        return web.json_response({"id": "1"})

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    yield SimpleNamespace(requests=requests, place=f"127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()


async def test_a_platform_is_reached_by_connect_and_only_the_proxy_gets_the_login(
    platform, authority
):
    async with PracticeProxy({"api.example:443": platform.place}, login=LOGIN) as proxy:
        policy = policy_of(proxy, authority, login="bridge:pass%20word@")
        async with client(policy) as http:
            reply = await http.post("https://api.example/posts?draft=1", json={"text": "Hello"})
            await http.post("https://api.example/posts", json={})
    assert reply.json() == {"id": "1"}
    assert proxy.requests == ["CONNECT api.example:443 HTTP/1.1"]  # one tunnel for both
    [(method, path, headers), _] = platform.requests
    assert (method, path) == ("POST", "/posts?draft=1")
    assert "Proxy-Authorization" not in headers
    assert headers["Host"] == "api.example"


async def test_a_platform_with_another_name_in_its_certificate_gets_nothing_through_the_proxy(
    platform, authority
):
    async with (
        PracticeProxy({"other.example:443": platform.place}) as proxy,
        client(policy_of(proxy, authority)) as http,
    ):
        with pytest.raises(TryAgain, match="its certificate is not trusted"):
            await http.post("https://other.example/posts", json={})
    assert platform.requests == []


async def test_a_feed_without_tls_is_asked_for_at_the_proxy():
    async with (
        ScriptedServer() as feed,
        PracticeProxy(
            {"news.example:8080": feed.url.removeprefix("http://")}, login=LOGIN
        ) as proxy,
        client(policy_of(proxy, login="bridge:pass%20word@")) as http,
    ):
        feed.answers((200, {"a": 1}), (200, {"a": 2}))
        assert (await http.get("http://news.example:8080/rss?x=1#top")).json() == {"a": 1}
    assert proxy.requests == ["GET http://news.example:8080/rss?x=1 HTTP/1.1"]
    assert [request.path for request in feed.requests] == ["/rss"]


NEVER = [
    "127.0.0.1", "localhost", "LOCALHOST.", "x.localhost", "::1", "::ffff:127.0.0.1", "10.0.0.5", "169.254.169.254",
    "192.168.1.1", "fd00::1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "intranet", "news.internal",
    "NEWS.INTERNAL.", "printer.local", "cms.example.police.uk", "x.cms.example.police.uk", "CMS.example.police.uk.",
    "plain.example", "www.plain.example", "8.8.4.4", "practice.example",
]  # fmt: skip


@pytest.mark.parametrize("host", NEVER)
def test_what_is_inside_is_never_sent_through_the_proxy(host):
    policy = egress_policy(
        (allowed("cms.example.police.uk"),),
        (),
        "http://practice.example",
        proxy=proxy_at("http://proxy.example:3128"),
        no_proxy=(direct(".plain.example"), direct("8.8.4.0/24")),
    )
    assert policy.proxy_for(host) is None
    assert policy.public_only().proxy_for(host) is None or host == "practice.example"


@pytest.mark.parametrize("host", ["api.example", "8.8.8.8", "2606:4700::1", "notplain.example"])
def test_what_is_outside_is_sent_through_the_proxy(host):
    proxy = proxy_at("http://proxy.example:3128")
    policy = egress_policy((), (), None, proxy=proxy, no_proxy=(direct("plain.example"),))
    assert policy.proxy_for(host) == proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "0x7f.1"])
async def test_no_spelling_of_this_machine_reaches_it_through_the_proxy(host):
    async with ScriptedServer() as inner, PracticeProxy() as proxy:
        port = inner.url.rpartition(":")[2]
        async with client(policy_of(proxy)) as http:
            for get in (http.get, http.get_outside):
                with pytest.raises(TryAgain):
                    await get(f"http://{host}:{port}/")
                with pytest.raises(TryAgain):
                    await get(f"https://{host}:{port}/")
        assert inner.requests == []
        assert proxy.requests == []


async def test_a_name_inside_that_a_stranger_redirects_to_is_not_asked_for_at_the_proxy():
    async with ScriptedServer() as inner, PracticeProxy() as proxy:
        place = inner.url.removeprefix("http://")
        proxy.places["localhost.localdomain:80"] = place
        async with client(policy_of(proxy)) as http:
            with pytest.raises(TryAgain):
                await http.get_outside("http://localhost.localdomain/")
        assert inner.requests == []
        assert proxy.requests == []


async def test_in_practice_mode_nothing_is_published_through_the_proxy():
    async with ScriptedServer() as practice, PracticeProxy() as proxy:
        policy = egress_policy((), (), practice.url, proxy=proxy_at(proxy.url)).publishing()
        async with client(policy) as http:
            await http.post(f"{practice.url}/posts", json={})
            with pytest.raises(TryAgain):
                await http.post("http://api.example/posts", json={})
        assert len(practice.requests) == 1
        assert proxy.requests == []


async def test_an_address_of_the_proxy_itself_is_guarded_like_any_other():
    async with PracticeProxy() as proxy, client(policy_of(proxy)) as http:
        with pytest.raises(AddressNotAllowed, match="inside your network"):
            await http.get(proxy.url)
    assert proxy.requests == []


async def test_the_proxy_that_the_environment_names_is_not_used(monkeypatch):
    async with ScriptedServer(host=OUTSIDE) as outside, PracticeProxy() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        policy = EgressPolicy(internal=lambda each: each != OUTSIDE and is_internal(each))
        async with client(policy) as http:
            await http.get(outside.url)
    assert proxy.requests == []
    assert len(outside.requests) == 1


async def test_a_reload_changes_the_way_to_the_same_address():
    public = {"internal": lambda each: each != OUTSIDE and is_internal(each)}
    async with ScriptedServer(host=OUTSIDE) as outside:
        place = outside.url.removeprefix("http://")
        async with PracticeProxy({place: place}) as proxy:
            now = [EgressPolicy(**public), EgressPolicy(route=Route(proxy_at(proxy.url)), **public)]
            async with client(lambda: now[0]) as http:
                for _ in range(3):
                    await http.get(f"{outside.url}/")
                    now.reverse()
    assert proxy.requests == [f"GET {outside.url}/ HTTP/1.1"]
    assert [request.path for request in outside.requests] == ["/"] * 3


# -- when the proxy does not connect ----------------------------------------------------------------

REFUSALS = {
    b"HTTP/1.1 403 Forbidden\r\n\r\n": (
        AddressNotAllowed,
        (
            "the proxy 127.0.0.1:{port} refuses to connect to api.example:443 (403 Forbidden); have it allowed there; "
            "or add api.example to no_proxy: in appealbridge.yaml, if it needs no proxy"
        ),
    ),
    b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n": (
        AddressNotAllowed,
        (
            "the proxy 127.0.0.1:{port} wants a login (407); put http://USER:PASSWORD@HOST:PORT into a secret, and "
            "write proxy: !secret NAME in appealbridge.yaml"
        ),
    ),
    b"HTTP/1.0 502 Bad Gateway\r\nServer: x\r\n\r\n": (
        TryAgain,
        "the proxy 127.0.0.1:{port} cannot connect to api.example:443 (502 Bad Gateway)",
    ),
    b"SSH-2.0-OpenSSH\r\n\r\n": (
        TryAgain,
        "the proxy 127.0.0.1:{port} did not say whether it connects to api.example:443",
    ),
    b"x" * 100_000: (
        TryAgain,
        "the proxy 127.0.0.1:{port} did not say whether it connects to api.example:443",
    ),
}


@pytest.mark.parametrize("answer", REFUSALS, ids=["403", "407", "502", "another protocol", "long"])
async def test_a_proxy_that_does_not_connect_is_told_and_nothing_is_published(answer):
    kind, message = REFUSALS[answer]
    async with PracticeProxy(answer=answer) as proxy, client(policy_of(proxy)) as http:
        with pytest.raises(TryAgain) as failed:
            await http.post("https://api.example/posts", json={})
    assert type(failed.value) is kind
    assert str(failed.value) == (
        f"POST https://api.example/posts: {message.format(port=proxy.port)}"
    )


async def test_a_proxy_that_refuses_the_login_for_http_is_told():
    async with (
        PracticeProxy(login=LOGIN) as proxy,
        client(policy_of(proxy, login="bridge:wrong@")) as http,
    ):
        with pytest.raises(AddressNotAllowed, match="refuses the login of the settings") as got:
            await http.get("http://api.example/")
    assert "wrong" not in str(got.value)


async def test_a_proxy_that_is_not_there_is_told():
    async with PracticeProxy() as proxy:
        policy = policy_of(proxy)
    async with client(policy) as http:
        for url in ("https://api.example/", "http://api.example/"):
            with pytest.raises(TryAgain) as failed:
                await http.get(url)
            assert str(failed.value) == (
                f"GET {url}: cannot connect to the proxy {proxy.url[7:]}: connection refused"
            )


async def test_a_proxy_that_says_nothing_is_told_in_time():
    async with ScriptedServer() as silent:
        silent.otherwise = DAWDLE
        policy = egress_policy((), (), None, proxy=proxy_at(silent.url))
        async with client(policy) as http:
            with pytest.raises(TryAgain) as failed:
                await runs_out(http.get("https://api.example/"), silent.hears(1))
    assert str(failed.value) == (
        f"GET https://api.example/: cannot connect to api.example:443 through the proxy {silent.url[7:]}: "
        "no answer in time"
    )


# -- mail -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("greets", ["", "together with the proxy's answer"])
async def test_mail_goes_through_the_proxy(greets):
    async with ScriptedMailServer() as server:
        places = {"mail.example:587": server.url.removeprefix("smtp://"), "greets": greets}
        async with PracticeProxy(places) as proxy, client(policy_of(proxy)) as http:
            place = MailServer("smtp://mail.example:587", "example.police.uk")
            await hand_over(place, "a@example.org", "b@example.org", b"Subject: x\r\n\r\nx", http)
        assert proxy.requests == ["CONNECT mail.example:587 HTTP/1.1"]
        assert len(server.mails) == 1


async def test_mail_that_the_proxy_refuses_is_told():
    answer = b"HTTP/1.1 403 Forbidden\r\n\r\n"
    async with PracticeProxy(answer=answer) as proxy, client(policy_of(proxy)) as http:
        place = MailServer("smtp://mail.example:587", "example.police.uk")
        with pytest.raises(AddressNotAllowed) as refused:
            await hand_over(place, "a@example.org", "b@example.org", b"x", http)
    assert str(refused.value) == (
        f"smtp://mail.example:587: the proxy {proxy.url[7:]} refuses to connect to mail.example:587 (403 Forbidden); "
        "have it allowed there; or add mail.example to no_proxy: in appealbridge.yaml, if it needs no proxy"
    )


async def test_mail_to_a_server_inside_does_not_go_through_the_proxy():
    async with ScriptedMailServer() as server, PracticeProxy() as proxy:
        policy = egress_policy((), (server.url,), None, proxy=proxy_at(proxy.url))
        async with client(policy) as http:
            place = MailServer(server.url, "example.police.uk")
            await hand_over(place, "a@example.org", "b@example.org", b"Subject: x\r\n\r\nx", http)
        assert proxy.requests == []
        assert len(server.mails) == 1


def test_this_machine_is_not_reached_through_a_proxy_when_it_is_allowed():
    policy = this_machine()
    assert policy.proxy_for("localhost") is None


# -- the address ------------------------------------------------------------------------------------

WRONG = {
    "proxy.internal:3128": "begins with http://",
    "https://proxy.internal:3128": "begins with http://",
    "socks5://proxy.internal:1080": "begins with http://",
    "http://proxy.internal": "has no port",
    "http://:3128": "is not an address",
    "http://proxy.internal:3128/pac": "a host and a port",
    "http://proxy.internal:99999": "is not an address",
    "http://0x7f.1:3128": "write it as 127.0.0.1",
    "http://a:b%0d%0ac@proxy.internal:3128": "invisible character",
}


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_is_not_a_proxy_is_refused(address):
    with pytest.raises(ValueError, match=WRONG[address]):
        proxy_at(address)


@pytest.mark.parametrize("entry", ["http://a.example", "a.example:80", "", "a b", "0x7f.1"])
def test_an_entry_of_no_proxy_that_means_nothing_is_refused(entry):
    with pytest.raises(ValueError, match="; "):
        direct(entry)


async def test_the_daemon_does_not_wait_for_a_proxy_longer_than_for_a_platform():
    async with (
        PracticeProxy(answer=b"HTTP/1.1 2") as proxy,
        client(policy_of(proxy), within=0.3) as http,
    ):
        with pytest.raises(TryAgain, match="no answer in time"):
            await http.get("https://api.example/")
