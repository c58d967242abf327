"""
A mail says to its reader what was asked for, header by header and word for word.

It is read here by RFC 2047 and RFC 5322 as they stand, and not by the library, whose mistakes differ from one
version of Python to the next.
"""

import base64
import quopri
import re
from email import message_from_bytes
from email.policy import default
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.channels.email.message import compose
from appealbridge.model.mailbox import InvalidMailbox, Mailbox, one_line, read_mailboxes
from appealbridge.practice.smtp import read
from tests.properties.strategies import drawn

WORDS = st.sampled_from(
    ["Road", "closed:", "A38(M)", "–", "collision", "drivers’", "£", "toll", "man’s", "‘He", "was…’", "", " ",
     "Größe", "Ærø", "é", "e\u0301", "\u0301", "👮🏽‍♀️", "🇬🇧", "שלום", "مرحبا", "\u200fאב\u200e", "日本語の件名",
     "=?utf-8?q?Bcc:_x@y.example?=", "=?utf-8?b?Zm9v?=", "=?", "?=", "=", "?", "_", "=20", "a=?b", '"', "\\", ",",
     ";", "<b>", "(News)", "Bcc: x@y.example", "x" * 90, "ü" * 90, "\t", "\n", "\r\n", "\r", "\0", "\x1b[31m",
     "\x7f", "\x85", "\u2028", "\ud800", "\udfff", "\xa0", "\u3000"]
)  # fmt: skip
LINES = st.lists(WORDS | st.text(max_size=8), max_size=40).map(" ".join) | st.text(max_size=300)
LETTERS = st.lists(WORDS | st.text(), max_size=30).map("".join)

_ENCODED = re.compile(r"=\?utf-8\?([qb])\?([!->@-~]*)\?=")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def on_one_line(text):
    """Return what a reader is to see of a text in a header."""
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    kinds = groupby(text, lambda letter: letter.isspace() or bool(_CONTROL.match(letter)))
    runs = [(blank, "".join(letters)) for blank, letters in kinds]
    return "".join(" " if blank and _CONTROL.search(run) else run for blank, run in runs).strip()


def raw_headers(content):
    """Return the headers as they stand there, unfolded; hold each line to what a line may be."""
    head = content.partition(b"\r\n\r\n")[0].decode("ascii")
    for line in head.split("\r\n"):
        assert line.strip(" ")
        assert re.fullmatch(r"[ -~]{1,998}", line)
        assert len(line) <= 76 or "=?" not in line
    pairs = [line.split(": ", 1) for line in head.replace("\r\n ", " ").split("\r\n")]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def decoded(value):
    """Return a text in a header as RFC 2047 has it read: blanks between two encoded words are none."""
    shown, between, after_encoded = "", "", False
    for part in re.split(r"( +)", value):
        if not part.strip():
            between += part
            continue
        word = _ENCODED.fullmatch(part)
        if word is None:
            assert "=?" not in part
            shown += between + part
        else:
            assert len(part) <= 75
            raw = word[2].encode()
            raw = base64.b64decode(raw) if word[1] == "b" else quopri.decodestring(raw, header=True)
            shown += ("" if after_encoded else between) + raw.decode("utf-8")  # each word is whole
        between, after_encoded = "", word is not None
    return shown + between


def one_mailbox(value):
    """Return name and address of a header that holds one mailbox and nothing else."""
    if "<" not in value:
        return "", value
    phrase, address = re.fullmatch(r"(.*) <([^<>]+)>", value).groups()
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', phrase)
    if quoted is not None:
        assert "=?" not in phrase
        return re.sub(r"\\(.)", r"\1", quoted[1]), address
    assert not re.search(r'[()<>\[\]:;@\\,."]', phrase)
    return decoded(phrase), address


def mail(**changes):
    usual = {
        "time": 1_795_000_000,
        "sender": Mailbox("", "press@example.org"),
        "recipient": Mailbox("", "desk@example.org"),
        "subject": "Appeal",
        "text": "Seen her?",
        "html": None,
    }
    return compose("0abc.recipe.step", **{**usual, **changes}).content


@given(LINES)
@drawn(300)
def test_a_subject_is_read_as_it_was_written(subject):
    value = raw_headers(mail(subject=subject)).get("Subject", "")
    assert decoded(value) == on_one_line(subject)


@given(LINES, st.sampled_from(["sender", "recipient", "reply_to"]))
@drawn(300)
def test_a_mailbox_stays_one_mailbox_with_its_name(name, role):
    header = {"sender": "From", "recipient": "To", "reply_to": "Reply-To"}[role]
    content = mail(**{role: Mailbox(name, "a.b+c@example.org")})
    assert one_mailbox(raw_headers(content)[header]) == (on_one_line(name), "a.b+c@example.org")
    assert len(message_from_bytes(content, policy=default)[header].addresses) == 1


@given(LINES, LINES)
@drawn(100)
def test_nothing_asked_for_makes_a_header_of_its_own(subject, name):
    names = [*raw_headers(mail(subject=subject, recipient=Mailbox(name, "desk@example.org")))]
    assert names == [
        *("Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    ]


def body(part):
    raw = part.get_payload(decode=True).decode("utf-8")
    assert re.fullmatch(r"(?:[^\r\n]*\r\n)*", raw)
    return raw.replace("\r\n", "\n")


def as_lines(text):
    lines = re.sub("[\ud800-\udfff]", "\ufffd", re.sub("\r\n?", "\n", text))
    return lines if lines.endswith("\n") else f"{lines}\n"


@given(LETTERS.filter(bool), st.none() | LETTERS)
@drawn(200)
def test_a_body_is_read_as_it_was_written(text, html):
    content = mail(text=text, html=html)
    assert all(len(line) <= 78 for line in content.split(b"\r\n"))
    assert content.isascii()
    assert b"\0" not in content
    read = message_from_bytes(content)
    parts = read.get_payload() if read.is_multipart() else [read]
    assert [(part.get_content_type(), body(part)) for part in parts] == [
        ("text/plain", as_lines(text)),
        *([("text/html", as_lines(html))] if html else []),
    ]


@given(LETTERS, st.none() | LETTERS)
@drawn(100)
def test_no_mail_can_smuggle_another_one(text, html):
    content = mail(subject=text, text=text or "x", html=html)
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert b"\r\n.\r\n" not in content


ADDRESSES = st.sampled_from(
    ["a@example.org", "b.c@sub.example.co.uk", "redaktion@bücherei-funk.example", "désirée@example.org",
     "desk#example.org", "a@b@c", "@", "a b@c.example", "<>", "x@-y.example", "a..b@example.org", "=?a?=@b.example"]
)  # fmt: skip
ENTRIES = st.one_of(
    ADDRESSES, st.builds("{} <{}>".format, LINES, ADDRESSES), st.text(max_size=40), LINES
)


@given(st.lists(ENTRIES, max_size=5), st.sampled_from([",", ";", ", ", "\n", " ;\r\n"]))
@drawn(300)
def test_what_is_read_of_a_list_of_addresses_is_read_the_same_again(written, separator):
    for entry in read_mailboxes(separator.join(written)):
        again = read_mailboxes(str(entry))
        if isinstance(entry, Mailbox):
            assert again == [entry]
            assert entry.domain.isascii()
        else:
            assert [type(each) for each in again] == [InvalidMailbox]
            assert str(again[0]) == str(entry)
        assert one_line(str(entry)) == str(entry)


@given(st.lists(ADDRESSES, min_size=1, max_size=6), st.sampled_from([",", "; ", "\r\n"]))
@drawn(100)
def test_no_wrong_entry_takes_a_right_one_along(addresses, separator):
    read = read_mailboxes(separator.join(addresses))
    alone = [entry for address in addresses for entry in read_mailboxes(address)]
    assert [str(entry) for entry in read] == [str(entry) for entry in alone]


@given(LINES, LINES, LETTERS.filter(bool), st.none() | LETTERS)
@drawn(200)
def test_the_practice_mailbox_shows_what_a_reader_sees(subject, name, text, html):
    sender = Mailbox(name, "press@example.org")
    shown = read(mail(subject=subject, sender=sender, text=text, html=html))
    assert shown["more"]["subject"] == on_one_line(subject)
    assert shown["account"] == "press@example.org"
    assert shown["text"] == as_lines(text).rstrip("\n")
    assert shown["more"]["html"] == (as_lines(html).rstrip("\n") if html else None)
