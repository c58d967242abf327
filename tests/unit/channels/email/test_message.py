from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from time import process_time

import pytest

from appealbridge.channels.email.message import compose
from appealbridge.model.mailbox import (
    InvalidMailbox,
    Mailbox,
    mailbox,
    mailboxes,
    one_line,
    read_mailboxes,
)

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


def part_of(read, kind):
    return read.get_body((kind,)).get_content().replace("\r\n", "\n")


def test_a_mail_is_the_same_however_often_it_is_composed():
    assert mail() == mail()


def test_what_was_said_arrives():
    result = mail(reply_to=DESK)
    read = message_from_bytes(result.content, policy=default)
    assert read["Subject"] == "Appeal: Aïsha"
    assert read["From"] == "Press Office <press@example.police.uk>"
    assert (read["To"], read["Reply-To"]) == ("desk@example.org", "desk@example.org")
    assert read["Message-ID"] == result.message_id == "<0abc.recipe_name.step@example.police.uk>"
    assert read["Date"] == "Wed, 18 Nov 2026 11:06:40 +0000"
    assert read["Auto-Submitted"] == "auto-generated"
    assert part_of(read, "plain") == "Größe\n.\nend\n"
    assert part_of(read, "html") == "<p>Größe</p>\n"


def test_a_mail_that_follows_another_names_it_in_both_headers():
    earlier = mail(key="first").message_id
    read = message_from_bytes(mail(in_reply_to=earlier).content, policy=default)
    assert (read["In-Reply-To"], read["References"]) == (earlier, earlier)
    assert message_from_bytes(mail().content, policy=default)["In-Reply-To"] is None


def test_no_byte_needs_eight_bits():
    assert mail().content.isascii()


def test_a_missing_text_is_taken_from_the_html():
    read = message_from_bytes(mail(text=None).content, policy=default)
    assert part_of(read, "plain") == "Größe\n"


def test_without_html_it_is_plain():
    assert message_from_bytes(mail(html=None).content).get_content_type() == "text/plain"


@pytest.mark.parametrize("broken", ["a\nBcc: x@y.example", "a \r b", "\na\x00b\r\n", "a\u2028b"])
def test_what_could_begin_a_header_becomes_a_space(broken):
    line = one_line(broken)
    assert line in ("a Bcc: x@y.example", "a b")
    read = message_from_bytes(mail(subject=broken).content, policy=default)
    assert read["Subject"] == line
    assert read["Bcc"] is None


SUBJECTS = [
    "Appeal",
    "Burglaries in Sutton Park – ‘it was my mother’s ring’, says neighbour – £750 for information",
    "Aston Expressway shut both ways until further notice; use the ring road, or leave the car at home",
    "=?utf-8?q?Bcc:_x@y.example?=",
    "a  b   c",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_header_is_plain_on_one_line_or_encoded_in_whole(subject):
    raw = message_from_bytes(mail(subject=subject).content)["Subject"]
    assert str(make_header(decode_header(raw))) == subject
    plain = raw == subject
    assert plain or all(word.startswith("=?utf-8?") for word in raw.split())


NAMES = [
    "Press Office",
    "Desk, the",
    "Müller, Köln (Presse)",
    'He said "now"',
    "Avon and Severn Constabulary, Media and Community Engagement, Duty Press Desk",
    "=?utf-8?q?a?= <b@c.example>",
    "Dr. Nó, John.",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_a_comma_or_an_umlaut_is_one_mailbox(name):
    box = Mailbox(name, "press@example.org")
    read = message_from_bytes(mail(sender=box, recipient=box).content, policy=default)
    for header in ("From", "To"):
        (item,) = read[header].addresses
        assert (item.display_name, item.addr_spec) == (name, "press@example.org")


def test_a_very_long_subject_is_cut_before_a_server_does_it():
    read = message_from_bytes(mail(subject="ü" * 50_000).content)
    assert str(make_header(decode_header(read["Subject"]))) == "ü" * 9_999 + "…"


def test_a_message_id_fits_on_a_line_however_long_a_recipe_is_called():
    result, other = (mail(key=f"0abc.{'r' * 2000}.{n}") for n in range(2))
    assert len(result.message_id) < 300
    assert result.message_id != other.message_id


def test_work_grows_with_the_length_of_a_subject_and_not_faster():
    for text in (" ", "\n", "=?", "ü", '\\"', "a, "):
        times = []
        for length in (40_000, 80_000):
            begun = process_time()
            for _ in range(5):
                one_line(text * (length // len(text)))
            times.append(process_time() - begun)
        assert times[1] < 4 * times[0] + 0.01


def test_addresses_are_read_as_people_write_them():
    result = mailboxes('"Desk, the" <a@example.org>, b@example.org,c.d+e@sub.example.co.uk')
    assert [box.address for box in result] == [
        "a@example.org",
        "b@example.org",
        "c.d+e@sub.example.co.uk",
    ]
    assert str(result[0]) == '"Desk, the" <a@example.org>'
    assert result[2].domain == "sub.example.co.uk"


def test_semicolons_line_ends_and_a_comma_at_the_end_part_addresses():
    result = mailboxes("a@example.org; b@example.org,\nC <c@example.org>,;\r\n")
    assert [str(box) for box in result] == ["a@example.org", "b@example.org", "C <c@example.org>"]


def test_a_domain_goes_out_in_its_ascii_form():
    assert (
        mailbox("redaktion@bücherei-funk.example").address
        == "redaktion@xn--bcherei-funk-dlb.example"
    )
    assert mailbox("a@例え.example").domain == "xn--r8jz45g.example"


def test_letters_outside_ascii_before_the_at_are_kept():
    assert mailbox("Désirée <desire\u0301e@example.org>").address == "desirée@example.org"
    content = mail(recipient=mailbox("désirée@example.org")).content
    assert "To: désirée@example.org\r\n".encode() in content


def test_a_wrong_entry_says_what_is_wrong_and_the_others_stay():
    good, bad, end = read_mailboxes("a@example.org, desk#example.org, b@example.org")
    assert (str(good), str(end)) == ("a@example.org", "b@example.org")
    assert bad.why == '"desk#example.org" is not an address such as press@example.org'


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("lists.press", 'write "{{ lists.press }}"'),
        ("Smith, John (News) <j@example.org>", 'quotes: "Smith, John (News)" <…>'),
    ],
)
def test_a_likely_slip_comes_with_its_cure(text, cure):
    assert cure in read_mailboxes(text)[0].why


def test_a_name_that_is_never_closed_takes_no_other_entry_along():
    result = read_mailboxes('"Desk <a@example.org>, b@example.org, c@example.org')
    assert [str(box) for box in result[1:]] == ["b@example.org", "c@example.org"]


def test_more_addresses_than_anybody_writes_to_are_refused_before_they_are_read():
    with pytest.raises(ValueError, match="more than 2,000 addresses"):
        read_mailboxes("a@b.example," * 2001)
    with pytest.raises(ValueError, match="more than 100,000 characters"):
        read_mailboxes("a@b.example," * 20_000)


@pytest.mark.parametrize(
    "text",
    ["nobody", "a@b@c", "a@", "@b", "a b@c.example", "<>", "a..b@c.example", ".a@b.example", "a@-b.example",
     "a@b..example", "a@" + "b" * 64 + ".example", "a" * 65 + "@b.example", "a@\ud800.example", "\ud800@b.example",
     "a\u2028b@c.example", "=?q?=@b.example", "a@b.example" + "x" * 600],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="address"):
        mailbox(text)


@pytest.mark.parametrize("text", ["", " ", ",", "\n"])
def test_no_address_is_not_one(text):
    with pytest.raises(ValueError, match="not one address but 0"):
        mailbox(text)


def test_two_addresses_are_not_one():
    with pytest.raises(ValueError, match="not one address but 2"):
        mailbox("a@example.org, b@example.org")


def test_control_characters_at_the_ends_of_an_address_are_blanks_and_within_it_an_error():
    good, bad = read_mailboxes("\x1ba@example.org\x00, b@example\x1b.org")
    assert str(good) == "a@example.org"
    assert isinstance(bad, InvalidMailbox)
