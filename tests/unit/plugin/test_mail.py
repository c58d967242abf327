from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin import Mailbox, compose, mailbox, mailboxes

SENDER = Mailbox("Press Office", "press@example.police.uk")
DESK = Mailbox("", "desk@example.org")


def mail(**changes):
    usual = {
        "time": 1_795_000_000.9,
        "sender": SENDER,
        "recipient": DESK,
        "subject": "Appeal: Aïsha",
        "text": "Größe\n.\nend",
        "html": "<p>Größe</p>",
    }
    return compose(changes.pop("key", "0abc.recipe name.step"), **{**usual, **changes})


def said(read, kind):
    return read.get_body((kind,)).get_content().replace("\r\n", "\n")


def test_a_mail_is_the_same_however_often_it_is_composed():
    assert mail().as_bytes() == mail().as_bytes()


def test_what_was_said_arrives():
    read = message_from_bytes(mail(reply_to=DESK).as_bytes(), policy=default)
    assert read["Subject"] == "Appeal: Aïsha"
    assert read["From"] == "Press Office <press@example.police.uk>"
    assert (read["To"], read["Reply-To"]) == ("desk@example.org", "desk@example.org")
    assert read["Message-ID"] == "<0abc.recipe_name.step@example.police.uk>"
    assert read["Date"] == "Wed, 18 Nov 2026 11:06:40 +0000"
    assert read["Auto-Submitted"] == "auto-generated"
    assert said(read, "plain") == "Größe\n.\nend\n"
    assert said(read, "html") == "<p>Größe</p>\n"


def test_no_byte_needs_eight_bits():
    assert mail().as_bytes().isascii()


def test_a_missing_text_is_taken_from_the_html():
    read = message_from_bytes(mail(text=None).as_bytes(), policy=default)
    assert said(read, "plain") == "Größe\n"


def test_without_html_it_is_plain():
    assert mail(html=None).get_content_type() == "text/plain"


@pytest.mark.parametrize("broken", ["a\nBcc: x@y.example", "a\rb", "a\x00b", "a\u2028b"])
def test_no_line_break_gets_into_a_header(broken):
    with pytest.raises(ValueError, match="cannot stand in a mail's header"):
        mail(subject=broken)
    with pytest.raises(ValueError, match="cannot stand in a mail's header"):
        mailboxes(f"{broken} <desk@example.org>")


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_hostile_subject_or_name_adds_no_header(subject, name):
    try:
        made = mail(subject=subject or "x", recipient=Mailbox(name, "desk@example.org"))
        content = made.as_bytes()
    except ValueError:
        return
    names = message_from_bytes(content).keys()
    expected = "Message-ID Date From To Subject Auto-Submitted MIME-Version Content-Type"
    assert sorted(names) == sorted(expected.split())


def test_addresses_are_read_as_people_write_them():
    found = mailboxes('"Desk, the" <a@example.org>, b@example.org,c.d+e@sub.example.co.uk')
    assert [box.address for box in found] == [
        "a@example.org",
        "b@example.org",
        "c.d+e@sub.example.co.uk",
    ]
    assert str(found[0]) == '"Desk, the" <a@example.org>'
    assert found[2].domain == "sub.example.co.uk"


@pytest.mark.parametrize(
    "text", ["", "nobody", "a@b@c", "a@", "@b", "a b@c.example", "<>", "é@b.example"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="address"):
        mailbox(text)


def test_two_addresses_are_not_one():
    with pytest.raises(ValueError, match="not one address but 2"):
        mailbox("a@example.org, b@example.org")
