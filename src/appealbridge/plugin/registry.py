"""What plug-ins there are: the built-in ones by name, third parties' by entry point or folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from appealbridge.plugin.channel import AnyChannel, Channel
from appealbridge.plugin.trigger import AnyTrigger

BUILT_IN = (
    "appealbridge.triggers.appeal",
    "appealbridge.triggers.feed",
    "appealbridge.triggers.webhook",
    "appealbridge.channels.email",
    "appealbridge.channels.facebook",
    "appealbridge.channels.mastodon",
    "appealbridge.channels.x",
)
"""Every file of `triggers/` and `channels/`; a test holds this list to the folders."""


class Registry:
    """The plug-ins that one program knows. Nothing is registered by importing; each `register` is called."""

    def __init__(self) -> None:
        self._channels: dict[str, AnyChannel] = {}
        self._actions: dict[str, AnyChannel] = {}
        self._triggers: dict[str, AnyTrigger] = {}

    def add(self, plugin: AnyChannel | AnyTrigger) -> None:
        """Take a plug-in in; raise `ValueError` where its name is taken."""
        if isinstance(plugin, Channel):
            self._put(self._channels, plugin.platform, plugin)
            self._put(self._actions, plugin.action, plugin)
        else:
            self._put(self._triggers, plugin.name, plugin)

    @staticmethod
    def _put(shelf: dict[str, Any], name: str, plugin: object) -> None:
        if name in shelf:
            raise ValueError(f"two plug-ins are called {name!r}: {shelf[name]!r} and {plugin!r}")
        shelf[name] = plugin

    @property
    def channels(self) -> Mapping[str, AnyChannel]:
        """The channels by platform."""
        return MappingProxyType(self._channels)

    @property
    def actions(self) -> Mapping[str, AnyChannel]:
        """The same channels by the word that a recipe uses."""
        return MappingProxyType(self._actions)

    @property
    def triggers(self) -> Mapping[str, AnyTrigger]:
        """The triggers by the word that a recipe uses."""
        return MappingProxyType(self._triggers)


def load(modules: Iterable[str] = BUILT_IN, *, third_party: bool = True) -> Registry:
    """Return a fresh registry with the given modules and, if wanted, all installed third-party plug-ins."""
    registry = Registry()
    for module in modules:
        import_module(module).register(registry)
    if third_party:
        for group in ("appealbridge.triggers", "appealbridge.channels"):
            for entry in entry_points(group=group):
                register: Callable[[Registry], None] = entry.load()
                register(registry)
    return registry
