"""Problems of documents: where they are, what is wrong, and how to fix it."""

from __future__ import annotations

import re
import traceback
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from appealbridge.model.errors import AppealBridgeError
from appealbridge.terminal import visible

Level = Literal["error", "note"]

REPORT = "this is a fault in AppealBridge or a plug-in; please report it"

MOST = 100
"""How many problems are reported at a time; nobody mends more before the next try."""

_WIDTH = 100
_LONGEST_FAULT = 200
_LONGEST_NAME = 100

_AROUND = " \"'“”„‟‘’‚‛«»‹›`´,;.:"
"""Quotes of other kinds, and signs that other languages put at the end of a line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One mistake (`error`), or something worth knowing (`note`).

    `line` and `column` count from 1, in characters; both are 0 for what is not in a file, such as a plug-in.
    `path` is the place, such as `actions[2].text`.
    `cure` is how to fix it. `width` is how many characters of `source_line` are meant;
    `source_line` is empty if the line must not be shown or there is none. `fault` says that it is
    not the writer's mistake: a plug-in failed on what may be right.
    """

    file: str
    line: int
    column: int
    path: str
    problem: str
    cure: str
    level: Level = "error"
    source_line: str = ""
    width: int = 1
    fault: bool = False

    @property
    def _note(self) -> str:
        return "note: " if self.level == "note" else ""

    def text(self) -> str:
        """Return the problem for people: the place, the line itself, carets and the cure."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{place}: " + (f"{self.path}: " if self.path else "")
        lines = [visible(f"{where}{self._note}{self.problem}")]
        cure = visible(self.cure)
        if self.source_line:
            shown, before = _excerpt(self.source_line, self.column - 1)
            lines.append(f"{self.line:5} | {shown}".rstrip())
            marked = shown[before : before + self.width]
            carets = " " * _columns(shown[:before]) + "^" * max(1, _columns(marked))
            lines.append(f"      | {carets} {cure}".rstrip())
        elif cure:
            lines.append(f"      {cure}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, str | int]:
        """Return the problem for programs; a note begins with `note: `, as in its text."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "problem": f"{self._note}{self.problem}",
            "cure": self.cure,
        }


def _excerpt(line: str, before: int) -> tuple[str, int]:
    """Return as much of a line around a place as fits a screen, and how much of that is before the place."""
    shown = "".join(c if c.isprintable() else " " for c in line).rstrip()
    start = max(0, before - _WIDTH // 2) if len(shown) > _WIDTH else 0
    end = start + _WIDTH
    head, tail = "…" if start else "", "…" if len(shown) > end else ""
    return f"{head}{shown[start:end]}{tail}", before - start + len(head)


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text needs: an emoji needs two, a combining accent none."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(c) in ("Mn", "Me")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def fault(error: BaseException, *, secret: bool = False) -> str:
    """Return an unexpected error with its place in the code, without its message if that may quote a `secret`."""
    message = "" if secret else str(error)[:_LONGEST_FAULT]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename[:1] != "<"]
    where = (
        f" ({frames[-1].filename.rpartition('/')[2]}, line {frames[-1].lineno})" if frames else ""
    )
    return f"{type(error).__name__}{': ' if message else ''}{message}{where}"


def unexpected(file: str, error: BaseException, *, secret: bool = False) -> Problem:
    """Return the problem for a file whose reading raised an unexpected error."""
    return Problem(file, 1, 1, "", f"cannot be read: {fault(error, secret=secret)}", REPORT)


def first_of(problems: Sequence[Problem]) -> list[Problem]:
    """Return the first problems, and one that says how many more there are if they are too many to report."""
    if len(problems) <= MOST:
        return [*problems]
    rest = problems[MOST:]
    level: Level = "error" if any(problem.level == "error" for problem in rest) else "note"
    message, cure = (
        f"and at least {len(rest)} more, from here on",
        "fix those above, then check again",
    )
    return [*problems[:MOST], Problem(rest[0].file, rest[0].line, 1, "", message, cure, level)]


class InvalidDocuments(AppealBridgeError):
    """Files with problems; `problems` has them all, each with its place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(first_of(problems))
        super().__init__("\n".join(problem.text() for problem in self.problems))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """
    Return the known name that a misspelt one most likely means, `None` if none is near.

    Near is a slip of one letter in a short name, of two in a longer one, and another case. Of a name with two letters
    it is one letter left out, if that can only be one name.
    """
    bare_name, known = _bare(name), sorted(names)
    if len(bare_name) == 2 and bare_name not in map(_bare, known):
        whole = [
            each for each in known if len(each) == 3 and _distance(bare_name, _bare(each), 1) == 1
        ]
        return whole[0] if len(whole) == 1 else None
    allowed = 0 if len(bare_name) <= 2 else 1 if len(bare_name) <= 5 else 2
    distances = [(_distance(bare_name, _bare(each), allowed), each) for each in known]
    least, near = min(distances, default=(allowed + 1, ""))
    return near if least <= allowed else None


def nearest_declared(name: str, names: Iterable[str]) -> str | None:
    """
    Return the declared account, list or person that a misspelt name certainly means, else `None`.

    `ward_3_x` is not a misspelt `ward_2_x`, nor `south_x` a misspelt `north_x`: a wrong guess would
    publish to somebody else's audience.
    """
    known = list(names)
    near = nearest(name, known)
    if near is None or sum(nearest(name, [each]) is not None for each in known) > 1:
        return None
    ours, theirs = _bare(name), _bare(near)
    if ours == theirs:
        return near
    digits = [[c for c in text if c.isdigit()] for text in (ours, theirs)]
    parts = [re.split(r"[_. -]+", text.lower()) for text in (name, near)]
    different = [word for word in parts[1] if word not in parts[0]]
    typo = ours[:1] == theirs[:1] and all(len(word) >= 5 for word in different)
    return near if typo and digits[0] == digits[1] else None


def did_you_mean(name: str, names: Iterable[str], *, declared: bool = False) -> str:
    """
    Return the cure for a misspelt name: the nearest known one, else all of them.

    `declared` says that they are names of the settings, for which a wrong guess is dangerous.
    """
    known = sorted(names)
    if not name.isprintable() and "".join(filter(str.isprintable, name)) in known:
        return "it contains an invisible character; type it again"
    bare = name.strip(_AROUND)
    if bare != name and bare in known:
        return f"leave out what stands around it: {bare}"
    near = (nearest_declared if declared else nearest)(name, known)
    if near is not None:
        return f'did you mean "{near}"?'
    return f"known here: {', '.join(known)}" if known else ""


def meant_by(name: str, known: Iterable[str], synonyms: Mapping[str, str]) -> str:
    """Return the cure for a mistaken name: what `synonyms` says of it, else the nearest known one."""
    names = list(known)
    if any(each.casefold() == name.casefold() for each in names):
        return did_you_mean(name, names)
    hints = {mistake: hint for mistake, hint in synonyms.items() if hint in names or " " in hint}
    hint = hint_for(name, names, hints)
    return did_you_mean(name, names) if hint is None else hint


def hint_for(name: str, known: Iterable[str], hints: Mapping[str, str]) -> str | None:
    """
    Return the cure for a name that is one of `hints`, or a misspelt one; `None` if there is none.

    A hint is a known name or a whole cure. A misspelt known name comes first.
    """
    names = list(known)
    hint = hints.get(name.lower())
    if hint is None and nearest(name, names) is None:
        mistake = nearest(name, hints)
        # To write the very name that is not known here is no cure.
        hint = None if mistake is None or f"{name}:" in hints[mistake] else hints[mistake]
    return f'did you mean "{hint}"?' if hint in names else hint


def of_a_broken_plug_in(name: str, known: Iterable[str], broken: Iterable[str]) -> str:
    """
    Return the cure for an unknown name while plug-ins cannot be loaded: it may be theirs, even if another is near.

    A guess alone could lead to the platform of somebody else.
    """
    cure = f"it may belong to a plug-in that cannot be loaded: {', '.join(broken)}"
    near = nearest(name, known)
    return cure if near is None else f'{cure}; or did you mean "{near}"?'


def _bare(name: str) -> str:
    """Return a name without what people write differently: case, and what separates its words."""
    return re.sub(r"[_. -]", "", name[:_LONGEST_NAME].lower())


def _distance(ours: str, theirs: str, most: int) -> int:
    """Return how many letters must be changed, added, left out or swapped; any number above `most`."""
    if abs(len(ours) - len(theirs)) > most:
        return most + 1
    before, last = list[int](), list(range(len(theirs) + 1))
    for row, letter in enumerate(ours, 1):
        line = [row]
        for column, other in enumerate(theirs, 1):
            steps = [last[column] + 1, line[-1] + 1, last[column - 1] + (letter != other)]
            swapped = before and column > 1 and letter == theirs[column - 2]
            if swapped and other == ours[row - 2]:
                steps.append(before[column - 2] + 1)
            line.append(min(steps))
        if min(line) > most:  # it does not become less in the lines below
            return most + 1
        before, last = last, line
    return last[-1]
