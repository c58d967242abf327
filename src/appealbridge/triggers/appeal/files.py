"""
Reads a folder of appeals: YAML files, or Markdown that begins with YAML between two lines of `---`.

People are told about a wrong file, with the line and how to fix it; the others are read all the same. Only files in the
folder itself are read, and no links are followed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from appealbridge.documents import Document, InvalidDocuments, Problem, read, unexpected
from appealbridge.documents.diagnostic import nearest
from appealbridge.documents.validation import check_value
from appealbridge.markup.text import paragraphs
from appealbridge.model.appeal import Appeal
from appealbridge.model.errors import SourceDown
from appealbridge.model.moment import NoTime
from appealbridge.model.moment import read as read_moment
from appealbridge.plugin.text import composed

KINDS = ("missing", "wanted", "witness", "identify", "stolen", "information")
"""The kinds of appeal that a feed's categories may name. All others are `other`."""
OTHER = "other"

FILE_LIMIT = 5000
SIZE_LIMIT = 256 * 1024
SETTLED = 1.0
"""How many seconds after its last change a file is read, because an editor may still be writing it."""

_GUARD = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # not on Windows
_ENDINGS = (".yaml", ".yml", ".md")
TRIED = (*_ENDINGS, ".json")
"""The endings of files that a person may try as an appeal."""

_MISTAKEN = (".txt", ".text", ".markdown", ".rtf", ".doc", ".docx", ".odt", ".pages")
"""The endings of files that were probably meant as appeals, but are not read."""
_UNREAD = "is ignored; the name of an appeal's file must end in .md, .yaml or .yml"
_TOO_LONG = f"longer than {SIZE_LIMIT // 1024} KiB; shorten it"
_HEAD = re.compile(r"\ufeff?---[ \t]*\r?\n(?P<rest>.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)

_FIELD = re.compile(rb"^[\"']?(?:reference|title)[\"']?[ \t]*:", re.IGNORECASE | re.MULTILINE)
_OTHER = re.compile(rb"^[\"']?(?:triggers|actions|data|channels)[\"']?[ \t]*:", re.MULTILINE)
_OTHERS = frozenset({"triggers", "actions", "data", "channels"})
_EMBARGO = re.compile(rb"^[\"']?embargo\b", re.IGNORECASE | re.MULTILINE)
_KIND = re.compile(rb"^[\"']?kind\b", re.IGNORECASE | re.MULTILINE)
_LIKE_EMBARGO = frozenset({
    "hold_until", "not_before", "publish_after", "publish_at", "publish_on", "release_at", "release_on",
})  # fmt: skip
_SAMPLE = 64 * 1024

_OWN_LINE = re.compile(r"[ \t]*(?:[-*+>#|]|\d+[.)])")
_TEXTS = frozenset(
    name for name, field in Appeal.model_fields.items() if field.annotation in (str, str | None)
)


class AppealFile(NamedTuple):
    """One appeal, when its file was last changed, in Unix seconds UTC, and the user to whom the file belongs."""

    appeal: Appeal
    changed: float
    owner: int


class _Problems(dict[str, str]):
    """The problems of files, by names that differ for each file and content."""

    def add(self, name: str, problem: str, content: bytes = b"") -> None:
        digest = hashlib.sha256(f"{name}\0{problem}\0".encode(errors="replace") + content)
        self[digest.hexdigest()[:32]] = "".join(
            letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in problem
        )


def read_appeals(
    folder: Path, now: float, *, first: bool
) -> tuple[Sequence[AppealFile], Mapping[str, str]]:
    """
    Return the folder's appeals, last changed first, and the problems of other files.

    Each problem has a name that stays the same until the file is changed. A file that has just changed is left for the
    next poll, except in the `first` one, which publishes nothing. If two files have the same reference, neither is
    read. Raise `SourceDown` if the folder cannot be read.
    """
    by_reference: dict[str, list[tuple[str, AppealFile]]] = {}
    problems = _Problems()
    for path, about in _files(folder, problems):
        if not first and 0 <= now - about.st_mtime < SETTLED:
            continue
        content = b""
        try:
            content, owner = _content(path)
            appeal = appeal_of(content, path.name)
        except InvalidDocuments as invalid:
            problems.add(path.name, "\n".join(map(_message, invalid.problems)), content)
        except OSError as error:
            problems.add(path.name, f"{path.name}: cannot be read: {error.strerror}")
        except Exception as error:  # noqa: BLE001 - one file that breaks a parser must not hide the others
            problems.add(path.name, _message(unexpected(path.name, error)), content)
        else:
            file = AppealFile(appeal, about.st_mtime, owner)
            by_reference.setdefault(appeal.reference, []).append((path.name, file))
    for reference, files in by_reference.items():
        if len(files) > 1:
            names = ", ".join(name for name, _ in files)
            problems.add(
                names,
                f"{names}: all have the reference {reference}, so none is read; keep one, or fix a reference",
            )
    single = (files[0][1] for files in by_reference.values() if len(files) == 1)
    return sorted(single, key=lambda file: file.changed, reverse=True), problems


def _files(folder: Path, problems: _Problems) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the appeal files by name with their status; report files that are left out."""
    try:
        with os.scandir(folder) as listing:
            names = sorted((entry for entry in listing if _meant(entry.name)), key=lambda e: e.name)
    except OSError as error:
        raise SourceDown(f"folder {folder}: {error.strerror}; create it, or fix its path") from None
    if len(names) > FILE_LIMIT:
        problems.add("", f"more than {FILE_LIMIT} files; only the first ones by name are read")
    for entry in names[:FILE_LIMIT]:
        try:
            about = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # removed since the folder was listed
        if entry.is_symlink():
            problems.add(
                entry.name, f"{entry.name}: is a link; put the file itself into the folder"
            )
        elif not entry.is_file(follow_symlinks=False):
            continue
        elif not entry.name.lower().endswith(_ENDINGS):
            problems.add(entry.name, f"{entry.name}: {_UNREAD}")
        elif about.st_size > SIZE_LIMIT:
            problems.add(entry.name, f"{entry.name}: {_TOO_LONG}")
        else:
            yield Path(entry.path), about


def _meant(name: str) -> bool:
    """Return whether a person wrote this file as an appeal, and no editor or operating system left it behind."""
    lower = name.lower()
    mistaken = lower.endswith(_MISTAKEN) and not lower.startswith("readme")
    return (lower.endswith(_ENDINGS) or mistaken) and not name.startswith((".", "~", "#", "_"))


def _content(path: Path) -> tuple[bytes, int]:
    # The file may have been replaced by a link or a pipe since it was listed.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _GUARD)) as file:
        return file.read(SIZE_LIMIT + 1), os.fstat(file.fileno()).st_uid


def like_an_appeal(name: str, content: bytes) -> bool:
    """Return whether a file is meant as an appeal, and not as a recipe, an event or settings."""
    lower, begin = name.lower(), content[:_SAMPLE]
    if lower.endswith(".md"):
        return True
    if lower.endswith(_MISTAKEN):
        return not _OTHER.search(begin)
    if lower.endswith(".json"):
        return _json_appeal(content)
    return bool(lower.endswith(_ENDINGS) and _FIELD.search(begin) and not _OTHER.search(begin))


def named_appeal(content: bytes, name: str, endings: tuple[str, ...] = _ENDINGS) -> Appeal:
    """
    Return the appeal in a file that a person names, as it would be read in a folder of appeals.

    Raise `InvalidDocuments` with all its mistakes, also if its name has none of these `endings`: such a file would be
    ignored in a folder.
    """
    if not name.lower().endswith(endings):
        raise _wrong(name, _UNREAD, "rename it")
    if len(content) > SIZE_LIMIT:
        raise _wrong(name, _TOO_LONG, "shorten it")
    return appeal_of(content, name)


def check_appeal(content: bytes, name: str, now: float, zone: tzinfo) -> Sequence[Problem]:
    """
    Return notes about a named file as if it came in `now` (Unix seconds UTC).

    When it was saved says nothing: a copy or a fresh checkout has another time. Raise `InvalidDocuments` if it is not
    an appeal, or if its embargo cannot be read or is past.
    """
    appeal = named_appeal(content, name)
    if appeal.embargo is not None:
        _check_embargo(appeal.embargo, content, name, now, zone)
    notes = [*_notes_on_names(appeal, content, name)]
    if usual_kind(appeal.kind):
        return notes
    problem = f'"{appeal.kind}" is not one of the usual kinds of appeal'
    cure = f"usual are {', '.join((*KINDS, OTHER))}; a recipe for it must say exactly this"
    return [*notes, _placed(_KIND, content, Problem(name, 1, 1, "kind", problem, cure, "note"))]


def _notes_on_names(appeal: Appeal, content: bytes, name: str) -> Iterator[Problem]:
    """Yield notes about fields of the file's own that may be misspelt, or meant as its embargo."""
    for field in appeal.model_extra or ():
        near = nearest(field, Appeal.model_fields)
        cure = f"write {near}: if that is meant"
        if near is None and field.lower().replace("-", "_") in _LIKE_EMBARGO:
            cure = "write embargo: if nothing may be published before that time"
        elif near is None or f"{field}s" == near or field == f"{near}s":
            continue
        place = re.compile(rb"^[\"']?" + re.escape(field.encode()), re.MULTILINE)
        problem = f'"{field}" is a field of your own, which only a recipe that names it uses'
        yield _placed(place, content, Problem(name, 1, 1, field, problem, cure, "note"))


def usual_kind(kind: str) -> bool:
    """Return whether a kind of appeal is one that feeds have too."""
    return composed(kind).casefold() in (*KINDS, OTHER)


def _check_embargo(embargo: str, content: bytes, name: str, now: float, zone: tzinfo) -> None:
    try:
        if read_moment(embargo, zone).at(now, zone) >= now:
            return
        problem = f"{embargo} is past; if the file came in now, a message that waits for it would be held for a person"
        cure = "write a time to come, or delete the line"
    except NoTime as error:
        problem = f"{error}; a message that waits for it would be held for a person"
        cure = error.cure
    wrong = Problem(name, 1, 1, "embargo", problem, cure)
    raise InvalidDocuments([_placed(_EMBARGO, content, wrong)])


def _placed(field: re.Pattern[bytes], content: bytes, problem: Problem) -> Problem:
    """Return a problem with the line of its field."""
    place = field.search(content)
    line = 1 if place is None else content.count(b"\n", 0, place.start()) + 1
    return replace(problem, line=line)


def appeal_of(content: bytes, name: str) -> Appeal:
    """Return the appeal in a file's content; raise `InvalidDocuments` with all its mistakes."""
    if not name.lower().endswith(".md"):
        return _checked(read(content, name), {})
    text = read_text(content, name)
    head = _HEAD.match(text)
    if head is None:
        raise _wrong(name, "has no head", "begin with ---, then reference: and title:, then ---")
    # The head includes its first line of ---, so that its line numbers are right.
    document = read(text[: head.end("rest")], name)
    body = unwrapped(text[head.end() :].strip())
    return _checked(document, {"text": body, "body_html": paragraphs(body)} if body else {})


def _json_appeal(content: bytes) -> bool:
    """Return whether JSON is an appeal: a folder of appeals does not read it, but a person may try it."""
    try:
        value = orjson.loads(content[: SIZE_LIMIT + 1])
    except orjson.JSONDecodeError:
        return False
    names = {name.lower() for name in value} if isinstance(value, dict) else set()
    return names >= {"reference", "title"} and not names & _OTHERS


def read_text(content: bytes, name: str) -> str:
    """Return the bytes as text; raise `InvalidDocuments` with the line that is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _wrong(name, "is not UTF-8", "save the file as UTF-8", line) from None


def _checked(document: Document, more: dict[str, Any]) -> Appeal:
    value, places = document.value, {}
    if isinstance(value, dict):
        names = {name: _own_name(name) for name in value}
        twice = next((n for n, own in names.items() if n != own and own in value), None)
        if twice is not None:
            problem = f'"{twice}" and "{names[twice]}" are the same field'
            raise InvalidDocuments(
                [document.problem((twice,), problem, "keep one of the two", key=True)]
            )
        for name in value if "embargo" not in names.values() else ():
            # Under another name nothing would wait for it, and it would be published at once.
            if "embargo" in name.lower() or nearest(name, ("embargo",)) is not None:
                problem, cure = f'nothing waits for "{name}"', "write embargo: before the time"
                raise InvalidDocuments([document.problem((name,), problem, cure, key=True)])
        places = {own: (name,) for name, own in names.items() if name != own}
        value = more | {own: _as_written(document, n, own, value[n]) for n, own in names.items()}
        if "embargo" in value and value["embargo"] in (None, ""):
            place = places.get("embargo", ("embargo",))
            cure = "write a date and time, or delete the line"
            raise InvalidDocuments([document.problem(place, "is empty", cure, key=True)])
    appeal, problems = check_value(document, (), value, Appeal, elsewhere=places)
    if appeal is None:
        raise InvalidDocuments(problems)
    return appeal


def _own_name(name: str) -> str:
    """Return a field's name in small letters, so that `Embargo` works as well as `embargo`."""
    return name.lower() if name.lower() in Appeal.model_fields else name


def _as_written(document: Document, name: str, own: str, value: Any) -> Any:
    """Return a number as it is written if text is meant, or if it would lose something: `0412`, `10.00`."""
    if type(value) not in (int, float):
        return value
    written = document.bare((name,))
    return written if written and (own in _TEXTS or written != str(value)) else value


def unwrapped(text: str) -> str:
    """
    Return Markdown with each paragraph on one line, as posts need it.

    Lines that Markdown keeps separate stay separate: lists, quotes, headings, and a line after one that ends with two
    spaces or a backslash.
    """
    whole: list[str] = []
    parts: list[str] = []  # to add lines to a text would take quadratic time
    apart = True
    for line in text.splitlines():
        if apart or not line.strip() or _OWN_LINE.match(line):
            whole.append("".join(parts).rstrip(" \t\\"))
            parts = [line]
        else:
            parts += (" ", line.strip())
        apart = not line.strip() or line.endswith(("  ", "\\")) or line.startswith("#")
    return "\n".join([*whole, "".join(parts).rstrip(" \t\\")][1:])


def _wrong(file: str, problem: str, cure: str, line: int = 1) -> InvalidDocuments:
    return InvalidDocuments([Problem(file, line, 1, "", problem, cure)])


def _message(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    path = f" {problem.path}:" if problem.path else ""
    return f"{place}:{path} {problem.problem}{f'; {problem.cure}' if problem.cure else ''}"
