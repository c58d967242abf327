"""Reads settings, plug-ins and recipes, and builds the configuration in force from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import time
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr

from appealbridge.documents import InvalidDocuments, Problem
from appealbridge.documents.diagnostic import REPORT, fault
from appealbridge.engine.active import ActiveConfiguration, Bound, Hook, Watched
from appealbridge.model.notice import NOTICES
from appealbridge.model.retention import Retention
from appealbridge.model.source import RENEWED, source_label
from appealbridge.plugin.channel import Account, Person
from appealbridge.plugin.egress import EgressPolicy, Proxy, egress_policy, proxy_at
from appealbridge.plugin.receiver import Receiver
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.plugin.registry import Registry, load
from appealbridge.plugin.trigger import AnyTrigger, PolledSource, Poller, Weakness
from appealbridge.recipes.model.book import Book
from appealbridge.recipes.model.entries import POST
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.lists import list_problems
from appealbridge.recipes.parsing.load_folder import load_book
from appealbridge.recipes.planning.approval_policy import ApprovalTimes
from appealbridge.recipes.planning.quiet_hours import QuietHours
from appealbridge.redact import secrets_of_address
from appealbridge.settings.load import load_settings
from appealbridge.settings.model import DaemonSettings
from appealbridge.settings.result import Settings


@dataclass(frozen=True, slots=True)
class Assembly:
    """
    Everything read from the files. `problems` has the recipes' errors and all notes.

    `egress` says what may be connected to. `wrong_lists` are errors in lists that recipes read; the recipes work
    without them.
    """

    settings: Settings
    registry: Registry
    catalogue: Catalogue
    active: ActiveConfiguration
    egress: EgressPolicy
    wrong_lists: Sequence[Problem] = ()

    @property
    def book(self) -> Book:
        """The recipes."""
        return self.active.book

    @property
    def problems(self) -> list[Problem]:
        """All errors and notes about plug-ins, settings and recipes."""
        return [*self.faults, *self.settings.notes, *self.wrong_lists, *self.book.problems]

    def secrets(self) -> frozenset[str]:
        """Return every secret that was looked up, and those in the addresses of sources."""
        addresses = [
            value
            for watched in self.active.watched.values()
            for value in watched.options.model_dump().values()
            if isinstance(value, str) and "?" in value
        ]
        hidden = {secret for address in addresses for secret in secrets_of_address(address)}
        return self.settings.secrets | hidden

    @property
    def faults(self) -> list[Problem]:
        """The problems of plug-ins, for which they and whatever needs them are left out."""
        routing = [
            Problem(f"channel {way}", 0, 0, "", f"cannot tell people: {fault(error)}", REPORT)
            for way, error in self.active.routing.broken()
        ]
        return [*self.registry.broken.values(), *self.settings.faults.values(), *routing]


def assemble(
    config: Path | None,
    *,
    only: Sequence[Path] = (),
    offline: bool = False,
    before: Mapping[str, Recipe] | None = None,
) -> Assembly:
    """
    Read the settings and the recipes, or `only` these files and folders of recipes.

    `offline` is for reading the files without the secrets. `before` are the recipes in force until now; if the file
    of one has errors now, the earlier one stays in force.

    Raise `InvalidDocuments` with every problem of the settings; a recipe with problems is only left out.
    """
    registry = load_plugins()
    try:
        settings = read_settings(config, registry, offline=offline)
    except InvalidDocuments as invalid:
        # What is wrong with the settings may be that a plug-in is left out.
        raise InvalidDocuments([*registry.broken.values(), *invalid.problems]) from None
    channels = {
        name: Bound(name, registry.channels[channel.platform], channel.account)
        for name, channel in settings.channels.items()
        if isinstance(channel.account, Account)
    }
    routing = _routing(settings, channels)
    egress = _egress(settings)
    catalogue = _catalogue(settings, registry, channels, routing, egress)
    book = load_book(settings.recipes, catalogue, only, before)
    active = ActiveConfiguration(
        book=book,
        hooks=_hooks(settings, registry, book),
        watched=_watched(settings, registry, book),
        channels=channels,
        zone=ZoneInfo(settings.daemon.time_zone),
        routing=routing,
        retention=Retention(
            settings.daemon.retention.personal,
            settings.daemon.retention.decisions,
            settings.daemon.retention.skipped,
        ),
        keep_free=settings.daemon.keep_free,
        media_folder=settings.media_folder,
        joined=settings.joined,
        practice=settings.daemon.practice is not None,
        quiet=_quiet(settings),
        approvals=ApprovalTimes(**settings.daemon.approvals.model_dump()),
        roster=settings.roster,
        public_url=(settings.daemon.public_url or "").rstrip("/"),
        control_socket=settings.daemon.control_socket is not None,
        checkpoints_to=settings.daemon.audit.tell,
    )
    wrong_lists = list_problems(book.recipes.values(), catalogue)
    return Assembly(settings, registry, catalogue, active, egress, wrong_lists)


def load_plugins() -> Registry:
    """Return the built-in plug-ins and all that are installed, except those that take a name of AppealBridge itself."""
    sections = {*DaemonSettings.model_fields, "channels", "lists"}
    return load(
        reserved={
            "section": sections,
            "action": {POST},
            "trigger": {NOTICES.partition(":")[0]},
        }
    )


def read_settings(config: Path | None, registry: Registry, *, offline: bool = False) -> Settings:
    """Read the settings alone; raise `InvalidDocuments` with every problem."""
    triggers = [each for each in registry.triggers.values() if each.section]
    return load_settings(
        config,
        platforms={name: channel.account for name, channel in registry.channels.items()},
        sections={each.section: each.source_options for each in triggers},
        triggers={each.section: each.name for each in triggers},
        practise=lambda platform, *practice: registry.channels[platform].practice(*practice),
        reaches=partial(_reaches, registry),
        weaknesses=partial(_weaknesses, registry),
        broken=registry.broken,
        offline=offline,
    )


def _reaches(registry: Registry, platform: str, account: BaseModel, email: str) -> bool:
    """Return whether an account could send a notice to someone with this address (empty: none)."""
    routing = NoticeRouting(
        accounts={platform: (registry.channels[platform], cast("Account", account))}
    )
    return routing.message(platform, Person("?", email), "?", "?") is not None


def _weaknesses(
    registry: Registry, section: str, sources: Mapping[str, BaseModel]
) -> Iterator[Weakness]:
    for trigger in registry.triggers.values():
        if isinstance(trigger, Receiver) and trigger.section == section:
            try:
                yield from trigger.weaknesses(sources)
            except Exception as error:  # noqa: BLE001 - a plug-in that breaks must not keep the daemon from starting
                text = f"cannot be checked for what is unsafe: {fault(error, secret=True)}"
                yield Weakness((), text, REPORT)


def _egress(settings: Settings) -> EgressPolicy:
    """Return the addresses that may be connected to: those allowed by `inside:`, and those written in the settings."""
    written = chain(
        (channel.account for channel in settings.channels.values()),
        *(sources.values() for sources in settings.sources.values()),
    )
    values = []
    for options in written:
        # A plug-in that fails here allows nothing.
        with suppress(Exception):
            values.append(options.model_dump())
    daemon = settings.daemon
    return egress_policy(
        daemon.inside,
        values,
        daemon.practice,
        proxy=_proxy(daemon.proxy),
        no_proxy=daemon.no_proxy,
        authorities=settings.authorities,
    )


def _proxy(address: str | SecretStr | None) -> Proxy | None:
    if address is None:
        return None
    return proxy_at(address.get_secret_value() if isinstance(address, SecretStr) else address)


def _catalogue(
    settings: Settings,
    registry: Registry,
    channels: Mapping[str, Bound],
    routing: NoticeRouting,
    egress: EgressPolicy,
) -> Catalogue:
    return Catalogue(
        registry=registry,
        channels={
            name: (bound.channel.platform, bound.account) for name, bound in channels.items()
        },
        sources=settings.named,
        declared={
            source: options
            for trigger in registry.triggers.values()
            for source, options in _declared(settings, trigger)
        },
        lists=settings.lists,
        list_places=settings.list_places,
        list_owners=settings.list_owners,
        people=frozenset(settings.daemon.people) | frozenset(settings.daemon.groups),
        routing=routing,
        time_zone=settings.daemon.time_zone,
        templates=settings.templates,
        media_folder=settings.media_folder,
        egress=egress,
        absent=tuple(str(path[1]) for path in settings.faults if path[0] == "channels"),
    )


def _routing(settings: Settings, channels: Mapping[str, Bound]) -> NoticeRouting:
    return NoticeRouting(
        people={
            name: Person(name, person.email or "")
            for name, person in settings.daemon.people.items()
        },
        groups=settings.daemon.groups,
        to=settings.daemon.notices.to,
        accounts={
            name: (channels[name].channel, channels[name].account)
            for name in settings.daemon.notices.by or channels
            if name in channels
        },
    )


def _quiet(settings: Settings) -> Sequence[QuietHours]:
    return [
        QuietHours(
            time.fromisoformat(rule.between[0]),
            time.fromisoformat(rule.between[1]),
            frozenset(rule.exempt),
        )
        for rule in settings.daemon.holds.values()
        if rule.between is not None
    ]


def _hooks(settings: Settings, registry: Registry, book: Book) -> dict[str, Hook]:
    return {
        source.partition(":")[2]: Hook(source, trigger, book.declared.get(source, options))
        for trigger in registry.triggers.values()
        if isinstance(trigger, Receiver)
        for source, options in _declared(settings, trigger)
    }


def _watched(settings: Settings, registry: Registry, book: Book) -> dict[str, Watched]:
    declared = {
        source: Watched(source, trigger, options)
        for trigger in registry.triggers.values()
        if isinstance(trigger, Poller)
        for source, options in _declared(settings, trigger)
    }
    described = {
        source: Watched(source, trigger, options)
        for source, (trigger, options) in book.sources().items()
        if isinstance(trigger, Poller) and isinstance(options, PolledSource)
    }
    return described | declared


def _declared(settings: Settings, trigger: AnyTrigger) -> Iterator[tuple[str, Any]]:
    """Yield the sources that the settings declare for a trigger, by name with the trigger's."""
    for name, options in settings.sources.get(trigger.section, {}).items():
        yield f"{trigger.name}:{name}", options


def refused(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the report of a reload that changed nothing."""
    return {
        "summary": "nothing has changed: the settings have problems",
        **{
            name: []
            for name in ("loaded", "new", "changed", "gone", "off", "rejected", "kept", "renewed")
        },
        "problems": [{**each.as_json(), "text": each.text()} for each in problems],
    }


@dataclass(frozen=True, slots=True)
class Known:
    """The configuration that a person was last told about: versions of recipes, settings, identities of sources."""

    versions: Mapping[str, str]
    settings: Settings
    identities: Mapping[str, str]

    @classmethod
    def of(cls, assembly: Assembly) -> Known:
        """Return the configuration in force with this assembly."""
        recipes = assembly.book.recipes
        return cls(
            {name: recipe.version for name, recipe in recipes.items()},
            assembly.settings,
            identities(assembly),
        )


def identities(assembly: Assembly) -> dict[str, str]:
    """Return the identity of each polled source, by name. If it changes, the memory of the source is not valid."""
    by_source = {}
    for source, watched in assembly.active.watched.items():
        # A plug-in that fails here fails again at its next poll, which is reported.
        with suppress(Exception):
            by_source[source] = watched.poller.basis(watched.options).identity
    return by_source


def taken(before: Known, after: Assembly) -> dict[str, Any]:
    """
    Return the report of a reload: a `summary`, and `problems`.

    It also has lists of recipes: those `loaded`, and of these the `new`, the `changed` and the `kept`; those `gone`,
    those switched `off`; and the files `rejected`. `renewed` are sources with a new identity.
    """
    old, new = before.versions, after.book.recipes
    changed = [n for n, recipe in new.items() if n in old and old[n] != recipe.version]
    fresh = sorted(set(new) - set(old))
    off = after.book.off
    removed = sorted(set(old) - {*new, *off} - {Path(f).stem for f in after.book.quarantined})
    rejected = sorted(after.book.quarantined)
    recipes = "recipe" if len(new) == 1 else "recipes"
    summary = (
        f"{len(new)} {recipes} loaded ({len(fresh)} new, {len(changed)} changed, {len(removed)} gone), "
        f"{len(rejected)} rejected"
    )
    if off:
        summary += f", {len(off)} off"
    if after.book.unchanged:
        summary += f"; unchanged because of errors: {', '.join(sorted(after.book.unchanged))}"
    restart = [
        name
        for name in ("listen", "socket_mode", "control_socket", "control_mode", "store")
        if getattr(before.settings.daemon, name) != getattr(after.settings.daemon, name)
    ]
    if restart:
        summary += f"; {' and '.join(restart)} will change at the next start"
    renewed = sorted(
        source_label(source)
        for source, identity in identities(after).items()
        if before.identities.get(source, identity) != identity
    )
    if renewed:
        summary += f"; {', '.join(renewed)}: {RENEWED}"
    return {
        "summary": summary,
        "renewed": renewed,
        "loaded": sorted(new),
        "new": fresh,
        "changed": sorted(changed),
        "gone": removed,
        "off": [*off],
        "rejected": rejected,
        "kept": sorted(after.book.unchanged),
        "problems": [
            {**each.as_json(), "text": each.text()}
            for each in chain(after.faults, *after.book.quarantined.values(), after.wrong_lists)
        ],
    }
