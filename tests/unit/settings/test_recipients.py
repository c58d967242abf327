import pytest

from appealbridge.channels.email.channel import EmailAccount
from appealbridge.settings.load import load_settings

PEOPLE = "people: { dana: { email: dana@example.org }, lost: {} }\ngroups: { desk: [dana, lost] }\n"
OFFICE = (
    "channels: { office: { platform: email, smtp: smtp://m.example, sender: a@example.org } }\n"
)


@pytest.fixture
def notes(tmp_path):
    def of(text):
        file = tmp_path / "appealbridge.yaml"
        file.write_text(text)
        settings = load_settings(
            file,
            platforms={"email": EmailAccount},
            sections={},
            reaches=lambda _, account, email: bool(email) and "mute" not in account.sender,
            environ={},
        )
        return [
            f"{each.line}: {each.path}: {each.problem}"
            for each in settings.notes
            if "notice" in each.path + each.problem
        ]

    return of


def test_notices_name_whom_to_tell_and_by_which_channels(load):
    result = load(PEOPLE + "notices: { to: [desk, dana] }").daemon.notices
    assert (result.to, result.by) == (("desk", "dana"), ())


def test_unknown_names_are_found_with_those_that_are_declared(wrong):
    assert wrong(PEOPLE + "notices: { to: [dsk, eve], by: [offce] }") == [
        '3: notices.to[0]: unknown person or group "dsk"; known here: dana, desk, lost',
        '3: notices.to[1]: unknown person or group "eve"; known here: dana, desk, lost',
        '3: notices.by[0]: unknown channel "offce"; declare it under channels:',
    ]


def test_an_address_that_is_none_is_found(wrong):
    assert wrong("people: { dana: { email: dana at home } }") == [
        "1: people.dana.email: is not one email address; write it as alice@example.police.uk"
    ]


def test_nothing_is_said_where_someone_can_be_reached(notes):
    assert notes(PEOPLE + OFFICE + "notices: { to: [desk] }") == []


@pytest.mark.parametrize("accounts", ["", OFFICE])
def test_it_is_said_beforehand_to_whom_nothing_leads(notes, accounts):
    (text,) = notes(PEOPLE + accounts + "notices: { to: [lost] }")
    assert text.endswith('notices.to[0]: no notice can reach "lost"')


def test_only_the_channels_that_are_named_count(notes):
    mute = "  mute: { platform: email, smtp: smtp://m.example, sender: mute@example.org }\n"
    both = f"channels:\n  {OFFICE.partition('{ ')[2].rpartition(' }')[0]}\n{mute}"
    assert notes(PEOPLE + both + "notices: { to: [dana] }") == []
    (text,) = notes(PEOPLE + both + "notices: { to: [dana], by: [mute] }")
    assert 'no notice can reach "dana"' in text
