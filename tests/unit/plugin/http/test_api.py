"""The API of one account: its address, its login and what its answers mean, for all requests."""

import time

import pytest

from appealbridge.plugin import Rejected, Secret, Unsure
from appealbridge.plugin.http import Api
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.published import AlreadyGone
from appealbridge.testing.server import ScriptedServer, this_machine


@pytest.fixture
async def server():
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def http():
    async with open_session(agent="AppealBridge/test", policy=this_machine) as session:
        yield Http(session, str, now=time.time)


async def test_each_request_has_the_login_and_goes_below_the_root(server, http):
    api = Api(http, f"{server.url}/v1", bearer=Secret("abc"))
    await api.get("posts", params={"page": "2"})
    await api.post("posts", json={})
    await api.change("DELETE", "posts/7")
    requested = [
        (request.method, request.path, request.headers["Authorization"])
        for request in server.requests
    ]
    assert requested == [
        ("GET", "/v1/posts", "Bearer abc"),
        ("POST", "/v1/posts", "Bearer abc"),
        ("DELETE", "/v1/posts/7", "Bearer abc"),
    ]


async def test_the_whole_address_with_its_query_is_signed(server, http):
    signed = []

    def sign(method, url):
        signed.append((method, url))
        return {"Authorization": "signed"}

    api = Api(http, server.url, sign=sign)
    await api.get("posts", params={"a": "b c"})
    await api.post("posts", json={"text": "not signed"})
    assert signed == [("GET", f"{server.url}/posts?a=b+c"), ("POST", f"{server.url}/posts")]
    assert [request.headers["Authorization"] for request in server.requests] == ["signed", "signed"]


async def test_an_answer_means_what_the_account_says_unless_a_request_says_otherwise(server, http):
    server.answers((500, ""), (500, ""), (404, ""), (404, ""))
    api = Api(http, server.url, lambda reply: reply.error(Rejected))
    with pytest.raises(Rejected):
        await api.post("posts")
    with pytest.raises(AlreadyGone):
        await api.get("posts", failure=lambda reply: reply.error(AlreadyGone))
    plain = Api(http, server.url)
    with pytest.raises(AlreadyGone):
        await plain.change("DELETE", "posts/7")
    server.answers((500, ""))
    assert (await plain.get("posts", accept=(404,))).status == 404
    with pytest.raises(Unsure):
        await plain.post("posts")
