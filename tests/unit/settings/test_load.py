"""From appealbridge.yaml to settings, or to every problem in it at once."""

from pathlib import Path

import pytest

from appealbridge.channels.x.channel import XAccount
from appealbridge.documents import InvalidDocuments
from appealbridge.model.people import Role
from appealbridge.model.retention import Span
from appealbridge.settings.load import address_here, load_settings, store_of
from appealbridge.triggers.webhook.trigger import WebhookSource

HOOK = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
PLANTED = "planted-0123456789"
SECRETS = {HOOK, *(f"{PLANTED}-{n}" for n in range(4))}
FORCE_X = """
  force_x:
    platform: x
    credentials:
      consumer_key: !secret x0
      consumer_secret: !secret x1
      access_token: !secret x2
      access_token_secret: !secret x3
"""


# -- what runs without a word ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n# nothing yet\n",
        "{}",
        "channels:\nwebhooks:\n",
        "people:\ngroups:\nnotices:\nlog:\ninside:\n",
    ],
)
def test_an_empty_file_runs(load, tmp_path, text):
    settings = load(text)
    assert settings.daemon.listen.address == ("127.0.0.1", 8080)
    assert settings.store == f"sqlite://{tmp_path}/appealbridge.db"
    assert settings.recipes == tmp_path / "recipes"
    assert settings.templates == tmp_path / "templates"
    assert settings.daemon.time_zone == "Europe/London"
    assert settings.daemon.shutdown_within == 20.0
    assert (settings.daemon.log.level, settings.daemon.log.format) == ("info", "auto")
    assert (settings.channels, settings.lists, settings.daemon.people) == ({}, {}, {})
    assert settings.sources == {"webhooks": {}, "appeals": {}}
    assert settings.secrets == frozenset()


def test_no_file_runs_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, platforms={}, sections={}, environ={})
    assert (settings.file, settings.store) == (None, f"sqlite://{tmp_path}/appealbridge.db")


def test_the_default_file_is_that_of_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("appealbridge.yaml").write_text("time_zone: UTC\n")
    settings = load_settings(None, platforms={}, sections={}, environ={})
    assert (settings.daemon.time_zone, settings.file) == ("UTC", Path("appealbridge.yaml"))


def test_a_file_that_is_named_must_be_there(tmp_path):
    with pytest.raises(InvalidDocuments, match=r"none\.yaml:1:1: cannot be read: No such file"):
        load_settings(tmp_path / "none.yaml", platforms={}, sections={}, environ={})


# -- a whole file ---------------------------------------------------------------------------------

WHOLE = f"""
listen: unix:/run/appealbridge/http.sock
public_url: https://bridge.example.police.uk/
store: sqlite:///var/lib/appealbridge/bridge.db
recipes: /etc/appealbridge/recipes
templates: ../templates/
time_zone: Europe/Dublin
log: {{ level: debug, format: json }}
shutdown_within: 1m
channels: {FORCE_X}
    daily_cap: 60
webhooks:
  incident-desk:
    secrets: [!secret hook, !secret hook]
    preset: cloudevents
appeals:
  website: {{ feed: "https://www.example.police.uk/appeals/rss", every: 5m }}
  desk: {{ folder: appeals/ }}
people:
  alice: {{ roles: [author], email: alice@example.police.uk, name: Alice, uid: 1001 }}
  bob: {{ roles: [approver] }}
groups:
  officer_in_charge: [bob]
lists:
  regional_press: !include lists/press.yaml
  duty: [duty@example.police.uk]
holds:
  quiet_hours: {{ between: ["23:00", "06:30"], except: [threat_to_life] }}
retention: {{ personal: 30d after closure, decisions: 7y }}
"""


@pytest.fixture
def press(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "press.yaml").write_text("- news@example.org\n- desk@example.org\n")


@pytest.mark.usefixtures("press")
def test_everything_that_may_be_said_is_understood(load, tmp_path):
    settings = load(WHOLE)
    assert settings.daemon.listen.path == "/run/appealbridge/http.sock"
    assert settings.daemon.public_url == "https://bridge.example.police.uk"
    assert settings.store == "sqlite:///var/lib/appealbridge/bridge.db"
    assert settings.recipes == Path("/etc/appealbridge/recipes")
    assert settings.templates == tmp_path.parent / "templates"
    assert (settings.daemon.log.level, settings.daemon.shutdown_within) == ("debug", 60.0)
    account = settings.channels["force_x"].account
    assert isinstance(account, XAccount)
    assert account.credentials.consumer_key.get_secret_value() == f"{PLANTED}-0"
    assert account.daily_cap == 60
    assert isinstance(settings.sources["webhooks"]["incident-desk"], WebhookSource)
    assert settings.sources["appeals"]["website"].every == 300.0
    assert settings.sources["appeals"]["desk"].folder == tmp_path / "appeals"
    assert settings.roster.by_uid(1001).roles == {Role.AUTHOR}
    assert settings.roster.called("Alice@example.police.uk").name == "Alice"
    assert settings.daemon.groups == {"officer_in_charge": ("bob",)}
    assert settings.lists == {
        "regional_press": ("news@example.org", "desk@example.org"),
        "duty": ("duty@example.police.uk",),
    }
    assert settings.daemon.holds["quiet_hours"].exempt == ("threat_to_life",)
    assert settings.daemon.retention.personal == Span(30, "d", after_closure=True)
    assert settings.daemon.retention.decisions == Span(7, "y")


@pytest.mark.usefixtures("press")
def test_every_secret_that_was_read_is_told_and_none_is_printed(load):
    settings = load(WHOLE)
    assert settings.secrets == SECRETS
    for value in SECRETS:
        assert value not in repr(settings)
        assert value not in str(settings.channels["force_x"].account)


def test_the_store_can_be_asked_for_alone(tmp_path):
    file = tmp_path / "appealbridge.yaml"
    file.write_text("store: sqlite:///here.db\nchannels: { x: { platform: !secret none } }\n")
    assert store_of(file) == f"sqlite://{tmp_path}/here.db"


def test_a_store_that_is_none_is_a_problem_even_alone(tmp_path):
    file = tmp_path / "appealbridge.yaml"
    file.write_text("store: postgresql://db/x\n")
    with pytest.raises(InvalidDocuments, match="a store in PostgreSQL is not available yet"):
        store_of(file)


# -- what is wrong --------------------------------------------------------------------------------


def test_all_problems_come_at_once_in_the_order_of_the_file(wrong):
    text = """\
listn: 127.0.0.1:80
time_zone: Mars/Olympus
channels:
  a: { platform: twitter }
  b: { platform: x, credentials: !secret x0 }
  c: {}
webhooks:
  d: { secrets: [!secret nowhere] }
  e: { secrets: [!secret hook], preset: alertmanger }
appeals:
  f: { every: often, folder: x }
groups:
  g: [nobody]
lists: { h: 5 }
"""
    assert wrong(text) == [
        '1: : unknown option "listn"; did you mean "listen"?',
        (
            '2: time_zone: unknown time zone "Mars/Olympus"; '
            "write it as Europe/London, or install the package tzdata"
        ),
        '4: channels.a.platform: unknown platform "twitter"; did you mean "x"?',
        "5: channels.b.credentials: secrets are not allowed here; write the value itself",
        '6: channels.c: "platform" is missing; known here: facebook, mastodon, x',
        (
            "8: webhooks.d.secrets[0]: secret nowhere was not found; pass systemd credential nowhere, "
            "or create file secrets/nowhere, or set APPEALBRIDGE_SECRET_NOWHERE"
        ),
        '9: webhooks.e.preset: unknown value "alertmanger"; did you mean "alertmanager"?',
        "11: appeals.f.every: must be a length of time; write it as 30s, 5m, 2h, 1h30m or 7d",
        '13: groups.g[0]: unknown person "nobody"; add the person under people',
        "14: lists.h: must be a list; begin each entry with a dash",
    ]


def test_a_misspelt_platform_or_section_never_asks_for_the_secret_itself(wrong):
    assert wrong("channels:\n  a: { Platform: x }\n") == [
        '2: channels.a.Platform: unknown option "Platform"; did you mean "platform"?'
    ]
    result = wrong("webhoks:\n  d: { secrets: [!secret hook] }\n")
    assert result == ['1: : unknown option "webhoks"; did you mean "webhooks"?']


def test_an_account_whose_lines_are_not_indented_is_told_once_and_at_their_place(wrong):
    assert wrong("channels:\n  a:\n  platform: x\n") == [
        "3: channels.platform: is not indented below a; indent this line, and what belongs to it, so that it is below a"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "the settings must be names with values"),
        ("listen: [\n", "close the bracket"),
        ("listen: !secret x0\n", "listen: secrets are not allowed here"),
        ("channels: [x]\n", "channels: must be a mapping"),
        ("channels: { x: 1 }\n", "channels.x: must be a mapping"),
        ("channels: { 'a b': {platform: x} }\n", '"a b" cannot be a name'),
        ("webhooks: { ../x: {} }\n", '"../x" cannot be a name'),
        ("webhooks: { a: }\n", "webhooks.a: no secret; write secrets"),
        ("people: { alice: { password: x } }\n", 'unknown option "password"'),
        ("holds: { q: { between: ['25:00', '06:30'] } }\n", "holds.q.between: must be two times"),
        (
            "retention: { personal: soon }\n",
            "retention.personal: is not a time for keeping data; write it",
        ),
        ("retention: { decisions: 7 }\n", "retention.decisions: is not a time for keeping data"),
        ("shutdown_within: 0s\n", "shutdown_within: must be more than 0"),
        ("log: { level: loud }\n", 'log.level: unknown value "loud"'),
        ("practice: 127.0.0.1:8090\n", "practice: is not the address of the practice platforms"),
        ("lists: !include x.yaml\n", "lists: must be lists by name"),
        ("appeals: { a: { feed: 'http://x', folder: y } }\n", "give either"),
        ("store: !include x\n", "store"),
    ],
)
def test_what_cannot_be_meant_is_said(wrong, text, message):
    assert message in "\n".join(wrong(text))


# -- what may be connected to -----------------------------------------------------------------------


def test_what_inside_the_network_may_be_reached_is_said_in_the_settings(load):
    settings = load("inside: [news.internal, '10.0.0.5:8080', 10.1.0.0/16]\n")
    assert [entry.text for entry in settings.daemon.inside] == [
        "news.internal", "10.0.0.5:8080", "10.1.0.0/16",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("http://news.internal", "is a web address"),
        ("10.0.0.5/8", r"is not the first address of its network"),
        ("8.8.8.8", "is a public address"),
        ("0.0.0.0/0", "is every address there is"),
        ("17", "is neither a host nor a network"),
    ],
)
def test_an_entry_of_inside_that_is_none_is_told_at_its_place(load, entry, message):
    with pytest.raises(InvalidDocuments, match=message) as wrong:
        load(f"inside:\n  - {entry}\n")
    (problem,) = wrong.value.problems
    assert (problem.line, problem.path) == (2, "inside[0]")
    assert problem.cure


@pytest.mark.parametrize(
    "api", ["http://api.example.org", "http://10.0.0.5:8080", "HTTP://x.example"]
)
def test_an_account_is_not_spoken_to_in_the_clear(load, api):
    with pytest.raises(InvalidDocuments) as wrong:
        load(f"channels:{FORCE_X}    api: {api}\n")
    (problem,) = wrong.value.problems
    assert problem.path == "channels.force_x.api"
    assert problem.cure == "write https:// instead of http://"


@pytest.mark.parametrize("api", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"])
def test_on_this_machine_it_may_be(load, api):
    load(f"channels:{FORCE_X}    api: '{api}'\n")


def test_a_host_that_is_inside_by_its_name_and_not_allowed_is_noted(load):
    appeals = "appeals: { desk: { feed: 'https://news.internal:8443/rss' } }\n"
    (note,) = load(appeals).notes
    assert note.path == "appeals.desk.feed"
    assert note.cure == 'add "news.internal:8443" to inside:'
    assert load(f"inside: ['news.internal:8443']\n{appeals}").notes == ()
    assert load(f"inside: [10.0.0.0/8]\n{appeals}").notes == ()
    (note,) = load(f"inside: [news.internal]\n{appeals}").notes
    assert "8443" in note.cure
    (note,) = load("appeals: { desk: { feed: 'http://intranet/rss' } }\n").notes
    assert note.cure == 'add "intranet" to inside:'
    assert load("appeals: { desk: { feed: 'http://www.example.org/rss' } }\n").notes == ()


def test_a_syntax_error_does_not_hide_the_other_mistakes(wrong):
    text = """\
time_zone: London
channels:
  force_x: { platform: twitter }
  press: { platform: email, sender: "never closed }
listen: nowhere
"""
    assert [problem.split(";")[0] for problem in wrong(text)] == [
        '1: time_zone: unknown time zone "London"',
        '3: channels.force_x.platform: unknown platform "twitter"',
        "4: : these quotes are never closed",
        "5: listen: is not an address to listen on",
    ]


def test_one_word_will_do_where_a_list_is_wanted(load):
    settings = load("people: { dana: { email: dana@example.org } }\nnotices: { to: dana }\n")
    assert list(settings.daemon.notices.to) == ["dana"]


def test_one_unknown_person_who_is_told_is_found_without_a_list_too(wrong):
    (item,) = wrong("people: { dana: { email: dana@example.org } }\nnotices: { to: danielle }\n")
    assert item.startswith('2: notices.to[0]: unknown person or group "danielle"')


@pytest.mark.parametrize("written", ["true", "yes", "on", "8090", "127.0.0.1:8090"])
def test_practice_without_its_address_is_one_problem_with_its_cure(wrong, written):
    channels = "channels: { county_x: { platform: x } }\n"
    (item,) = wrong(f"practice: {written}\n{channels}")
    assert item == (
        "1: practice: is not the address of the practice platforms; "
        "write practice: http://127.0.0.1:8090, where `appealbridge sandbox` runs"
    )


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("", "http://127.0.0.1:8080"),
        ("listen: 0.0.0.0:8443", "http://127.0.0.1:8443"),
        ("listen: '[::1]:8443'", "http://[::1]:8443"),
        ("listen: 127.0.0.1:0", ""),
        ("listen: unix:/run/here.sock", ""),
        ("listen: systemd", ""),
    ],
)
def test_the_address_on_the_daemons_machine_is_where_it_listens(tmp_path, listen, address):
    file = tmp_path / "appealbridge.yaml"
    file.write_text(f"{listen}\n")
    assert address_here(file) == address
