"""A plug-in that cannot be loaded is left out and named; the others, and the program, go on."""

import sys

import pytest

from appealbridge.daemon.assembly import load_plugins
from appealbridge.plugin.registry import BUILT_IN, GROUP, load
from tests.plugging import PLUG_IN, installed

BROKEN = {
    "raises while it is imported": "1 / 0",
    "ends the program while it is imported": "raise SystemExit(3)",
    "raises an error of its own kind": "class Panic(BaseException): pass\nraise Panic",
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
    built_in = load(third_party=False)
    assert {*registry.channels} == {*built_in.channels}
    assert {*registry.actions} == {*built_in.actions}


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
    assert 'the section "feeds" is already taken by' in load().broken["sms"].problem


def test_a_built_in_part_that_does_not_load_is_named_like_any_other(monkeypatch):
    monkeypatch.setitem(sys.modules, "appealbridge.channels.x.channel", None)
    registry = load(third_party=False)
    assert [*registry.broken] == ["appealbridge.channels.x.channel"]
    assert len(registry.channels) == len([name for name in BUILT_IN if ".channels." in name]) - 1


OLDER = ["appealbridge.channels", "appealbridge.triggers"]


@pytest.mark.parametrize("group", [GROUP, *OLDER])
def test_a_plug_in_for_our_version_is_loaded_and_one_without_a_version_is_for_the_first(
    tmp_path, monkeypatch, group
):
    installed(tmp_path, monkeypatch, PLUG_IN, [group])
    assert "sms" in load().channels


def test_a_plug_in_for_a_version_that_we_do_not_have_is_not_even_imported(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch, "1 / 0", ["appealbridge.plugins.v2"])
    problem = load().broken["sms"]
    assert (
        "it needs version 2 of the plug-in interface, and this AppealBridge has 1"
        in problem.problem
    )
    assert problem.cure == "update AppealBridge"
    assert "sms_plug_in" not in sys.modules


def test_a_plug_in_for_several_versions_is_loaded_by_the_one_that_we_have(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch, PLUG_IN, ["appealbridge.plugins.v2", GROUP])
    registry = load()
    assert registry.broken == {}
    assert "sms" in registry.channels


@pytest.mark.parametrize(
    "group", ["appealbridge.plugin.v1", "appealbridge.plugins", "appealbridge.plugins.1"]
)
def test_a_slip_in_the_name_of_the_group_is_named(tmp_path, monkeypatch, group):
    installed(tmp_path, monkeypatch, PLUG_IN, [group])
    problem = load().broken["sms"]
    assert f'"{group}" is not a group of plug-ins' in problem.problem
    assert GROUP in problem.cure


NAME_OF_OURS = {
    "the action that posts on many channels": PLUG_IN.replace('action = "sms"', 'action = "post"'),
    **{
        f"the section {section}": "from appealbridge.triggers.feed.trigger import Feed\n"
        f"class Other(Feed):\n    name = 'other'\n    section = '{section}'\n"
        "def register(registry): registry.add(Other())\n"
        for section in ("store", "channels", "lists")
    },
    "the trigger of notices": "from appealbridge.triggers.feed.trigger import Feed\n"
    "class Other(Feed):\n    name = 'bridge'\n    section = ''\n"
    "def register(registry): registry.add(Other())\n",
}


@pytest.mark.parametrize("code", NAME_OF_OURS.values(), ids=NAME_OF_OURS)
def test_no_plug_in_takes_a_name_of_appealbridge_itself(tmp_path, monkeypatch, code):
    installed(tmp_path, monkeypatch, code)
    problem = load_plugins().broken["sms"].problem
    assert "is already taken by AppealBridge itself" in problem


def test_a_name_that_is_taken_is_named_with_its_owner(tmp_path, monkeypatch):
    installed(tmp_path, monkeypatch, BROKEN["takes a name that is taken"])
    text = 'the platform "x" is already taken by appealbridge.channels.x.channel.X'
    assert load().broken["sms"].problem.endswith(text)


def offered(folder, **plug_ins):
    """Have packages be there that each offer one plug-in, by its name and its code."""
    for name, code in plug_ins.items():
        package = folder / f"{name}-1.0.dist-info"
        package.mkdir()
        (package / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = plug_in_{name}:register\n")
        (folder / f"plug_in_{name}.py").write_text(code)


def test_a_name_that_two_packages_claim_belongs_to_neither_and_a_third_package_works(
    tmp_path, monkeypatch
):
    """The wrong one would get the accounts and secrets of the other."""
    third = PLUG_IN.replace('"sms"', '"pager"')
    offered(tmp_path, one=PLUG_IN, two=PLUG_IN, three=third)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load()
    assert {*registry.broken} == {"one", "two"}
    assert 'the action "sms" is also taken by the plug-in two' in registry.broken["one"].problem
    assert {*registry.channels} == {*load(third_party=False).channels, "pager"}
