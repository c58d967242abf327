"""The practice platforms as a process of their own: started, killed, told to stop, started again."""

import asyncio
import contextlib
import re
import signal

import aiohttp
import pytest

from appealbridge.practice import Sandbox
from appealbridge.practice.app import AddressUnusable, main
from appealbridge.practice.faults import FaultName
from tests import forking

BEARER = {"Authorization": "Bearer practice-force"}
READY = re.compile(r"practice platforms on (http://\S+) and (smtp://\S+)\n")


@contextlib.asynccontextmanager
async def running(*options):
    process = await forking.start(
        "-m", "appealbridge.practice", "--listen", "127.0.0.1:0", "--smtp", "127.0.0.1:0", *options,
        stdout=forking.PIPE, stderr=forking.PIPE,
    )  # fmt: skip
    try:
        line = (await process.stdout.readline()).decode()
        yield process, READY.fullmatch(line)[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def tweet(url, text):
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/x/2/tweets", json={"text": text}, headers=BEARER) as reply,
    ):
        return (await reply.json())["data"]["id"]


async def posts(url):
    async with aiohttp.ClientSession() as session, session.get(f"{url}/posts") as reply:
        return await reply.json()


async def test_what_was_answered_survives_a_kill(tmp_path):
    state = ("--state", str(tmp_path / "state"))
    async with running(*state) as (process, url):
        answered = [await tweet(url, f"n{number}") for number in range(20)]
        before = await posts(url)
        process.kill()
        await process.wait()
    async with running(*state) as (_, url):
        assert await posts(url) == before
        assert [post["id"] for post in before] == answered
        assert await tweet(url, "after") > answered[-1]


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_even_while_an_answer_hangs(name):
    async with running() as (process, url), aiohttp.ClientSession() as session:
        requested = {"platform": "x", "fault": "post_then_hang", "count": 1}
        async with session.post(f"{url}/faults", json=requested) as reply:
            assert reply.status == 201
        hanging = asyncio.ensure_future(tweet(url, "hangs"))
        while not await posts(url):
            assert not hanging.done()
        process.send_signal(name)
        async with asyncio.timeout(5):
            _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
        with pytest.raises(aiohttp.ClientError):
            await hanging


async def test_a_hanging_answer_has_posted_before_its_client_gives_up():
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        sandbox.faults.add("x", FaultName.POST_THEN_HANG, 1, 60)
        with pytest.raises(TimeoutError):
            await session.post(
                f"{sandbox.url}/x/2/tweets",
                json={"text": "a"},
                headers=BEARER,
                timeout=aiohttp.ClientTimeout(total=0.1),
            )
        assert len(await posts(sandbox.url)) == 1


async def test_a_taken_address_is_named_with_its_cure(sandbox):
    taken = sandbox.url.removeprefix("http://")
    with pytest.raises(AddressUnusable, match=f"{taken}: .*--listen"):
        async with Sandbox(listen=taken):
            pass
    mail = sandbox.smtp_url.removeprefix("smtp://")
    with pytest.raises(AddressUnusable, match=f"{mail}: .*--smtp"):
        async with Sandbox(smtp=mail):
            pass


@pytest.mark.parametrize("address", ["8090", "localhost", "127.0.0.1:99999", "http://127.0.0.1:1"])
def test_an_address_that_is_none_ends_it_with_a_sentence(address, capsys):
    assert main(listen=address) == 1
    assert capsys.readouterr().err == f"{address}: not an address; write it as 127.0.0.1:8090\n"
