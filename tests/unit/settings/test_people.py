"""Who may be named under `people:` and `groups:`, and what `check` says of them."""

import os
import pwd

import pytest

from appealbridge.model.people import OVERFLOW_UID, Role
from appealbridge.settings.load import load_settings

PUBLIC = "public_url: https://bridge.example.police.uk\n"
SOCKET = f"{PUBLIC}control_socket: /run/appealbridge/control.sock\n"


@pytest.fixture
def problems(tmp_path):
    """Return what is noted, and what is wrong although the daemon starts."""

    def of(text):
        file = tmp_path / "appealbridge.yaml"
        file.write_text(text)
        settings = load_settings(file, platforms={}, sections={}, environ={})
        return [each.problem for each in settings.notes], [
            each.problem for each in settings.weaknesses
        ]

    return of


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ("email: ALICE@example.org", "people.bob.email: alice has this address too"),
        ("email: \uff21lice@example.org", "people.bob.email: alice has this address too"),
        ("uid: 1001", "people.bob.uid: alice is user 1001 too"),
        ("user: root", "people.bob.user: user 0 is root or nobody, and names no person"),
        ("uid: 65534", "people.bob.uid: user 65534 is root or nobody, and names no person"),
        ("uid: 0", "people.bob.uid:"),
        ("uid: 7, user: root", "people.bob.uid: user and uid are the same thing"),
        (
            "roles: [aprover]",
            'people.bob.roles[0]: unknown value "aprover"; did you mean "approver"?',
        ),
    ],
)
def test_two_people_share_nothing_and_nobody_is_root(wrong, second, problem):
    result = wrong(
        f"people: {{ alice: {{ email: alice@example.org, uid: 1001 }}, bob: {{ {second} }} }}"
    )
    assert problem in result[0]


@pytest.mark.parametrize("name", ["none", "nobody", "root", "a b", "-a", "a/b", "a" * 65])
def test_an_id_is_a_plain_word_that_means_nothing_else(wrong, name):
    assert "cannot be the id of a person" in wrong(f'people: {{ "{name}": {{}} }}')[0]


def test_a_group_has_members_and_a_name_of_its_own(wrong):
    result = wrong("people: { bob: {} }\ngroups: { duty: [], bob: [bob] }")
    assert [line.split(";")[0] for line in result] == [
        "2: groups.duty: the group is empty",
        "2: groups.bob: a person has this name too",
    ]


def test_one_desk_is_noted_where_something_is_public(problems):
    assert problems("people: { bob: {} }") == (
        ["nobody has a role under people:, so whoever may use this daemon decides"],
        [],
    )
    assert problems("people: { bob: {} }\npractice: http://127.0.0.1:8090") == ([], [])


def test_people_whom_nobody_can_invite_are_a_note_except_in_practice(problems):
    approver = SOCKET + "people: { bob: { roles: [approver] } }"
    assert problems(approver) == (["nobody is admin, so nobody can invite people"], [])
    assert problems(approver + "\npractice: http://127.0.0.1:8090") == ([], [])


def test_a_user_whom_this_machine_does_not_know_is_a_note(problems):
    notes, _ = problems(SOCKET + "people: { bob: { roles: [admin], user: no-such-user } }")
    assert notes == ['this machine has no user "no-such-user"']


def test_without_a_control_socket_the_command_line_decides_nothing_and_check_says_so(problems):
    notes, _ = problems(PUBLIC + "people: { bob: { roles: [admin] } }")
    assert notes == [
        "without control_socket, the command line can show states, but nobody can decide there"
    ]


def test_a_user_of_the_machine_names_a_person(load):
    other = next(
        each for each in pwd.getpwall() if each.pw_uid not in (0, OVERFLOW_UID, os.getuid())
    )
    roster = load(f"people: {{ bob: {{ roles: [admin], user: {other.pw_name} }} }}").roster
    assert roster.by_uid(other.pw_uid) is roster.people["bob"]
    assert (
        roster.by_uid(0)
        is roster.by_uid(OVERFLOW_UID)
        is roster.by_uid(other.pw_uid + 100_000)
        is None
    )
    assert [person.id for person in roster.having(Role.ADMIN)] == ["bob"]


@pytest.mark.parametrize("address", ["", "public_url: http://bridge.example.police.uk\n"])
def test_without_tls_people_log_in_on_the_machine_alone_and_check_says_so(problems, address):
    notes, _ = problems(SOCKET.replace(PUBLIC, address) + "people: { bob: { roles: [admin] } }")
    assert notes == [
        "without public_url: https://..., people can log in only from the daemon's own machine"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "people: { bob: bob@example.org }",
            "1: people.bob: must be a mapping of names to values; write { email: bob@example.org }",
        ),
        (
            "people: { bob: }",
            "but is empty; for example { name: Alice Smith, roles: [author] }",
        ),
        ("groups: { desk: }", "1: groups.desk: must be a list, but is empty; for example [bob]"),
        (
            "approvals: { remind: 10m }",
            '1: approvals: unknown option "remind"; did you mean "remind_after"?',
        ),
        (
            "approvals: { require: 2 }",
            '1: approvals: unknown option "require"; who approves stands in each recipe: approval: bob',
        ),
        (
            "quiet_hours: 23:00-06:00",
            'write holds: { quiet_hours: { between: ["23:00", "06:30"] } }',
        ),
        (
            "holds: { quiet_hours: { between: 22:00-06:00 } }",
            '1: holds.quiet_hours.between: must be two times; write ["22:00", "06:00"]',
        ),
        (
            "holds: { quiet_hours: { from: '22:00' } }",
            '1: holds.quiet_hours: unknown option "from"; write between: ["23:00", "06:30"]',
        ),
    ],
)
def test_a_wrong_form_gets_the_line_to_write(wrong, text, message):
    assert message in wrong(text)[0]


def test_one_word_where_a_list_is_wanted_and_times_of_the_twelve_hour_clock_are_taken(load):
    daemon = load(
        "people: { bob: { roles: admin } }\n"
        "groups: { desk: bob }\n"
        "holds: { quiet_hours: { between: [10pm, 6:30] } }\n"
    ).daemon
    assert daemon.people["bob"].roles == (Role.ADMIN,)
    assert daemon.groups["desk"] == ("bob",)
    assert daemon.holds["quiet_hours"].between == ("22:00", "06:30")
