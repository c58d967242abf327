"""Prints deliveries, accounts, runs and events as tables that fit the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from appealbridge.cli.output import Styled, paragraph, say, short, styled, table
from appealbridge.clock import SystemClock

STYLES = {
    "delivered": "green",
    "held": "yellow",
    "ready": "cyan",
    "sending": "cyan",
    "unknown": "magenta",
    "failed": "red",
    "expired": "red",
    "cancelled": "dim",
    "planned": "green",
    "open": "cyan",
    "skipped": "dim",
}

Row = dict[str, Any]

REMOVING = {
    "planned": ("being removed", "cyan"),
    "ready": ("being removed", "cyan"),
    "sending": ("being removed", "cyan"),
    "unknown": ("being removed", "cyan"),
    "delivered": ("removed", "green"),
    "held": ("cannot be removed", "red"),
    "cancelled": ("given up", "dim"),
}
"""By the state of a removal: what becomes of its post, and in which colour."""

_MODES = {
    "practice": ("yellow", ": nothing here is public"),
    "live": ("green", ": what goes out is public"),
}


def say_mode(mode: str, stopped: bool = False) -> None:
    """Print whether this is practice or live, if that is known, and whether everything is stopped."""
    if mode:
        style, meaning = _MODES[mode]
        say(styled(mode, style), meaning)
    if stopped:
        say(styled("stopped", "red"), ": nothing is published; to lift it: appealbridge start")


def changing(row: Row) -> str:
    """Return how a delivery corrects another one or takes it back, in brackets; empty for all others."""
    if row.get("kind") == "withdraw":
        return " (removal)" if row.get("target") else " (withdrawal)"
    labels = {"edit": "edit", "follow_up": "reply", "replace": "anew", "correction": "correction"}
    return f" ({labels[row['change']]})" if row.get("change") in labels else ""


def deliveries(rows: Sequence[Row]) -> None:
    """Print a table of deliveries."""
    headings = ("no.", "state", "channel", "what", "about", zoned("planned"), _LAST)
    lines = (
        (
            str(row["number"]),
            state_of(row),
            row["channel"],
            f"{row['recipe']}: {row['step']}{changing(row)}",
            short(row["subject"]),
            brief(row["planned_at"]),
            "; ".join(filter(None, (why(row), message(row)))),
        )
        for row in rows
    )
    table(headings, lines, cut=("channel", "what", "about"), none="no deliveries")


_LAST = "why or where, and the message"
_TEXTS = ("text", "message", "status", "title", "subject")


REASON_REMOVED = "(reason removed: its retention is over)"


def where(row: Row, name: str = "action") -> str:
    """Return the action of a delivery, or its `step`, and its channel; an order to withdraw has none."""
    return f"{row[name]} on {row['channel']}" if row["channel"] else str(row[name])


def recipients_of(content: Mapping[str, Any]) -> str:
    """Return to whom a mail goes, empty if it is no mail."""
    to = content.get("to") or ()
    recipients = to if isinstance(to, str) else ", ".join(map(str, to))
    return f"to {recipients}" if recipients else ""


def message(row: Row) -> str:
    """Return what a delivery says in short: its recipients, its text, and how many pictures it has."""
    content = row.get("content") or {}
    recipients = recipients_of(content)
    first_text = next((content[name] for name in _TEXTS if content.get(name)), "")
    text = short(" ".join(str(first_text).split()))
    pictures = len(content.get("images") or ())
    parts = [recipients, f'"{text}"' if text else ""]
    parts += [f"{pictures} pictures" if pictures > 1 else "1 picture"] if pictures else []
    return "; ".join(filter(None, parts))


def channels(rows: Sequence[Row]) -> None:
    """Print a table of accounts."""
    lines = []
    for row in rows:
        condition = row["condition"].replace("_", " ")
        if row["paused_until"]:
            condition += f", paused until {clock(row['paused_until'])}"
        style = "green" if row["condition"] == "working" else "red"
        lines.append(
            (
                row["name"],
                row["platform"] or "",
                styled(condition, style),
                brief(row["since"]),
                str(row["waiting"]),
                row["reason"] or "",
            )
        )
    headings = ("channel", "platform", "condition", zoned("since"), "waiting", "why")
    table(headings, lines, cut=("channel",), none="no channels in the settings")


def abilities(rows: Sequence[Row]) -> None:
    """Print a table of what can be done on each platform, then what happens where it cannot."""
    names = [name for name in rows[0] if name not in ("platform", "action", "limits")]
    lines = (
        (row["platform"], row["action"], *("yes" if row[name] else "no" for name in names))
        for row in rows
    )
    table(("platform", "action", *names), lines)
    say()
    for row in rows:
        if row["limits"]:
            paragraph(f"{row['limits']}.")


def runs(rows: Sequence[Row]) -> None:
    """Print a table of runs."""
    lines = (
        (
            row["id"],
            styled(row["state"], STYLES.get(row["state"], "")),
            brief(row["begun_at"]),
            row["reason"] or "",
        )
        for row in rows
    )
    table(("run", "state", zoned("begun"), "why"), lines, cut=("run",), none="no runs")


def events(rows: Sequence[Row]) -> None:
    """Print a table of events."""
    lines = (
        (row["id"], brief(row["received_at"]), row["type"], row["source"], short(row["subject"]))
        for row in rows
    )
    headings = ("event", zoned("received"), "type", "source", "about")
    table(headings, lines, cut=headings[2:], none="no events")


def state_of(row: Row) -> Styled:
    """Return the state of a delivery and its hold, coloured; that of a removal in words of its own."""
    if row.get("kind") == "withdraw" and row.get("target") and row["state"] in REMOVING:
        return styled(*REMOVING[row["state"]])
    text = f"{row['state']} ({row['hold']})" if row["hold"] else row["state"]
    return styled(text, STYLES.get(row["state"], ""))


def why(row: Row) -> str:
    """Return where a delivery is published, or why it is not."""
    if row["receipt"]:
        return str(row["receipt"]["url"] or row["receipt"]["id"])
    return "; ".join(filter(None, [turn(row), row["reason"]]))


def turn(row: Row) -> str:
    """Return which older delivery about the same subject a delivery waits for; empty for none."""
    behind = row.get("waits_behind")
    return f"waits behind no. {behind}" if behind else ""


def iso(at: float) -> str:
    """Return Unix seconds as the API does."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def zoned(heading: str) -> str:
    """Return the heading of a column of times, with the zone that they are in."""
    return f"{heading} ({_now().tzname()})"


def brief(text: str | None) -> str:
    """Return a time of the API in local time, for a column of `zoned`: without today's date."""
    if text is None:
        return ""
    at, now = datetime.fromisoformat(text).astimezone(), _now()
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    if at.year != now.year:
        return f"{at:%d %b %Y}"
    # Before the clocks changed, the zone was not that of the heading.
    same = at.tzname() == now.tzname()
    return f"{at:%d %b %H:%M:%S}" if same else f"{at:%d %b %H:%M %Z}"


def _now() -> datetime:
    return datetime.fromtimestamp(SystemClock().now(), UTC).astimezone()


def clock(text: str | None) -> str:
    """Return a time of the API in local time."""
    if text is None:
        return ""
    return datetime.fromisoformat(text).astimezone().strftime("%d %b %H:%M:%S %Z")
