"""Loads and registers plug-ins: the built-in ones, and third-party ones by their entry points."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from types import MappingProxyType
from typing import Any

from appealbridge.documents import Problem
from appealbridge.documents.diagnostic import fault
from appealbridge.plugin.channel import Account, AnyChannel, Channel, Repeat
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import AnyTrigger, PolledSource, Poller, Trigger

BUILT_IN = (
    "appealbridge.triggers.appeal.trigger",
    "appealbridge.triggers.feed.trigger",
    "appealbridge.triggers.webhook.trigger",
    "appealbridge.channels.email.channel",
    "appealbridge.channels.facebook.channel",
    "appealbridge.channels.mastodon.channel",
    "appealbridge.channels.x.channel",
)
"""Every plug-in of `triggers/` and `channels/`; a test compares this list with the folders."""

GROUPS = ("appealbridge.triggers", "appealbridge.channels")
"""The groups of entry points under which packages offer plug-ins."""

_WORD = re.compile(r"[a-z][a-z0-9_]*")


class Registry:
    """
    The plug-ins of one program. Importing a module registers nothing; its `register` is called.

    `broken` are the problems of plug-ins that could not be loaded, by name. They are left out, with everything that
    needs them.
    """

    def __init__(self) -> None:
        self.broken: dict[str, Problem] = {}
        self._channels: dict[str, AnyChannel] = {}
        self._actions: dict[str, AnyChannel] = {}
        self._triggers: dict[str, AnyTrigger] = {}

    def add(self, plugin: AnyChannel | AnyTrigger) -> None:
        """Register a plug-in; raise `ValueError` if its name is taken or something is missing."""
        if isinstance(plugin, Channel):
            _must_be(plugin, ("platform", "action"), account=Account, message=Options)
            if not isinstance(plugin.repeat, Repeat):
                raise ValueError(f"{plugin.platform}: repeat must be one of the values of Repeat")
            self._put(self._channels, plugin.platform, plugin)
            self._put(self._actions, plugin.action, plugin)
        elif isinstance(plugin, Trigger):
            source = PolledSource if isinstance(plugin, Poller) else Options
            _must_be(plugin, ("name",), options=Options, source_options=source)
            sections = {trigger.section for trigger in self._triggers.values()}
            if plugin.section and plugin.section in sections:
                raise ValueError(f"two triggers have sources under {plugin.section}:")
            self._put(self._triggers, plugin.name, plugin)
        else:
            raise ValueError(f"{plugin!r} is neither a channel nor a trigger")

    def take(self, name: str, where: str, load: Callable[[], Callable[[Registry], None]]) -> None:
        """
        Let a plug-in register everything that it offers, or nothing.

        `load` returns its `register`; `where` says where that is. An error leaves out this plug-in only.
        """
        copy = Registry()
        for own, copied in zip(self._shelves, copy._shelves, strict=True):
            copied |= own
        try:
            load()(copy)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the program starts with the others
            self.leave_out(name, where, error)
            return
        for own, copied in zip(self._shelves, copy._shelves, strict=True):
            own |= copied

    def leave_out(self, name: str, where: str, error: BaseException) -> None:
        """Record why a plug-in is left out."""
        problem = f"cannot be loaded, and is left out: {fault(error)}"
        cure = "fix it, install it again, or remove it"
        self.broken[name] = Problem(f"plug-in {name} ({where})", 0, 0, "", problem, cure)

    @property
    def _shelves(self) -> tuple[dict[str, Any], ...]:
        return self._channels, self._actions, self._triggers

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
        """The channels by their action in recipes."""
        return MappingProxyType(self._actions)

    @property
    def triggers(self) -> Mapping[str, AnyTrigger]:
        """The triggers by their name in recipes."""
        return MappingProxyType(self._triggers)


def load(modules: Iterable[str] = BUILT_IN, *, third_party: bool = True) -> Registry:
    """Return a new registry with these modules and, if wanted, all installed third-party plug-ins."""
    registry = Registry()
    for module in modules:
        registry.take(module, "built in", partial(_register_of, module))
    if third_party:
        for entry in _entries(registry):
            registry.take(entry.name, entry.value, entry.load)
    return registry


def _register_of(module: str) -> Callable[[Registry], None]:
    register: Callable[[Registry], None] = import_module(module).register
    return register


def _entries(registry: Registry) -> list[EntryPoint]:
    """Return the plug-ins of installed packages in a fixed order; record packages whose entry points are wrong."""
    entries: dict[tuple[str, str, str], EntryPoint] = {}
    for package in distributions():
        try:
            if any(group in (package.read_text("entry_points.txt") or "") for group in GROUPS):
                ours = (entry for entry in package.entry_points if entry.group in GROUPS)
                entries |= {(entry.group, entry.name, entry.value): entry for entry in ours}
        except Exception as error:  # noqa: BLE001 - one wrong package must not hide the others
            registry.leave_out(str(getattr(package, "_path", package)), "its entry points", error)
    return [entries[key] for key in sorted(entries)]


def _must_be(plugin: object, names: Sequence[str], **models: type) -> None:
    """Raise `ValueError` if a plug-in lacks a name or a model."""
    for name in names:
        if not _WORD.fullmatch(str(getattr(plugin, name, ""))):
            raise ValueError(f"{name} must consist of small letters, digits and _")
    for name, base in models.items():
        model = getattr(plugin, name, None)
        if not (isinstance(model, type) and issubclass(model, base)):
            raise ValueError(f"{name} must be a model made from {base.__name__}")
