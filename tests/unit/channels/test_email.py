import asyncio
from email import message_from_bytes
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP
from pydantic import ValidationError

from appealbridge.channels.email import Mail
from appealbridge.plugin import Rejected, TryAgain
from appealbridge.testing.channel_case import a_delivery
from appealbridge.testing.mail_server import FINAL_DOT, ScriptedMailServer
from appealbridge.testing.server import ScriptedServer

mail = Mail()
SENDER = "Press Office <press@example.police.uk>"


def message(**changes):
    usual = {"to": "desk@example.org", "subject": "Appeal", "text": "Last seen …"}
    return mail.message.model_validate({**usual, **changes})


def account(server, **more):
    return mail.account.model_validate({"smtp": server.url, "sender": SENDER, **more})


@pytest.fixture
async def server():
    async with ScriptedMailServer() as server:
        yield server


async def test_the_receipt_is_the_message_id(server, tools):
    receipt = await mail.deliver(account(server), message(), a_delivery(), tools)
    assert receipt.id == "<0abcdefgh1234567.new-appeal.step1@example.police.uk>"
    assert f"Message-ID: {receipt.id}".encode() in server.mails[0]


async def test_a_second_try_is_the_same_mail(server, tools):
    server.replies[FINAL_DOT] = "451 4.3.0 not now"
    for _ in range(2):
        with pytest.raises(TryAgain):
            await mail.deliver(account(server), message(html="<p>a</p>"), a_delivery(), tools)
    assert server.mails[0] == server.mails[1]


async def test_a_real_server_reads_what_was_written(tools):
    kept = []

    class Keeper:
        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            kept.append(envelope)
            return "250 ok"

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(Keeper(), loop=loop), "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()
        place = mail.account.model_validate({"smtp": f"smtp://{host}:{port}", "sender": SENDER})
        wanted = message(to="Desk <desk@example.org>", text=".Größe\n.\n" + "x" * 2000)
        await mail.deliver(place, wanted, a_delivery(), tools)
    (envelope,) = kept
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "press@example.police.uk",
        ["desk@example.org"],
    )
    read = message_from_bytes(envelope.content, policy=default)
    text = read.get_content().replace("\r\n", "\n")
    assert text == ".Größe\n.\n" + "x" * 2000 + "\n"


def test_each_recipient_gets_a_mail_of_their_own(server):
    wanted = message(to=["A <a@example.org>", "b@example.org, C@example.org", "B@example.org"])
    parts = dict(mail.parts(account(server), wanted))
    assert list(parts) == ["a@example.org", "b@example.org", "c@example.org"]
    assert [part.to for part in parts.values()] == [
        "A <a@example.org>",
        "b@example.org",
        "C@example.org",
    ]


async def test_addresses_never_meet_in_one_mail(server, tools):
    with pytest.raises(Rejected, match="one recipient"):
        await mail.deliver(
            account(server), message(to="a@example.org, b@example.org"), a_delivery(), tools
        )
    assert server.heard == []


def test_more_recipients_than_allowed_are_a_slip(server):
    few = account(server, max_recipients=2)
    assert len(mail.parts(few, message(to=["a@example.org", "b@example.org"]))) == 2
    with pytest.raises(Rejected, match="3 recipients, and max_recipients allows 2"):
        mail.parts(few, message(to=[f"a{n}@example.org" for n in range(3)]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": "a\nBcc: b@example.org"}, "line breaks"),
        ({"to": "a@example.org\nBcc: b@example.org"}, "line breaks"),
        ({"to": "nobody"}, "is not an address"),
        ({"to": []}, "at least one address"),
        ({"reply_to": "a@example.org, b@example.org"}, "not one address but 2"),
        ({"text": None}, "give the mail a text, or html"),
        ({"text": "", "html": ""}, "give the mail a text, or html"),
    ],
)
def test_a_mail_that_cannot_be_is_refused_when_it_is_planned(changes, said):
    with pytest.raises(ValidationError, match=said):
        message(**changes)


async def test_a_header_that_slipped_through_is_rejected(server, tools):
    slipped = message().model_copy(update={"subject": "a\nBcc: b@example.org"})
    with pytest.raises(Rejected, match="line breaks"):
        await mail.deliver(account(server), slipped, a_delivery(), tools)


async def test_a_check_logs_in_and_sends_nothing(server, tools):
    login = {"username": "press", "password": "pass"}
    assert await mail.check(account(server, credentials=login), tools) == SENDER
    assert server.mails == []


@pytest.mark.parametrize("own", ["smtps://mail.internal:465", "smtp://127.0.0.1:25", None])
async def test_practice_mail_goes_where_the_practice_platforms_say(own, server, tools):
    options = {"sender": SENDER, "starttls": "always", "credentials": object()}
    if own is not None:
        options["smtp"] = own
    async with ScriptedServer() as platforms:
        platforms.answers((200, {"smtp": server.url}))
        practised = mail.practice("press_office", options, platforms.url)
        await mail.deliver(mail.account(**practised), message(), a_delivery(), tools)
        assert [heard.path for heard in platforms.heard] == ["/smtp"]
    assert len(server.mails) == 1


@pytest.mark.parametrize("to", ["the press", "", [], ["a@example.org", "the press"]])
def test_recipients_that_are_none_are_told_at_their_place(to):
    with pytest.raises(ValidationError) as wrong:
        Mail.message.model_validate({"to": to, "subject": "A", "text": "B"})
    assert [error["loc"] for error in wrong.value.errors()] == [("to",)]
