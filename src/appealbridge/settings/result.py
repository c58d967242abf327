"""The checked settings, as the rest of the program gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from appealbridge.documents import Document, Problem
from appealbridge.documents import Path as Keys
from appealbridge.plugin.egress import Allowed
from appealbridge.redact import with_parts
from appealbridge.settings.model import (
    HoldRule,
    LogSettings,
    NoticeSettings,
    PersonSettings,
    RetentionSettings,
)
from appealbridge.settings.paths import Listen


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """
    One account.

    `account` is the platform's own model of it, in practice mode with a stand-in for each secret.
    """

    name: str
    platform: str
    account: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Everything that appealbridge.yaml says, with defaults for what it does not.

    `file` is the settings file, `None` where there is none; all paths are whole. `sources` maps a
    section (`webhooks`, `appeals`) to its sources by name, each as its trigger's own model, and `named`
    to the names that stand there. `lists` maps a list's name to its entries, `list_places` to the document
    and the place of each, and `joined` a source to the name that it shares with those it is joined with.
    `shutdown_within` is seconds, `keep_free` bytes. `notes` are not errors; `faults`
    are plug-ins' own, by the place in the file of what is left out for them. `missing` are the names of
    secrets that could not be had, where that is no error.
    `weaknesses` are errors for `check` only. The daemon starts all the same, so that no update stops it.
    """

    file: Path | None
    listen: Listen
    socket_mode: str
    control_socket: str | None
    control_mode: str
    public_url: str | None
    store: str
    keep_free: int | None
    recipes: Path
    templates: Path
    watch: bool
    time_zone: str
    practice: str | None
    inside: Sequence[Allowed]
    log: LogSettings
    feeds_at_once: int
    shutdown_within: float
    channels: Mapping[str, ChannelSettings]
    sources: Mapping[str, Mapping[str, BaseModel]]
    named: Mapping[str, frozenset[str]]
    lists: Mapping[str, Sequence[str]]
    people: Mapping[str, PersonSettings]
    groups: Mapping[str, Sequence[str]]
    holds: Mapping[str, HoldRule]
    joined: Mapping[str, str]
    notices: NoticeSettings
    retention: RetentionSettings
    notes: Sequence[Problem] = ()
    faults: Mapping[Keys, Problem] = field(default_factory=dict)
    list_places: Mapping[str, tuple[Document, Sequence[Keys]]] = field(
        default_factory=dict, repr=False
    )
    weaknesses: Sequence[Problem] = ()
    resolved: frozenset[str] = field(default=frozenset(), repr=False)
    missing: frozenset[str] = frozenset()

    def secrets(self) -> frozenset[str]:
        """Return every secret that was looked up, so that it can be masked in texts."""
        return frozenset(with_parts(self.resolved))
