import asyncio
from email import message_from_bytes
from email.policy import default

import orjson
import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appealbridge.channels.email.channel import Mail
from appealbridge.plugin import Person, Rejected, TryAgain
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


async def test_a_receipt_threads_a_later_mail_and_says_whose_it_is(server, tools):
    receipt = await mail.deliver(account(server), message(), a_delivery(), tools)
    assert receipt.account == SENDER == await mail.check(account(server), tools)
    later = message(in_reply_to=receipt.id)
    await mail.deliver(account(server), later, a_delivery(id="0abc.later"), tools)
    content = message_from_bytes(server.mails[-1], policy=default)
    assert content["In-Reply-To"] == content["References"] == receipt.id


@pytest.mark.parametrize("earlier", ["", "412", "<412>", "<a@b>\r\nBcc: <c@d>", "<a@b> <c@d>"])
def test_a_mail_follows_one_message_id_and_nothing_else(earlier):
    with pytest.raises(ValidationError, match="Message-ID"):
        message(in_reply_to=earlier)


async def test_a_second_try_is_the_same_mail(server, tools):
    server.replies[FINAL_DOT] = "451 4.3.0 not now"
    for _ in range(2):
        with pytest.raises(TryAgain):
            await mail.deliver(account(server), message(html="<p>a</p>"), a_delivery(), tools)
    assert server.mails[0] == server.mails[1]


async def test_a_real_server_reads_what_was_written(tools):
    stored = []

    class Keeper:
        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            stored.append(envelope)
            return "250 ok"

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(Keeper(), loop=loop), "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()
        place = mail.account.model_validate({"smtp": f"smtp://{host}:{port}", "sender": SENDER})
        expected = message(to="Desk <desk@example.org>", text=".Größe\n.\n" + "x" * 2000)
        await mail.deliver(place, expected, a_delivery(), tools)
    (envelope,) = stored
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "press@example.police.uk",
        ["desk@example.org"],
    )
    read = message_from_bytes(envelope.content, policy=default)
    text = read.get_content().replace("\r\n", "\n")
    assert text == ".Größe\n.\n" + "x" * 2000 + "\n"


def test_each_recipient_gets_a_mail_of_their_own(server):
    expected = message(to=["A <a@example.org>", "b@example.org, C@example.org", "B@example.org"])
    parts = dict(mail.parts(account(server), expected))
    assert list(parts) == ["a@example.org", "b@example.org", "c@example.org"]
    assert [part.to for part in parts.values()] == [
        "A <a@example.org>",
        "b@example.org",
        "C@example.org",
    ]


async def test_an_address_that_is_none_is_a_delivery_of_its_own_which_fails(server, tools):
    expected = message(to=["a@example.org; desk#example.org", "b@example.org,", "A@example.org"])
    parts = dict(mail.parts(account(server), expected))
    assert [part.to for part in parts.values()] == [
        "a@example.org",
        "desk#example.org",
        "b@example.org",
    ]
    for part in parts.values():
        stored = mail.message.model_validate_json(part.model_dump_json())
        if part.to == "desk#example.org":
            with pytest.raises(Rejected, match=r'"desk#example.org" is not an address'):
                await mail.deliver(account(server), stored, a_delivery(), tools)
        else:
            await mail.deliver(account(server), stored, a_delivery(), tools)
    assert len(server.mails) == 2


async def test_an_answer_address_that_is_none_fails_the_mail_and_says_so(server, tools):
    expected = message(reply_to="desk#example.org")
    with pytest.raises(Rejected, match=r'reply_to: "desk#example.org" is not an address'):
        await mail.deliver(account(server), expected, a_delivery(), tools)
    assert server.commands == []


async def test_addresses_never_meet_in_one_mail(server, tools):
    with pytest.raises(Rejected, match="one recipient"):
        await mail.deliver(
            account(server), message(to="a@example.org, b@example.org"), a_delivery(), tools
        )
    assert server.commands == []


def test_more_recipients_than_allowed_are_a_slip(server):
    few = account(server, max_recipients=2)
    assert len(mail.parts(few, message(to=["a@example.org", "b@example.org"]))) == 2
    with pytest.raises(Rejected, match="3 recipients, but max_recipients allows 2"):
        mail.parts(few, message(to=[f"a{n}@example.org" for n in range(3)]))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"subject": ""}, "at least 1 character"),
        ({"subject": " \n"}, "must not be empty"),
        ({"to": []}, "at least one address"),
        ({"to": " , ;\n"}, "at least one address"),
        ({"to": "a@b.example," * 2001}, "more than 2,000 addresses"),
        ({"to": [f"a{n}@b.example" for n in range(2001)]}, "more than 2,000 addresses"),
        ({"text": None}, "give the mail text:, html: or both"),
        ({"text": "", "html": ""}, "give the mail text:, html: or both"),
    ],
)
def test_a_mail_that_cannot_be_is_refused_when_it_is_planned(changes, expected):
    with pytest.raises(ValidationError, match=expected):
        message(**changes)


def test_a_line_end_in_a_subject_becomes_a_space():
    assert message(subject="Missing since Friday: Idris, 9\n  from Aston\n").subject == (
        "Missing since Friday: Idris, 9 from Aston"
    )


@given(st.text().filter(str.strip))
def test_any_title_of_an_event_makes_a_mail(title):
    expected = message(subject=f"Appeal: {title}", text=title, html=f"<h1>{title}</h1>")
    stored = orjson.dumps(expected.model_dump(mode="json"))
    assert mail.message.model_validate_json(stored) == expected
    assert mail.tell(None, Person("dana", "dana@example.org"), f"AppealBridge: {title}", title)


async def test_a_line_end_that_slipped_through_begins_no_header(server, tools):
    slipped = message().model_copy(update={"subject": "a\nBcc: b@example.org"})
    await mail.deliver(account(server), slipped, a_delivery(), tools)
    assert b"Subject: a Bcc: b@example.org\r\n" in server.mails[0]
    assert [line for line in server.commands if line.startswith("RCPT")] == [
        "RCPT TO:<desk@example.org>"
    ]


async def test_a_sender_with_a_comma_and_an_umlaut_is_one_mailbox(server, tools):
    office = account(server).model_copy(
        update={"sender": mail.account(smtp=server.url, sender=OFFICE).sender}
    )
    await mail.deliver(office, message(), a_delivery(), tools)
    read = message_from_bytes(server.mails[0], policy=default)
    (item,) = read["From"].addresses
    assert (item.display_name, item.addr_spec) == ("Polizei Köln, Presse", "presse@example.org")
    assert server.commands[1].startswith("MAIL FROM:<presse@example.org>")


OFFICE = '"Polizei Köln, Presse" <presse@example.org>\n'


def test_a_sender_is_one_that_every_server_takes(server):
    with pytest.raises(ValidationError, match="ASCII letters"):
        account(server, sender="désirée@example.org")
    assert (
        account(server, sender="a@bücherei-funk.example").sender == "a@xn--bcherei-funk-dlb.example"
    )


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("to", "desk#example.org", "is not an address"),
        ("to", "a@example.org; b@example.org", ""),
        ("to", "a@b@c, a@example.org, d", '"a@b@c" is not an address such as press@example.org, and "d"'),
        ("reply_to", "a@example.org, b@example.org", "not one address but 2"),
        ("subject", "desk#example.org", ""),
    ],
)  # fmt: skip
def test_what_is_known_beforehand_is_looked_at_beforehand(option, text, expected):
    result = mail.flaw(option, text)
    assert expected in result
    assert bool(result) == bool(expected)


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
        assert [request.path for request in platforms.requests] == ["/smtp"]
    assert len(server.mails) == 1


@pytest.mark.parametrize("to", ["", [], [","]])
def test_recipients_that_are_none_are_told_at_their_place(to):
    with pytest.raises(ValidationError) as wrong:
        Mail.message.model_validate({"to": to, "subject": "A", "text": "B"})
    assert [error["loc"] for error in wrong.value.errors()] == [("to",)]


def test_a_link_in_a_mail_leads_to_a_page_a_mail_or_a_telephone():
    page = '<a href="javascript:alert(1)">x</a> <a href="https://example.org/?a=b:c">y</a>'
    assert message(html=page).html == (
        '<a href="#">x</a> <a href="https://example.org/?a=b:c">y</a>'
    )
