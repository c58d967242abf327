"""
A folder of appeals as people write them: YAML, or Markdown with a head of YAML between two lines of `---`.

One bad file is told about, with its line and cure, and stops no other. Only files that lie in the
folder itself are read: no link leads out of it.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from appealbridge.documents import Document, InvalidDocuments, Problem, check, read
from appealbridge.model.appeal import Appeal
from appealbridge.model.errors import SourceDown

FILE_LIMIT = 5000
SIZE_LIMIT = 1024 * 1024
SETTLED = 1.0
"""Seconds that a file must have lain untouched: an editor may still be writing it."""

_ENDINGS = (".yaml", ".yml", ".md")
_HEAD = re.compile(r"\ufeff?---[ \t]*\r?\n(?P<rest>.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)

_OWN_LINE = re.compile(r"[ \t]*(?:[-*+>#|]|\d+[.)])")


class AppealFile(NamedTuple):
    """One appeal and when its file was last changed, in Unix seconds UTC."""

    appeal: Appeal
    changed: float


def read_appeals(
    folder: Path, now: float, *, first: bool
) -> tuple[Sequence[AppealFile], Sequence[str]]:
    """
    Return the folder's appeals, those changed last first, and what is wrong with other files.

    A file that is just being written is left for the next look, but for the `first` one, which
    only learns what is there. Raise `SourceDown` where the folder cannot be read.
    """
    found: dict[str, AppealFile] = {}
    notes: list[str] = []
    for path, changed in _files(folder, notes):
        if not first and 0 <= now - changed < SETTLED:
            continue
        try:
            appeal = _appeal(path)
        except InvalidDocuments as invalid:
            notes += [_note(problem) for problem in invalid.problems]
        except OSError as error:
            notes.append(f"{path.name}: cannot be read: {error.strerror}")
        else:
            if appeal.reference in found:
                notes.append(
                    f"{path.name}: another file is appeal {appeal.reference} too; keep one"
                )
            found.setdefault(appeal.reference, AppealFile(appeal, changed))
    return sorted(found.values(), key=lambda file: file.changed, reverse=True), notes


def _files(folder: Path, notes: list[str]) -> Iterator[tuple[Path, float]]:
    """Yield the appeal files by name with the time of their last change; note what is left out."""
    try:
        with os.scandir(folder) as listing:
            names = sorted((entry for entry in listing if _meant(entry.name)), key=lambda e: e.name)
    except OSError as error:
        raise SourceDown(f"folder {folder}: {error.strerror}; make it, or mend its path") from None
    if len(names) > FILE_LIMIT:
        notes.append(f"more than {FILE_LIMIT} files; only the first by name were read")
    for entry in names[:FILE_LIMIT]:
        try:
            about = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # taken away between listing and looking
        if entry.is_symlink():
            notes.append(f"{entry.name}: is a link; put the file itself into the folder")
        elif not entry.is_file(follow_symlinks=False):
            continue
        elif about.st_size > SIZE_LIMIT:
            notes.append(f"{entry.name}: longer than {SIZE_LIMIT // 1024} KiB; that is no appeal")
        else:
            yield Path(entry.path), about.st_mtime


def _meant(name: str) -> bool:
    """Tell an appeal's file from what editors and operating systems leave beside it."""
    return name.lower().endswith(_ENDINGS) and not name.startswith((".", "~", "#", "_"))


def _appeal(path: Path) -> Appeal:
    with open(path, "rb", opener=_itself) as file:
        content = file.read(SIZE_LIMIT + 1)
    if path.suffix.lower() != ".md":
        return _checked(read(content, path.name), {})
    text = read_text(content, path.name)
    head = _HEAD.match(text)
    if head is None:
        raise _wrong(
            path.name, "has no head", "begin with ---, then reference: and title:, then ---"
        )
    # With its first line of --- the head's line numbers are the file's.
    document = read(text[: head.end("rest")], path.name)
    body = unwrapped(text[head.end() :].strip())
    return _checked(document, {"text": body, "body_html": paragraphs(body)} if body else {})


def _itself(path: str, flags: int) -> int:
    # What was a file when it was listed may be a link or a pipe by now.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def read_text(content: bytes, name: str) -> str:
    """Return the bytes as text; raise `InvalidDocuments` with the line that is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _wrong(name, "is not UTF-8", "save the file as UTF-8", line) from None


def _checked(document: Document, more: dict[str, Any]) -> Appeal:
    if isinstance(document.value, dict):
        document.value = more | document.value
    appeal, problems = check(document, (), Appeal)
    if appeal is None:
        raise InvalidDocuments(problems)
    return appeal


def unwrapped(text: str) -> str:
    """
    Return Markdown's running text with one line a paragraph, as a post needs it.

    Lines that Markdown keeps apart stay so: lists, quotes, headings, and those after a line that
    ends with two spaces or a backslash.
    """
    lines: list[str] = []
    apart = True
    for line in text.splitlines():
        if apart or not line.strip() or _OWN_LINE.match(line):
            lines.append(line)
        else:
            lines[-1] += f" {line.strip()}"
        apart = not line.strip() or line.endswith(("  ", "\\")) or line.startswith("#")
    return "\n".join(line.rstrip(" \t\\") for line in lines)


def paragraphs(text: str) -> str:
    """Return plain text as HTML: paragraphs where lines are empty, line ends kept, all else escaped."""
    blocks = (block.strip() for block in re.split(r"\n[ \t\r]*\n", text.replace("\r\n", "\n")))
    return "\n".join(
        "<p>{}</p>".format(html.escape(block, quote=False).replace("\n", "<br>\n"))
        for block in blocks
        if block
    )


def _wrong(file: str, problem: str, cure: str, line: int = 1) -> InvalidDocuments:
    return InvalidDocuments([Problem(file, line, 1, "", problem, cure)])


def _note(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    path = f" {problem.path}:" if problem.path else ""
    return f"{place}:{path} {problem.problem}{f'; {problem.cure}' if problem.cure else ''}"
