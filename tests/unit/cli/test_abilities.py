"""`channels abilities` shows what can be done on every platform that is installed."""

import json

from click.testing import CliRunner

from appealbridge.cli.main import main
from tests.plugging import PLUG_IN, installed

REMOVES = PLUG_IN.replace(
    "class Sms(Channel[Gateway, Text]):",
    "from appealbridge.plugin.published import Removes, Standing\n\n\n"
    "class Sms(Channel[Gateway, Text], Removes[Gateway]):",
)
REMOVES = REMOVES.replace(
    "    def practice",
    """    async def remove(self, account, receipt, delivery, tools):
        return "removed"

    async def look(self, account, receipt, delivery, tools):
        return Standing(there=False)

    def practice""",
)


def shown(*options):
    return CliRunner().invoke(main, ["channels", "abilities", *options]).output


def test_a_plug_in_is_in_the_table_with_what_it_inherits(tmp_path, monkeypatch):
    assert not any(line.startswith("sms ") for line in shown().splitlines())
    installed(tmp_path, monkeypatch, REMOVES)
    (line,) = (
        line for line in shown().splitlines() if line.startswith("sms ") and "can" not in line
    )
    assert line.split() == ["sms", "sms", "yes", "no", "no", "no", "no"]
    assert (
        "sms cannot be edited (a correction is published anew, if the recipe says instead: replace)"
        in shown()
    )


def test_a_plug_in_that_is_left_out_is_named(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch, "1 / 0")
    result = CliRunner().invoke(main, ["channels", "abilities"])
    assert "sms" in result.output
    assert "ZeroDivisionError" in result.output
    assert "\\n" not in result.output


def test_it_is_given_to_programs_too():
    rows = {row["platform"]: row for row in json.loads(shown("--json"))}
    assert rows["mastodon"] == {
        "platform": "mastodon", "action": "mastodon_post", "removes": True, "edits": True,
        "finds": True, "images": True, "threads": True, "limits": "",
    }  # fmt: skip
