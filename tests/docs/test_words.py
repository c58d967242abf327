"""Every word that the program knows and a person may meet stands in the page where it belongs."""

import re
from types import SimpleNamespace

import click
import pytest

from appealbridge.cli.main import main
from appealbridge.model.amendment import Instead
from appealbridge.model.attempt import Outcome
from appealbridge.model.delivery import Hold, State
from appealbridge.model.errors import DeliveryError
from appealbridge.model.run import RunState
from appealbridge.plugin.registry import load
from appealbridge.recipes.conditions.schema import CONDITIONS, FieldTest
from appealbridge.recipes.model.entries import AMEND, BESIDE, FLOW, POST, AmendEntry, PostEntry
from appealbridge.recipes.model.recipe import PARALLEL, QUEUED, RESTART, SINGLE
from appealbridge.recipes.model.step import Overflow
from appealbridge.recipes.parsing import step, triggers
from appealbridge.recipes.templates.scope import BUILT_IN_NAMES
from appealbridge.triggers.webhook.presets import PRESETS
from appealbridge.triggers.webhook.signature import Scheme
from appealbridge.web import api, listing
from tests.docs.pages import ROOT, part

MODES = (QUEUED, SINGLE, RESTART, PARALLEL)


def unsaid(message, text: str) -> list[str]:
    """Return the words that stand nowhere in the text as code."""
    sentence = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`[^`]+`", text))))
    return sorted(word for word in message if word not in sentence)


@pytest.mark.parametrize(
    ("page", "heading", "message"),
    [
        ("recipes.md", "Conditions", [*FieldTest.names(), *CONDITIONS]),
        ("recipes.md", "Variables", BUILT_IN_NAMES),
        ("recipes.md", "Actions", step.OF_THE_STEP),
        (
            "recipes.md",
            "Actions",
            [POST, *PostEntry.names(), *AmendEntry.names(), AMEND, *Instead, *Overflow],
        ),
        ("recipes.md", "Choosing, waiting, stopping", [*FLOW, *BESIDE, *MODES]),
        ("recipes.md", "Triggers", load(third_party=False).triggers),
        ("recipes.md", "Actions", load(third_party=False).actions),
        ("recipes.md", "Approval, and being in time", Hold),
        ("configuration.md", "Webhooks", [*Scheme, *PRESETS]),
        ("configuration.md", "Channels", load(third_party=False).channels),
        ("configuration.md", "The command line", [*State, *RunState]),
        ("channels.md", "The outcomes of an attempt", Outcome),
    ],
)
def test_the_page_has_every_word(page, heading, message):
    assert unsaid(message, part(page, heading)) == []


def test_what_the_language_does_not_have_yet_is_said():
    later = {
        *triggers.LATER,
        "reply",
        "repost",
    }
    assert unsaid(later, part("recipes.md", "Not yet")) == []


def test_nothing_that_is_there_is_called_missing():
    missing = part("recipes.md", "Not yet")
    there = [
        *load(third_party=False).actions,
        *load(third_party=False).triggers,
        *FieldTest.names()[1:],
        *FLOW,
    ]
    assert unsaid(there, missing) == sorted(there)


def test_every_way_in_which_an_attempt_can_fail_is_said():
    def below(error):
        return [error, *(each for inner in error.__subclasses__() for each in below(inner))]

    names = {each.__name__ for each in below(DeliveryError)} - {"DeliveryError"}
    names = {
        name
        for name in names
        if f"class {name}(" in (ROOT / "src/appealbridge/model/errors.py").read_text("utf-8")
    }
    assert names >= {"TryAgain", "LoginExpired", "Unsure", "Rejected"}
    assert unsaid(names, part("channels.md", "The outcomes of an attempt")) == []


def commands(group=main, before=""):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} ")
        else:
            yield pytest.param(f"{before}{name}", command, id=f"{before}{name}")


@pytest.mark.parametrize(("name", "command"), [*commands()])
def test_the_command_line_is_told_with_every_option(name, command):
    lines = part("configuration.md", "The command line").splitlines()
    (line,) = [line for line in lines if re.match(rf"\| `appealbridge {name}\b", line)]
    options = {option.opts[0] for option in command.params if isinstance(option, click.Option)}
    result = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", line)) | {"--config"}
    assert options | {"--config"} == result
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    assert all(each.human_readable_name.strip("[].").rstrip(".") in line for each in arguments)


def test_every_status_that_a_sender_may_hear_is_told():
    sources = [
        *(ROOT / "src/appealbridge/web").glob("hooks.py"),
        *(ROOT / "src/appealbridge/web").glob("connection.py"),
        *(ROOT / "src/appealbridge/plugin").glob("*.py"),
        *(ROOT / "src/appealbridge/triggers/webhook").glob("*.py"),
        *(ROOT / "src/appealbridge/engine/intake").glob("reception.py"),
    ]
    refused = {
        status
        for file in sources
        for status in re.findall(
            r"(?:Refused\(\s*|problem\(\s*|status=)(\d{3})", file.read_text("utf-8")
        )
    }
    assert refused >= {"400", "401", "408", "413", "415", "422", "503"}
    rows = re.findall(
        r"^\| (\d{3}) \|", part("configuration.md", "`POST /hooks/{webhook_id}`"), re.MULTILINE
    )
    # 204 and the others that are no errors are told elsewhere, or in words.
    assert refused - {"204"} | {"200", "202", "405"} == set(rows)


def test_every_address_of_the_api_is_told():
    engine = SimpleNamespace(people=None, operations=None)  # asked for its routes only
    verbs = {route.path.removeprefix("/api/v1") for route in api.routes(engine, None, None)}
    # The page leaves out the pattern of a part of an address.
    expected = {re.sub(r":[^}]+}", "}", route) for route in verbs if "{path" not in route}
    expected |= {f"/{name}" for name in listing._LISTS} | {
        f"/{name}/{{id}}" for name in listing._SINGLE
    }
    text = part("configuration.md", "`/api/v1`")
    result = set(re.findall(r"`(?:GET|POST) /api/v1(/[^`]+)`", text))
    result |= {
        f"/deliveries/{{id}}/{verb}"
        for verb in ("confirm", "retry", "cancel")
        if f"`/{verb}`" in text
    }
    assert result == expected


def test_the_health_addresses_are_told():
    assert unsaid(["healthz", "readyz", "metrics"], part("configuration.md", "Health")) == []
