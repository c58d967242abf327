"""Finds the likely mistake in a line that the YAML parser did not understand."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

NO_BREAK_SPACE = "\u00a0"
ORDINARY_SPACE = "replace it with an ordinary space"
INDENTED_WITH = "this line is indented with non-breaking spaces"


class Hint(NamedTuple):
    """A likely mistake: its place (line and column from 0), what it is, and how to fix it."""

    line: int
    column: int
    problem: str
    cure: str


_Look = Callable[[Sequence[str], int, int], Hint | None]

_NO_SPACE = re.compile(r"[ -]*[\w-]+:\u00a0")
INDENTED = re.compile(r"[ \t]*(?:- *)?\u00a0[ \u00a0]*(?=\S)")
_NOT_A_COMMENT = re.compile(r"\s*(//|/\*|<!--)")
_FENCE = re.compile(r"\s*(```|~~~)")
_PROSE = re.compile(r"\s*(?![-#])(?:[^\Wa-z]|\S+ +\S+ +\S)[^:]*$")
_TEXT = re.compile(r" *(?:- +)*[\w-]+: +[^\s\"'|>\[{#]")
_WITHOUT_COLON = re.compile(
    r" *(?:- +(?=[a-z_]+[ =：]))*([a-z_]+)(?: *[=：﹕∶] *| +|)(?:[^\s:#-][^:#]*)?"
)
_DASHES = re.compile(r" *(?:- +)*")
_NAME_ALONE = re.compile(r" *(?:- +)*([\w-]+) *")
_TIGHT_COLON = re.compile(r" *(?:- +)*\w+(:)\S")
_OTHER_DASH = re.compile(r" *([–—•·*]|[0-9]+[.)]) *\w+ *:")
_TIGHT_DASH = re.compile(r" *(-)[^\W\d]\w* *:")
_FIRST_SIGN = re.compile(r"(?:: +|- +|^ *)([*&])")
_BAR = re.compile(r"[:-] +[|>][-+]? *$")
_QUOTED = re.compile(r"""(["'])[^"']*\1 *$|'.*' *$""")


def hint_for(problem: str, lines: Sequence[str], line: int, column: int) -> Hint | None:
    """Return the real cause of the parser's error at a place, `None` if it is not known."""
    if line >= len(lines):
        return None
    indented = next((n for n in range(line + 1) if INDENTED.match(lines[n])), None)
    if indented is not None:
        return Hint(indented, 0, INDENTED_WITH, "use spaces")
    if _FENCE.match(lines[line]):
        return Hint(line, 0, "this line does not belong to the file", "leave it out")
    if _NOT_A_COMMENT.match(lines[line]):
        column = len(lines[line]) - len(lines[line].lstrip())
        return Hint(line, column, "a comment begins with #", "write # instead, or delete the line")
    odd = _NO_SPACE.match(lines[line])
    if odd is not None:
        return Hint(line, odd.end() - 1, "this is a no-break space", ORDINARY_SPACE)
    return next(
        (hint for look in _LOOKS.get(problem, ()) if (hint := look(lines, line, column))), None
    )


def template_without_quotes(lines: Sequence[str], line: int, column: int) -> Hint | None:
    """Return the place of two braces, or a brace and a percent sign, without quotes."""
    source = lines[line]
    begin = max(0, column - 1)
    example = {"{{": "{{ … }}", "{%": "{% … %}"}.get(source[begin : begin + 2])
    if example is None:
        return None
    cure = f'put the whole text in quotes: "{example}"'
    return Hint(line, begin, "a template without quotes", cure)


def _tight_dash(lines: Sequence[str], line: int, column: int) -> Hint | None:
    del column
    for number in (line, line - 1):
        dash = _TIGHT_DASH.match(lines[number]) if number >= 0 else None
        if dash is not None:
            return Hint(number, dash.start(1), "no space after the dash", "write `- name: value`")
        other = _OTHER_DASH.match(lines[number]) if number >= 0 else None
        if other is not None:
            message = f'a list entry begins with a dash, not with "{other[1]}"'
            return Hint(number, other.start(1), message, "write `- name: value`")
    return None


def _tight_colon_above(lines: Sequence[str], line: int, column: int) -> Hint | None:
    return _tight_colon(lines, line - 1, column) if line else None


def _no_colon_above(lines: Sequence[str], line: int, column: int) -> Hint | None:
    """Return the line above if it lacks its colon: the parser takes both lines for one name."""
    del column
    above = next((n for n in range(line - 1, -1, -1) if lines[n].strip()), None)
    if above is None or _indent(lines[above]) != _indent(lines[line]):
        return None
    match = _WITHOUT_COLON.fullmatch(lines[above])
    if match is None:
        return None
    return Hint(above, match.start(1), "a name without its colon", "write `name: value`")


def _indent(line: str) -> int:
    dashes = _DASHES.match(line)
    return dashes.end() if dashes is not None else 0


def _too_deep(lines: Sequence[str], line: int, column: int) -> Hint | None:
    match = _NAME_ALONE.fullmatch(lines[line], 0, column)
    if match is None:
        return None
    cure = "align it with the names it belongs to; text with a colon needs quotes"
    return Hint(line, match.start(1), "this is indented further than the line above", cure)


def _tight_colon(lines: Sequence[str], line: int, column: int) -> Hint | None:
    del column
    match = _TIGHT_COLON.match(lines[line])
    if match is None:
        return None
    return Hint(line, match.start(1), "no space after the colon", "write `name: value`")


def _under_a_bar(lines: Sequence[str], line: int, column: int) -> Hint | None:
    if line == 0 or not _BAR.search(lines[line - 1]):
        return None
    message = "text below | or > must be indented further than its name"
    return Hint(line, column, message, "indent it further")


def _second_line(lines: Sequence[str], line: int, column: int) -> Hint | None:
    del column
    if line == 0 or not _PROSE.match(lines[line]) or not _TEXT.match(lines[line - 1]):
        return None
    name = lines[line - 1].split(":")[0].strip(" -")
    column = len(lines[line]) - len(lines[line].lstrip())
    cure = f"write {name}: | and put every line of the text below it, indented further"
    return Hint(line, column, "this continues the text of the line above", cure)


def _behind_quotes(lines: Sequence[str], line: int, column: int) -> Hint | None:
    if lines[line][:column].rstrip()[-1:] in ("]", "}"):
        message = "text after the closing bracket"
        return Hint(line, column, message, "put the whole text in quotes")
    if not _QUOTED.search(lines[line], max(0, column - 400), column):
        return None
    cure = "put all of the text inside the quotes; if it has an apostrophe, use double quotes"
    return Hint(line, column, "text after the closing quotes", cure)


def _first_of_the_text(lines: Sequence[str], line: int, column: int) -> Hint | None:
    first = _FIRST_SIGN.search(lines[line], 0, column + 1)
    begin = first.start(1) if first is not None else max(0, column - 1)
    sign = lines[line][begin : begin + 1]
    return Hint(line, begin, f'text cannot begin with "{sign}"', "put it in quotes")


def _sign(lines: Sequence[str], line: int, column: int) -> Hint | None:
    cure = "put it in quotes, or begin the list on a new line"
    return Hint(line, column, f'text cannot begin with "{lines[line][column : column + 1]}"', cure)


def _behind_a_bar(lines: Sequence[str], line: int, column: int) -> Hint | None:
    del lines
    message = "after | or > the text begins on the next line"
    return Hint(line, column, message, "move it there, indented further, or put it all in quotes")


_LOOKS: dict[str, tuple[_Look, ...]] = {
    "mapping values are not allowed in this context": (
        _tight_dash,
        _tight_colon_above,
        _no_colon_above,
        _too_deep,
    ),
    "mapping values are not allowed here": (
        _tight_dash,
        _tight_colon_above,
        _no_colon_above,
        _too_deep,
    ),
    "block sequence entries are not allowed in this context": (_sign,),
    "mapping keys are not allowed in this context": (_sign,),
    "could not find expected ':'": (_tight_colon, _under_a_bar, _second_line),
    "did not find expected key": (_behind_quotes,),
    "did not find expected alphabetic or numeric character": (_first_of_the_text,),
    "did not find expected comment or line break": (_behind_a_bar,),
    "found character that cannot start any token": (template_without_quotes,),
}
"""The possible causes of each parser error, most likely first."""
