"""Prints traces: what came in, what was decided and why, what each delivery did, and its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from appealbridge.cli.output import Line, paragraph, say, styled, timed
from appealbridge.cli.tables import REASON_REMOVED, STYLES, Row, clock, state_of, where, why
from appealbridge.model.size import size_text
from appealbridge.web.pages.wording import act_text

REMOVED = "(content removed: its retention is over)"
_SLOW = 1.0
"""Attempts that took longer than this, in seconds, are shown with their duration."""
_KINDS = {"send": "attempt", "find": "search"}
_OUTCOMES = {
    "delivered": "green",
    "found": "green",
    "try_again": "yellow",
    "deferred": "yellow",
    "unsure": "magenta",
    "cannot_tell": "magenta",
    "rejected": "red",
    "uploaded": "green",
}

_TAKEN_BACK = {
    "removing": "published",
    "replaced": "replaced",
    "awaited": "being sent, or not known to be published",
    "tasks": "held, and perhaps published",
    "cancelled": "cancelled",
}
"""How the deliveries of a withdrawal are worded, by what they were in."""

Moment = tuple[str, Line]
"""One line of a trace: the time, as in the API, and the text."""


def tell(trace: Row) -> None:
    """Print the trace of an event, or of several, with all its runs or only the requested ones."""
    if "traces" in trace:
        for number, inner in enumerate(trace["traces"]):
            if number:
                say()
            tell(inner)
        _withdrawals(trace.get("withdrawals", ()))
        return
    about, runs = trace["event"], trace["runs"]
    paragraph(styled(f"{about['type']} {_about(about)}", "bold"))
    paragraph(styled(f"event {about['id']} from {about['source']}", "dim"))
    _print(_arrival(about))
    for run in sorted(runs, key=lambda run: bool(run["state"] == "skipped")):
        say()
        _run(run)
    if not runs:
        paragraph("no recipe was tried, or the runs that were skipped have been removed")
    _withdrawals(trace.get("withdrawals", ()))


def _withdrawals(rows: Sequence[Row]) -> None:
    """Print who withdrew what, and who lifted that."""
    if not rows:
        return
    say()
    paragraph(styled("withdrawals", "bold"))
    _print(sorted((each for row in rows for each in _withdrawn(row)), key=lambda each: each[0]))


def _withdrawn(row: Row) -> Iterator[Moment]:
    """Yield what was decided about one withdrawal; its entries in the trail may be over."""
    by = {each["act"]: each for each in row["decisions"]}
    how = {act: f" ({each['how']})" for act, each in by.items() if each["how"] != "recipe"}
    what = f"everything about {row['subject']}" if row["whole_subject"] else "some posts"
    of = f" by {row['by']}" if row["by"] else ""
    shown = by.get("withdraw", {}).get("shown", {})
    yield (
        row["at"],
        (
            f"withdrawal {row['number']}: {what} ",
            styled("withdrawn", "bold"),
            f"{of}{how.get('withdraw', '')}: {row['reason'] or REASON_REMOVED}",
        ),
    )
    for name, label in _TAKEN_BACK.items():
        if numbers := shown.get(name):
            listed = ", ".join(f"no. {number}" for number in numbers)
            yield row["at"], (styled(f"    {label}: {listed}", "dim"),)
    if row["lifted_at"]:
        of = f" by {row['lifted_by']}" if row["lifted_by"] else ""
        lifted = styled("lifted", "bold")
        yield (
            row["lifted_at"],
            (f"withdrawal {row['number']}: ", lifted, f"{of}{how.get('lift', '')}"),
        )


def _print(moments: Iterable[Moment]) -> None:
    """Print lines, each with its time if that differs from the line before."""
    last = ""
    lines = []
    for at, text in moments:
        when = clock(at) if at else ""
        lines.append(("" if when == last else when, text))
        last = when or last
    timed(lines)


def replayed(results: Sequence[Row], *, dry_run: bool) -> None:
    """Print the result of a replay for each recipe."""
    for result in results:
        paragraph(styled(result["recipe"], "bold"))
        for row in result["deliveries"]:
            paragraph(_planned(row, dry_run=dry_run), indent=4)
            for line in content_lines(row):
                paragraph(styled(line, "dim"), indent=8)
        for row in result["left_out"]:
            had = f"{row['channel']} has it as no. {row['number']}, {row['state']}"
            paragraph(styled(f"left out: {had}", "dim"), indent=4)
        if result["why_not"]:
            paragraph(styled(result["why_not"], "yellow"), indent=4)
        elif not result["deliveries"]:
            paragraph("begins, but publishes nothing at once", indent=4)
    if not results:
        paragraph("no recipe in force uses this source")


def _planned(row: Row, *, dry_run: bool) -> str:
    """Return what a replay does with a delivery, or an order to withdraw, which has no channel."""
    what = where(row)
    if row["state"] == "cancelled":
        return f"{what}: cancelled, {row['reason']}"
    if row["hold"]:
        return f"{what}, held for {row['hold']}"
    if not row["channel"]:
        return f"{what}: {'would be' if dry_run else 'is'} carried out"
    return f"{what}: {'would go' if dry_run else 'goes'} out"


def _about(event: Row) -> str:
    return f"about {event['subject']}" if event["subject"] else "without a subject"


def _arrival(event: Row) -> Iterator[Moment]:
    yield event["received_at"], ("received",)
    if abs(_seconds(event["time"], event["received_at"])) >= 60:
        yield event["time"], (styled("happened, according to its source", "dim"),)
    if event["hold"]:
        yield "", (styled(f"everything it causes is held: {event['hold']}", "yellow"),)
    if event["cause"]:
        yield "", (styled(f"caused by a post of {', '.join(event['cause'])}", "dim"),)
    if event["removed"]:
        yield "", (styled(REMOVED, "dim"),)


def _run(run: Row) -> None:
    state = styled(run["state"], STYLES.get(run["state"], ""))
    paragraph(styled(run["recipe"], "bold"), ": ", state)
    paragraph(styled(f"run {run['id']}, recipe version {run['version']}", "dim"))
    _print(sorted(_moments(run), key=lambda moment: moment[0]))
    _print(_still_open(run))
    for row in run["deliveries"]:
        say()
        paragraph(f"no. {row['number']}  {_name(row)}: ", state_of(row))
        for line in _stand(row):
            paragraph(line, indent=4)
        for line in content_lines(row):
            paragraph(styled(line, "dim"), indent=4)


def content_lines(row: Row) -> Iterator[str]:
    """Yield what a message says, option by option, and each of its images."""
    for name, value in (row["content"] or {}).items():
        if name != "images" and value not in (None, "", [], {}):
            yield f"{name}: {value}"
    yield from image_lines(_images(row))


def image_lines(images: Iterable[Row]) -> Iterator[str]:
    """Yield what is known of each image: its alt text, its kind and its size."""
    for number, image in enumerate(images, start=1):
        yield f"image {number}: {_image(image)}"


def _image(image: Row) -> str:
    stored = image.get("stored")
    alt = f'"{image["alt"]}"' if image.get("alt") else "without alt text"
    if stored is None:
        return f"{alt}, from {image.get('url') or image.get('file')}, not prepared yet"
    size = f"{stored['width']} × {stored['height']} pixels, {size_text(stored['size'])}"
    return f"{alt}, {stored['media_type'].removeprefix('image/').upper()}, {size}"


def _images(row: Row) -> Sequence[Row]:
    images: Sequence[Row] = (row["content"] or {}).get("images", ())
    return images


def _moments(run: Row) -> Iterator[Moment]:
    for entry in run["trace"]:
        step = f"{entry['step']}: " if entry.get("step") else ""
        yield entry["at"], (f"{step}{entry.get('message', '')}",)
        for name, value in entry.get("variables", {}).items():
            yield entry["at"], (styled(f"    {name}: {value}", "dim"),)
    reason = run["reason"] or ""
    if reason and not any(reason in entry.get("message", "") for entry in run["trace"]):
        at = _last(run)
        value = reason if reason.startswith(run["state"]) else f"{run['state']}: {reason}"
        yield at, (styled(value, "red" if run["state"] == "failed" else "yellow"),)
    for row in run["deliveries"]:
        yield from _tries(row)


def _last(run: Row) -> str:
    """Return the time of the last decision."""
    last: str = max([run["begun_at"], *(entry["at"] for entry in run["trace"])])
    return last


def _tries(row: Row) -> Iterator[Moment]:
    """Yield the attempts of a delivery, and how it ended if no attempt ended it."""
    name = f"no. {row['number']} {_name(row)}: "
    for attempt in row["history"]:
        kind = _KINDS.get(attempt["kind"], attempt["kind"])
        style = _OUTCOMES.get(attempt["outcome"], "")
        outcome = styled(attempt["outcome"].replace("_", " "), style)
        took = _seconds(attempt["begun_at"], attempt["ended_at"])
        slow = f" after {took:.0f} s" if took >= _SLOW else ""
        detail = f", {attempt['detail']}" if attempt["detail"] else ""
        yield attempt["ended_at"], (f"{name}{kind} {attempt['number']} ", outcome, slow, detail)
    for decision in row.get("decisions", ()):
        yield decision["at"], (name, *_decision(decision))
    ended = {attempt["ended_at"] for attempt in row["history"]}
    ended |= {decision["at"] for decision in row.get("decisions", ())}
    if row["settled_at"] and row["settled_at"] not in ended:
        reason = f", {row['reason']}" if row["reason"] else ""
        yield row["settled_at"], (name, state_of(row), reason)


def _decision(decision: Row) -> Line:
    by = f" by {decision['by']}" if decision["by"] else ""
    reason = f": {decision['reason']}" if decision["reason"] else ""
    return styled(act_text(decision["act"]), "bold"), f"{by} ({decision['how']}){reason}"


def _still_open(run: Row) -> Iterator[Moment]:
    if run["state"] != "open":
        return
    if run["wake_at"] and run["wake_at"] > _last(run):
        yield run["wake_at"], (styled("waits until then", "cyan"),)
    waiting = [row for row in run["deliveries"] if not row["settled_at"]]
    if waiting:
        numbers = ", ".join(f"no. {row['number']}" for row in waiting)
        yield "", (styled(f"goes on when these have ended: {numbers}", "cyan"),)


def _name(row: Row) -> str:
    return where(row, "step")


def _stand(row: Row) -> Iterator[str]:
    """Yield the present state of a delivery, and what people can do about it."""
    if why(row):
        yield why(row)
    yield from _corrects(row)
    is_removal = row.get("kind") == "withdraw" and row.get("target")
    yield from _next_of_removal(row) if is_removal else _next(row)
    if row["publish_by"] and not row["settled_at"]:
        yield f"expires at {clock(row['publish_by'])}"
    if row.get("removed"):
        yield REMOVED


def _corrects(row: Row) -> Iterator[str]:
    """Yield what a delivery corrects, and the versions of a post that was edited."""
    other = f"no. {row['target_number']}" if row.get("target_number") else "an earlier post"
    match row.get("change"):
        case "edit":
            yield f"edits {other}"
        case "follow_up":
            yield f"follows {other} as a reply"
        case "replace":
            yield f"takes the place of {other}"
        case "correction":
            yield f"corrects {other}, which is withdrawn"
        case _ if row.get("kind") == "withdraw" and row.get("target"):
            yield f"takes back {other}"
    for version in row.get("versions", ()):
        by = f"no. {version['delivery']}" if version["delivery"] else "a delivery that is removed"
        yield f"version {version['number']}: {clock(version['at'])}, by {by}"


def _held(row: Row) -> Iterator[str]:
    """Yield what people can do about a held delivery, in the order in which its holds are shown."""
    number, holds = row["number"], row.get("holds") or [row["hold"]]
    if row["hold"] == "unknown":
        yield f"if it is published: appealbridge confirm {number} --url ADDRESS"
        yield f"if it is not: appealbridge release {number}"
        return
    if "approval" in holds:
        yield f"to answer it: appealbridge approve {number}; or: appealbridge reject {number} --reason WHY"
    if "acceptance" in holds:
        yield f"once an admin accepts its recipe: appealbridge recipes accept {row['recipe']}"
    if others := [each for each in holds if each not in ("approval", "acceptance")]:
        does = "put this text there" if "edited_by_hand" in others else "publish it"
        also = f"to clear {', '.join(others)}" if len(others) < len(holds) else f"to {does}"
        yield f"{also}: appealbridge release {number}"


def _next(row: Row) -> Iterator[str]:
    number, due = row["number"], clock(row["due_at"])
    if row.get("overtaken_by"):
        yield f"no. {row['overtaken_by']}, a newer one about the same subject, has gone out since"
    match row["state"]:
        case "held":
            yield from _held(row)
        case "failed":
            yield f"once the cause is fixed: appealbridge retry {number}"
        case "planned":
            waits = any(not image.get("stored") for image in _images(row))
            yield f"waits for {'its images' if waits else 'a post that is not out yet'}"
        case "ready" if row.get("waits_behind"):
            yield "goes out when that older one about the same subject has ended"
        case "ready":
            yield f"{'is tried again' if row['attempts'] else 'goes out'} at {due} or later"
        case "sending":
            yield f"an attempt began at {clock(row['begun_at'])}"
        case "unknown":
            yield f"perhaps published; next search of the account at {due}"


def _next_of_removal(row: Row) -> Iterator[str]:
    number, due = row["number"], clock(row["due_at"])
    match row["state"]:
        case "held":
            yield f"once the post is gone: appealbridge confirm {number}"
            yield f"to try again: appealbridge release {number}"
        case "planned":
            yield "waits for the outcome of its post, or until the later posts of its thread are removed"
        case "ready":
            yield f"is tried {'again ' if row['attempts'] else ''}at {due} or later"
        case "sending":
            yield f"an attempt began at {clock(row['begun_at'])}"
        case "unknown":
            yield f"perhaps still there; next look at {due}"


def _seconds(begun: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
