"""What a recipe may refer to: plug-ins, accounts, sources, lists and people. Made from the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appealbridge.documents import Document, Problem
from appealbridge.documents import Path as Keys
from appealbridge.files import READ_LIMIT, flaw_below, read_below, read_owned
from appealbridge.media.kinds import media_type
from appealbridge.media.values import ImageRefused
from appealbridge.plugin.channel import Account
from appealbridge.plugin.egress import EgressPolicy
from appealbridge.plugin.options import Options
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.plugin.registry import Registry

_BEGINNING = 4096
"""How many bytes of a picture's file tell its kind."""


@dataclass(frozen=True)
class Catalogue:
    """
    What a recipe may refer to.

    `channels` maps an account's name to its platform and settings. `sources` maps a section of
    appealbridge.yaml (`webhooks`, `appeals`) to the names declared there, and `declared` a source
    with its trigger's name (`webhook:incident-desk`) to its settings. `lists` maps a list's name to
    its entries, `list_places` to their document and paths, and `list_owners` to the user to whom
    its file belongs, if it has a file of its own. `people` are the people and groups
    that `approval` and `on_failure` may name; `routing` is how to reach them, `None` if not known.
    `templates` is the folder of template files and `media_folder` that of pictures, `None` if there
    is none. `absent` are accounts that are left out because their plug-in failed. `egress` decides
    which addresses may be connected to, `None` if not known.
    """

    registry: Registry
    channels: Mapping[str, tuple[str, Account]] = field(default_factory=dict)
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    declared: Mapping[str, Options] = field(default_factory=dict)
    lists: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    list_places: Mapping[str, tuple[Document, Sequence[Keys]]] = field(default_factory=dict)
    list_owners: Mapping[str, int] = field(default_factory=dict)
    people: frozenset[str] = frozenset()
    routing: NoticeRouting | None = None
    time_zone: str = "Europe/London"
    templates: Path | None = None
    media_folder: Path | None = None
    absent: Collection[str] = ()
    egress: EgressPolicy | None = None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone in which recipes read and write times."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def plain_lists(self) -> dict[str, list[Any]]:
        """The lists as templates see them."""
        return {name: list(entries) for name, entries in self.lists.items()}

    @cached_property
    def list_digests(self) -> dict[str, str]:
        """The SHA-256 of each list's entries, in hex."""
        return {
            name: hashlib.sha256("\0".join(map(str, entries)).encode()).hexdigest()
            for name, entries in self.lists.items()
        }

    def in_list(self, name: str, number: int, problem: str, cure: str) -> Problem:
        """Return a problem with one entry of a list."""
        path = f"lists.{name}[{number}]"
        if name not in self.list_places:
            return Problem("appealbridge.yaml", 1, 1, path, problem, cure)
        document, places = self.list_places[name]
        return document.problem(places[number], problem, cure)

    def template(self, file: str) -> tuple[str, int] | None:
        """
        Return the text of a template file and the user to whom it belongs, `None` if there is no such file.

        Raise `ValueError`, with the cure, for a file that cannot be used.
        """
        if self.templates is None:
            return None
        try:
            content, owner = read_owned(self.templates / file)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ValueError(
                f"cannot be read: {error.strerror}; give the daemon permission to read it"
            ) from None
        if len(content) > READ_LIMIT:
            raise ValueError(f"is longer than {READ_LIMIT // 1024} KiB; make it shorter")
        try:
            return content.decode().replace("\r\n", "\n").replace("\r", "\n"), owner
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8; save it as UTF-8") from None

    def media_flaw(self, file: str) -> tuple[str, str] | None:
        """Return what is wrong with a picture's file, its name or its kind, and the cure; `None` if nothing is."""
        if self.media_folder is None:
            cure = "write media_folder: with the folder of the pictures in appealbridge.yaml"
            return "there is no folder of pictures", cure
        if flaw := flaw_below(self.media_folder, file):
            return flaw
        with suppress(OSError, ValueError):
            try:
                media_type(read_below(self.media_folder, file, _BEGINNING))
            except ImageRefused as refused:
                return f"{file}: {refused.reason}", refused.cure
        return None

    def template_files(self) -> list[str]:
        """Return the names of all files in the folder of templates."""
        if self.templates is None:
            return []
        try:
            return sorted(path.name for path in self.templates.iterdir())
        except OSError:
            return []
