"""The list of built-in plug-ins, held to the folders; and each plug-in, held to the door."""

from __future__ import annotations

import pytest

from appealbridge.plugin.registry import BUILT_IN, load
from tests.imports import files, module_name

MODULES = [
    module_name(file)
    for folder, name in (("triggers", "trigger"), ("channels", "channel"))
    for file in files(folder)
    if file.stem == name
]


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
