"""A plug-in that breaks takes along what needs it, and nothing else; `check` says which and why."""

import random

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.daemon.assembly import assemble
from appealbridge.daemon.bridge import Bridge
from appealbridge.engine.intake.arrival import arrive
from appealbridge.model.run import RunState
from appealbridge.testing.clock import FakeClock
from tests.plugging import PLUG_IN, installed
from tests.unit.recipes.conftest import event_of

SETTINGS = """
listen: 127.0.0.1:0
practice: http://127.0.0.1:9
channels:
  force_x: { platform: x }
  force_sms: { platform: sms }
feeds: { news: { url: "http://127.0.0.1:9/rss", every: 1h } }
people: { dana: { email: dana@example.org } }
notices: { to: [dana] }
"""
TWEET = """
triggers: [{ trigger: feed, feed: news }]
actions: [{ action: tweet, channel: force_x, text: Hello }]
approval: none
on_failure: dana
"""
SMS = TWEET.replace("action: tweet, channel: force_x", "action: sms, channel: force_sms")
TO_BE_FILLED = SMS.replace("text: Hello", 'text: "{{ event.data.title }}"')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    def write(code, sms=SMS, settings=SETTINGS, **how):
        installed(tmp_path, monkeypatch, code, **how)
        (tmp_path / "appealbridge.yaml").write_text(settings)
        (tmp_path / "recipes").mkdir()
        (tmp_path / "recipes" / "tweet.yaml").write_text(TWEET)
        (tmp_path / "recipes" / "sms.yaml").write_text(sms)
        return tmp_path / "appealbridge.yaml"

    return write


def method(message, code=PLUG_IN):
    """Return the plug-in with one more method, which breaks."""
    return code.replace(
        "\ndef register", f"\n    def {message}:\n        return {{}}['a']\n\ndef register"
    )


VALIDATOR = """
    @field_validator("{name}")
    @classmethod
    def _odd(cls, value):
        return {{}}[value]
"""
ACCOUNT = PLUG_IN.replace("\nclass Text", VALIDATOR.format(name="url") + "\nclass Text")
MESSAGE = PLUG_IN.replace("\nclass Sms", VALIDATOR.format(name="text") + "\nclass Sms")
NO_ACCOUNT = {
    "is not loaded": "1 / 0",
    "ends the program over its account": ACCOUNT.replace("return {}[value]", "raise SystemExit(3)"),
    "breaks over its account": ACCOUNT,
    "breaks over practice": PLUG_IN.replace('return {"url": address}', "return {}['a']"),
}
NO_RECIPE = {
    **NO_ACCOUNT,
    "breaks over its message": MESSAGE,
    "ends the program over its message": MESSAGE.replace("return {}[value]", "raise SystemExit(3)"),
    "breaks over counting": method("measure(self, account, message)"),
}


@pytest.mark.parametrize("code", NO_RECIPE.values(), ids=NO_RECIPE)
def test_a_recipe_that_needs_it_is_quarantined_and_the_others_are_in_force(folder, code):
    assembly = assemble(folder(code))
    assert [*assembly.book.recipes] == ["tweet"]
    ((file, problems),) = assembly.book.quarantined.items()
    assert file.endswith("sms.yaml")
    assert "plug-in" in " ".join(problem.cure for problem in problems)
    assert "force_x" in assembly.active.channels


@pytest.mark.parametrize("code", NO_ACCOUNT.values(), ids=NO_ACCOUNT)
def test_an_account_that_needs_it_is_left_out(folder, code):
    assembly = assemble(folder(code))
    assert {*assembly.active.channels} == {"force_x"}
    assert assembly.faults


@pytest.mark.parametrize("code", NO_RECIPE.values(), ids=NO_RECIPE)
def test_check_names_it_and_ends_with_1(folder, code):
    result = CliRunner().invoke(main, ["check", "--config", str(folder(code))])
    assert result.exit_code == 1
    assert result.output.rstrip().endswith("errors, 0 notes") or "1 recipe fine" in result.output
    assert "sms" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("code", NO_RECIPE.values(), ids=NO_RECIPE)
async def test_the_daemon_starts_with_the_rest(folder, code, capfd):
    config = folder(code)
    async with Bridge(config, clock=FakeClock(), rng=random.Random(1)) as bridge:
        assert [*bridge.assembly.book.recipes] == ["tweet"]
    log = capfd.readouterr().err
    assert "recipe_quarantined" in log
    assert "plugin_bug" in log or code not in NO_ACCOUNT.values()


def test_a_reload_with_it_keeps_the_recipes_in_force(folder):
    config = folder("1 / 0")
    before = assemble(config).book.recipes
    assert [*assemble(config, before=before).book.recipes] == ["tweet"]


AT_PLANNING = {
    "counting": method("measure(self, account, message)").replace(
        "return {}['a']", "return {}['a'] if message.text else None"
    ),
    "parting": method("parts(self, account, message)"),
    "its message": MESSAGE,
}
ENDING = {
    name: code.replace("return {}['a']", "raise SystemExit(3)").replace(
        "return {}[value]", "raise SystemExit(3)"
    )
    for name, code in AT_PLANNING.items()
    if name != "counting"
}


@pytest.mark.parametrize("code", ENDING.values(), ids=ENDING)
def test_where_it_would_end_the_program_over_an_event_that_run_alone_fails(folder, code):
    assembly = assemble(folder(code, sms=TO_BE_FILLED))
    event = event_of(source="feed:news", type="feed.new", data={"title": "Hello"})
    planned = arrive(event, assembly.book.for_event(event), event.received_at)
    reasons = {run.recipe: run.reason for run in planned.runs if run.state is RunState.FAILED}
    assert [*reasons] == ["sms"]
    assert "RaisedBaseException: SystemExit: 3" in reasons["sms"]


@pytest.mark.parametrize("code", AT_PLANNING.values(), ids=AT_PLANNING)
def test_where_it_breaks_over_an_event_that_run_alone_fails(folder, code):
    assembly = assemble(folder(code, sms=TO_BE_FILLED))
    assert [*assembly.book.recipes] == ["sms", "tweet"]
    event = event_of(source="feed:news", type="feed.new", data={"title": "Hello"})
    planned = arrive(event, assembly.book.for_event(event), event.received_at)
    states = {run.recipe: run.state for run in planned.runs}
    assert states == {"sms": RunState.FAILED, "tweet": RunState.PLANNED}
    (failed,) = (run for run in planned.runs if run.recipe == "sms")
    assert "the plug-in of sms failed: KeyError" in failed.reason


@pytest.mark.parametrize("command", ["test", "preview sms", "check"])
def test_a_rehearsal_tells_it_too(folder, command):
    tests = "tests: [{ name: a, event: { type: feed.new, data: { title: a } }, expect: [] }]\n"
    config = folder(AT_PLANNING["counting"], sms=TO_BE_FILLED + tests)
    result = CliRunner().invoke(main, [*command.split(), "--config", str(config)])
    assert isinstance(result.exception, SystemExit | None)
    assert command == "check" or "KeyError" in result.output


def test_one_that_breaks_over_telling_people_tells_nobody_and_is_named(folder):
    assembly = assemble(folder(method("tell(self, account, person, title, text)")))
    assert [*assembly.book.recipes] == ["sms", "tweet"]
    assert [problem.file for problem in assembly.faults] == ["channel force_sms"]


def test_one_that_breaks_over_a_login_has_the_others_tried(folder):
    settings = SETTINGS + "# and one more\n"
    config = folder(
        method("check(self, account, tools)").replace("def check", "async def check"),
        settings=settings,
    )
    result = CliRunner().invoke(main, ["channels", "check", "--config", str(config)])
    assert result.exit_code == 1
    assert "force_sms (sms): bad, the plug-in failed: KeyError" in result.output
    assert "force_x (x): bad" in result.output  # nobody listens there
    sms, x = (line for line in result.output.splitlines() if line.startswith("force_"))
    assert "; sms cannot be withdrawn (that becomes a task for a person), edited (" in sms
    assert x.endswith("; x cannot be edited (a correction follows as a reply)")


MISSPELT = SETTINGS.replace("feeds:", "feds:")


def test_a_slip_in_the_settings_is_not_taken_for_a_part_of_a_broken_plug_in(folder):
    result = CliRunner().invoke(
        main, ["check", "--config", str(folder("1 / 0", settings=MISSPELT))]
    )
    assert 'did you mean "feeds"?' in result.output


RECEIVER = """
from appealbridge.plugin import Field, Options
from appealbridge.plugin.receiver import Receiver

class Pager(Options):
    number: int = Field(description="Which.", examples=[1])

class Pagers(Receiver[Pager, Pager]):
    name = "pager"
    section = "pagers"
    options = Pager
    source_options = Pager

    def source(self, options):
        return "duty"

    def accepts(self, options, event):
        return ""

    def prove(self, source, request):
        return None

    def receive(self, source, request):
        return None

    def weaknesses(self, sources):
        return {}["a"]

def register(registry):
    registry.add(Pagers())
"""


def test_one_that_breaks_over_what_is_unsafe_does_not_keep_the_daemon_from_starting(folder):
    settings = SETTINGS.replace("  force_sms: { platform: sms }\n", "")
    config = folder(RECEIVER, sms=TWEET, settings=settings + "pagers: { duty: { number: 1 } }\n")
    assembly = assemble(config)
    assert [*assembly.book.recipes] == ["sms", "tweet"]
    (weakness,) = assembly.settings.weaknesses
    assert weakness.path == "pagers"
    assert "KeyError" in weakness.problem


def test_the_section_of_a_trigger_that_is_not_loaded_is_left_out(folder):
    settings = SETTINGS + "pagers: { duty: { number: 1 } }\n"
    assembly = assemble(folder("1 / 0", settings=settings))
    assert any(problem.path == "pagers" for problem in assembly.faults)


@pytest.mark.parametrize("code", NO_RECIPE.values(), ids=NO_RECIPE)
def test_the_schemas_are_written_all_the_same(folder, code):
    settings = folder(code)
    result = CliRunner().invoke(main, ["schema", "--config", str(settings)])
    assert result.exit_code == 0, result.output
    assert (settings.parent / ".appealbridge" / "recipe.schema.json").exists()


def test_options_without_a_description_do_not_keep_the_schemas_from_being_written(folder):
    code = PLUG_IN.replace('Field(description="What.", examples=["Hello"])', "Field()")
    result = CliRunner().invoke(main, ["schema", "--config", str(folder(code))])
    assert result.exit_code == 0, result.output


async def test_one_for_another_version_of_the_interface_is_named_and_the_rest_works(folder, capfd):
    config = folder(PLUG_IN, groups=["appealbridge.plugins.v2"])
    text = "it needs version 2 of the plug-in interface, and this AppealBridge has 1"
    result = CliRunner().invoke(main, ["check", "--config", str(config)])
    assert result.exit_code == 1
    assert text in result.output
    assert "update AppealBridge" in result.output
    async with Bridge(config, clock=FakeClock(), rng=random.Random(1)) as bridge:
        assert [*bridge.assembly.book.recipes] == ["tweet"]
    assert text in capfd.readouterr().err


def test_it_is_named_also_where_the_settings_cannot_be_read(folder):
    result = CliRunner().invoke(
        main, ["check", "--config", str(folder("1 / 0", settings="listen: 3\n"))]
    )
    assert result.exit_code == 1
    assert "plug-in sms" in result.output
    assert "listen" in result.output


def test_a_name_of_it_that_is_near_another_is_not_taken_for_that_one(folder):
    """Who follows the advice would publish on another platform."""
    recipe = SMS.replace("action: sms", "action: mastodon_toot")
    settings = SETTINGS.replace("platform: sms", "platform: facebooks")
    assembly = assemble(folder("1 / 0", recipe, settings))
    cures = [problem.cure for problem in assembly.problems if "unknown" in problem.problem]
    theirs = "it may belong to a plug-in that cannot be loaded: sms; or did you mean"
    assert f'{theirs} "mastodon_post"?' in cures
    assert f'{theirs} "facebook"?' in cures
    assert [*assembly.book.recipes] == ["tweet"]
