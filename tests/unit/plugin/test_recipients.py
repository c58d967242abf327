import pytest

from appealbridge.channels.email.channel import Mail
from appealbridge.channels.x.channel import X
from appealbridge.plugin.channel import Account, Person
from appealbridge.plugin.recipients import NoticeRouting

DANA, EVE, LOST = Person("dana", "dana@example.org"), Person("eve", "eve@example.org"), Person("p")
OFFICE = Mail.account(smtp="smtp://127.0.0.1:25", sender="a@example.org")


@pytest.fixture
def routing():
    return NoticeRouting(
        people={"dana": DANA, "eve": EVE, "p": LOST},
        groups={"desk": ["dana", "eve"], "all": ["p", "dana", "eve"]},
        accounts={"force_x": (X(), Account()), "office": (Mail(), OFFICE), "second": (Mail(), OFFICE)},
    )  # fmt: skip


def test_groups_are_opened_and_each_person_is_told_once(routing):
    assert routing.people_named(["eve", "desk", "all"]) == [EVE, DANA, LOST]


def test_a_name_of_nobody_is_left_out(routing):
    assert routing.people_named(["gone", "dana"]) == [DANA]


def test_the_ways_stand_in_the_order_of_the_accounts(routing):
    assert routing.accounts_for(DANA) == ["office", "second"]
    assert routing.accounts_for(DANA, ["office"]) == ["second"]


def test_nothing_that_the_public_sees_is_a_way(routing):
    assert "force_x" not in routing.accounts_for(DANA)


def test_no_way_leads_to_whom_no_address_is_known_of(routing):
    assert routing.accounts_for(LOST) == []


def test_a_mail_tells_one_person_in_plain_words(routing):
    mail = routing.message("office", DANA, "AppealBridge: down", "force_x\nis down")
    assert (mail.to, mail.subject, mail.text, mail.html) == (
        "dana@example.org", "AppealBridge: down", "force_x\nis down", None,
    )  # fmt: skip
