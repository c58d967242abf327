"""A run as a story: what came in, what was decided and why, what each delivery did, and how it stands now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from appealbridge.cli.tell import STYLES, Row, clock, state_of, why

REMOVED = "(removed after its retention)"
_SLOW = 1.0
"""From how many seconds on it is worth a word how long an attempt took."""
_OUTCOMES = {
    "delivered": "green",
    "found": "green",
    "try_again": "yellow",
    "put_off": "yellow",
    "unsure": "magenta",
    "cannot_tell": "magenta",
    "rejected": "red",
}

Moment = tuple[str, Text]
"""One line of a story: when, as the API has it, and what."""


def tell(told: Row) -> None:
    """Print what became of an event: of all the runs it caused, or of those that were asked for."""
    paper = _Paper()
    about, runs = told["event"], told["runs"]
    paper.print(Text(f"{about['type']} {_about(about)}", style="bold"))
    paper.print(Text(f"event {about['id']} from {about['source']}", style="dim"))
    paper.lines(_arrival(about))
    for run in sorted(runs, key=lambda run: bool(run["state"] == "skipped")):
        paper.print()
        _run(paper, run)
    if not runs:
        paper.print(Text("no recipe was asked, or all of them said no long ago"))


def _about(event: Row) -> str:
    return f"about {event['subject']}" if event["subject"] else "about nothing in particular"


def _arrival(event: Row) -> Iterator[Moment]:
    yield event["received_at"], Text("it came in")
    if abs(_seconds(event["time"], event["received_at"])) >= 60:
        yield event["time"], Text("it happened, as its source says", style="dim")
    if event["hold"]:
        yield "", Text(f"all it causes is held: {event['hold']}", style="yellow")
    if event["cause"]:
        yield "", Text(f"it comes of a post of {', '.join(event['cause'])}", style="dim")
    if event["removed"]:
        yield "", Text(REMOVED, style="dim")


def _run(paper: _Paper, run: Row) -> None:
    state = Text(run["state"], style=STYLES.get(run["state"], ""))
    paper.print(Text.assemble((run["recipe"], "bold"), ": ", state))
    paper.print(Text(f"run {run['id']}, recipe version {run['version']}", style="dim"))
    paper.lines(sorted(_moments(run), key=lambda moment: moment[0]))
    paper.lines(_still_open(run))
    for row in run["deliveries"]:
        paper.print()
        paper.print(Text.assemble(f"no. {row['number']}  {_name(row)}: ", state_of(row)))
        for words in _stand(row):
            paper.print(Text(words), indent=4)
        for name, value in (row["content"] or {}).items():
            if value not in (None, "", [], {}):
                paper.print(Text(f"{name}: {value}", style="dim"), indent=4)


def _moments(run: Row) -> Iterator[Moment]:
    for entry in run["trace"]:
        step = f"{entry['step']}: " if entry.get("step") else ""
        yield entry["at"], Text(f"{step}{entry.get('said', '')}")
        for name, words in entry.get("variables", {}).items():
            yield entry["at"], Text(f"    {name}: {words}", style="dim")
    reason = run["reason"] or ""
    if reason and not any(reason in entry.get("said", "") for entry in run["trace"]):
        at = _last(run)
        words = reason if reason.startswith(run["state"]) else f"{run['state']}: {reason}"
        yield at, Text(words, style="red" if run["state"] == "failed" else "yellow")
    for row in run["deliveries"]:
        yield from _tries(row)


def _last(run: Row) -> str:
    """Return when something was decided last."""
    last: str = max([run["begun_at"], *(entry["at"] for entry in run["trace"])])
    return last


def _tries(row: Row) -> Iterator[Moment]:
    """Yield what a delivery did, and how it ended where no attempt ended it."""
    name = f"no. {row['number']} {_name(row)}: "
    for attempt in row["history"]:
        kind = "attempt" if attempt["kind"] == "send" else "look"
        outcome = Text(attempt["outcome"].replace("_", " "), _OUTCOMES.get(attempt["outcome"], ""))
        took = _seconds(attempt["begun_at"], attempt["ended_at"])
        slow = f" after {took:.0f} s" if took >= _SLOW else ""
        detail = f", {attempt['detail']}" if attempt["detail"] else ""
        words = Text.assemble(f"{name}{kind} {attempt['number']} ", outcome, slow, detail)
        yield attempt["ended_at"], words
    ended = {attempt["ended_at"] for attempt in row["history"]}
    if row["settled_at"] and row["settled_at"] not in ended:
        reason = f", {row['reason']}" if row["reason"] else ""
        yield row["settled_at"], Text.assemble(name, state_of(row), reason)


def _still_open(run: Row) -> Iterator[Moment]:
    if run["state"] != "open":
        return
    if run["wake_at"] and run["wake_at"] > _last(run):
        yield run["wake_at"], Text("until then it waits", style="cyan")
    waiting = [row for row in run["deliveries"] if not row["settled_at"]]
    if waiting:
        numbers = ", ".join(f"no. {row['number']}" for row in waiting)
        yield "", Text(f"it goes on when these have ended: {numbers}", style="cyan")


def _name(row: Row) -> str:
    return f"{row['step']} on {row['channel']}"


def _stand(row: Row) -> Iterator[str]:
    """Yield how a delivery stands now, and what may be done about it."""
    if why(row):
        yield why(row)
    yield from _next(row)
    if row["publish_by"] and not row["settled_at"]:
        yield f"to be out by {clock(row['publish_by'])}"
    if row.get("removed"):
        yield REMOVED


def _next(row: Row) -> Iterator[str]:
    number, due = row["number"], clock(row["due_at"])
    match row["state"]:
        case "held" if row["hold"] == "unknown":
            yield f"published after all: appealbridge confirm {number} --url ADDRESS"
            yield f"not there: appealbridge release {number}"
        case "held":
            yield f"let it out: appealbridge release {number}"
        case "failed":
            yield f"once it is mended: appealbridge retry {number}"
        case "planned":
            yield "it follows a post that is not out yet"
        case "ready":
            yield f"{'tried again' if row['attempts'] else 'goes out'} from {due} on"
        case "sending":
            yield f"an attempt is under way since {clock(row['begun_at'])}"
        case "unknown":
            yield f"perhaps published; looked for on the account from {due} on"


def _seconds(begun: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


class _Paper:
    """Where a story is printed: set in columns on a terminal; in a pipe, where no line is broken, as it is."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def print(self, text: Text | None = None, indent: int = 0) -> None:
        """Print one text, every line of it set in."""
        text = _harmless(text or Text())
        if self._console.is_terminal:
            self._console.print(Padding(text, (0, 0, 0, indent)))
        else:
            for line in text.plain.splitlines() or [""]:
                click.echo(f"{' ' * indent}{line}".rstrip())

    def lines(self, moments: Sequence[Moment] | Iterator[Moment]) -> None:
        """Print lines with their times, which are left out where nothing has changed."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        last = ""
        for at, words in moments:
            when = clock(at) if at else ""
            shown = "" if when == last else when
            last = when or last
            if self._console.is_terminal:
                grid.add_row(shown, _harmless(words))
            else:
                click.echo(f"{shown:19}  {_harmless(words).plain}".rstrip())
        if grid.row_count:
            self._console.print(grid)


def _harmless(text: Text) -> Text:
    """Return a text without what a stranger may have put in to move a terminal's cursor."""
    odd = [i for i, c in enumerate(text.plain) if not c.isprintable() and c not in "\n\u200d"]
    if odd:
        letters = list(text.plain)
        for place in odd:
            letters[place] = "\ufffd"
        text.plain = "".join(letters)
    return text
