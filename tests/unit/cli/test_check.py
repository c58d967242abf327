"""How `check` speaks to a GitHub workflow."""

import asyncio
import os

import orjson
import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.cli.recipes import _annotation
from appealbridge.clock import SystemClock
from appealbridge.documents import Problem
from appealbridge.store.records import PollState
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.triggers.feed.trigger import Feed, FeedSource


def test_an_annotation_names_the_place_and_the_cure():
    problem = Problem("recipes/a.yaml", 7, 5, "actions[0]", "is wrong", "mend it")
    assert _annotation(problem) == (
        "::error file=recipes/a.yaml,line=7,col=5,title=appealbridge check::actions[0]: is wrong; mend it"
    )


def test_an_annotation_of_a_whole_file_has_no_empty_place():
    problem = Problem("recipes/a.yaml", 1, 1, "", "100%\nwrong", "", level="note")
    assert _annotation(problem) == (
        "::notice file=recipes/a.yaml,line=1,col=1,title=appealbridge check::100%25%0Awrong"
    )


def test_a_file_with_odd_letters_in_its_name_stays_one_property():
    problem = Problem("recipes/50%, or: more.yaml", 1, 1, "", "wrong", "")
    assert "file=recipes/50%25%2C or%3A more.yaml,line=1," in _annotation(problem)


def checked(tmp_path, monkeypatch, recipe: str, *arguments: str):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/a.yaml").write_text(recipe, "utf-8")
    (tmp_path / "appealbridge.yaml").touch()
    monkeypatch.chdir(tmp_path)
    return CliRunner().invoke(main, ["check", *arguments])


HOOKS = """
webhooks:
  short: { signature: bearer, secrets: [!secret few] }
  first: { signature: bearer, secrets: [!secret shared] }
  second:
    signature: hmac
    secrets:
      - !secret own
      - !secret shared
  elsewhere: { signature: bearer, secrets: [!secret not_here] }
  nowhere: { signature: bearer, secrets: [!secret not_here_either] }
"""
SECRETS = {"few": "fifteen letters", "shared": "sixteen letters!", "own": "sixteen letters?"}


def hooked(tmp_path, monkeypatch):
    (tmp_path / "appealbridge.yaml").write_text(HOOKS, "utf-8")
    (tmp_path / "secrets").mkdir(mode=0o700)
    for name, secret in SECRETS.items():
        (tmp_path / "secrets" / name).write_text(secret)
    monkeypatch.chdir(tmp_path)


def test_a_secret_that_is_short_or_shared_is_a_problem_with_its_place_and_a_cure(
    tmp_path, monkeypatch
):
    hooked(tmp_path, monkeypatch)
    done = CliRunner().invoke(main, ["check", "--format", "json"])
    output = [
        each for each in orjson.loads(done.stdout) if not each["problem"].startswith("note: ")
    ]
    assert [(each["path"], each["line"], each["problem"]) for each in output] == [
        (
            "webhooks.short.secrets[0]",
            3,
            "this secret has only 15 bytes and could be guessed",
        ),
        (
            "webhooks.second.secrets[1]",
            9,
            "webhook first has the same secret, so its sender may send here too",
        ),
    ]
    assert all("openssl rand -hex 32" in each["cure"] for each in output)
    assert done.exit_code == 1


def test_a_problem_with_a_secret_shows_no_secret(tmp_path, monkeypatch):
    hooked(tmp_path, monkeypatch)
    done = CliRunner().invoke(main, ["check"])
    assert "openssl rand" in done.output
    assert not any(secret in done.output for secret in SECRETS.values())


WRONG = """\
triggers: [{ trigger: appeal }]
actions: [{ action: twet }]
"""
NOTED = """\
triggers: [{ trigger: appeal, on: [new] }]
variables: { unused: 1 }
actions: [{ stop: nothing to do }]
approval: none
"""


def test_json_is_a_list_of_problems_with_exactly_the_names_promised(tmp_path, monkeypatch):
    done = checked(tmp_path, monkeypatch, WRONG, "--format", "json")
    output = orjson.loads(done.stdout)
    names = ["file", "line", "column", "path", "problem", "cure"]
    assert [list(each) for each in output] == [names, names]
    assert {each["file"] for each in output} == {"recipes/a.yaml"}
    assert output[1] == {
        "file": "recipes/a.yaml",
        "line": 2,
        "column": 21,
        "path": "actions[0].action",
        "problem": 'unknown action "twet"',
        "cure": 'did you mean "tweet"?',
    }
    assert done.exit_code == 1


@pytest.mark.parametrize(("form", "empty"), [("json", "[]\n"), ("github", "")])
def test_nothing_wrong_is_an_empty_list_or_no_line(form, empty, tmp_path, monkeypatch):
    done = checked(tmp_path, monkeypatch, "", "--format", form)
    assert done.exit_code == 1
    (tmp_path / "recipes/a.yaml").unlink()
    done = CliRunner().invoke(main, ["check", "--format", form])
    assert (done.exit_code, done.stdout) == (0, empty)


def test_notes_alone_are_no_failure(tmp_path, monkeypatch):
    done = checked(tmp_path, monkeypatch, NOTED, "--format", "github")
    assert done.stdout.startswith("::notice file=recipes/a.yaml,line=2,col=14,title=")
    assert done.exit_code == 0


def test_a_file_named_outside_is_checked_too(tmp_path, monkeypatch):
    other = tmp_path / "draft.yaml"
    other.write_text(WRONG, "utf-8")
    done = checked(tmp_path, monkeypatch, NOTED, str(other))
    assert "draft.yaml:2:21" in done.stdout
    assert done.exit_code == 1


def test_the_settings_are_no_recipe(tmp_path, monkeypatch):
    (tmp_path / "appealbridge.yaml").write_text("watch: false\n")
    done = checked(tmp_path, monkeypatch, NOTED, "appealbridge.yaml")
    assert done.exit_code == 0
    assert "1 recipe fine, 0 errors" in done.stdout


def test_a_folder_of_recipes_that_is_not_there_is_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "appealbridge.yaml").write_text("recipes: recipies\n")
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 0
    assert "appealbridge.yaml:1:10: recipes: note: no folder" in done.stdout


FEEDS = "watch: false\nstore: sqlite:///x.db\nfeeds: {{ news: {{ url: '{url}', identity: {identity} }} }}\n"


def remembered(folder, url):
    """Leave a store in which a feed has been looked at."""
    basis = Feed().basis(FeedSource(url=url))

    async def look():
        store = await SqliteStore.open(folder / "x.db")
        await store.accept([], PollState("feed:news", 1.0, 2.0, state={"identity": basis.identity}))
        await store.close()

    asyncio.run(look())


@pytest.mark.parametrize(
    ("url", "identity", "noted"),
    [
        ("https://x.example/rss", "guid", False),
        ("https://x.example/rss", "link", True),
        ("https://x.example/other", "guid", True),
    ],
)
def test_a_source_that_is_another_one_than_the_store_remembers_is_noted(
    tmp_path, monkeypatch, url, identity, noted
):
    remembered(tmp_path, "https://x.example/rss")
    (tmp_path / "appealbridge.yaml").write_text(FEEDS.format(url=url, identity=identity))
    done = checked(tmp_path, monkeypatch, NOTED)
    assert ("feed:news: note: its address, folder or identity has changed" in done.stdout) is noted
    assert done.exit_code == 0


def test_a_store_that_is_none_is_no_matter_of_check(tmp_path, monkeypatch):
    (tmp_path / "x.db").write_text("no store")
    settings = FEEDS.format(url="https://x.example/rss", identity="guid")
    (tmp_path / "appealbridge.yaml").write_text(settings)
    done = checked(tmp_path, monkeypatch, NOTED)
    assert (done.exit_code, "has changed" in done.stdout) == (0, False)


APPEAL = '---\nreference: WMP-12\ntitle: "Missing: Aisha, 9"\n{more}---\nRed coat.\n'


NOW = 1_795_000_000
"""18 November 2026, 11:06:40 in London."""


def appeal_checked(tmp_path, monkeypatch, name, written):
    (tmp_path / name).write_text(written, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SystemClock, "now", lambda _clock: NOW)
    return CliRunner().invoke(main, ["check", name])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.md", APPEAL.format(more="")),
        ("a.md", APPEAL.format(more="embargo: 2026-11-27 10:00\n")),
        ("a.md", APPEAL.format(more="embargo: 2026-11-18 11:07\n")),
        ("a.md", APPEAL.format(more="embargo: 11:05\n")),  # the next one is tomorrow
        ("a.yaml", "Reference: A\nTitle: Missing\nKind: Missing\n"),
    ],
)
def test_the_file_of_an_appeal_can_be_checked(tmp_path, monkeypatch, name, written):
    result = appeal_checked(tmp_path, monkeypatch, name, written)
    assert (result.exit_code, result.output) == (0, "1 appeal fine, 0 errors, 0 notes\n")


@pytest.mark.parametrize("name", ["embargo_until", "embargoed until", "embarg", "EMBARGO-UNTIL"])
def test_an_embargo_under_another_name_is_an_error_at_its_place(tmp_path, monkeypatch, name):
    """Nothing would wait for it, and the appeal would be published at once."""
    written = APPEAL.format(more=f"{name}: 2026-11-27 10:00\n")
    result = appeal_checked(tmp_path, monkeypatch, "a.md", written)
    assert result.exit_code == 1
    assert f'a.md:4:1: {name}: nothing waits for "{name}"' in result.output
    assert "write embargo: before the time" in result.output


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("publish_at: 10:00", "write embargo: if nothing may be published before that time"),
        ("stauts: closed", "write status: if that is meant"),
    ],
)
def test_a_field_that_is_probably_misspelt_is_noted(tmp_path, monkeypatch, line, cure):
    result = appeal_checked(tmp_path, monkeypatch, "a.md", APPEAL.format(more=f"{line}\n"))
    assert (result.exit_code, cure in result.output) == (0, True)


@pytest.mark.parametrize(
    "line", ["link: https://example.org", "height: tall", "embargo: 2026-11-27"]
)
def test_a_field_of_its_own_is_no_mistake(tmp_path, monkeypatch, line):
    result = appeal_checked(tmp_path, monkeypatch, "a.md", APPEAL.format(more=f"{line}\n"))
    assert result.output == "1 appeal fine, 0 errors, 0 notes\n"


def test_an_embargo_is_checked_in_the_time_zone_of_the_settings(tmp_path, monkeypatch):
    written = APPEAL.format(more="embargo: 2026-11-18 11:30\n")
    assert appeal_checked(tmp_path, monkeypatch, "a.md", written).exit_code == 0
    (tmp_path / "appealbridge.yaml").write_text("time_zone: Europe/Paris\n")
    assert appeal_checked(tmp_path, monkeypatch, "a.md", written).exit_code == 1


@pytest.mark.parametrize("saved", [NOW - 86_400 * 400, NOW + 86_400])
def test_an_embargo_is_judged_by_now_whenever_the_file_was_saved(tmp_path, monkeypatch, saved):
    for written, status in (("2026-11-18 11:06", 1), ("2026-11-18 11:07", 0)):
        (tmp_path / "a.md").write_text(APPEAL.format(more=f"embargo: {written}\n"), "utf-8")
        os.utime(tmp_path / "a.md", (saved, saved))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(SystemClock, "now", lambda _clock: NOW)
        result = CliRunner().invoke(main, ["check", "a.md"])
        assert (result.exit_code, "is past; if the file came in now" in result.output) == (
            status,
            bool(status),
        )


def test_a_kind_of_appeal_that_is_not_usual_is_noted_with_the_usual_ones(tmp_path, monkeypatch):
    result = appeal_checked(tmp_path, monkeypatch, "a.md", APPEAL.format(more="kind: mising\n"))
    assert result.exit_code == 0
    assert 'a.md:4:1: kind: note: "mising" is not one of the usual kinds' in result.output
    assert "usual are missing, wanted, witness" in result.output


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("a.md", "Missing: Tom, 7\n", "a.md:1:1: has no head"),
        ("a.md", APPEAL.format(more="status: found\n"), 'a.md:4:9: status: unknown value "found"'),
        ("a.md", APPEAL.format(more="embargo: 10.00\n"), 'a.md:4:1: embargo: "10.00" is a bare'),
        (
            "a.md",
            APPEAL.format(more="embargo: 2026-11-18 11:06\n"),
            "11:06 is past; if the file came in now",
        ),
        ("a.md", APPEAL.format(more="Embargo: today 09:00\n"), "a.md:4:1: embargo: today 09:00"),
        (
            "a.txt",
            APPEAL.format(more=""),
            "a.txt:1:1: is ignored; the name of an appeal's file must end in",
        ),
        ("a.yaml", "title: Missing\n", 'a.yaml:1:1: "reference" is missing'),
    ],
)
def test_what_is_wrong_with_the_file_of_an_appeal_is_told_with_its_place(
    tmp_path, monkeypatch, name, written, message
):
    result = appeal_checked(tmp_path, monkeypatch, name, written)
    assert result.exit_code == 1
    assert message in result.output
    assert "0 appeals fine" in result.output


def test_recipes_and_appeals_can_be_checked_together(tmp_path, monkeypatch):
    (tmp_path / "a.md").write_text(APPEAL.format(more=""), "utf-8")
    result = checked(tmp_path, monkeypatch, "alias: a\n", "recipes/a.yaml", "a.md")
    assert result.exit_code == 1
    assert 'recipes/a.yaml:1:1: "triggers" is missing' in result.output
    assert "0 recipes fine, 1 appeal fine" in result.output


INNER = """\
triggers:
  - { trigger: feed, url: "http://10.0.0.5:8080/rss" }
  - { trigger: feed, url: "http://localhost/rss" }
  - { trigger: feed, url: "https://news.internal/rss" }
actions: [{ stop: nothing to do }]
approval: none
"""


def test_a_recipe_that_reads_an_address_inside_is_told_unless_the_settings_allow_it(
    tmp_path, monkeypatch
):
    (tmp_path / "appealbridge.yaml").write_text("watch: false\n")
    done = checked(tmp_path, monkeypatch, INNER)
    assert done.exit_code == 1
    output = " ".join(done.stdout.split())
    assert "a.yaml:2:27: triggers[0].url: 10.0.0.5:8080 is inside your network" in output
    assert 'if that is right, add "10.0.0.5:8080" to inside: in appealbridge.yaml' in output
    assert "a.yaml:3:27: triggers[1].url: localhost has the address 127.0.0.1" in output
    assert "news.internal" not in output.partition("triggers[1]")[0]
    (tmp_path / "appealbridge.yaml").write_text("inside: [localhost, '10.0.0.5:8080']\n")
    assert CliRunner().invoke(main, ["check"]).exit_code == 0


def test_in_practice_a_recipe_may_read_a_feed_on_this_machine(tmp_path, monkeypatch):
    (tmp_path / "appealbridge.yaml").write_text("practice: http://127.0.0.1:8090\n")
    done = checked(tmp_path, monkeypatch, INNER)
    assert "triggers[0].url" in done.stdout
    assert "triggers[1].url" not in done.stdout


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://0x7f.1/rss", "is the address 127.0.0.1"),
        (
            "http://force:pw@www.example.org/rss",
            "put it under the feed's credentials: in",
        ),
        ("https://force:pw@www.example.org/rss", "put it under the feed's credentials:"),
    ],
)
def test_an_address_that_hides_where_it_leads_or_shows_a_password_is_told(
    tmp_path, monkeypatch, url, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "appealbridge.yaml").write_text(f"feeds: {{ news: {{ url: '{url}' }} }}\n")
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 1
    assert message in " ".join(done.stdout.split())
    assert "pw@" not in done.stdout


def test_no_settings_file_is_an_error_where_there_is_nothing_else_to_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["check"])
    assert (done.exit_code, f"there is no appealbridge.yaml in {tmp_path}" in done.stdout) == (
        1,
        True,
    )


def test_recipes_without_a_settings_file_are_checked_with_a_note(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    recipe = "triggers: [{ trigger: appeal }]\nactions: [{ stop: x }]\napproval: none\n"
    (tmp_path / "recipes/a.yaml").write_text(recipe, "utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["check"])
    assert (done.exit_code, "note: there is no appealbridge.yaml" in done.stdout) == (0, True)


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("name", ["appealbridge.yml", "appealbridge.yaml.txt", "AppealBridge.yaml"])
def test_a_settings_file_with_almost_the_right_name_is_proposed(
    tmp_path, monkeypatch, name, command
):
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, [command])
    assert done.exit_code == {"check": 1, "run": 2}[command]
    assert f"did you mean {name}?" in done.output


def test_the_daemon_does_not_start_without_a_settings_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run"])
    assert (done.exit_code, "there is no appealbridge.yaml" in done.output) == (2, True)
    assert list(tmp_path.iterdir()) == []


PEOPLE = """
channels:
  press: { platform: email, smtp: "smtp://127.0.0.1:2525", sender: press@example.org }
webhooks:
  desk: { signature: none, allow_unsigned: true }
people:
  alice: { email: alice@example.org, uid: 1001, roles: [author] }
  bob: { BOB uid: 1002, roles: [approver] }
groups: { silver: [alice], gold: [bob] }
approvals: { escalate_to: [gold, WHO] }
"""
ASKING = """
triggers: [{ trigger: webhook, webhook_id: desk }]
actions: [{ action: email, channel: press, to: a@example.org, subject: A, text: B }]
approval: WHO
"""


@pytest.mark.parametrize(
    ("bob", "who", "where"),
    [
        ("email: bob@example.org,", "gold", []),
        ("", "gold", ["people.bob"]),
        (
            "email: bob@example.org,",
            "silver",
            ["approvals.escalate_to[1]", "approval"],
        ),
        ("email: bob@example.org,", "alice", ["approvals.escalate_to[1]", "approval"]),
    ],
)
def test_an_approver_who_cannot_be_told_and_a_group_without_approvers_are_errors(
    tmp_path, monkeypatch, bob, who, where
):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/a.yaml").write_text(ASKING.replace("WHO", who))
    settings = PEOPLE.replace("BOB", bob).replace("WHO", who)
    (tmp_path / "appealbridge.yaml").write_text(settings)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", "--format", "json"])
    output = [each for each in orjson.loads(result.stdout) if "note: " not in each["problem"]]
    assert [each["path"] for each in output] == where
    assert all(each["line"] and each["cure"] for each in output)
    assert result.exit_code == bool(where)


def test_a_body_without_its_webhook_is_called_that_and_no_wrong_recipe(tmp_path, monkeypatch):
    (tmp_path / "appealbridge.yaml").write_text("")
    (tmp_path / "closed.json").write_text('{"type": "road.closed", "road": "A38"}')
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", "closed.json"])
    assert result.exit_code == 1
    assert result.output.count("closed.json:") == 1
    assert "if it is the body of a webhook, name that with --webhook" in result.output


def test_while_the_settings_have_errors_no_recipe_is_called_fine_or_not(tmp_path, monkeypatch):
    (tmp_path / "appealbridge.yaml").write_text("chanels: {}\n")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert result.output.endswith(
        "recipes are checked once the settings are right, 1 error, 0 notes\n"
    )


@pytest.mark.parametrize(
    "message",
    [
        ["stop", "--reason", "wrong picture"],
        ["deliveries"],
        ["questions"],
        ["approve", "1"],
        ["test"],
        ["preview", "roads"],
    ],
    ids=" ".join,
)
def test_in_a_folder_without_settings_every_command_says_so_and_leaves_nothing_behind(
    tmp_path, monkeypatch, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("APPEALBRIDGE_CONFIG", raising=False)
    result = CliRunner().invoke(main, message)
    assert result.exit_code == 1
    assert f"there is no appealbridge.yaml in {tmp_path}" in result.output
    assert list(tmp_path.iterdir()) == []
