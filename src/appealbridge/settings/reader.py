"""Checks each part of the settings against its model, and collects all problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr

from appealbridge.documents import Document, Path, Problem, path_text
from appealbridge.documents.diagnostic import (
    REPORT,
    did_you_mean,
    fault,
    meant_by,
    nearest,
    of_a_broken_plug_in,
)
from appealbridge.documents.validation import check_value
from appealbridge.plugin.egress import is_loopback_url
from appealbridge.settings.filling import (
    NO_SECRETS_HERE,
    PLACEHOLDER,
    PLACEHOLDER_KEY,
    SettingsFiller,
)
from appealbridge.settings.model import DaemonSettings
from appealbridge.settings.result import ChannelSettings
from appealbridge.settings.secrets import Vault
from appealbridge.settings.sections import declared

M = TypeVar("M", bound=BaseModel)

_UNKNOWN = re.compile(r'unknown option "(.+?)"')
_MISSING = re.compile(r'"(\w+)" is missing')
_FIRST = {"channels": "platform", "feeds": "url", "appeals": "folder"}
"""The option of an entry that people write without its name."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


Practise = Callable[[str, str, Mapping[str, Any], str], Mapping[str, Any]]
"""Returns an account's options for practice, from its platform, name, options and the practice platforms' address."""


@dataclass(frozen=True, slots=True)
class Practice:
    """The address of the practice platforms, and how an account's options change there."""

    address: str
    practise: Practise | None

    def options(self, platform: str, name: str, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return an account's options for practice."""
        if self.practise is None:
            return dict(own)
        return dict(self.practise(platform, name, own, self.address))


class Reader:
    """
    Reads the parts of one document; `problems` and `notes` collect what is wrong.

    `broken` are the names of plug-ins that could not be loaded. `faults` are problems that are not
    the settings' fault, by the path of the account or source that is left out. `missing` are the
    names of secrets that are not available. `blind` are the paths of replaced values.
    """

    def __init__(
        self,
        document: Document,
        folder: FilePath,
        vault: Vault | None,
        platforms: Mapping[str, type[BaseModel]],
        sections: Mapping[str, type[BaseModel]],
        *,
        broken: Collection[str] = (),
        offline: bool = False,
    ) -> None:
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.faults: dict[Path, Problem] = {}
        self.missing: set[str] = set()
        self.blind: set[Path] = set()
        self._broken = broken
        self._document = document
        self._folder = folder
        self._vault = vault
        self._platforms = platforms
        self._sections = sections
        self._offline = offline

    def daemon(self, values: Mapping[str, Any] | None = None) -> DaemonSettings | None:
        """Return the daemon's own settings, from `values` or from the whole document."""
        apart = {"channels", "lists", *self._sections}
        value = self._document.value if values is None else values
        own = {
            name: inner
            for name, inner in value.items()
            if name not in apart
            and not (inner is None and _is_heading(name))
            and not self._of_a_broken_plug_in(name, inner)
        }
        self._check_groups(own.get("groups"), declared(self._document, "people", self._sections))
        return self._checked((), own, DaemonSettings, self._vault, beside=apart)

    def channels(self, practice: Practice | None) -> Mapping[str, ChannelSettings]:
        """Return the accounts; in `practice` their secrets are not looked up."""
        channels = {}
        for name, value in self._entries("channels").items():
            path = ("channels", name)
            platform = value.get("platform")
            if "platform" not in value:
                self._without_platform(path, value)
            elif not isinstance(platform, str) or platform not in self._platforms:
                self._unknown_platform(name, str(platform))
            else:
                account = self._account(name, platform, value, practice)
                if account is not None:
                    channels[name] = ChannelSettings(name, platform, account)
        return channels

    def _without_platform(self, path: Path, value: Mapping[str, Any]) -> None:
        misspelt = next((key for key in value if nearest(str(key), ["platform"])), None)
        if misspelt is None:
            known = f"known here: {', '.join(sorted(self._platforms))}"
            self._wrong(path, '"platform" is missing', known, key=True)
        else:
            cure = 'did you mean "platform"?'
            self._wrong((*path, misspelt), f'unknown option "{misspelt}"', cure, key=True)

    def _unknown_platform(self, name: str, platform: str) -> None:
        path = ("channels", name, "platform")
        message = f'unknown platform "{platform}"'
        if self._broken:
            cure = of_a_broken_plug_in(platform, self._platforms, self._broken)
            self.faults[path[:2]] = self._document.problem(path, message, cure)
        else:
            self._wrong(path, message, meant_by(platform, self._platforms, _PLATFORMS))

    def _of_a_broken_plug_in(self, name: str, value: Any) -> bool:
        """Return whether a section may belong to a trigger that could not be loaded, and note it."""
        known = {*DaemonSettings.model_fields, "channels", "lists", *self._sections}
        if not self._broken or not isinstance(value, dict) or nearest(name, known) is not None:
            return False
        cure = of_a_broken_plug_in(name, (), self._broken)
        message = f'unknown option "{name}"'
        self.faults[(name,)] = self._document.problem((name,), message, cure, key=True)
        return True

    def sources(self) -> Mapping[str, Mapping[str, BaseModel]]:
        """Return the sources by section and name."""
        sources: dict[str, dict[str, BaseModel]] = {}
        for section, model in self._sections.items():
            named = sources.setdefault(section, {})
            for name, value in self._entries(section).items():
                source = self._checked((section, name), value, model, self._vault)
                if source is not None:
                    named[name] = source
        return sources

    def named(self) -> Mapping[str, frozenset[str]]:
        """Return the names of all sources by section, also of those that could not be read."""
        return {
            section: frozenset(declared(self._document, section, self._sections))
            for section in self._sections
        }

    def _account(
        self, name: str, platform: str, value: Mapping[str, Any], practice: Practice | None
    ) -> BaseModel | None:
        path = ("channels", name)
        own = {key: inner for key, inner in value.items() if key != "platform"}
        model = self._platforms[platform]
        beside = {"platform"}
        if practice is None:
            account = self._checked(path, own, model, self._vault, owner=platform, beside=beside)
            if account is not None:
                self._check_encrypted(path, account)
            return account
        filler = SettingsFiller(self._document, self._folder, None)
        filled = filler.fill(model, own, path)
        try:
            practised = practice.options(platform, name, filled)
        except Exception as error:  # noqa: BLE001 - what a plug-in breaks over concerns its own account
            message = f'"{platform}" cannot use the practice platforms: {fault(error, secret=True)}'
            self.faults[path] = self._document.problem(path, message, REPORT, key=True)
            return None
        account, problems = check_value(
            self._document, path, practised, model, owner=platform, beside=beside
        )
        # Practice puts its own credentials in the place of those that are written, with their wrong names.
        _, written = check_value(self._document, path, filled, model, owner=platform, beside=beside)
        misspelt = [each for each in written if _UNKNOWN.match(each.problem)]
        known = {(each.line, each.column) for each in problems}
        problems += [each for each in misspelt if (each.line, each.column) not in known]
        self._found_wrong(path, filler.problems + problems)
        return account

    def _check_encrypted(self, path: Path, account: BaseModel) -> None:
        """Report an account whose secrets would be sent without encryption."""
        try:
            options = account.model_dump()
        except Exception:  # noqa: BLE001 - a plug-in that breaks here breaks again where it is used
            return
        for name, value in options.items() if _has_secret(options) else ():
            address = value.get_secret_value() if isinstance(value, SecretStr) else value
            plain = isinstance(address, str) and address.lower().startswith("http://")
            if plain and not is_loopback_url(address):
                message = "others could read the account's secrets on their way"
                self._wrong((*path, name), message, "write https:// instead of http://")

    def _entries(self, section: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the named mappings of a section; report entries that are not mappings."""
        written = self._document.value.get(section)
        if written is None:
            return {}
        if not isinstance(written, dict):
            self._wrong(
                (section,), "must be a mapping of names to their settings", "indent them below"
            )
            return {}
        entries: dict[str, Mapping[str, Any]] = {}
        above = ""
        for name, value in written.items():
            path, bare = (section, name), above if above and written[above] is None else ""
            above = name
            if not _NAME.fullmatch(name):
                cure = "use letters, digits, and _ . - between them"
                self._wrong(path, f'"{name}" cannot be a name', cure, key=True)
            elif bare and not isinstance(value, dict | None):
                entries.pop(bare, None)  # what it lacks is here
                cure = f"indent this line, and what belongs to it, so that it is below {bare}"
                self._wrong(path, f"is not indented below {bare}", cure, key=True)
            elif not isinstance(value, dict | None):
                example = _FIRST.get(section) if isinstance(value, str) else None
                known = example and name != example
                cure = f"write {name}: {{ {example}: … }}" if known else "indent them below"
                self._wrong(path, "must be a mapping of names to values", cure)
            else:
                entries[name] = value or {}
        return entries

    def _checked(
        self,
        path: Path,
        value: Mapping[str, Any],
        model: type[M],
        vault: Vault | None,
        *,
        owner: str = "",
        beside: Any = (),
    ) -> M | None:
        for placeholder in (PLACEHOLDER, PLACEHOLDER_KEY):
            filler = SettingsFiller(self._document, self._folder, vault, self._offline, placeholder)
            filled = filler.fill(model, dict(value), path)
            checked, problems = check_value(
                self._document, path, filled, model, owner=owner, beside=beside
            )
            if checked is not None or not filler.blind:
                break
        self.notes += filler.notes
        self.missing |= filler.missing
        self.blind |= filler.blind
        founded = [p for p in problems if not _unfounded(p, path, filler)]
        self._found_wrong(path, filler.problems + founded)
        return checked

    def _found_wrong(self, path: Path, problems: Sequence[Problem]) -> None:
        """Collect the problems of a value; if a plug-in failed on an entry, only that entry is left out."""
        for problem in _not_below_unknown(problems):
            if problem.fault and path:
                self.faults[path] = problem
            else:
                self.problems.append(problem)

    def _check_groups(self, groups: Any, known: Mapping[str, Any]) -> None:
        """Report members that are not known people; the model reports what is not a group."""
        for group, members in groups.items() if isinstance(groups, dict) else ():
            for n, member in enumerate(members if isinstance(members, list) else ()):
                if isinstance(member, str) and member not in known:
                    cure = did_you_mean(member, known, declared=True)
                    cure = cure or "add the person under people"
                    self._wrong(("groups", group, n), f'unknown person "{member}"', cure)

    def _wrong(self, path: Path, problem: str, cure: str, *, key: bool = False) -> None:
        self.problems.append(self._document.problem(path, problem, cure, key=key))


_PLATFORMS = {
    "twitter": "x",
    "mail": "email",
    "smtp": "email",
    "fb": "facebook",
    "meta": "facebook",
}
"""What people write for a platform."""


def _has_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_secret, value.values()))
    return isinstance(value, SecretStr | SecretBytes)


def _not_below_unknown(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield the problems, without those of secrets whose option has no known name: that is what is wrong."""
    unknown = {
        ".".join((*([each.path] if each.path else []), name[1]))
        for each in problems
        if (name := _UNKNOWN.match(each.problem)) is not None
    }
    for each in problems:
        places = each.path if each.problem == NO_SECRETS_HERE else ""
        if not any(re.match(rf"{re.escape(above)}(?=[.\[]|$)", places) for above in unknown):
            yield each


def _unfounded(problem: Problem, path: Path, filler: SettingsFiller) -> bool:
    """Return whether an error is about a replaced value, or about a whole that contains one."""
    if _MISSING.fullmatch(problem.problem) or problem.problem.startswith("unknown option"):
        return False
    return problem.path in {
        path_text(place[:end]) for place in filler.blind for end in range(len(path), len(place) + 1)
    }


def _is_heading(name: str) -> bool:
    """Return whether an option contains others, so that nothing below its name means the default."""
    field = DaemonSettings.model_fields.get(name)
    return field is not None and isinstance(field.default, dict | tuple | BaseModel)
