"""
Prepares the values of the settings for their models: looks up secrets, and makes paths absolute.

In a field of type `SecretStr` only `!secret NAME` is allowed, and it is allowed nowhere else; in one of type
`str | SecretStr` both are allowed. A field of type `Path` is relative to the settings file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr

from appealbridge.documents import Document, Path, Problem
from appealbridge.settings.secrets import NoSecret, SecretRef, Vault

NO_SECRETS_HERE = "secrets are not allowed here"

_LISTS = ("secrets", "secret")
"""Options whose own name says nothing about the secret, so that the name above them is proposed."""

PLACEHOLDER = SecretStr("https://practice.invalid/secret")
"""Replaces a secret that is not looked up; an address, since a secret may have to be one."""

PLACEHOLDER_KEY = SecretStr("whsec_cHJhY3RpY2UtcHJhY3RpY2UtcHJhY3RpY2U=")
"""Replaces it where an address is not accepted, since a secret may have to be the key of a signature."""


def is_placeholder(value: Any) -> bool:
    """Return whether a value is, or contains, the stand-in for a secret."""
    if isinstance(value, list | tuple):
        return any(map(is_placeholder, value))
    return value in (PLACEHOLDER, PLACEHOLDER_KEY)


@dataclass(slots=True)
class SettingsFiller:
    """
    Fills the values of one document and collects the problems.

    `vault` is `None` in practice mode, in which every secret is replaced by `placeholder`. `offline`
    does the same for a missing secret, with a note; `missing` are the names of these. `blind` are
    the paths of replaced values, about which nothing else should be reported.
    """

    document: Document
    folder: FilePath
    vault: Vault | None
    offline: bool = False
    placeholder: SecretStr = PLACEHOLDER
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    blind: set[Path] = field(default_factory=set)

    def fill(self, annotation: Any, value: Any, path: Path) -> Any:
        """Return the value as a field with this annotation takes it."""
        if isinstance(value, dict):
            return {
                name: self.fill(inside(annotation, name), inner, (*path, name))
                for name, inner in value.items()
            }
        if isinstance(value, list):
            entry = inside(annotation, 0)
            return [self.fill(entry, inner, (*path, n)) for n, inner in enumerate(value)]
        kinds = set(_kinds(annotation))
        if isinstance(value, SecretRef):
            return self._secret(
                value, path, required=SecretStr in kinds, known=annotation is not None
            )
        if SecretStr in kinds and str not in kinds and value is not None:
            return self._literal(path)
        if FilePath in kinds and isinstance(value, str):
            if not value.strip():
                self._wrong(path, "is empty", "write a path, or delete this line")
            return str(self.folder / value)
        return value

    def _secret(self, ref: SecretRef, path: Path, *, required: bool, known: bool) -> SecretStr:
        if not required:
            # Where the option's name is misspelt, "write the value itself" would put a secret into the file.
            cure = "write the value itself" if known else "fix the name of the option, or delete it"
            self._wrong(path, NO_SECRETS_HERE, cure)
        elif self.vault is None:
            self.blind.add(path)
        else:
            try:
                secret = self.vault.get(ref.name)
            except NoSecret as missing:
                self.missing.add(ref.name)
                self._missing(path, missing)
            else:
                if secret.note:
                    message, _, cure = secret.note.partition("; ")
                    self.notes.append(self.document.problem(path, message, cure, level="note"))
                return SecretStr(secret.value)
        return self.placeholder

    def _missing(self, path: Path, missing: NoSecret) -> None:
        if not self.offline:
            self._wrong(path, str(missing), missing.cure)
            return
        self.blind.add(path)
        message = str(missing)
        self.notes.append(self.document.problem(path, message, missing.cure, level="note"))

    def _literal(self, path: Path) -> SecretStr:
        names = [str(part) for part in path if isinstance(part, str)]
        if len(names) > 1 and names[-1] in _LISTS:
            names.pop()
        name = names[-1] if names else "NAME"
        cure = f"write !secret {name}, delete the secret from this file, and have it changed"
        self._wrong(path, "a secret is written here in plain text", cure)
        self.problems[-1] = replace(self.problems[-1], source_line="")
        return self.placeholder

    def _wrong(self, path: Path, problem: str, cure: str) -> None:
        self.blind.add(path)
        self.problems.append(self.document.problem(path, problem, cure))


def inside(annotation: Any, part: str | int) -> Any:
    """Return the annotation of a field or entry; `None` if it is not known."""
    if _is_model(annotation):
        fields = annotation.model_fields.items()
        return next((f.annotation for name, f in fields if part in (name, f.alias)), None)
    args = get_args(annotation)
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return args[1] if isinstance(part, str) else None
    if isinstance(origin, type) and issubclass(origin, Collection):
        return args[0] if isinstance(part, int) and args else None
    return next((inner for arg in args if (inner := inside(arg, part)) is not None), None)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _kinds(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _kinds(inner)
