"""Loads and registers plug-ins: the built-in ones, and third-party ones by their entry points."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from types import MappingProxyType
from typing import Any

from appealbridge.documents import Problem
from appealbridge.documents.diagnostic import fault
from appealbridge.plugin.appearance import Appearance
from appealbridge.plugin.channel import Account, AnyChannel, Channel, Repeat
from appealbridge.plugin.containment import contained
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import AnyTrigger, PolledSource, Poller, Trigger

BUILT_IN = (
    "appealbridge.triggers.appeal.trigger",
    "appealbridge.triggers.feed.trigger",
    "appealbridge.triggers.webhook.trigger",
    "appealbridge.channels.bluesky.channel",
    "appealbridge.channels.email.channel",
    "appealbridge.channels.facebook.channel",
    "appealbridge.channels.mastodon.channel",
    "appealbridge.channels.wordpress.channel",
    "appealbridge.channels.x.channel",
)
"""Every plug-in of `triggers/` and `channels/`; a test compares this list with the folders."""

API_VERSION = 1
"""The version of the plug-in interface. It is raised when a plug-in written for it would no longer work."""

GROUP = f"appealbridge.plugins.v{API_VERSION}"
"""The group of entry points under which a package offers its plug-ins, with the version that they need."""

_OURS = "appealbridge."
_PLUGINS = re.compile(r"appealbridge\.(?:plugins\.v([1-9][0-9]{0,3})|channels|triggers)")
"""The groups that are read. Those without a version are older, and mean version 1."""

_WORD = re.compile(r"[a-z][a-z0-9_]*")


class _Unfit(ValueError):
    """A plug-in is not what it has to be; the message says why to its author."""


class Registry:
    """
    The plug-ins of one program. Importing a module registers nothing; its `register` is called.

    `broken` are the problems of plug-ins that could not be loaded, by name. They are left out, with everything that
    needs them. `reserved` are names that no plug-in may take, by their kind: platform, action, trigger or section.
    """

    def __init__(self, reserved: Mapping[str, Collection[str]] = MappingProxyType({})) -> None:
        self.broken: dict[str, Problem] = {}
        self._reserved = reserved
        self._channels: dict[str, AnyChannel] = {}
        self._actions: dict[str, AnyChannel] = {}
        self._triggers: dict[str, AnyTrigger] = {}

    def add(self, plugin: AnyChannel | AnyTrigger) -> None:
        """Register a plug-in; raise `ValueError` if its name is taken or something is missing."""
        if isinstance(plugin, Channel):
            _must_be(plugin, ("platform", "action"), account=Account, message=Options)
            if not isinstance(plugin.repeat, Repeat):
                raise _Unfit(f"{plugin.platform}: repeat must be one of the values of Repeat")
            if not isinstance(plugin.appearance, Appearance):
                raise _Unfit(f"{plugin.platform}: appearance must be an Appearance")
            self._put(self._channels, "platform", plugin.platform, plugin)
            self._put(self._actions, "action", plugin.action, plugin)
        elif isinstance(plugin, Trigger):
            source = PolledSource if isinstance(plugin, Poller) else Options
            _must_be(plugin, ("name",), options=Options, source_options=source)
            if plugin.section:
                sections = {trigger.section: trigger for trigger in self._triggers.values()}
                self._put(sections, "section", plugin.section, plugin)
            self._put(self._triggers, "trigger", plugin.name, plugin)
        else:
            raise _Unfit(f"{plugin!r} is neither a channel nor a trigger")

    def take(self, name: str, where: str, load: Callable[[], Callable[[Registry], None]]) -> None:
        """
        Let a plug-in register everything that it offers, or nothing.

        `load` returns its `register`; `where` says where that is. An error leaves out this plug-in only.
        """
        tried = self._with(name, where, load)
        if tried is not None:
            self._add_from(tried)

    def take_all(self, entries: Iterable[EntryPoint]) -> None:
        """
        Let plug-ins of third parties register.

        If several claim a name, all of these are left out: the wrong one would get the accounts and secrets of another.
        """
        tried = [(entry, self._with(entry.name, entry.value, entry.load)) for entry in entries]
        loaded = [(entry, copy) for entry, copy in tried if copy is not None]
        claims: dict[tuple[str, str], list[EntryPoint]] = {}
        for entry, copy in loaded:
            for claim in copy.names - self.names:
                claims.setdefault(claim, []).append(entry)
        contested = {claim: rivals for claim, rivals in claims.items() if len(rivals) > 1}
        for entry, copy in loaded:
            disputed = sorted(claim for claim, rivals in contested.items() if entry in rivals)
            if not disputed:
                self._add_from(copy)
                continue
            others = [
                f"{rival.name} ({rival.value})"
                for rival in contested[disputed[0]]
                if rival != entry
            ]
            kind, name = disputed[0]
            reason = f'the {kind} "{name}" is also taken by the plug-in {", ".join(others)}'
            self.leave_out(entry.name, entry.value, reason, "remove one of them")

    def _with(
        self, name: str, where: str, load: Callable[[], Callable[[Registry], None]]
    ) -> Registry | None:
        """Return a copy in which a plug-in has registered, `None` if it must be left out."""
        copy = Registry(self._reserved)
        copy._add_from(self)
        try:
            with contained:
                load()(copy)
        except _Unfit as error:
            self.leave_out(name, where, str(error))
        except Exception as error:  # noqa: BLE001 - the program starts with the others
            self.leave_out(name, where, error)
        else:
            return copy
        return None

    def _add_from(self, other: Registry) -> None:
        for own, added in zip(self._shelves, other._shelves, strict=True):
            own |= added

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """All names that are taken, each with its kind."""
        kinds = zip(("platform", "action", "trigger"), self._shelves, strict=True)
        sections = {
            ("section", trigger.section) for trigger in self._triggers.values() if trigger.section
        }
        return frozenset({(kind, name) for kind, shelf in kinds for name in shelf} | sections)

    def leave_out(
        self,
        name: str,
        where: str,
        error: BaseException | str,
        cure: str = "fix it, install it again, or remove it",
    ) -> None:
        """Record why a plug-in is left out."""
        reason = error if isinstance(error, str) else fault(error)
        problem = f"cannot be loaded, and is left out: {reason}"
        self.broken[name] = Problem(f"plug-in {name} ({where})", 0, 0, "", problem, cure)

    @property
    def _shelves(self) -> tuple[dict[str, Any], ...]:
        return self._channels, self._actions, self._triggers

    def _put(self, shelf: dict[str, Any], kind: str, name: str, plugin: object) -> None:
        if name in shelf or name in self._reserved.get(kind, ()):
            owner = type(shelf[name]) if name in shelf else None
            by = f"{owner.__module__}.{owner.__qualname__}" if owner else "AppealBridge itself"
            raise _Unfit(f'the {kind} "{name}" is already taken by {by}')
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


def load(
    modules: Iterable[str] = BUILT_IN,
    *,
    third_party: bool = True,
    reserved: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Registry:
    """Return a new registry with these modules and, if wanted, all installed third-party plug-ins."""
    registry = Registry(reserved)
    for module in modules:
        registry.take(module, "built in", partial(_register_of, module))
    if third_party:
        registry.take_all(_entries(registry))
    return registry


def _register_of(module: str) -> Callable[[Registry], None]:
    register: Callable[[Registry], None] = import_module(module).register
    return register


def _entries(registry: Registry) -> list[EntryPoint]:
    """Return the plug-ins of installed packages in a fixed order; record those whose entry points are wrong."""
    entries: dict[str, EntryPoint] = {}
    for package in distributions():
        try:
            if _OURS in (package.read_text("entry_points.txt") or ""):
                for entry in _chosen(registry, package.entry_points):
                    entries[entry.value] = entry
        except Exception as error:  # noqa: BLE001 - one wrong package must not hide the others
            registry.leave_out(str(getattr(package, "_path", package)), "its entry points", error)
    return sorted(entries.values(), key=lambda entry: (entry.name, entry.value))


def _chosen(registry: Registry, entries: Iterable[EntryPoint]) -> Iterator[EntryPoint]:
    """Yield the entry points of one package that have our version; a name may be offered for several versions."""
    other: dict[str, tuple[EntryPoint, str]] = {}
    names = set()
    for entry in entries:
        if not entry.group.startswith(_OURS):
            continue
        known = _PLUGINS.fullmatch(entry.group)
        if known is None:
            cure = f"write {GROUP} in its pyproject.toml, and install it again"
            registry.leave_out(
                entry.name, entry.value, f'"{entry.group}" is not a group of plug-ins', cure
            )
        elif int(known[1] or 1) == API_VERSION:
            names.add(entry.name)
            yield entry
        else:
            other[entry.name] = entry, known[1]
    for name, (entry, version) in other.items():
        if name not in names:
            reason = f"it needs version {version} of the plug-in interface, and this AppealBridge has {API_VERSION}"
            newer = int(version) > API_VERSION
            cure = "update AppealBridge" if newer else "install a newer version of the plug-in"
            registry.leave_out(name, entry.value, reason, cure)


def _must_be(plugin: object, names: Sequence[str], **models: type) -> None:
    """Raise `ValueError` if a plug-in lacks a name or a model."""
    for name in names:
        if not _WORD.fullmatch(str(getattr(plugin, name, ""))):
            raise _Unfit(f"{name} must consist of small letters, digits and _")
    for name, base in models.items():
        model = getattr(plugin, name, None)
        if not (isinstance(model, type) and issubclass(model, base)):
            raise _Unfit(f"{name} must be a model made from {base.__name__}")
