"""`appealbridge new`, as it is typed, with a terminal and without."""

import os
import pty
import resource
import select
import signal
import sys

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.daemon.assembly import assemble
from appealbridge.editor.files import FILES
from tests.docs.pages import ROOT

SETTINGS = """
practice: http://127.0.0.1:8090
channels:
  force_x: { platform: x }
  ward_x: { platform: x }
  press_office: { platform: email, smtp: "smtp://mail.internal:587", sender: press@example.org }
webhooks:
  roads: { signature: none, allow_unsigned: true }
lists: { press: [desk@example.org] }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("APPEALBRIDGE_CONFIG", raising=False)
    (tmp_path / "appealbridge.yaml").write_text(SETTINGS, "utf-8")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["new", *arguments])


def test_what_is_not_answered_takes_its_default(folder):
    result = run("road-closed", "--input", "x=ward_x")
    assert result.exit_code == 0, result.output
    text = (folder / "recipes" / "road-closed.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=../.appealbridge/recipe.schema.json\n")
    assert "channel: ward_x" in text
    assert "webhook_id: roads" in text
    assert "facebook" not in text
    assert "3 tests, 3 passed, 0 failed" in result.output


def test_a_new_recipe_is_off_and_waits_for_a_person(folder):
    result = run("road-closed", "--input", "x=ward_x")
    assert "It stays switched off" in result.output
    (recipe,) = assemble(folder / "appealbridge.yaml", offline=True).book.off.values()
    assert recipe.approval == ""
    text = (folder / "recipes" / "road-closed.yaml").read_text("utf-8")
    assert text.count("enabled: false") == 1
    assert CliRunner().invoke(main, ["preview", "road-closed"]).exit_code == 0
    checked = CliRunner().invoke(main, ["check"]).output
    assert "1 recipe fine, 1 of them off (road-closed), 0 errors" in checked


def test_who_says_so_gets_a_recipe_that_waits_for_nobody(folder):
    run("road-closed", "--input", "x=ward_x", "--input", "approval=none")
    assert "approval: none" in (folder / "recipes" / "road-closed.yaml").read_text("utf-8")


def test_a_recipe_is_not_written_through_a_link(folder):
    precious = folder / "precious"
    precious.write_text("mine")
    (folder / "recipes").mkdir()
    (folder / "recipes" / "road-closed.yaml").symlink_to(precious)
    result = run("road-closed", "--input", "x=ward_x")
    assert result.exit_code == 2
    assert run("road-closed", "--input", "x=ward_x", "--force").exit_code == 0
    assert precious.read_text() == "mine"


def test_the_schema_that_the_recipe_points_to_is_there(folder):
    run("out-of-hours-press")
    assert "press_office" in (folder / ".appealbridge" / FILES["recipe"]).read_text("utf-8")


def test_what_only_a_person_can_answer_is_listed_and_nothing_is_written(folder):
    result = run("road-closed", "--input", "webhook=roads")
    assert result.exit_code == 2
    assert "--input x=…    The account on X (channel: force_x, ward_x)" in result.stderr
    assert not (folder / "recipes").exists()


WRONG = {
    "no such blueprint": (["road-close"], 'did you mean "road-closed"?'),
    "none said": ([], "appeal-everywhere        New appeal, every channel"),
    "no such input": (["road-closed", "--input", "y=force_x"], 'does not ask for "y"'),
    "no value": (["road-closed", "--input", "x"], "write --input NAME=VALUE"),
    "a wrong answer": (["road-closed", "--input", "x=forse_x"], 'did you mean "force_x"?'),
    "nothing left": (["severe-weather", "--input", "x="], "these answers leave no actions"),
}


@pytest.mark.parametrize(("arguments", "expected"), WRONG.values(), ids=WRONG.keys())
def test_wrong_use_is_said_with_its_cure(folder, arguments, expected):
    result = run(*arguments)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert not (folder / "recipes").exists()


def test_a_file_that_is_there_is_left_alone_unless_told(folder):
    file = folder / "mine.yaml"
    file.write_text("mine\n", "utf-8")
    arguments = ("out-of-hours-press", "--output", "mine.yaml")
    result = run(*arguments)
    assert result.exit_code == 2
    assert "give --output another file, or --force" in result.stderr
    assert file.read_text("utf-8") == "mine\n"
    assert run(*arguments, "--force").exit_code == 0
    assert file.read_text("utf-8") != "mine\n"


def test_on_a_full_disk_the_file_that_cannot_be_written_is_named(folder):
    (folder / ".appealbridge").mkdir()
    full = folder / "recipes" / "road-closed.yaml"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # as a full disk: the write fails
    try:
        result = run("road-closed", "--input", "x=ward_x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert result.exit_code == 1
    assert "cannot write" in result.output
    assert "None" not in result.output
    assert not full.exists()


def test_a_recipe_with_a_mistake_is_shown_as_check_does(folder):
    result = run("news-to-social-media", "--input", "x=force_x")
    assert result.exit_code == 1
    assert 'unknown source in feeds: "force_news"' in result.output
    assert "appealbridge check recipes/news-to-social-media.yaml" in result.output


def test_a_test_that_fails_ends_with_1(folder):
    result = run("out-of-hours-press", "--input", "opens=11:00", "--input", "closes=11:30")
    assert result.exit_code == 1
    assert "FAIL out-of-hours-press: at noon the press office does it" in result.output
    assert (folder / "recipes" / "out-of-hours-press.yaml").exists()


def test_settings_with_a_mistake_come_first(folder):
    (folder / "appealbridge.yaml").write_text("chanels: {}\n", "utf-8")
    result = run("road-closed")
    assert result.exit_code == 1
    assert 'did you mean "channels"?' in result.stderr


def on_a_terminal(folder, arguments, answers):
    """Run the command on a real terminal, answering each question; return what was shown, and the status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.pop("APPEALBRIDGE_CONFIG", None)
        os.execv(sys.executable, [sys.executable, "-m", "appealbridge", "new", *arguments])  # noqa: S606 - our own program
    shown, waiting = b"", list(answers)
    while select.select([terminal], [], [], 60)[0]:
        try:
            result = os.read(terminal, 4096)
        except OSError:  # Linux says so at the end
            break
        if not result:
            break
        shown += result
        if shown.endswith((b" > ", b"[y/N]: ")) and waiting:
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
            shown += b"\n"
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_on_a_terminal_each_question_is_asked_until_the_answer_will_do(folder):
    (folder / "recipes").mkdir()
    (folder / "recipes" / "road-closed.yaml").write_text("mine\n", "utf-8")
    answers = ["road-closed", "", "", "", "", "", "forse_x", "2", "-", "", "soon", "20m", ""]
    shown, status = on_a_terminal(folder, [], answers)
    assert status == 0, shown
    assert "recipes/road-closed.yaml already exists" in shown
    assert 'unknown answer "forse_x" (did you mean "force_x"?)' in shown
    assert "an answer is needed (one of force_x, ward_x, or - to leave it out)" in shown
    assert "'soon' is not a length of time (write it as 30s" in shown
    text = (folder / "recipes" / "road-closed-2.yaml").read_text("utf-8")
    assert "channel: ward_x" in text
    assert "publish_within: 20m" in text
    assert "3 tests, 3 passed, 0 failed" in shown


@pytest.mark.parametrize(("answer", "on"), [("y", True), ("", False), ("n", False)])
def test_nothing_is_in_force_before_its_author_has_seen_what_it_posts(folder, answer, on):
    values = (
        "webhook=roads",
        "closed=c",
        "opened=o",
        "x=ward_x",
        "facebook=",
        "approval=",
        "within=9m",
    )
    text = ["road-closed", *(word for each in values for word in ("--input", each))]
    shown, status = on_a_terminal(folder, text, [answer])
    assert status == 0, shown
    assert shown.index("tweet on ward_x: 107 of 280 characters") < shown.index("Switch it on [y/N]")
    book = assemble(folder / "appealbridge.yaml", offline=True).book
    assert ([*book.recipes], [*book.off]) == (["road-closed"], [])[:: 1 if on else -1]


def test_without_a_terminal_what_it_posts_is_shown_and_it_stays_off(folder):
    result = run("road-closed", "--input", "x=ward_x")
    assert "is closed because of a collision. Please use another route." in result.output
    assert "tweet on ward_x: 107 of 280 characters" in result.output


def test_the_shipped_blueprints_are_part_of_the_package():
    packaged = (ROOT / "pyproject.toml").read_text("utf-8")
    for folder in ("blueprints", "recipes", "schemas"):
        assert f'{folder} = "appealbridge/shipped/{folder}"' in packaged
