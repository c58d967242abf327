"""Name servers that are slow or dead hold up only what has never been resolved."""

import asyncio
import socket
import threading

import pytest

from appealbridge.plugin.http.resolver import MOST_NAMES, Resolver
from appealbridge.plugin.offload import Pool


class Names:
    """Name servers that a test can make hang or fail, and that count what they are asked."""

    def __init__(self):
        self.asked = []
        self.go = threading.Event()
        self.go.set()
        self.error = None
        self.address = "192.0.2.1"

    def __call__(self, host, port, **_):
        self.asked.append(host)
        self.go.wait(30)
        if self.error is not None:
            raise socket.gaierror(self.error, "no")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, port))]


@pytest.fixture
def names():
    names = Names()
    yield names
    names.go.set()


@pytest.fixture
async def resolver(names):
    return Resolver(Pool("names", 4), names)


async def addresses(resolver, host="api.example"):
    return [result["host"] for result in await resolver.resolve(host, 443)]


async def test_a_name_is_turned_into_its_addresses(resolver):
    (item,) = await resolver.resolve("api.example", 443)
    assert (item["hostname"], item["host"], item["port"]) == ("api.example", "192.0.2.1", 443)


async def test_addresses_are_asked_for_anew_each_time(resolver, names):
    await addresses(resolver)
    names.address = "192.0.2.2"
    assert await addresses(resolver) == ["192.0.2.2"]


async def test_while_name_servers_hang_the_last_addresses_are_used(resolver, names, monkeypatch):
    monkeypatch.setattr("appealbridge.plugin.http.resolver.PATIENCE", 0.01)
    await addresses(resolver)
    names.go.clear()
    assert await addresses(resolver) == ["192.0.2.1"]


async def test_where_name_servers_fail_the_last_addresses_are_used(resolver, names):
    await addresses(resolver)
    names.error = socket.EAI_AGAIN
    assert await addresses(resolver) == ["192.0.2.1"]


async def test_a_name_that_is_gone_is_not_used_any_longer(resolver, names):
    await addresses(resolver)
    names.error = socket.EAI_NONAME
    with pytest.raises(OSError, match="no"):
        await addresses(resolver)


async def test_addresses_of_an_hour_ago_are_not_used(resolver, names, monkeypatch):
    await addresses(resolver)
    monkeypatch.setattr("appealbridge.plugin.http.resolver.STALE_SECONDS", -1.0)
    names.error = socket.EAI_AGAIN
    with pytest.raises(OSError, match="no"):
        await addresses(resolver)


async def test_one_name_is_asked_for_once_however_many_wait_for_it(resolver, names):
    names.go.clear()
    askers = [asyncio.ensure_future(addresses(resolver)) for _ in range(20)]
    await asyncio.sleep(0)
    askers[0].cancel()
    names.go.set()
    assert [await each for each in askers[1:]] == [["192.0.2.1"]] * 19
    assert names.asked == ["api.example"]


async def test_a_bounded_number_of_names_is_remembered(resolver, names):
    for number in range(MOST_NAMES + 1):
        await resolver.resolve(f"{number}.example", 443)
    names.error = socket.EAI_AGAIN
    for number in (1, MOST_NAMES):
        assert await addresses(resolver, f"{number}.example") == ["192.0.2.1"]
    with pytest.raises(OSError, match="no"):
        await addresses(resolver, "0.example")
