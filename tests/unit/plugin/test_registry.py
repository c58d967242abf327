"""A plug-in that cannot be loaded is left out and named; the others, and the program, go on."""

import sys

import pytest

from appealbridge.plugin.registry import BUILT_IN, load
from tests.plugging import PLUG_IN, installed

BROKEN = {
    "raises while it is imported": "1 / 0",
    "ends the program while it is imported": "raise SystemExit(3)",
    "needs what is not there": "import there_is_no_such_module",
    "is no Python": "def register(:",
    "goes round in circles": "def f(): f()\nf()",
    "has nothing to register": "",
    "raises while it registers": "def register(registry): raise KeyError('a')",
    "registers what is no plug-in": "def register(registry): registry.add(3)",
    "takes a name that is taken": PLUG_IN.replace('platform = "sms"', 'platform = "x"'),
    "takes an action that is taken": PLUG_IN.replace('action = "sms"', 'action = "tweet"'),
    "has no name": PLUG_IN.replace('platform = "sms"', ""),
    "has a name that is no word": PLUG_IN.replace('platform = "sms"', 'platform = "S M S"'),
    "has no model of its account": PLUG_IN.replace("account = Gateway", "account = dict"),
    "does not say what an unclear outcome needs": PLUG_IN.replace("Repeat.NEITHER", "None"),
    "cannot be made": PLUG_IN.replace("registry.add(Sms())", "registry.add(Sms(1, 2))"),
    "breaks after half of it": PLUG_IN + "    registry.add(None)\n",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_a_plug_in_that_cannot_be_loaded_is_left_out_and_named(tmp_path, monkeypatch, code):
    installed(tmp_path, monkeypatch, code)
    registry = load()
    ((name, problem),) = registry.broken.items()
    assert name == "sms"
    assert problem.text().startswith("plug-in sms (sms_plug_in:register): cannot be loaded")
    assert {*registry.channels} == {"x", "facebook", "mastodon", "email"}
    assert {*registry.actions} == {"tweet", "facebook_post", "mastodon_post", "email"}


def test_a_sound_plug_in_is_there(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch, PLUG_IN)
    registry = load()
    assert registry.broken == {}
    assert "sms" in registry.channels


def test_a_package_that_tells_its_entry_points_wrongly_concerns_itself_alone(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch, PLUG_IN)
    odd = tmp_path / "odd-1.0.dist-info"
    odd.mkdir()
    (odd / "entry_points.txt").write_bytes(b"[appealbridge.channels]\nno equals sign\n\xff\xfe")
    (tmp_path / "other-1.0.dist-info").mkdir()
    registry = load()
    assert "sms" in registry.channels
    ((name, _),) = registry.broken.items()
    assert "odd-1.0.dist-info" in name


def test_two_triggers_do_not_share_a_section(tmp_path, monkeypatch):
    code = PLUG_IN.partition("class Gateway")[0] + (
        "from appealbridge.triggers.feed.trigger import Feed\n"
        "class Other(Feed):\n    name = 'other'\n"
        "def register(registry): registry.add(Other())\n"
    )
    installed(tmp_path, monkeypatch, code)
    assert "two triggers have sources under feeds" in load().broken["sms"].problem


def test_a_built_in_part_that_does_not_load_is_named_like_any_other(monkeypatch):
    monkeypatch.setitem(sys.modules, "appealbridge.channels.x.channel", None)
    registry = load(third_party=False)
    assert [*registry.broken] == ["appealbridge.channels.x.channel"]
    assert len(registry.channels) == len([name for name in BUILT_IN if ".channels." in name]) - 1
