"""
Whatever a platform answers: a receipt that can be kept, or one of the failures of the door.

The answers come from a server that writes any bytes, for every channel that the contract suites
know, which are all there are.
"""

import asyncio
import itertools
import random
import time
import tracemalloc
from contextlib import suppress
from types import SimpleNamespace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from appealbridge.engine.delivery.sanitize import sanitized_receipt, sanitized_search
from appealbridge.model.errors import (
    AccountRefused,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult, Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.logins import Logins
from appealbridge.plugin.http.reply import Effect
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.published import Edits, Standing
from appealbridge.redact import Redactor
from appealbridge.testing.channel_case import NOW, PLANTED, a_delivery
from appealbridge.testing.http_contract import HttpChannelContract
from appealbridge.testing.server import this_machine
from tests.contract import test_channels
from tests.properties.strategies import ODD_TEXTS, drawn, trees, written

CASES = {
    suite.case.channel.platform: suite.case
    for suite in vars(test_channels).values()
    if isinstance(suite, type) and issubclass(suite, HttpChannelContract) and "case" in vars(suite)
}
VERBS = ["deliver", "deliver", "find", "check", "remove", "edit", "look", "look"]
UNSEEN = (AccountRefused, LoginExpired, TryAgain, Unsure)

NAMES = [
    "data", "meta", "id", "text", "entities", "urls", "url", "expanded_url", "created_at", "next_token",
    "paging", "cursors", "after", "next", "message", "permalink_url", "created_time", "error", "code",
    "error_subcode", "error_user_msg", "is_transient", "content", "acct", "username", "name", "spoiler_text",
]  # fmt: skip
ANY = trees(NAMES, leaves=6)
POST = st.fixed_dictionaries(
    {"id": st.just("12") | ANY, "text": ANY, "content": ANY, "message": ANY},
    optional={"created_at": ANY, "created_time": ANY, "entities": ANY, "url": ANY},
)
VALUES = st.one_of(
    ANY,
    POST,
    st.lists(POST, max_size=3),
    st.fixed_dictionaries(
        {"data": POST | st.lists(POST, max_size=3) | ANY},
        optional={"meta": ANY, "paging": ANY, "id": ANY, "acct": ANY},
    ),
    st.fixed_dictionaries(
        {"error": st.fixed_dictionaries({"code": ANY, "message": ANY}, optional={"error_subcode": ANY})}
    ),
)  # fmt: skip
BODIES = written(VALUES)
STATUSES = st.sampled_from([200, 201, 202, 204, 302, 308, 400, 401, 403, 429, 500, 503]) | (
    st.integers(200, 599)
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["Date", "Retry-After", "Location", "x-rate-limit-reset", "x-rate-limit-remaining",
             "x-user-limit-24hour-reset", "X-RateLimit-Reset", "X-RateLimit-Remaining", "RateLimit-Reset",
             "X-Business-Use-Case-Usage", "Content-Type", "ETag", "Link"]
        ),
        st.text(max_size=8)
        | ODD_TEXTS
        | st.sampled_from(
            ["Sun, 06 Nov 1994 08:49:37 GMT", "1 Jan 99999999999999999999 00:00:00 GMT",
             "1 Jan 0001 00:00:00 +2359", "Mon, 01 Jan 9999 00:00:00 -2359", "http://[", "//", "\udcff",
             '{"a":[{"estimated_time_to_regain_access":1e400}]}', '{"a":[{}]}', "[]", "{}"]
        ),
    ),
    max_size=5,
)  # fmt: skip


SESSION = orjson.dumps(
    {
        "accessJwt": "access",
        "refreshJwt": "refresh",
        "did": "did:plc:practice",
        "handle": "a.example",
    }
)


class Canned(Http):
    """The client without a network: requests are answered from a list, over and over, but a login succeeds."""

    def __init__(self, answers):
        self.clean, self.now, self._on_answer = Redactor([PLANTED]).clean, lambda: NOW, None
        self.logins = Logins()
        self._session = self
        self.answers = answers
        self.requests_made = 0
        self.effects = set[Effect]()

    def destination(self, url, params):
        return SimpleNamespace(url=url, path="/", headers={})

    async def _exchange(self, method, url, effect, destination, head, body, limit):
        if url.endswith("/com.atproto.server.createSession"):
            return 200, CIMultiDict(), SESSION
        self.effects.add(effect)
        status, headers, answer = self.answers[self.requests_made % len(self.answers)]
        self.requests_made += 1
        return status, CIMultiDict(headers), answer


async def do(case, verb, url, http):
    """Let the channel do one thing, and see to it that what comes back is what the door allows."""
    tools = Tools(http, NOW, random.Random(0))
    account, message = case.account(url), case.wanted()
    delivery = a_delivery(content=message.model_dump_json(), action=case.channel.action)
    published = case.published.receipt
    try:
        match verb:
            case "check":
                return await case.channel.check(account, tools)
            case "remove" | "look":
                return await getattr(case.channel, verb)(account, published, delivery, tools)
            case "edit" if isinstance(case.channel, Edits):
                return await case.channel.edit(account, message, published, delivery, tools)
            case "edit":
                return ""
        result = await getattr(case.channel, verb)(account, message, delivery, tools)
    except DeliveryError as error:
        after = getattr(error, "after", None)
        assert after is None or 0 <= after < float("inf")
        return error
    return sanitized_receipt(result) if verb == "deliver" else sanitized_search(result, str, 2000)


def is_kept(result):
    """Whether it can be stored as it is: short, and text."""
    match result:
        case Receipt():
            orjson.dumps([result.id, result.url, result.time])
            assert result.id not in ("None", "True", "False")
            assert not result.id.startswith(("{", "["))
        case SearchResult():
            orjson.dumps(result.seen)
            assert result.receipt is None or is_kept(result.receipt)
        case Standing():
            orjson.dumps([result.text, result.seen])
            assert len(result.seen) < 3000
            assert result.there or not result.text
        case DeliveryError() | str():
            orjson.dumps(str(result))
            assert len(str(result)) < 3000
        case _:
            raise AssertionError(result)
    return True


@given(
    st.sampled_from(list(CASES)),
    st.sampled_from(VERBS),
    st.lists(st.tuples(STATUSES, HEADERS, BODIES), min_size=1, max_size=3),
)
@drawn(250)
def test_any_answer_is_a_receipt_or_a_failure_of_the_door(platform, verb, answers):
    case, http = CASES[platform], Canned(answers)
    result = asyncio.run(do(case, verb, "http://127.0.0.1:1", http))
    assert is_kept(result)
    assert PLANTED not in str(result)
    assert http.requests_made < 100
    assert verb != "look" or isinstance(result, (Standing, *UNSEEN))


@given(st.sampled_from(list(CASES)), st.sampled_from([*range(200, 600)]), HEADERS, BODIES)
@drawn(200)
def test_no_answer_but_the_platforms_own_says_that_a_post_is_gone(platform, status, headers, body):
    """A withdrawal would be believed, and the post would stay up."""
    http = Canned([(status, headers, body)])
    result = asyncio.run(do(CASES[platform], "look", "http://127.0.0.1:1", http))
    if isinstance(result, Standing) and not result.there:
        assert platform == "mastodon"  # on the others, a random answer never has its words
        assert status in (404, 410)
        assert orjson.loads(body)["error"]


@given(st.sampled_from(list(CASES)), st.sampled_from([200, 201, 202, 299]), HEADERS, BODIES)
@drawn(100)
def test_a_good_status_that_cannot_be_read_is_never_try_again(platform, status, headers, body):
    """The post may stand there: to send it again would publish it twice."""
    http = Canned([(status, headers, body)])
    result = asyncio.run(do(CASES[platform], "deliver", "http://127.0.0.1:1", http))
    # A channel may search first; what comes back from that says nothing of the post.
    assert isinstance(result, Receipt | Unsure) or Effect.CREATE not in http.effects


class Wire:
    """Answers each request with the next bytes, whatever they are."""

    def __init__(self):
        self.answers = []
        self.url = ""

    async def open(self):
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.session = open_session(policy=this_machine)
        self.http = Http(self.session, Redactor([PLANTED]).clean, now=lambda: NOW, timeout=5.0)

    async def close(self):
        await self.session.close()
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, reader, writer):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r")[0]
            await reader.readexactly(int(length or 0))
            for part in self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]:
                writer.write(part)
                await writer.drain()
        writer.close()


@pytest.fixture(scope="module")
def wire():
    with asyncio.Runner() as runner:
        server = Wire()
        runner.run(server.open())
        server.run = runner.run
        yield server
        runner.run(server.close())


FRAMES = {
    "whole": lambda head, body: b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body),
    "cut off": lambda head, body: b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body) + 9, body),
    "more than said": lambda head, body: b"%sContent-Length: 1\r\n\r\n%s" % (head, body),
    "in chunks": lambda head, body: (
        b"%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (head, len(body), body)
    ),
    "in broken chunks": lambda head, body: (
        b"%sTransfer-Encoding: chunked\r\n\r\nzz\r\n%s" % (head, body)
    ),
    "packed": lambda head, body: (
        b"%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (head, len(body), body)
    ),
    "until it closes": lambda head, body: head + b"\r\n" + body,
    "without an end to its head": lambda head, body: head + b"X: " + body,
}


def on_the_wire(status, headers, body, frame):
    head = b"HTTP/1.1 %d Fine\r\n" % status
    for name, value in headers:
        head += f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")
    return FRAMES[frame](head, body)


BYTES = st.one_of(
    st.builds(on_the_wire, st.integers(100, 999), HEADERS, BODIES, st.sampled_from(list(FRAMES))),
    st.binary(max_size=60),
    st.binary(max_size=30).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest),
)


@given(
    st.sampled_from(list(CASES)), st.sampled_from(VERBS), st.lists(BYTES, min_size=1, max_size=2)
)
@drawn(100)
def test_any_bytes_are_a_receipt_or_a_failure_of_the_door(wire, platform, verb, answers):
    wire.answers = [[answer] for answer in answers]
    result = wire.run(do(CASES[platform], verb, wire.url, wire.http))
    assert is_kept(result)
    if verb == "deliver":
        assert isinstance(result, Receipt | Unsure | TryAgain | Rejected)


@pytest.mark.parametrize("platform", list(CASES))
@pytest.mark.parametrize("status", [201, 400])
@pytest.mark.parametrize("verb", ["deliver", "find"])
def test_an_answer_without_end_costs_little_memory(wire, platform, verb, status):
    head = on_the_wire(status, [], b'{"data":[', "until it closes")
    wire.answers = [itertools.chain([head], itertools.repeat(b'{"id":"1","text":"x"},' * 1000))]
    tracemalloc.start()
    result = wire.run(do(CASES[platform], verb, wire.url, wire.http))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert is_kept(result)
    assert peak < 20 * 1024 * 1024


BOMBS = {
    "links that grow into each other": [
        {"id": "1", "text": "a", "entities": {"urls": [{"url": "a", "expanded_url": "aa"}] * 60}}
    ],
    "a link that is nowhere": [
        {"id": "1", "text": "x" * 1000, "entities": {"urls": [{"url": "", "expanded_url": "y" * 9}] * 9}}
    ],
    "tags that never close": [
        {"id": "1", "text": "<a " * 300_000, "content": "<a " * 300_000, "message": "<!--" * 200_000}
    ],
    "dots": [{"id": "1", "text": "a." * 100_000, "content": "a." * 100_000, "message": "a." * 100_000}],
}  # fmt: skip


@pytest.mark.parametrize("posts", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("platform", list(CASES))
def test_posts_made_to_be_costly_to_read_are_not(platform, posts):
    case = CASES[platform]
    listed = posts if platform == "mastodon" else {"data": posts, "meta": {}}
    me = {"id": "1", "acct": "force", "data": {"id": "1", "username": "force"}}
    requested = [me, listed] if platform == "mastodon" else [listed]
    http = Canned([(200, {}, orjson.dumps(each)) for each in requested])
    tracemalloc.start()
    begin = time.process_time()
    result = asyncio.run(do(case, "find", "http://127.0.0.1:1", http))
    spent = time.process_time() - begin
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(result, SearchResult | TryAgain)
    assert spent < 10.0
    assert peak < 60 * 1024 * 1024
