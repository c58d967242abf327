"""
Prints for all commands, safely, because strangers wrote much of what is printed.

Whatever could steer the terminal is spelt out, line ends in the middle of a line included, and
nothing in a text is taken for styling: only `styled` makes a style.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click
import orjson

from appealbridge.logs import final_message
from appealbridge.terminal import harmless_json, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

T = TypeVar("T")

SHORT = 60
"""How many characters of a text a table shows if the rest is not needed."""

_JOINERS = "\u200d\ufe0f"

_WIDE = 240
"""The width of a table that is not printed on a terminal."""


class Styled(NamedTuple):
    """A part of a line with its style: words such as `bold`, `dim`, `underline` and a colour."""

    text: str
    style: str


Part = str | Styled
Line = Sequence[Part]


def styled(text: str, style: str) -> Styled:
    """Return a part of a line with a style."""
    return Styled(text, style)


def say(*parts: Part, err: bool = False, nl: bool = True) -> None:
    """Print one line."""
    click.echo("".join(map(_coloured, parts)), err=err, nl=nl)


def say_text(text: str, *, err: bool = False) -> None:
    """Print a text of several lines."""
    click.echo(visible(text, lines=True), err=err)


def say_json(value: object) -> None:
    """Print a value as indented JSON."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:  # half a character, or a number that is too long for it
        text = json.dumps(value, indent=2)
    click.echo(harmless_json(text))


def show(value: T, as_json: bool, print_it: Callable[[T], None]) -> None:
    """Print a value for programs, or for people with the given function."""
    if as_json:
        say_json(value)
    else:
        print_it(value)


def show_line(value: object, as_json: bool, *parts: Part) -> None:
    """Print a value for programs, or a line for people."""
    show(value, as_json, lambda _: say(*parts))


def say_last(text: str) -> None:
    """Print on standard error why a command failed, marked as an error for systemd's journal."""
    click.echo(final_message(visible(text, lines=True)), err=True)


def show_lines(lines: Callable[[int], Iterable[Sequence[tuple[str, bool]]]]) -> None:
    """Print lines in parts, each with whether it is a link; `lines` gets the width to fold at, 0 for none."""
    width = get_terminal_size().columns - 5 if sys.stdout.isatty() else 0
    for line in lines(max(0, width)):
        say(*(styled(text, "blue underline") if link else text for text, link in line))


def same_line(text: str) -> None:
    """Print on standard error, replacing the present line."""
    click.echo(f"\r{visible(text)}", nl=False, err=True)


def say_json_text(text: str) -> None:
    """Print a text that is already JSON."""
    click.echo(harmless_json(text), nl=False)


def answer_to(question: str, default: str | None = None) -> str:
    """Ask a question on the terminal; return the answer, or the default for none; without a default, nothing."""
    shown = visible(question) + (f" [{visible(default)}]" if default is not None else "")
    answer: str = click.prompt(
        shown, default=default or "", show_default=False, prompt_suffix=" > "
    )
    return answer


def answered_yes(question: str) -> bool:
    """Ask a question on the terminal; return whether the answer is yes."""
    return bool(click.confirm(visible(question)))


def wrapped(text: str) -> None:
    """Print a paragraph with line breaks."""
    click.echo(click.wrap_text(visible(text, lines=True), width=78))


def short(text: str, width: int = SHORT) -> str:
    """Return a text that fits into a table: a longer one loses its middle, since its end often tells it apart."""
    text = visible(text)
    if len(text) <= width:
        return text
    tail = (width - 1) // 3
    # What joins the parts of an emoji joins nothing at a cut.
    begin = text[: width - 1 - tail].rstrip(_JOINERS)
    return f"{begin}…{text[len(text) - tail :].lstrip(_JOINERS)}"


def table(
    headings: Sequence[str], rows: Iterable[Line], cut: Sequence[str] = (), *, none: str = ""
) -> None:
    """
    Print a table that fits the terminal, or that there is `none`.

    If it is too wide, the columns in `cut` are shortened. The last column, unless it is in `cut`, is then printed below
    each row.
    """
    rows = [*rows]
    if not rows and none:
        say(none)
        return
    from rich.padding import Padding
    from rich.table import Table

    console = _console()
    if not console.is_terminal:
        # A pipe has no width, and a cut line would lose what a program looks for.
        console = _console(_WIDE)
    lines = [[_rich(cell) for cell in row] for row in rows]
    widths = [max(map(_cells, column)) for column in zip(headings, *lines, strict=True)]
    narrow = _total(widths) > console.width
    below = narrow and headings[-1] not in cut
    shown = len(headings) - below
    widths = _fitted(widths[:shown], [name in cut for name in headings], console.width)
    drawn = Table(box=None, pad_edge=False)
    for heading in headings[:shown]:
        drawn.add_column(heading, overflow="fold", no_wrap=narrow)
    for line in lines:
        drawn.add_row(*map(_cut, line[:shown], widths))
    drawn_lines = _drawn(console, drawn)
    if not below:
        _print(console, drawn_lines)
        return
    _print(console, [next(drawn_lines)])
    for line in lines:
        _print(console, [next(drawn_lines)])
        if line[-1].plain:
            _print(console, _drawn(console, Padding(line[-1], (0, 0, 0, widths[0] + _GAP))))


def _drawn(console: Console, what: RenderableType) -> Iterator[Text]:
    """Yield the lines of a drawing, without blanks at their ends."""
    from rich.text import Text

    for segments in console.render_lines(what, pad=False):
        line = Text.assemble(*((each.text, each.style or "") for each in segments))
        line.rstrip()
        yield line


def _print(console: Console, lines: Iterable[Text]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True)


_GAP = 2
"""How many blanks are between two columns."""

_NARROWEST = 8
"""How many characters of a shortened column are left at least."""


def _cells(cell: str | Text) -> int:
    from rich.cells import cell_len

    return cell_len(cell if isinstance(cell, str) else cell.plain)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _fitted(widths: Sequence[int], may_cut: Sequence[bool], width: int) -> list[int]:
    """Return the widths of columns, with the widest that may be cut made narrower until all fit."""
    fitted = list(widths)
    cuttable = [n for n in range(len(fitted)) if may_cut[n]]
    while _total(fitted) > width and cuttable:
        widest = max(cuttable, key=lambda n: fitted[n])
        if fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _cut(cell: Text, width: int) -> Text:
    from rich.text import Text

    if _cells(cell) <= width:
        return cell
    # A wide character takes two cells.
    return Text(short(cell.plain, max(2, width * len(cell.plain) // _cells(cell))), cell.style)


def paragraph(*parts: Part, indent: int = 0) -> None:
    """Print an indented text, with line breaks on a terminal."""
    from rich.padding import Padding

    console = _console()
    text = _rich(*parts, lines=True)
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent)))
        return
    for line in text.plain.split("\n"):
        click.echo(f"{' ' * indent}{line}".rstrip())


def timed(rows: Iterable[tuple[str, Line]]) -> None:
    """Print lines with their times in front."""
    from rich.table import Table

    console = _console()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for when, line in rows:
        text = _rich(*line)
        if console.is_terminal:
            grid.add_row(when, text)
        else:
            click.echo(f"{when:19}  {text.plain}".rstrip())
    if grid.row_count:
        console.print(grid)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress on a terminal only. Call the yielded function with the amounts done and in total."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _coloured(part: Part) -> str:
    if isinstance(part, str):
        return visible(part)
    front, _, back = part.style.partition(" on ")
    style: dict[str, Any] = {"bg": back} if back else {}
    for word in front.split():
        style |= {word: True} if word in ("bold", "dim", "underline") else {"fg": word}
    return click.style(visible(part.text), **style)


def _rich(*parts: Part, lines: bool = False) -> Text:
    from rich.text import Text

    text = Text()
    for part in parts:
        string, style = part if isinstance(part, Styled) else (part, "")
        text.append(visible(string, lines=lines), style or None)
    return text


def _console(width: int | None = None) -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, width=width)
