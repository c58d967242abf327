"""Reads and checks appealbridge.yaml, and reports all problems at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel

from appealbridge.documents import Document, InvalidDocuments, Problem, read, unexpected
from appealbridge.documents.parser import Tags
from appealbridge.documents.recovery import read_rest
from appealbridge.files import read_file
from appealbridge.plugin.trigger import Weakness
from appealbridge.redact import with_parts
from appealbridge.settings.authorities import authorities_of
from appealbridge.settings.include import Include, lists_of
from appealbridge.settings.internal_hosts import not_allowed
from appealbridge.settings.joins import joined, wrong_joins
from appealbridge.settings.mask_lines import without_secret_lines
from appealbridge.settings.model import DaemonSettings
from appealbridge.settings.paths import PRACTICE, web_address
from appealbridge.settings.people import notes_on_people, roster_of, wrong_people
from appealbridge.settings.reader import Practice, Practise, Reader
from appealbridge.settings.recipients import Reaches, not_asked, not_reached, unknown_names
from appealbridge.settings.result import Settings
from appealbridge.settings.secrets import SecretRef, Vault

DEFAULT = Path("appealbridge.yaml")

P = ParamSpec("P")
R = TypeVar("R")

Weaknesses = Callable[[str, Mapping[str, BaseModel]], Iterable[Weakness]]
"""What is unsafe about the sources of a section, by their names, though the daemon works with them."""


def _only_problems(reading: Callable[P, R]) -> Callable[P, R]:
    """Turn whatever the reading of settings raises into a problem."""

    @wraps(reading)
    def read_them(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return reading(*args, **kwargs)
        except InvalidDocuments:
            raise
        except Exception as error:
            raise InvalidDocuments([unexpected("the settings", error, secret=True)]) from error

    return read_them


@_only_problems
def load_settings(
    file: Path | None,
    *,
    platforms: Mapping[str, type[BaseModel]],
    sections: Mapping[str, type[BaseModel]],
    triggers: Mapping[str, str] | None = None,
    practise: Practise | None = None,
    reaches: Reaches | None = None,
    weaknesses: Weaknesses | None = None,
    environ: Mapping[str, str] | None = None,
    broken: Collection[str] = (),
    offline: bool = False,
) -> Settings:
    """
    Read the settings; raise `InvalidDocuments` with every problem, and nothing else.

    Without a `file` it is `appealbridge.yaml` in the working folder, if it exists. `platforms` maps a
    platform's name to the model of its accounts, `sections` the section of a kind of source to its
    model, and `triggers` to the name of its trigger. In practice mode no secret of an account is looked
    up; `practise` returns its options then. `reaches` returns whether an account can reach a person,
    `weaknesses` what is unsafe about the sources of a section. `broken` are the names of plug-ins that could
    not be loaded: what may belong to them, or makes a plug-in fail, is left out and goes to `faults`.
    `offline` is for machines without the secrets: a missing one is only a note, and replaced by a stand-in.
    """
    how: dict[str, Any] = {
        "platforms": platforms, "sections": sections, "triggers": triggers, "practise": practise, "reaches": reaches,
        "weaknesses": weaknesses, "environ": environ, "broken": broken, "offline": offline,
    }  # fmt: skip
    try:
        path, document = _document(file)
    except InvalidDocuments as invalid:
        raise InvalidDocuments(_still_found(file or DEFAULT, invalid, how)) from None
    return _settings(path, document, **how)


def _still_found(
    path: Path, invalid: InvalidDocuments, how: Mapping[str, Any]
) -> Sequence[Problem]:
    """Return the syntax errors of a settings file, and the errors in what can be read of it all the same."""
    try:
        rest = read_rest(read_file(path), str(path), _TAGS)
    except OSError:
        rest = None
    if rest is None or not rest.problems or not isinstance(rest.document.value, dict):
        return invalid.problems
    try:
        _settings(path, rest.document, **how)
    except InvalidDocuments as more:
        relevant = [problem for problem in more.problems if rest.concerns(problem)]
        problems = sorted([*rest.problems, *relevant], key=lambda p: (p.line, p.column))
        return without_secret_lines(problems)
    return without_secret_lines(rest.problems)


_TAGS: Tags = {"!secret": SecretRef, "!include": Include}


def _settings(
    path: Path | None,
    document: Document,
    *,
    platforms: Mapping[str, type[BaseModel]],
    sections: Mapping[str, type[BaseModel]],
    triggers: Mapping[str, str] | None,
    practise: Practise | None,
    reaches: Reaches | None,
    weaknesses: Weaknesses | None,
    environ: Mapping[str, str] | None,
    broken: Collection[str],
    offline: bool,
) -> Settings:
    folder = (path or DEFAULT).absolute().parent
    vault = Vault(folder, os.environ if environ is None else environ)
    reader = Reader(document, folder, vault, platforms, sections, broken=broken, offline=offline)
    daemon = reader.daemon()
    practice = document.value.get("practice")
    channels = reader.channels(None if practice is None else _practice(practice, practise))
    sources = reader.sources()
    lists, wrong_lists = lists_of(document, folder)
    wrong_groups = wrong_joins(document, reader.named(), triggers) if triggers else ()
    ca_file = None if daemon is None else daemon.ca_file
    authorities, wrong_file = authorities_of(document, ca_file, offline=offline)
    reader.notes += [problem for problem in wrong_file if problem.level == "note"]
    reader.problems += [problem for problem in wrong_file if problem.level == "error"]
    people = () if daemon is None else wrong_people(document, daemon)
    problems = [*reader.problems, *wrong_lists, *unknown_names(document), *wrong_groups, *people]
    if problems or daemon is None:
        raise InvalidDocuments(without_secret_lines(problems))
    recipes = _whole(folder, daemon.recipes)
    if "recipes" in document.value and not _is_folder(recipes):
        message, cure = f"no folder {recipes}", "create it, or fix its name"
        reader.notes.append(document.problem(("recipes",), message, cure, level="note"))
    accounts = {} if practice is not None else channels
    read_options = {
        "channels": {name: channel.account for name, channel in accounts.items()},
        **sources,
    }
    reader.notes += not_allowed(document, daemon, read_options)
    reader.notes += notes_on_people(document, daemon)
    roster, unasked = roster_of(daemon), list[Problem]()
    if reaches is not None:
        reader.notes += not_reached(document, daemon, channels, reaches)
        unasked += not_asked(document, daemon, roster, channels, reaches)
    unsafe = _unsafe(document, reader, sources, weaknesses) if weaknesses else ()
    return Settings(
        daemon=daemon,
        file=path,
        authorities=authorities,
        store=_store_url(folder, daemon.store),
        recipes=recipes,
        templates=_whole(folder, daemon.templates),
        media_folder=None if daemon.media_folder is None else _whole(folder, daemon.media_folder),
        channels=channels,
        sources=sources,
        named=reader.named(),
        joined=joined(daemon.joined_sources),
        lists={name: entries.texts for name, entries in lists.items()},
        list_places={name: (entries.document, entries.places) for name, entries in lists.items()},
        list_owners={n: each.owner for n, each in lists.items() if each.owner is not None},
        notes=tuple(reader.notes),
        faults=reader.faults,
        weaknesses=tuple(without_secret_lines([*unsafe, *unasked])),
        roster=roster,
        secrets=frozenset(with_parts(vault.values)),
        missing=frozenset(reader.missing),
        checkpoints=checkpoints_file(
            folder, daemon.audit.checkpoints, _store_url(folder, daemon.store)
        ),
    )


def _practice(written: Any, practise: Practise | None) -> Practice:
    """Return where accounts practise; a wrong address is a problem of its own, not one of each account."""
    try:
        return Practice(web_address(written), practise)
    except (ValueError, AttributeError):
        return Practice(PRACTICE, practise)


def _unsafe(
    document: Document,
    reader: Reader,
    sources: Mapping[str, Mapping[str, BaseModel]],
    weaknesses: Weaknesses,
) -> Iterator[Problem]:
    """Yield what is unsafe about the sources, except those whose secrets are not available here."""
    for section, named in sources.items():
        for weak in weaknesses(section, named):
            path = (section, *weak.path)
            if path not in reader.blind:
                yield document.problem(path, weak.problem, weak.cure)


@_only_problems
def store_of(file: Path | None) -> str:
    """Return the store's URL without checking anything else in the settings; raise `InvalidDocuments`."""
    folder, daemon = _only(file, "store")
    return _store_url(folder, daemon.store)


@_only_problems
def checkpoints_of(file: Path | None) -> Path:
    """Return the file with checkpoints without checking anything else in the settings; raise `InvalidDocuments`."""
    folder, daemon = _only(file, "audit")
    return checkpoints_file(folder, daemon.audit.checkpoints, store_of(file))


def checkpoints_file(folder: Path, written: Path | None, store: str) -> Path:
    """Return the file with checkpoints: as it is written, from the settings' folder, or else beside the store."""
    if written is not None:
        return _whole(folder, written)
    return Path(f"{store.removeprefix('sqlite://')}.checkpoints")


@_only_problems
def only_option(file: Path | None, name: str) -> DaemonSettings:
    """Return the settings with this option alone, without checking anything else; raise `InvalidDocuments`."""
    return _only(file, name)[1]


@_only_problems
def address_here(file: Path | None) -> str:
    """Return the web address at which the daemon listens on its machine, empty if it has none or any free port."""
    host, port = _only(file, "listen")[1].listen.address or ("", 0)
    if not port:
        return ""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@_only_problems
def mode_of(file: Path | None) -> str:
    """Return `practice` or `live` without checking anything else; raise `InvalidDocuments`."""
    return "live" if _only(file, "practice")[1].practice is None else "practice"


def _only(file: Path | None, option: str) -> tuple[Path, DaemonSettings]:
    """Return the settings' folder, and the settings with no other option than this one."""
    path, document = _document(file)
    folder = (path or DEFAULT).absolute().parent
    chosen = {name: value for name, value in document.value.items() if name == option}
    reader = Reader(document, folder, None, {}, {})
    daemon = reader.daemon(chosen)
    if daemon is None:
        raise InvalidDocuments(reader.problems)
    return folder, daemon


def _store_url(folder: Path, store: str) -> str:
    return f"sqlite://{_whole(folder, store)}"


def _whole(folder: Path, path: Path | str) -> Path:
    # Without `..`, which would make every message harder to read.
    return Path(os.path.normpath(folder / path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return True  # a folder above it may not be entered; this is reported when the file is read


def _document(file: Path | None) -> tuple[Path | None, Document]:
    """Return the settings file, if there is one, and its document, whose value is a mapping."""
    path = file if file is not None else DEFAULT
    try:
        content = read_file(path, pipes=True)
    except OSError as error:
        if file is None and isinstance(error, FileNotFoundError):
            if _misnamed():
                raise InvalidDocuments([no_settings()]) from None
            return None, _mapping(read("", str(path)))
        cure = "give the path of the settings file"
        if isinstance(error, PermissionError):
            cure = "run this as the user that the daemon runs as, or as root"
        raise InvalidDocuments(
            [Problem(str(path), 1, 1, "", f"cannot be read: {error.strerror}", cure)]
        ) from None
    try:
        return path, _mapping(read(content, str(path), _TAGS))
    except InvalidDocuments as invalid:
        raise InvalidDocuments(without_secret_lines(invalid.problems)) from None


def no_settings() -> Problem:
    """Return the problem that there is no settings file here, with the file that was probably meant."""
    suggestion = _misnamed()
    cure = "name the file with --config, or change to its folder; docs/install.md shows how to make one"
    if suggestion:
        cure = f"did you mean {suggestion}? Rename it, or name it with --config"
    return Problem(
        str(DEFAULT), 0, 0, "", f"there is no {DEFAULT} in {DEFAULT.absolute().parent}", cure
    )


def _misnamed() -> str:
    """Return the name of a file that was probably meant as the settings file; empty if there is none."""
    try:
        names = sorted(path.name for path in Path().iterdir())
    except OSError:
        return ""
    return next((name for name in names if _MISNAMED.fullmatch(name)), "")


_MISNAMED = re.compile(r"appeal[-_ ]?bridge(?:\.ya?ml(?:\.txt)?|\.txt|\.json)?", re.IGNORECASE)


def _mapping(document: Document) -> Document:
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        raise InvalidDocuments(
            [
                document.problem(
                    (), "the settings must be names with values", "write `name: value` lines"
                )
            ]
        )
    return document
