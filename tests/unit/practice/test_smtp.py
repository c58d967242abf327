import asyncio

import aiosmtplib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.practice.smtp import read


async def test_each_recipient_gets_a_post_of_their_own(call):
    await call.mail(
        "Seen her?\nCall 101.", to=["a@example.org", "b@example.org"], Message_ID="<1@x>"
    )
    posts = await call.posts("email")
    assert [post["to"] for post in posts] == ["a@example.org", "b@example.org"]
    assert {post["account"] for post in posts} == {"press@example.police.uk"}
    assert {post["text"] for post in posts} == {"Seen her?\nCall 101."}
    assert {post["subject"] for post in posts} == {"Appeal"}
    assert {post["client_key"] for post in posts} == {"<1@x>"}
    assert len({post["id"] for post in posts}) == 2


async def test_any_login_is_taken(call):
    await call.mail(login=True)
    assert len(await call.posts()) == 1


async def test_the_same_message_id_twice_is_two_messages(call):
    for _ in range(2):
        await call.mail(Message_ID="<1@x>")
    assert len(await call.posts()) == 2


def test_text_html_and_attachments_are_told_apart():
    letter = (
        b"From: =?utf-8?q?Pr=C3=A9ss?= <p@example.org>\r\nSubject: =?utf-8?q?H=C3=A9?=\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nH\xc3\xa9 there\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nx\r\n"
        b"--b--\r\n"
    )
    assert read(letter) == {
        "account": "p@example.org",
        "client_key": None,
        "text": "Hé there",
        "media": [{"type": "application/pdf", "name": "a.pdf"}],
        "more": {"subject": "Hé", "html": "<p>x</p>"},
    }


async def test_the_wall_shows_the_picture_of_a_mail(call):
    picture = b"\x89PNG\r\n\x1a\n" + bytes(20)
    await call.mail(picture=picture)
    ((shown,),) = [post["media"] for post in await call.posts("email")]
    assert (shown["type"], shown["name"], shown["bytes"]) == ("image/png", "a.png", len(picture))
    async with call.session.get(call.sandbox.url + shown["url"]) as reply:
        assert await reply.read() == picture


async def test_a_mail_that_follows_another_names_it(call):
    await call.mail(Message_ID="<1@x>")
    await call.mail(In_Reply_To="<1@x>")
    first, second = await call.posts()
    assert (first["client_key"], "in_reply_to" in first) == ("<1@x>", False)
    assert second["in_reply_to"] == "<1@x>"


async def test_several_addresses_in_from_are_refused_as_large_providers_do(call):
    for sender in ("Press, Office <press@example.org>", "a@example.org, b@example.org"):
        with pytest.raises(aiosmtplib.SMTPDataError):
            await call.mail(From=sender)
    await call.mail(From='"Press, Office" <press@example.org>')
    assert len(await call.posts()) == 1


HEADS = [b"From: ", b"Subject: =?x?q?", b"Content-Type: ", b"Message-ID: <", b"To: "]


@given(st.lists(st.tuples(st.sampled_from(HEADS), st.binary(max_size=40)), max_size=6), st.binary())
def test_no_letter_is_too_broken_to_be_read(headers, body):
    letter = b"\r\n".join(head + value for head, value in headers) + b"\r\n\r\n" + body
    assert isinstance(read(letter)["text"], str)


async def test_bytes_that_are_no_text_are_kept_as_question_marks(call):
    host, port = call.sandbox.smtp_url.removeprefix("smtp://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b\xff@example.org>\r\nDATA\r\n"
        b"From: <\xff@x>\r\nSubject: \xff\r\nMessage-ID: <\xff>\r\n\r\n\xff\r\n.\r\nQUIT\r\n"
    )
    await reader.read()
    writer.close()
    (post,) = await call.posts()
    assert post["to"] == "b?@example.org"


FAULTS = {
    "refuse": (aiosmtplib.SMTPException, 0),
    "html": (aiosmtplib.SMTPException, 0),
    "http_429": (aiosmtplib.SMTPRecipientsRefused, 0),
    "http_503": (aiosmtplib.SMTPSenderRefused, 0),
    "out_of_credits": (aiosmtplib.SMTPSenderRefused, 0),
    "token_expired": (aiosmtplib.SMTPAuthenticationError, 0),
    "post_then_reset": (aiosmtplib.SMTPServerDisconnected, 1),
    "post_then_hang": (aiosmtplib.SMTPServerDisconnected, 1),
    "post_then_500": (aiosmtplib.SMTPDataError, 1),
    "truncated": (aiosmtplib.SMTPException, 1),
}


@pytest.mark.parametrize(("fault", "outcome"), FAULTS.items(), ids=FAULTS.keys())
async def test_a_fault_bites_once_and_keeps_or_refuses_the_message(call, fault, outcome):
    error, stored = outcome
    await call.fault("email", fault)
    with pytest.raises(error):
        await call.mail(login=True)
    assert len(await call.posts()) == stored
    await call.mail(login=True)
    assert len(await call.posts()) == stored + 1


async def test_greylisting_is_a_450(call):
    await call.fault("email", "http_429")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await call.mail()
    assert refused.value.recipients[0].code == 450


async def test_a_slow_answer_comes_late(call, clock):
    await call.fault("email", "slow", seconds=7)
    await call.mail()
    assert clock.slept == [7]


async def test_the_duplicate_filter_refuses_a_message_id_that_was_there(call):
    await call.fault("email", "duplicate_filter")
    await call.mail(Message_ID="<1@x>")
    with pytest.raises(aiosmtplib.SMTPDataError):
        await call.mail(Message_ID="<1@x>")
    assert len(await call.posts()) == 1


async def test_an_open_connection_does_not_keep_the_sandbox_from_closing(call):
    host, port = call.sandbox.smtp_url.removeprefix("smtp://").split(":")
    client = aiosmtplib.SMTP(hostname=host, port=int(port))
    await client.connect()
    await call.sandbox.__aexit__(None, None, None)
    with pytest.raises(aiosmtplib.SMTPException):
        await client.noop()
    client.close()
