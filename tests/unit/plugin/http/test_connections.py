"""Every connection is allowed or refused by the address that it is made to; with real servers on loopback."""

import socket

import aiohttp
import pytest

from appealbridge.channels.email.smtp import MailServer, hand_over
from appealbridge.model.errors import AddressNotAllowed, DeliveryError
from appealbridge.plugin.egress import EgressPolicy, allowed, egress_policy, is_internal
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.offload import Pool
from appealbridge.testing.mail_server import ScriptedMailServer
from appealbridge.testing.server import ScriptedServer

OUTSIDE = "127.0.0.2"
"""An address of this machine that stands for one of the public internet."""


def internal(address):
    return address != OUTSIDE and is_internal(address)


class Names:
    """A name server that gives each name the next of its addresses, and the last one again and again."""

    def __init__(self, **addresses):
        self.addresses = {name.replace("_", "."): [*item] for name, item in addresses.items()}
        self.queries = []

    def __call__(self, host, port, **_):
        self.queries.append(host)
        known = self.addresses.get(host)
        if known is None:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        result = known.pop(0) if len(known) > 1 else known[0]
        addresses = [result] if isinstance(result, str) else result
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM, 6, "", (each, port, 0, 0) if ":" in each else (each, port),
            )
            for each in addresses
        ]  # fmt: skip


@pytest.fixture
async def inner():
    async with ScriptedServer() as server:
        yield server


def session(names, policy):
    return open_session(policy=lambda: policy, resolver=Resolver(Pool("names", 2), names))


def door(session):
    return Http(session, str, now=lambda: 0.0, timeout=5.0)


def port_of(url):
    return int(url.rpartition(":")[2])


async def test_a_name_that_leads_inside_is_not_asked(inner):
    names = Names(news_example=["127.0.0.1"])
    port = port_of(inner.url)
    async with session(names, EgressPolicy()) as session_:
        http = door(session_)
        with pytest.raises(AddressNotAllowed) as refused:
            await http.get(f"http://news.example:{port}/rss?key=1")
    assert inner.requests == []
    assert str(refused.value) == (
        f"GET http://news.example:{port}/rss: news.example has the address 127.0.0.1, which is inside your network; "
        f'if that is right, add "news.example:{port}" to inside: in appealbridge.yaml'
    )


async def test_a_name_that_the_settings_allow_is_asked(inner):
    port = port_of(inner.url)
    policy = EgressPolicy(inside=(allowed(f"news.example:{port}"),))
    async with session(Names(news_example=["127.0.0.1"]), policy) as session_:
        await door(session_).get(f"http://news.example:{port}/")
    assert len(inner.requests) == 1


async def test_a_name_that_leads_elsewhere_at_its_second_look_up_reaches_nothing_inside(inner):
    port = port_of(inner.url)
    names = Names(news_example=[OUTSIDE, "127.0.0.1"])
    async with ScriptedServer(host=OUTSIDE, port=port) as outside:
        async with session(names, EgressPolicy(internal=internal)) as session_:
            await door(session_).get(f"http://news.example:{port}/first")
        async with session(names, EgressPolicy(internal=internal)) as session_:
            http = door(session_)
            with pytest.raises(AddressNotAllowed):
                await http.get(f"http://news.example:{port}/second")
    assert names.queries == ["news.example"] * 2
    assert [request.path for request in outside.requests] == ["/first"]
    assert inner.requests == []


async def test_of_several_addresses_only_those_outside_are_connected_to(inner):
    port = port_of(inner.url)
    names = Names(news_example=[["127.0.0.1", "::1", OUTSIDE]])
    policy = EgressPolicy(internal=internal)
    async with (
        ScriptedServer(host=OUTSIDE, port=port) as outside,
        session(names, policy) as session_,
    ):
        await door(session_).get(f"http://news.example:{port}/")
    assert len(outside.requests) == 1
    assert inner.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST.", "x.localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[::127.0.0.1]", "[64:ff9b::7f00:1]", "0.0.0.0", "[::]", "127.1", "2130706433", "0x7f.1", "0x7f000001",  # noqa: S104 - never bound
        "0177.0.0.1", "017700000001", "127。0。0。1",
    ],
)  # fmt: skip
async def test_no_spelling_of_this_machine_leads_there(inner, host):
    async with session(Names(**{"x.localhost": ["127.0.0.1"]}), EgressPolicy()) as session_:
        with pytest.raises(DeliveryError):
            await door(session_).get(f"http://{host}:{port_of(inner.url)}/")
    assert inner.requests == []


async def test_another_port_of_an_allowed_address_is_elsewhere(inner):
    async with ScriptedServer() as other:
        policy = egress_policy([], [inner.url], None)
        async with session(Names(), policy) as session_:
            await door(session_).get(inner.url)
            with pytest.raises(AddressNotAllowed, match="inside your network"):
                await door(session_).get(other.url)
        assert other.requests == []


async def test_what_the_settings_allow_from_now_on_counts_for_the_next_connection(inner):
    now = [EgressPolicy()]
    async with open_session(policy=lambda: now[0]) as session_:
        with pytest.raises(AddressNotAllowed):
            await door(session_).get(inner.url)
        now[0] = EgressPolicy(this_machine=True)
        await door(session_).get(inner.url)


async def test_a_post_is_surely_not_sent_where_it_must_not_go(inner):
    """So it may be made once the settings allow it, and nobody has to look for it."""
    async with session(Names(), EgressPolicy()) as session_:
        with pytest.raises(AddressNotAllowed):
            await door(session_).post(inner.url, json={})
    assert inner.requests == []


async def test_a_session_without_the_policy_is_no_door():
    async with aiohttp.ClientSession() as bare:
        with pytest.raises(TypeError):
            door(bare)


MAIL = b"Subject: x\r\n\r\nx\r\n"


async def test_a_mail_server_whose_name_leads_inside_is_not_connected_to():
    async with ScriptedMailServer() as server:
        port = port_of(server.url)
        place = MailServer(f"smtp://mail.example:{port}", "example.police.uk")
        names = Names(mail_example=["127.0.0.1"])
        async with session(names, EgressPolicy()) as session_:
            with pytest.raises(AddressNotAllowed) as refused:
                await hand_over(place, "a@example.org", "b@example.org", MAIL, door(session_))
        assert f"smtp://mail.example:{port}: mail.example has the address 127.0.0.1" in str(
            refused.value
        )
        assert f'add "mail.example:{port}" to inside:' in str(refused.value)
        assert server.commands == []
        policy = EgressPolicy(inside=(allowed(f"mail.example:{port}"),))
        async with session(names, policy) as session_:
            await hand_over(place, "a@example.org", "b@example.org", MAIL, door(session_))
        assert len(server.mails) == 1


async def test_a_mail_server_is_found_at_the_first_of_its_addresses_that_answers():
    async with ScriptedMailServer() as server:
        port = port_of(server.url)
        place = MailServer(f"smtp://mail.example:{port}", "example.police.uk")
        names = Names(mail_example=[["127.0.0.9", "127.0.0.1"]])
        async with session(
            names, EgressPolicy(inside=(allowed(f"127.0.0.0/8:{port}"),))
        ) as session_:
            await hand_over(place, "a@example.org", "b@example.org", MAIL, door(session_))
        assert len(server.mails) == 1
