"""Every option of every plug-in and of the settings stands in the docs, with its default and its sentence."""

import pytest

from appealbridge.blueprints.blueprint import Head
from appealbridge.model.appeal import Appeal
from appealbridge.plugin import Account
from appealbridge.plugin.abilities import ABILITIES
from appealbridge.plugin.registry import load
from appealbridge.recipes.conditions.schema import FieldTest
from appealbridge.recipes.model.entries import AmendEntry, StepEntry
from appealbridge.recipes.model.schema import Shape
from appealbridge.recipes.model.withdraw import WithdrawMessage
from appealbridge.settings.model import DaemonSettings
from tests.docs.pages import part, table_after
from tests.docs.tables import table


def tables():
    """Return what has to stand where: the page, the comment above the table, the table."""
    plugins = load(third_party=False)
    yield "recipes.md", "recipe", table(Shape)
    yield "recipes.md", "condition", table(FieldTest)
    yield "recipes.md", "step", table(StepEntry)
    yield "recipes.md", "amend", table(AmendEntry)
    yield "recipes.md", "action withdraw", table(WithdrawMessage)
    yield "configuration.md", "settings", table(DaemonSettings)
    yield "blueprints.md", "blueprint", table(Head)
    yield "configuration.md", "channel", table(Account)
    yield "configuration.md", "appeal", table(Appeal)
    for trigger in plugins.triggers.values():
        yield "recipes.md", f"trigger {trigger.name}", table(trigger.options)
        if trigger.section:
            yield "configuration.md", f"source {trigger.section}", table(trigger.source_options)
    for channel in plugins.channels.values():
        yield "recipes.md", f"action {channel.action}", table(channel.message)
        yield "channels.md", f"channel {channel.platform}", table(channel.account, without=Account)


@pytest.mark.parametrize(
    ("page", "mark", "expected"), [pytest.param(*each, id=each[1]) for each in tables()]
)
def test_the_table_says_what_the_model_says(page, mark, expected):
    assert table_after(page, f"options: {mark}") == expected


ROWS = {
    "removes": "removes what is published",
    "edits": "edits what is published",
    "finds": "finds what is published",
    "images": "publishes pictures",
    "threads": "makes threads",
}


@pytest.mark.parametrize("ability", ABILITIES)
def test_the_table_at_a_glance_says_what_each_channel_can_do(ability):
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in part("channels.md", "At a glance").splitlines()
        if line.startswith("|")
    ]
    platforms = next(cells for cells in rows if cells[0] == "`platform`")
    text = next(cells for cells in rows if cells[0] == ROWS[ability])
    channels = load(third_party=False).channels
    assert {name.strip("`"): word for name, word in zip(platforms[1:], text[1:], strict=True)} == {
        name: "yes" if ABILITIES[ability](channel) else "no" for name, channel in channels.items()
    }
