"""Everything a command prints goes one way, on which a stranger's text loses whatever could steer a terminal."""

import ast
import io
import re
import sys
import time
import unicodedata
from contextlib import redirect_stdout
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.cli import output, tables, traces
from appealbridge.terminal import harmless_json, visible
from tests.imports import PACKAGE
from tests.unit.cli.test_traces import DELIVERY, EVENT, RUN

HOSTILE = (
    "RC-77 [/] [link=https://evil.example]A38[/link] [bold red]x[/] :skull: "
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\x85\u2028\u2029\u202egnp\u2066\u200b\u200d\ufeff\u00ad"
    "\U000e0041\x7f\0\r\nno. 1  delivered\ud800"
)
READABLE = [
    "“Aïsha” — £500",
    "👨‍👩‍👧 👩🏽‍🚒 ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇬🇧 1️⃣",
    "می‌خواهم क्‍ष বাংলা தமிழ் 中文 עברית",
    "no\u00a0break\u202fspaces",
]
OURS = re.compile(r"\x1b\[[0-9;]*m|\n")
"""What we ourselves write: colours, and ends of lines."""


def harmful(text: str) -> list[str]:
    """Return what of a text could do more than be read."""
    stored = OURS.sub("", text)
    for readable in READABLE:
        stored = stored.replace(readable, "")
    return [c for c in stored if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


class Stream(io.TextIOWrapper):
    """A stream that keeps what is written, and may say that it is a terminal."""

    def __init__(self, *, terminal):
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture(params=["a pipe", "a terminal"])
def shown(request, monkeypatch):
    """Return what a function prints, to a pipe and to a terminal."""
    stream = Stream(terminal=request.param == "a terminal")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def shown(function, *values, **more):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", stream)
            function(*values, **more)
        stream.flush()
        return stream.buffer.getvalue().decode()

    return shown


def filled(row, message):
    """Return a row in which every text says these words, but for times, states and numbers."""
    as_it_is = ("at", "time", "state", "number", "kind", "wake_at", "publish_by")
    return {
        name: value
        if name.endswith("_at") or name in as_it_is
        else filled(value, message)
        if isinstance(value, dict)
        else [filled(each, message) if isinstance(each, dict) else message for each in value]
        if isinstance(value, list)
        else value
        if isinstance(value, bool | None)
        else message
        for name, value in row.items()
    }


ATTEMPT = {
    "number": 1, "kind": "send", "outcome": "", "begun_at": EVENT["time"], "ended_at": EVENT["time"],
    "detail": "",
}  # fmt: skip
TRACE = {"at": EVENT["time"], "step": "", "message": "", "variables": {"road": ""}}
LISTED = {**DELIVERY, "recipe": "", "subject": "", "planned_at": EVENT["time"], "hold": ""}
WHOLE = {**DELIVERY, "history": [ATTEMPT], "hold": "", "reason": ""}
CHANNEL = {
    "name": "", "platform": "", "condition": "", "since": None, "waiting": 1, "paused_until": None,
    "reason": "",
}  # fmt: skip
STORY = {
    "event": {**EVENT, "hold": "", "cause": [""]},
    "runs": [{**RUN, "reason": "", "trace": [TRACE], "deliveries": [WHOLE]}],
}
LISTINGS = {
    "deliveries": lambda message: tables.deliveries([filled(LISTED, message)]),
    "deliveries that are out": lambda message: tables.deliveries(
        [filled({**LISTED, "state": "delivered", "receipt": {"url": "", "id": ""}}, message)]
    ),
    "runs": lambda message: tables.runs([filled(RUN, message)]),
    "channels": lambda message: tables.channels([{**filled(CHANNEL, message), "since": None, "paused_until": None}]),
    "trace": lambda message: traces.tell(filled(STORY, message)),
    "a line": lambda message: output.say(message, output.styled(message, "bold white on red")),
    "a text": lambda message: output.say_text(message),
    "JSON": lambda message: output.say_json({message: [message]}),
    "last words": lambda message: output.say_last(message),
    "a paragraph": lambda message: output.wrapped(message),
}  # fmt: skip


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_no_field_of_any_listing_steers_the_terminal(shown, listing):
    text = shown(listing, HOSTILE)
    assert harmful(text) == []
    assert "RC-77 [/]" in text  # brackets are words like any others
    assert "💀" not in text


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_what_a_stranger_writes_has_no_style(shown, listing):
    styles = OURS.findall(shown(listing, "[red]a[/red] [link=b]c[/link]"))
    both = OURS.findall(shown(listing, "(red)a(/red) (link=b)c(/link)"))
    assert both == styles + styles


@pytest.mark.parametrize("message", READABLE)
@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_scripts_and_emoji_stay_readable(shown, listing, message):
    assert message in shown(listing, message).replace("\n", " ")


def test_a_line_end_in_a_subject_begins_no_row(shown):
    text = shown(LISTINGS["deliveries"], "RC-77\n2    delivered")
    assert len(text.rstrip("\n").split("\n")) == 2


def test_a_long_subject_is_shortened_in_a_table(shown):
    text = shown(tables.deliveries, [{**LISTED, "subject": "x" * 500}])
    assert f"{'x' * 40}…{'x' * 19}" in text
    assert "x" * 100 not in text


def test_json_says_the_same_as_before(shown):
    import json

    value = {HOSTILE.replace("\ud800", ""): [*READABLE]}
    assert json.loads(shown(output.say_json, value)) == value


@given(st.text())
def test_a_visible_text_is_visible_and_stays_so(text):
    once = visible(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ud800-\udfff]", once)
    assert visible(once) == once
    assert visible(text, lines=True).count("\n") == text.count("\n")


@given(st.text())
def test_a_harmless_text_is_left_as_it_is(text):
    letters = "".join(c for c in text if unicodedata.category(c)[0] in "LNPS" and c.isprintable())
    letters = re.sub(r"[\u115f\u1160\u3164\uffa0]", "", letters)
    assert visible(letters) == letters
    assert harmless_json(letters) == letters


PRINTS = {
    "echo",
    "secho",
    "prompt",
    "confirm",
    "style",
    "print",
    "write",
    "Console",
    "echo_via_pager",
}


def prints(tree):
    """Yield what a file uses to print: calls by their last name, and modules that draw."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in PRINTS:
                yield name, node.lineno
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.partition(".")[0] == "rich":
                yield name, node.lineno


@pytest.mark.parametrize("folder", ["cli", "demo"])
def test_nothing_is_printed_another_way(folder):
    result = [
        f"{file.name}:{line}: {name}"
        for file in sorted((PACKAGE / folder).rglob("*.py"))
        if file.name != "output.py"
        for name, line in prints(ast.parse(file.read_text("utf-8")))
    ]
    assert result == []


@pytest.mark.parametrize(
    "way", ["click.echo(x)", "print(x)", "sys.stdout.write(x)", "import rich.table"]
)
def test_another_way_would_be_seen(way):
    assert [*prints(ast.parse(way))]


def at_80_columns(monkeypatch, print_it, rows):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = io.StringIO()
    stream.isatty = lambda: True
    with redirect_stdout(stream):
        print_it(rows)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).rstrip("\n").split("\n")


LONG = "https://www.example.police.uk/incidents/2026/11/26/collision-on-the-aston-expressway/0419"


def test_at_80_columns_each_delivery_has_its_line_and_the_reason_below(monkeypatch):
    rows = [
        {
            **LISTED,
            "subject": LONG,
            "recipe": "a-recipe-with-a-long-name",
            "reason": "the same text went out on force_x within the last day, and it is long " * 2,
        }
    ] * 2
    lines = at_80_columns(monkeypatch, tables.deliveries, rows)
    assert all(len(line) <= 80 for line in lines), lines
    begun = [line for line in lines if line[:1].isdigit()]
    assert len(begun) == 2
    assert all("https" in line and "/0419" in line for line in begun), lines
    assert " ".join(lines).count("the same text went out") >= 2


def test_at_80_columns_the_id_of_an_event_stays_whole(monkeypatch):
    event = {
        "id": "1m8d1rzkqfzscejv", "type": "incident.updated.in.some.way", "source": "webhook:desk",
        "subject": LONG, "received_at": "2026-05-01T10:00:00Z",
    }  # fmt: skip
    lines = at_80_columns(monkeypatch, tables.events, [event])
    assert len(lines) == 2
    assert lines[1].startswith("1m8d1rzkqfzscejv ")
    assert len(lines[1]) <= 80


def test_at_80_columns_a_run_keeps_its_event_its_state_and_its_time(monkeypatch):
    run = {**RUN, "id": f"06apk2n1c8z9qj4v.{'a-recipe-with-a-long-name-' * 4}"}
    lines = at_80_columns(monkeypatch, tables.runs, [run])
    assert lines[1].startswith("06apk2n1c8z9qj4v.a-recipe")
    assert " planned " in lines[1]
    assert all(len(line) <= 80 for line in lines)


def test_no_line_of_a_table_ends_with_blanks(shown):
    for listing in (tables.deliveries, tables.events):
        row = {**LISTED, "id": "1m8d1rzkqfzscejv", "type": "a", "source": "b", "received_at": None}
        text = shown(listing, [row, {**row, "subject": "a longer subject"}])
        assert not [
            line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n") if line.endswith(" ")
        ]


def test_half_of_an_emoji_joins_nothing_where_a_text_is_shortened():
    assert output.short("👩" + "\u200d👩" * 9, 7) == "👩\u200d👩…👩"


@given(st.text(min_size=1), st.integers(2, 100))
def test_a_shortened_text_is_no_longer_than_asked_and_keeps_both_ends(text, width):
    whole = visible(text)
    cut = output.short(text, width)
    assert len(cut) <= max(width, 1)
    # The text itself may contain an ellipsis.
    places = [place for place, letter in enumerate(cut) if letter == "…"]
    assert cut == whole or any(
        whole.startswith(cut[:place]) and whole.endswith(cut[place + 1 :]) for place in places
    )


@pytest.mark.parametrize(
    ("at", "now", "shown"),
    [
        ("2026-11-26T23:06:44Z", "2026-11-26T23:30:00+00:00", "23:06:44"),
        ("2026-11-25T23:06:44Z", "2026-11-26T23:30:00+00:00", "25 Nov 23:06:44"),
        ("2026-07-25T22:06:44Z", "2026-11-26T23:30:00+00:00", "25 Jul 23:06 BST"),
        ("2025-07-25T22:06:44Z", "2026-11-26T23:30:00+00:00", "25 Jul 2025"),
    ],
)
def test_a_time_in_a_column_has_its_zone_in_the_heading_or_with_it(monkeypatch, at, now, shown):
    monkeypatch.setenv("TZ", "Europe/London")
    time.tzset()
    try:
        monkeypatch.setattr(tables, "_now", lambda: datetime.fromisoformat(now).astimezone())
        assert tables.brief(at) == shown
        assert tables.zoned("planned") == "planned (GMT)"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_each_delivery_is_listed_with_recipients_text_and_pictures(capsys):
    content = {"to": "desk@example.org", "subject": "News", "text": "M6\nclosed", "images": [1, 2]}
    tables.deliveries([{**LISTED, "content": content, "reason": "because"}])
    assert 'because; to desk@example.org; "M6 closed"; 2 pictures' in capsys.readouterr().out
