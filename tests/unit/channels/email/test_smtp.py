import asyncio
import re
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from appealbridge.channels.email.smtp import MailServer, Timeouts, hand_over, log_in, mail_server
from appealbridge.plugin import (
    AccountRefused,
    DeliveryError,
    LoginExpired,
    Rejected,
    Secret,
    TryAgain,
    Unsure,
)
from appealbridge.plugin.egress import Route
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.mail_server import CONTENT, FINAL_DOT, GREETING, ScriptedMailServer
from appealbridge.testing.server import DAWDLE, HANG_UP, this_machine
from tests.leaps import runs_out

MAIL = b"Subject: x\r\n\r\n.a line that begins with a dot\r\n"
SENDER, DESK = "press@example.police.uk", "desk@example.org"
SOON = Timeouts(command=0.2, hand_over=0.6, final_dot=0.2, listen=0.01)


async def send(server, mail=MAIL, to=DESK, **more):
    place = MailServer(server.url, "example.police.uk", **more)
    async with network() as http:
        await hand_over(place, SENDER, to, mail, http)


@asynccontextmanager
async def network():
    async with open_session(policy=this_machine) as session:
        yield Http(session, str, now=lambda: 0.0)


async def try_login(place, sender=""):
    async with network() as http:
        await log_in(place, http, sender)


@pytest.fixture
async def server():
    async with ScriptedMailServer() as server:
        yield server


async def test_a_mail_is_handed_over_whole(server):
    await send(server)
    assert server.mails == [MAIL.replace(b"\r\n.a", b"\r\n..a") + b".\r\n"]
    assert server.commands[0] == "EHLO example.police.uk"
    assert server.commands[1:3] == [
        f"MAIL FROM:<press@example.police.uk> SIZE={len(MAIL)}",
        "RCPT TO:<desk@example.org>",
    ]


async def test_a_mail_larger_than_what_the_network_holds_is_handed_over_whole(server):
    mail = b"Subject: x\r\n\r\n" + b".\r\n" * 20_000
    await send(server, mail)
    assert server.mails == [mail.replace(b"\r\n.", b"\r\n..") + b".\r\n"]


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n", b"\r\n.\r\n", b"\r.\r\n"]
)
async def test_no_line_end_ends_a_mail_before_its_time(server, end):
    await send(server, b"Subject: x\r\n\r\na" + end + b"MAIL FROM:<x@y.example>" + end)
    (mail,) = server.mails
    lines = mail.removesuffix(b"\r\n.\r\n").split(b"\r\n")
    assert not [line for line in lines if b"\r" in line or b"\n" in line or line == b"."]
    assert len([line for line in server.commands if line.startswith("MAIL")]) == 1


async def test_whoever_has_a_password_logs_in(server):
    await send(server, username="press", password=Secret("pass"))
    assert any(command.startswith("AUTH PLAIN") for command in server.commands)


async def test_a_wrong_password_is_tried_once_and_not_by_every_mechanism(server):
    server.replies["AUTH"] = "535 5.7.8 no such login"
    with pytest.raises(LoginExpired):
        await send(server, username="press", password=Secret("pass"))
    assert len([command for command in server.commands if command.startswith("AUTH")]) == 1


async def test_a_mechanism_that_the_server_does_not_take_after_all_is_followed_by_the_next(server):
    server.replies["AUTH"] = "504 5.5.4 not this one"
    with pytest.raises(LoginExpired):
        await send(server, username="press", password=Secret("pass"))
    mechanisms = [command.split()[1] for command in server.commands if command.startswith("AUTH")]
    assert mechanisms == ["PLAIN", "LOGIN"]


async def test_a_server_that_offers_no_login_holds_up_an_account_with_one(server):
    server.replies["EHLO"] = "250 mail.example"
    with pytest.raises(LoginExpired, match="it offers no login method that AppealBridge knows"):
        await send(server, username="press", password=Secret("pass"))


async def test_a_password_does_not_cross_a_network_in_the_clear():
    async with ScriptedMailServer("127.0.0.2") as far:  # not one of the names of this machine
        with pytest.raises(LoginExpired, match="starttls: never"):
            await send(far, username="press", password=Secret("pass"))
        assert not any(command.startswith("AUTH") for command in far.commands)


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


async def test_the_servers_own_words_are_told(server):
    server.replies[FINAL_DOT] = "451 4.3.0 the queue is full"
    with pytest.raises(TryAgain, match=r"smtp://127.0.0.1:\d+: 451 4.3.0 the queue is full"):
        await send(server)


# -- at each moment ---------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [GREETING, "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
async def test_silence_before_the_final_dot_is_tried_again(server, moment):
    server.replies[moment] = DAWDLE
    with pytest.raises(TryAgain, match="no answer in time"):
        await send(server, username="press", password=Secret("pass"), timeouts=SOON)
    assert server.mails == []


async def test_a_server_that_stops_reading_the_mail_is_tried_again(server):
    server.replies[CONTENT] = DAWDLE
    with pytest.raises(TryAgain, match="no answer in time"):
        await send(server, b"x" * 20_000_000, timeouts=SOON)


async def test_a_server_that_hangs_up_on_a_long_mail_is_tried_again(server):
    server.replies[CONTENT] = HANG_UP
    with pytest.raises(TryAgain):
        await send(server, b"x" * 20_000_000)


async def test_silence_after_the_final_dot_is_unsure(server):
    server.replies[FINAL_DOT] = DAWDLE
    with pytest.raises(Unsure, match="no answer in time"):
        await runs_out(send(server), server.is_handed(1), seconds=1000.0)
    assert len(server.mails) == 1


async def test_answers_that_all_come_in_time_are_too_slow_together(server):
    slow = Timeouts(command=10.0, hand_over=0.2)
    server.replies["RCPT"] = DAWDLE
    with pytest.raises(TryAgain, match="no answer in time"):
        await send(server, timeouts=slow)


async def test_a_server_that_answers_before_its_turn_is_not_believed(server):
    server.replies["DATA"] = "354 go on\r\n250 2.0.0 queued"
    with pytest.raises(TryAgain, match="more than one reply"):
        await send(server)


async def test_any_word_of_success_is_one(server):
    server.replies |= {"RCPT": "251 will forward", FINAL_DOT: "252 very well"}
    await send(server)
    assert len(server.mails) == 1


RATES = [
    (GREETING, "421 4.7.0 too many connections from you"),
    ("AUTH", "454 4.7.0 too many login attempts"),
    ("MAIL", "450 4.7.1 Error: too much mail from 192.0.2.1"),
    ("MAIL", "451 4.7.1 rate limit exceeded"),
    ("RCPT", "450 4.7.1 <desk@example.org>: rejected: message quota exceeded"),
    ("DATA", "421 4.7.28 unusual rate of mail"),
    (FINAL_DOT, "454 Throttling failure: Maximum sending rate exceeded"),
]


@pytest.mark.parametrize(("moment", "reply"), RATES, ids=[reply for _, reply in RATES])
async def test_a_rate_limit_is_the_accounts_and_asked_about_later(server, moment, reply):
    server.replies[moment] = reply
    with pytest.raises(TryAgain) as caught:
        await send(server, username="press", password=Secret("pass"))
    assert (caught.value.throttled, caught.value.after) == (True, None)


NO_RATES = [
    ("RCPT", "450 4.2.1 this user is receiving mail at a rate that is too high"),
    ("RCPT", "451 4.7.1 Greylisted, rate limits apply"),
    ("RCPT", "452 4.2.2 mailbox full, quota exceeded"),
    ("MAIL", "452 4.3.4 size exceeds the limit of the moment"),
    (FINAL_DOT, "451 4.3.0 temporarily out of order"),
]


@pytest.mark.parametrize(("moment", "reply"), NO_RATES, ids=[reply for _, reply in NO_RATES])
async def test_what_is_about_one_recipient_or_mail_pauses_no_account(server, moment, reply):
    server.replies[moment] = reply
    with pytest.raises(TryAgain) as caught:
        await send(server)
    assert not caught.value.is_about_the_account


REFUSED_AT_RCPT = {
    "553 5.7.1 <press@example.police.uk>: Sender address rejected: not owned by user": AccountRefused,
    "553 sorry": AccountRefused,
    "554 5.7.1 <desk@example.org>: Relay access denied": AccountRefused,
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example": AccountRefused,
    "550 5.1.8 bad outbound": AccountRefused,
    "550 5.7.1 press@example.police.uk may not": AccountRefused,
    "530 5.7.0 log in first": LoginExpired,
    "550 5.1.1 user unknown": Rejected,
    "550 nobody": Rejected,
    "553 5.1.3 bad syntax": Rejected,
    "554 5.7.1 <desk@example.org>: Recipient address rejected: Access denied": Rejected,
    "554 mailbox disabled": Rejected,
    "552 5.2.2 over quota": Rejected,
    "550 5.7.133 sender not authenticated for group": Rejected,
}


@pytest.mark.parametrize("reply", REFUSED_AT_RCPT)
async def test_a_refusal_at_rcpt_is_of_the_sender_or_of_this_recipient(server, reply):
    server.replies["RCPT"] = reply
    with pytest.raises(DeliveryError) as caught:
        await send(server)
    assert type(caught.value) is REFUSED_AT_RCPT[reply]


@pytest.mark.parametrize(
    ("reply", "sure"),
    [
        ("553 sorry", False),
        ("554 no", False),
        ("550 5.1.8 bad", True),
        ("554 5.7.1 relay denied", True),
    ],
)
async def test_a_refusal_that_could_be_of_one_recipient_only_says_so(server, reply, sure):
    """Where other mails go out afterwards, such a one is taken for the recipient's after all."""
    server.replies["RCPT"] = reply
    with pytest.raises(AccountRefused) as caught:
        await send(server)
    assert caught.value.sure is sure


# -- addresses outside ASCII ------------------------------------------------------------------------


async def test_an_address_outside_ascii_goes_where_the_server_takes_such(server):
    server.replies["EHLO"] = "250-mail.example\r\n250-8BITMIME\r\n250 SMTPUTF8"
    mail = "To: désirée@example.org\r\n\r\nx\r\n".encode()
    await send(server, mail, "désirée@example.org")
    assert "MAIL FROM:<press@example.police.uk> BODY=8BITMIME SMTPUTF8" in server.commands
    assert f"RCPT TO:<{'désirée'.encode().decode('latin-1')}@example.org>" in server.commands
    assert server.mails == [mail + b".\r\n"]


async def test_an_address_outside_ascii_fails_alone_where_the_server_takes_none(server):
    with pytest.raises(Rejected, match="letters outside ASCII before the @"):
        await send(server, to="désirée@example.org")
    assert not [command for command in server.commands if command.startswith("MAIL")]


# -- trying an account ------------------------------------------------------------------------------


async def test_logging_in_sends_nothing(server):
    place = MailServer(server.url, "example.police.uk")
    await try_login(place)
    assert server.commands == ["EHLO example.police.uk", "QUIT"]
    await try_login(place, SENDER)
    assert not [command for command in server.commands if command.startswith("DATA")]
    assert server.mails == []


@pytest.mark.parametrize("moment", ["MAIL", "RCPT"])
async def test_a_check_tells_that_the_sender_is_refused(server, moment):
    server.replies[moment] = "553 5.7.1 sender address rejected"
    with pytest.raises(AccountRefused):
        await try_login(MailServer(server.url, "example.police.uk"), SENDER)


async def test_a_sender_without_a_mailbox_of_its_own_passes_the_check(server):
    server.replies["RCPT"] = "550 5.1.1 user unknown"
    await try_login(MailServer(server.url, "example.police.uk"), SENDER)


# -- TLS, with a real server ------------------------------------------------------------------------


class Postbox:
    """Takes every mail, and the login `press` with `pass`."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.mails.append((session.authenticated, session.ssl is not None, envelope.content))
        return "250 ok"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"press", b"pass"), handled=False)


@pytest.fixture
def authority(monkeypatch, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


@pytest.fixture
async def post_office(authority):
    """Start a real mail server with TLS; what it is called is for the test to say."""
    opened = []

    async def open_(name="localhost", by=authority, implicit=False):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        by.issue_cert(name).configure_cert(context)
        box, loop = Postbox(), asyncio.get_running_loop()

        def protocol():
            return SMTP(
                box,
                loop=loop,
                tls_context=None if implicit else context,
                require_starttls=not implicit,
                auth_require_tls=not implicit,
                authenticator=authenticate,
            )

        listening = await loop.create_server(
            protocol, "127.0.0.1", 0, ssl=context if implicit else None
        )
        opened.append(listening)
        port = listening.sockets[0].getsockname()[1]
        box.url = f"{'smtps' if implicit else 'smtp'}://localhost:{port}"
        return box

    yield open_
    for listening in opened:
        listening.close()
        await listening.wait_closed()


LOGIN = {"username": "press", "password": Secret("pass")}


@pytest.mark.parametrize("starttls", ["auto", "always"])
async def test_a_mail_goes_over_starttls_with_a_login(post_office, starttls):
    box = await post_office()
    await send(box, MAIL * 3000, starttls=starttls, **LOGIN)
    ((logged_in, over_tls, content),) = box.mails
    assert (logged_in, over_tls) == (True, True)
    assert content == MAIL * 3000


async def test_a_mail_goes_over_tls_from_the_first_byte_with_a_login(post_office):
    box = await post_office(implicit=True)
    await send(box, **LOGIN)
    assert [content for _, _, content in box.mails] == [MAIL]


async def test_a_wrong_password_over_tls_is_an_expired_login(post_office):
    box = await post_office()
    with pytest.raises(LoginExpired, match="535"):
        await send(box, username="press", password=Secret("wrong"))


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("wrong", ["another authority", "another name"])
async def test_a_certificate_that_is_not_trusted_is_told_and_nothing_is_sent(
    post_office, authority, wrong, implicit
):
    by, name = authority, "localhost"
    if wrong == "another name":
        name = "mail.elsewhere.example"
    else:
        by = trustme.CA()
    box = await post_office(name, by, implicit)
    with pytest.raises(LoginExpired, match=r"certificate is not trusted \(.+\); .* ca_file:"):
        await send(box, **LOGIN)
    assert box.mails == []


async def test_a_server_that_no_longer_offers_starttls_gets_neither_password_nor_mail():
    async with ScriptedMailServer("127.0.0.2") as stripped:
        for starttls, login in (("always", {}), ("always", LOGIN), ("auto", LOGIN)):
            with pytest.raises(TryAgain):
                await send(stripped, starttls=starttls, **login)
        assert {command.split()[0] for command in stripped.commands} == {"EHLO"}


async def test_what_is_said_in_the_clear_before_tls_does_not_count_after_it(server):
    server.replies |= {
        "EHLO": "250-mail.example\r\n250 STARTTLS",
        "STARTTLS": "220 go on\r\n250 queued",
    }
    with pytest.raises(TryAgain):
        await send(server, timeouts=SOON)
    assert server.mails == []


# -- where it is ------------------------------------------------------------------------------------


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


def test_blanks_around_a_mail_server_are_none_of_it():
    assert mail_server(" smtp://mail.internal:587\n") == "smtp://mail.internal:587"
    assert re.fullmatch(r"smtp://\S+", mail_server("smtp://mail\n"))


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_mail_server_of_an_authority_in_the_settings_is_trusted(post_office, implicit):
    private = trustme.CA()
    box = await post_office(by=private, implicit=implicit)
    place = MailServer(box.url, "example.police.uk", **LOGIN)
    route = Route(authorities=private.cert_pem.bytes().decode())
    async with open_session(policy=lambda: replace(this_machine(), route=route)) as session:
        await hand_over(place, SENDER, DESK, MAIL, Http(session, str, now=lambda: 0.0))
    assert [content for _, _, content in box.mails] == [MAIL]


async def test_a_mail_server_that_is_not_there_is_told_in_plain_words(server):
    with socket.socket() as bound:  # and nothing listens there
        bound.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{bound.getsockname()[1]}"
        server.url = f"smtp://{place}"
        with pytest.raises(TryAgain) as failed:
            await send(server)
    assert str(failed.value) == f"smtp://{place}: cannot connect to {place}: connection refused"


async def test_a_mail_server_that_speaks_no_tls_is_told_in_plain_words(server):
    server.url = server.url.replace("smtp://", "smtps://")
    with pytest.raises(TryAgain) as failed:
        await send(server)
    assert str(failed.value).startswith(f"{server.url}: TLS does not work there (")
    assert "[" not in str(failed.value)


async def test_a_mail_server_that_hangs_up_is_told_in_plain_words(server):
    for moment in (GREETING, "MAIL"):
        server.replies[moment] = HANG_UP
        with pytest.raises(TryAgain, match=r": the server closed the connection \(at "):
            await send(server)
