"""The list of built-in plug-ins, held to the folders; and each plug-in, held to the door."""

from __future__ import annotations

import ast

import pytest

from appealbridge.plugin.registry import BUILT_IN, load
from tests.imports import PACKAGE, files, module_name, nodes

MODULES = [
    module_name(file)
    for folder, name in (("triggers", "trigger"), ("channels", "channel"))
    for file in files(folder)
    if file.stem == name
]

EXAMPLES = {"x", "tweet", "email"}
"""Names that stand in texts about accounts and actions in general."""

ALLOWED = ("practice", "demo", "recipes/model/synonyms.py", "settings/reader.py")
"""Where channels may be named: what one practises on, and what people write instead of a name."""


def test_every_plug_in_is_in_the_list_and_nothing_else():
    assert sorted(MODULES) == sorted(BUILT_IN)
    folders = {
        module_name(file).rpartition(".")[0]
        for part in ("triggers", "channels")
        for file in files(part)
    }
    own = {name.rpartition(".")[0] for name in BUILT_IN}
    assert folders - own == {"appealbridge", "appealbridge.triggers", "appealbridge.channels"}


def test_the_list_is_in_order():
    assert list(BUILT_IN) == sorted(BUILT_IN, key=lambda name: ("channels" in name, name))


@pytest.mark.parametrize("module", BUILT_IN)
def test_each_registers_something_by_itself(module):
    registry = load([module], third_party=False)
    assert len(registry.channels) + len(registry.triggers) >= 1


def test_all_get_along():
    registry = load(third_party=False)
    assert len(registry.channels) == sum("channels" in name for name in BUILT_IN)
    assert len(registry.triggers) == sum("triggers" in name for name in BUILT_IN)


def test_no_other_part_of_the_program_knows_a_channel():
    """A new one is a folder, a line in the list, its docs and its tests."""
    named = {}
    for channel in load(third_party=False).channels.values():
        own = type(channel).__module__.removeprefix("appealbridge.").rpartition(".")[0]
        for file in files():
            place = file.relative_to(PACKAGE).as_posix()
            if place.startswith((own.replace(".", "/"), *ALLOWED)):
                continue
            constants = {node.value for node in nodes(file) if isinstance(node, ast.Constant)}
            text = {channel.platform, channel.action} & constants - EXAMPLES
            if text:
                named[place] = text
        for file in (PACKAGE / "web/pages/templates").iterdir():
            if (
                channel.platform not in EXAMPLES
                and channel.platform in file.read_text("utf-8").lower()
            ):
                named[file.name] = {channel.platform}
    assert named == {}
