import asyncio
import gzip
import socket
import ssl
import time

import pytest

from appealbridge.model.errors import AddressNotAllowed
from appealbridge.plugin import AccountRefused, LoginExpired, Rejected, Secret, TryAgain, Unsure
from appealbridge.plugin.http import Effect, FormFile
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.redact import Redactor
from appealbridge.testing.server import DAWDLE, HANG_UP, TRUNCATE, ScriptedServer, this_machine
from tests.leaps import runs_out

TOKEN = "t0ken-that-nobody-may-see"


@pytest.fixture
async def server():
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def session():
    async with open_session(agent="AppealBridge/test", policy=this_machine) as session:
        yield session


def door(session, timeout=5.0):
    return Http(session, Redactor([TOKEN]).clean, now=time.time, timeout=timeout)


@pytest.fixture
def http(session):
    return door(session)


UNCLEAR = [HANG_UP, TRUNCATE, (500, "oh"), (302, "", {"Location": "https://elsewhere.example"})]


@pytest.mark.parametrize("answer", UNCLEAR, ids=["hang up", "truncate", "500", "302"])
async def test_an_unclear_answer_to_a_creation_is_unsure(server, http, answer):
    server.answers(answer)
    with pytest.raises(Unsure):
        await http.post(server.url, json={})


@pytest.mark.parametrize("answer", UNCLEAR, ids=["hang up", "truncate", "500", "302"])
async def test_an_unclear_answer_to_a_question_is_try_again(server, http, answer):
    # A GET on a connection that was just closed is repeated by the library, once.
    server.answers(answer, answer)
    with pytest.raises(TryAgain):
        await http.get(server.url)


@pytest.mark.parametrize(
    "page",
    [
        "<h1>Error 503 first byte timeout</h1>",
        "<h1>503 Backend fetch failed</h1><p>Guru Meditation: XID 7</p>",
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        "heroku router: at=error code=H12",
    ],
)
async def test_a_503_of_a_proxy_that_waited_no_longer_may_hide_a_post(server, http, page):
    server.answers((503, page))
    with pytest.raises(Unsure):
        await http.post(server.url, json={})


@pytest.mark.parametrize(
    "page", ["", "Service Unavailable", '{"error":"please try again"}', "Over capacity"]
)
async def test_any_other_503_says_that_nothing_was_done(server, http, page):
    server.answers((503, page))
    with pytest.raises(TryAgain):
        await http.post(server.url, json={})


async def test_a_failure_quotes_no_more_of_an_answer_than_a_person_reads(http):
    async def answers(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Fine\r\nDate: " + b"x" * 3000 + b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answers, "127.0.0.1", 0) as strange:
        port = strange.sockets[0].getsockname()[1]
        with pytest.raises(Unsure) as raised:
            await http.post(f"http://127.0.0.1:{port}/", json={})
    assert len(str(raised.value)) < 500


async def test_no_answer_in_time_is_unsure(server, session):
    server.answers(DAWDLE)
    with pytest.raises(Unsure, match="no answer in time"):
        await runs_out(door(session).post(server.url, json={}), server.hears(1))


async def test_a_name_that_does_not_exist_is_try_again(http):
    with pytest.raises(TryAgain):
        await http.post("http://no-such-host.invalid/", json={})


async def test_no_tls_is_try_again(server, http):
    with pytest.raises(TryAgain):
        await http.post(server.url.replace("http:", "https:"), json={})


async def test_a_connection_that_does_not_come_about_in_time_is_try_again(session):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), pytest.raises(TryAgain):
            # TLS wants an answer that nobody gives, before anything of the request is sent.
            await door(session, timeout=3.0).post(f"https://127.0.0.1:{address[1]}/", json={})


async def test_a_closed_session_is_try_again(http, session):
    await session.close()
    with pytest.raises(TryAgain, match="stopping"):
        await http.post("http://127.0.0.1:9/", json={})


@pytest.mark.parametrize("url", ["", "ftp://example.org/", "http://", "://"])
async def test_what_is_no_address_is_rejected(http, url):
    with pytest.raises(Rejected):
        await http.post(url, json={})


async def test_a_redirect_is_not_followed(server, http):
    server.answers((308, "", {"Location": f"{server.url}/there?token={TOKEN}"}))
    with pytest.raises(AccountRefused, match="give the final address") as caught:
        await http.post(server.url, json={})
    assert len(server.requests) == 1
    assert "/there" in str(caught.value)
    assert "?" not in str(caught.value)


async def test_an_accepted_status_is_returned(server, http):
    server.answers((304, None))
    assert (await http.get(server.url, accept={304})).status == 304


async def test_an_answer_longer_than_wanted_is_not_read(server, http):
    server.answers((200, "x" * 5000))
    with pytest.raises(TryAgain, match="longer than 1000 bytes"):
        await http.get(server.url, limit=1000)


async def test_a_bomb_is_an_answer_that_is_too_long(server, http):
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
    server.answers((200, bomb, {"Content-Encoding": "gzip"}))
    begin = time.process_time()
    with pytest.raises(Unsure, match="longer than"):
        await http.post(server.url, json={})
    assert time.process_time() - begin < 2.0


async def test_an_answer_may_be_packed(server, http):
    server.answers((200, gzip.compress(b'{"id": 1}'), {"Content-Encoding": "gzip"}))
    assert (await http.get(server.url)).json() == {"id": 1}


async def test_no_error_tells_query_or_password(server, http):
    host = server.url.removeprefix("http://")
    server.answers((404, "no"))
    with pytest.raises(Rejected) as caught:
        await http.get(f"http://user:hidden1@{host}/path?key=hidden2#hidden3")
    assert "/path" in str(caught.value)
    assert "hidden" not in str(caught.value)


async def test_a_secret_is_cleaned_before_the_words_are_cut_short(server, http):
    server.answers((400, "x" * 290 + TOKEN))
    with pytest.raises(Rejected) as caught:
        await http.post(server.url, bearer=Secret(TOKEN), json={})
    assert TOKEN[:8] not in str(caught.value)


async def test_nothing_that_the_server_sets_comes_back(server, http):
    server.answers((200, {}, {"Set-Cookie": "a=b"}))
    await http.get(server.url)
    await http.get(server.url)
    assert "Cookie" not in server.requests[1].headers
    assert server.requests[1].headers["User-Agent"] == "AppealBridge/test"


async def test_a_proxy_of_the_environment_is_not_asked(server, http, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await http.get(server.url)).status == 200


async def test_a_form_arrives_as_one(server, http):
    await http.post(server.url, form={"message": "Größe & Co", "link": "https://a.example/?b=c"})
    request = server.requests[0]
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.body == b"message=Gr%C3%B6%C3%9Fe+%26+Co&link=https%3A%2F%2Fa.example%2F%3Fb%3Dc"


async def test_json_and_a_bearer_arrive_as_such(server, http):
    await http.post(server.url, json={"text": "é"}, bearer=Secret("abc"))
    request = server.requests[0]
    assert request.json() == {"text": "é"}
    assert request.headers["Authorization"] == "Bearer abc"


async def test_a_line_break_in_a_header_never_leaves(server, http):
    with pytest.raises(LoginExpired) as caught:
        await http.post(server.url, bearer=Secret(f"{TOKEN}\r\nX-Evil: 1"), json={})
    assert server.requests == []
    assert TOKEN not in str(caught.value)


LOOP = {}
LOOP["again"] = LOOP


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": {"X-Note": "a\r\nX-Evil: 1"}, "json": {}},
        {"headers": {"X-Note\n": "a"}, "json": {}},
        {"headers": {"X-Note": 7}, "json": {}},
        {"json": {"text": "half a surrogate pair: \udc80"}},
        {"json": {"a thing that is no JSON": object}},
        {"json": LOOP},
        {"form": {"message": "\udc80"}},
        {"form": 7},
    ],
    ids=str,
)
async def test_what_cannot_even_be_sent_is_surely_not_sent(server, http, wrong):
    """It failed before the network, so it is no unclear answer of the network."""
    with pytest.raises(Rejected, match="not sent"):
        await http.post(server.url, **wrong)
    assert server.requests == []


async def test_credentials_in_an_address_are_surely_not_sent(server, http):
    host = server.url.removeprefix("http://")
    with pytest.raises(Rejected, match="not sent") as caught:
        await http.post(f"http://user:hidden@{host}/", bearer=Secret(TOKEN), json={})
    assert server.requests == []
    assert "hidden" not in str(caught.value)


async def test_another_effect_may_be_said(server, http):
    server.answers((500, ""))
    with pytest.raises(TryAgain):
        await http.request("DELETE", server.url, Effect.READ)


async def test_an_idle_connection_is_used_again(server, http):
    await http.post(server.url, json={})
    await http.post(server.url, json={})
    assert server.requests[0].connection == server.requests[1].connection


async def test_an_answer_that_came_before_its_request_is_not_taken_for_ours(http, session):
    ended = asyncio.Event()

    async def answers(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nour")
        await ended.wait()
        writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await http.get(url)
        ended.set()
        ((idle, _),) = next(iter(session._conns.values()))
        while not idle.should_close:  # noqa: ASYNC110 - the library tells of it by this alone
            await asyncio.sleep(0)
        assert (await http.post(url, json={})).body == b"our"


async def test_a_post_on_a_connection_that_breaks_is_not_repeated(server, http):
    server.answers(HANG_UP, (200, {}))
    with pytest.raises(Unsure):
        await http.post(server.url, json={})
    assert len(server.requests) == 1


async def test_a_login_in_an_address_is_sent_as_a_header_only(server, http):
    reply = await http.get(f"http://us%20er:pass@{server.url.removeprefix('http://')}/a?b=c#d")
    request = server.requests[0]
    assert request.headers["Authorization"] == "Basic dXMgZXI6cGFzcw=="
    assert reply.url == f"{server.url}/a?b=c"


async def test_a_header_of_the_caller_replaces_the_usual_one(server, http):
    await http.get(server.url, headers={"accept": "text/xml"})
    assert server.requests[0].headers.getall("Accept") == ["text/xml"]


async def test_certificates_are_checked(session):
    context = session._ssl
    assert context is True or context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_the_door_to_the_outside_leads_to_nothing_within(server, http, host):
    port = server.url.rpartition(":")[2]
    with pytest.raises(AddressNotAllowed):
        await http.get_outside(f"http://{host}:{port}/")
    assert server.requests == []


async def test_a_large_request_arrives_whole_and_a_small_one_too(server, http):
    for size in (0, 1, 131_072, 131_073, 1_000_003):
        data = bytes(range(256)) * (size // 256 + 1)
        await http.post(server.url, content=data[:size], headers={"Content-Type": "image/png"})
        assert server.requests[-1].body == data[:size]
        assert server.requests[-1].headers["Content-Type"] == "image/png"


async def test_a_file_is_sent_as_a_form(server, http):
    file = FormFile("file", "a.png", "image/png", b"\x89PNG" * 100_000)
    await http.post(server.url, form={"description": "A badge"}, file=file)
    request = server.requests[-1]
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert file.data in request.body
    assert b"A badge" in request.body


async def test_a_server_that_answers_before_the_whole_request_was_sent_is_heard(session):
    async def refuses(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()
        while await reader.read(65536):
            pass
        writer.close()

    async with await asyncio.start_server(refuses, "127.0.0.1", 0) as strict:
        port = strict.sockets[0].getsockname()[1]
        with pytest.raises(Rejected, match="413 big"):
            await door(session).post(f"http://127.0.0.1:{port}/", content=b"x" * 3_000_000)


async def test_a_server_that_hangs_up_in_the_middle_of_a_request_leaves_it_unsure(session):
    async def hangs_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await reader.read(1000)
        writer.transport.abort()

    async with await asyncio.start_server(hangs_up, "127.0.0.1", 0) as rude:
        port = rude.sockets[0].getsockname()[1]
        with pytest.raises(Unsure):
            await door(session).post(f"http://127.0.0.1:{port}/", content=b"x" * 8_000_000)
