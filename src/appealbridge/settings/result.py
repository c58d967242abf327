"""The checked settings, as the rest of the program gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from appealbridge.documents import Document, Problem
from appealbridge.documents import Path as Keys
from appealbridge.model.people import Roster
from appealbridge.settings.model import DaemonSettings


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One account. `account` is the platform's own model of it, in practice mode with a stand-in for each secret."""

    name: str
    platform: str
    account: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Everything in appealbridge.yaml.

    `daemon` are the daemon's own settings, with paths as written. `file` is the settings file, `None` if there is
    none; `store`, `recipes`, `templates` and `media_folder` are absolute. `sources` maps a section (`webhooks`) to
    its sources by name, and `named` to the names in it, including sources that could not be read. `lists` maps a
    list's name to its entries, `list_places` to their document and paths, `list_owners` to the user to whom its
    own file belongs, and `joined` a source to the name that it shares with those it is joined with. `notes` are not
    errors; `faults` are those of plug-ins, by the path of what is left out. `secrets` are the secrets that were
    looked up, `missing` the names of secrets that are not available, if that is no error. `weaknesses` are errors
    for `check` only: the daemon starts all the same, so that no update stops it. `checkpoints` is the file with
    checkpoints of the audit trail. `roster` are the people and groups. `authorities` are the certificates of
    `ca_file`, in PEM.
    """

    daemon: DaemonSettings
    file: Path | None
    store: str
    recipes: Path
    templates: Path
    media_folder: Path | None
    channels: Mapping[str, ChannelSettings]
    sources: Mapping[str, Mapping[str, BaseModel]]
    named: Mapping[str, frozenset[str]]
    lists: Mapping[str, Sequence[str]]
    joined: Mapping[str, str]
    authorities: str = field(default="", repr=False)
    notes: Sequence[Problem] = ()
    faults: Mapping[Keys, Problem] = field(default_factory=dict)
    list_places: Mapping[str, tuple[Document, Sequence[Keys]]] = field(
        default_factory=dict, repr=False
    )
    list_owners: Mapping[str, int] = field(default_factory=dict)
    weaknesses: Sequence[Problem] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    missing: frozenset[str] = frozenset()
    checkpoints: Path = Path("appealbridge.db.checkpoints")
    roster: Roster = field(default_factory=Roster)
