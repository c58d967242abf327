"""Bluesky's own server (a PDS), and Bluesky's own client library to read from it."""

import json

import aiohttp
import pytest

from tests.real.servers import free_port, install, output_of, running

HANDLE, PASSWORD = "force.test", "practice-password"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A PDS: its address, and a function that reads what an account has published."""
    folder, port = install("bluesky"), free_port()
    url = f"http://127.0.0.1:{port}"

    def read(handle=HANDLE):
        return json.loads(output_of(["node", folder / "read.mjs", url, handle]))

    command = ["node", folder / "serve.mjs", str(port), str(free_port())]
    with running(command, port, tmp_path_factory.mktemp("bluesky") / "log"):
        yield url, read


async def asks(session, url, method, body, token=""):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with session.post(f"{url}/xrpc/{method}", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_the_server_takes_a_post_and_shows_it(server):
    url, read = server
    async with aiohttp.ClientSession() as session:
        account = {"email": "press@example.org", "handle": HANDLE, "password": PASSWORD}
        _, account = await asks(session, url, "com.atproto.server.createAccount", account)
        record = {"text": "M6 closed", "createdAt": "2026-11-27T01:00:00.000Z"}
        put = {"repo": account["did"], "collection": "app.bsky.feed.post", "record": record}
        token = account["accessJwt"]
        status, _ = await asks(session, url, "com.atproto.repo.createRecord", put, token)
    assert status == 200
    assert [post["text"] for post in read()] == ["M6 closed"]
