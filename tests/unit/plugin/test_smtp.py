import pytest

from appealbridge.plugin import (
    LoginExpired,
    MailServer,
    Secret,
    TryAgain,
    hand_over,
    log_in,
    mail_server,
)
from appealbridge.testing.mail_server import FINAL_DOT, ScriptedMailServer
from appealbridge.testing.server import HANG_UP

MAIL = b"Subject: x\r\n\r\n.a line that begins with a dot\r\n"


async def send(server, **more):
    place = MailServer(server.url, "example.police.uk", **more)
    await hand_over(place, "press@example.police.uk", "desk@example.org", MAIL, str)


@pytest.fixture
async def server():
    async with ScriptedMailServer() as server:
        yield server


async def test_a_mail_is_handed_over_whole(server):
    await send(server)
    assert server.mails == [MAIL.replace(b"\r\n.a", b"\r\n..a") + b".\r\n"]
    assert server.heard[0] == "EHLO example.police.uk"
    assert server.heard[1:3] == [
        f"MAIL FROM:<press@example.police.uk> SIZE={len(MAIL)}",
        "RCPT TO:<desk@example.org>",
    ]


async def test_whoever_has_a_password_logs_in(server):
    await send(server, username="press", password=Secret("pass"))
    assert any(command.startswith("AUTH PLAIN") for command in server.heard)


async def test_a_password_does_not_cross_a_network_in_the_clear():
    async with ScriptedMailServer("127.0.0.2") as far:  # not one of the names of this machine
        with pytest.raises(LoginExpired, match="starttls: never"):
            await send(far, username="press", password=Secret("pass"))
        assert not any(command.startswith("AUTH") for command in far.heard)


async def test_a_password_crosses_in_the_clear_where_that_is_said_aloud():
    async with ScriptedMailServer("127.0.0.2") as far:
        await send(far, username="press", password=Secret("pass"), starttls="never")
        assert len(far.mails) == 1


async def test_without_the_tls_that_is_demanded_nothing_is_sent(server):
    with pytest.raises(TryAgain, match="STARTTLS"):
        await send(server, starttls="always")
    assert server.mails == []


async def test_tls_from_the_first_byte_where_there_is_none_is_try_again(server):
    server.url = server.url.replace("smtp:", "smtps:")
    with pytest.raises(TryAgain):
        await send(server)


async def test_a_goodbye_that_goes_wrong_changes_nothing(server):
    server.replies["QUIT"] = HANG_UP
    await send(server)
    assert len(server.mails) == 1


async def test_logging_in_sends_nothing(server):
    await log_in(MailServer(server.url, "example.police.uk"), str)
    assert server.heard == ["EHLO example.police.uk", "QUIT"]


async def test_the_servers_own_words_are_told(server):
    server.replies[FINAL_DOT] = "451 4.3.0 the queue is full"
    with pytest.raises(TryAgain, match=r"smtp://127.0.0.1:\d+: 451 4.3.0 the queue is full"):
        await send(server)


@pytest.mark.parametrize(
    "text",
    [
        "mail.internal",
        "http://mail",
        "smtp://",
        "smtp://u:p@mail",
        "smtp://mail:port",
        "smtp://m/x",
    ],
)
def test_what_is_no_mail_server_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        mail_server(text)
