from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.documents import InvalidDocuments, Problem, nearest
from appealbridge.documents.diagnostic import MOST, did_you_mean, nearest_declared

PROBLEM = Problem(
    "recipes/new-appeal.yaml",
    31,
    5,
    "actions[2]",
    'unknown option "channels" for "tweet"',
    'did you mean "channel"?',
    source_line="    channels: force_x",
    width=8,
)


def test_a_problem_shows_its_place_its_line_and_its_cure():
    assert PROBLEM.text() == (
        'recipes/new-appeal.yaml:31:5: actions[2]: unknown option "channels" for "tweet"\n'
        "   31 |     channels: force_x\n"
        '      |     ^^^^^^^^ did you mean "channel"?'
    )


def test_a_problem_as_json_has_exactly_the_names_promised():
    assert PROBLEM.as_json() == {
        "file": "recipes/new-appeal.yaml",
        "line": 31,
        "column": 5,
        "path": "actions[2]",
        "problem": 'unknown option "channels" for "tweet"',
        "cure": 'did you mean "channel"?',
    }


def test_a_note_says_that_it_is_one():
    note = Problem("a.yaml", 1, 1, "", "odd", "", "note")
    assert "a.yaml:1:1: note: odd" in note.text()
    assert note.as_json()["problem"] == "note: odd"


def test_a_problem_without_its_line_still_tells_the_cure():
    assert Problem("a.yaml", 1, 1, "", "odd", "mend it").text() == "a.yaml:1:1: odd\n      mend it"


def test_a_long_line_is_shown_around_the_place():
    line = "x" * 1000 + "HERE" + "y" * 1000
    shown = Problem("a", 1, 1001, "", "odd", "", source_line=line, width=4).text().splitlines()
    assert shown[1][shown[2].index("^") :].startswith("HERE")
    assert len(shown[1]) < 120


@pytest.mark.parametrize(("before", "columns"), [("🚧🚧", 4), ("é", 1), ("e\u0301", 1), ("公", 2)])
def test_carets_stand_below_what_they_mean_behind_letters_of_other_widths(before, columns):
    problem = Problem("a.yaml", 1, len(before) + 1, "", "odd", "", source_line=f"{before}x: 1")
    assert problem.text().splitlines()[2] == "      | " + " " * columns + "^"


def test_control_characters_do_not_reach_the_terminal():
    assert "\x1b" not in Problem("a", 1, 1, "", "odd", "", source_line="a\x1b[31mb").text()


def test_no_part_of_a_problem_begins_a_line_of_its_own():
    problem = Problem("a\nb", 1, 1, "c\nd", "e\x1b[2J\nf", "g\u202e\nh")
    assert problem.text() == "a\\nb:1:1: c\\nd: e\\x1b[2J\\nf\n      g\\u202e\\nh"


def test_what_stands_in_no_file_has_no_line():
    assert Problem("plug-in sms", 0, 0, "", "odd", "").text() == "plug-in sms: odd"


def test_invalid_documents_carry_all_problems():
    failure = InvalidDocuments([PROBLEM, PROBLEM])
    assert failure.problems == (PROBLEM, PROBLEM)
    assert str(failure) == f"{PROBLEM.text()}\n{PROBLEM.text()}"


@pytest.mark.parametrize(
    ("name", "expected"), [("chanel", "channel"), ("CHANNEL", "channel"), ("zebra", None)]
)
def test_the_nearest_name_is_the_one_meant(name, expected):
    assert nearest(name, ["channel", "text"]) == expected


def test_where_none_is_near_all_are_named():
    assert did_you_mean("zebra", ["text", "channel"]) == "known here: channel, text"


@pytest.mark.parametrize(
    ("written", "known", "near"),
    [
        ("aproval", ["approval", "alias"], "approval"),
        ("Force-X", ["force_x"], "force_x"),
        ("headline", ["deadline"], "deadline"),
        ("digest", ["list", "first"], None),
        ("held", ["thread"], None),
        ("on", ["or", "of"], None),
        ("x", ["y"], None),
    ],
)
def test_a_guess_needs_a_slip_of_one_or_two_letters(written, known, near):
    assert nearest(written, known) == near


@pytest.mark.parametrize(
    ("written", "declared", "near"),
    [
        ("fource_x", ["force_x", "moseley_x"], "force_x"),
        ("mosley_x", ["force_x", "moseley_x"], "moseley_x"),
        ("FORCE_X", ["force_x"], "force_x"),
        ("selly_oak_x", ["moseley_x"], None),
        ("south_x", ["north_x"], None),
        ("ward_3_x", ["ward_2_x"], None),
        ("hill_green_x", ["hall_green_x"], None),
        ("force_y", ["force_x"], None),
        ("forces_x", ["force_x", "forced_x"], None),
    ],
)
def test_an_account_of_the_same_family_is_never_guessed(written, declared, near):
    assert nearest_declared(written, declared) == near


def test_too_many_problems_are_counted_and_not_listed():
    problems = [PROBLEM] * (MOST + 5)
    failure = InvalidDocuments(problems)
    assert failure.problems[:-1] == (PROBLEM,) * MOST
    assert failure.problems[-1].problem == "and at least 5 more, from here on"
    assert failure.problems[-1].level == "error"


def slips_between(ours, theirs):
    """Return how many letters are changed, added, left out or swapped, as its definition says."""

    @cache
    def slips(row, column):
        if not row or not column:
            return row + column
        ways = [slips(row - 1, column) + 1, slips(row, column - 1) + 1]
        ways.append(slips(row - 1, column - 1) + (ours[row - 1] != theirs[column - 1]))
        if ours[row - 2 : row] == theirs[column - 2 : column][::-1] and row > 1 < column:
            ways.append(slips(row - 2, column - 2) + 1)
        return min(ways)

    return slips(len(ours), len(theirs))


names = st.text("abc", min_size=6, max_size=10)


@given(names, names)
def test_a_name_is_near_exactly_if_it_has_at_most_two_slips(written, known):
    assert (nearest(written, [known]) == known) == (slips_between(written, known) <= 2)
