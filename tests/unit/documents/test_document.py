import pytest

from appealbridge.documents import InvalidDocuments, Place, read
from appealbridge.documents.document import SIZE_LIMIT

TEXT = """\
alias: New appeal   # what people see
triggers:
  - trigger: appeal
    on: [new, updated]
text: |
  Hello
    {{ headline | shoten }}
quoted: "Größe {{ title }}"
empty:
"""


def the_problem(text, **more):
    with pytest.raises(InvalidDocuments) as failure:
        read(text, "a.yaml", **more)
    (problem,) = failure.value.problems
    return problem


def test_a_document_has_plain_values():
    assert read(TEXT, "a.yaml").value == {
        "alias": "New appeal",
        "triggers": [{"trigger": "appeal", "on": ["new", "updated"]}],
        "text": "Hello\n  {{ headline | shoten }}\n",
        "quoted": "Größe {{ title }}",
        "empty": None,
    }


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        (("alias",), False, Place(1, 8, 10)),
        (("alias",), True, Place(1, 1, 5)),
        (("triggers", 0, "on", 1), False, Place(4, 15, 7)),
        (("triggers", 0), False, Place(3, 5, 15)),
        (("triggers", 0, "kinds"), False, Place(3, 5, 15)),
        (("nothing",), False, Place(1, 1, 17)),
        ((), False, Place(1, 1, 17)),
    ],
)
def test_every_value_and_name_has_its_place(path, key, expected):
    assert read(TEXT, "a.yaml").place(path, key=key) == expected


def test_a_word_inside_a_text_has_its_place():
    document = read(TEXT, "a.yaml")
    assert document.within(("text",), "shoten", 2) == Place(7, 19, 6)
    assert document.within(("quoted",), "title") == Place(8, 19, 5)


def test_a_line_of_a_block_has_its_place_where_the_word_is_not_found():
    assert read(TEXT, "a.yaml").within(("text",), "", 2) == Place(7, 5, 23)


def test_an_empty_document_has_a_place_too():
    document = read("# nothing\n", "a.yaml")
    assert document.value is None
    assert document.problem((), "this is not a recipe").line == 1


ANOTHER = "YAML directives (lines that begin with %) are not allowed"
NO_CHARACTER = "this escape code means no character"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: 1\nb: 2\na: 3\n", '"a" is given twice, first on line 1', (3, 1)),
        ("a: { b: 1, 'b': 2 }", '"b" is given twice, first on line 1', (1, 12)),
        ("1: a\n'1': b", '"1" is given twice, first on line 1', (2, 1)),
        ("a: &x 1", "anchors with & are not allowed", (1, 4)),
        ("a: *x", "references with * are not allowed", (1, 4)),
        ("a: !secret b", "unknown tag !secret", (1, 4)),
        (
            "a: !!python/object:os.system b",
            "unknown tag tag:yaml.org,2002:python/object:os.system",
            (1, 4),
        ),
        ("a: 1\n---\nb: 1", "a second document in one file", (2, 1)),
        ("a:\n\tb: 1", "tabs cannot be used to indent", (2, 1)),
        ("a: \x00", "control characters are not allowed", (1, 4)),
        ("a: 1\nb: \x1b", "control characters are not allowed", (2, 4)),
        (b"a: 1\nb: \xff", "this character is not UTF-8", (2, 4)),
        ("a: \ud800", "this character is not UTF-8", (1, 4)),
        ("a: 'b", "these quotes are never closed", (1, 4)),
        ("? [a]\n: b", "a name cannot be a list or a mapping", (1, 3)),
        ("a: b: c", "a second colon on one line", (1, 5)),
        ("a: @b", 'text cannot begin with "@"', (1, 4)),
        ("a: .inf", "infinity and not-a-number are not allowed", (1, 4)),
        ("%YAML 1.3\n---\na: b", ANOTHER, (1, 1)),
        ("%YAML 1.99999999999999999\n---\na: b", ANOTHER, (1, 1)),
        ("a: b\n...\n%TAG !\n---\na: b", ANOTHER, (3, 1)),
        ('a: "\\ud83d"', NO_CHARACTER, (1, 7)),
        ('a: "\\U00110000"', NO_CHARACTER, (1, 7)),
        ('"a\\0": 1', NO_CHARACTER, (1, 1)),
        ("a: 1e999", "the number is too large", (1, 4)),
        ("[" * 5000, "nested deeper than 64 levels", (1, 1001)),
        ("- " * 5000, "nested deeper than 64 levels", (1, 129)),
    ],
)
def test_what_is_no_document_is_told_with_its_place(text, message, place):
    problem = the_problem(text)
    assert problem.problem == message
    assert (problem.line, problem.column) == place
    assert problem.cure


def test_an_emoji_as_json_escapes_it_is_one_character():
    assert read('{"a": "\\ud83d\\ude00"}', "a").value == {"a": "😀"}


def test_what_nobody_foresaw_is_a_problem_of_this_file(monkeypatch):
    def broken(*_):
        raise AssertionError("version")

    monkeypatch.setattr("appealbridge.documents.document.compose", broken)
    problem = the_problem("a: b")
    assert problem.problem.startswith(
        "cannot be read: AssertionError: version (test_document.py, line "
    )
    assert "please report it" in problem.cure


def test_a_bomb_of_references_costs_nothing():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"
    assert the_problem(bomb).problem == "anchors with & are not allowed"


def test_a_huge_file_is_refused_unread():
    assert the_problem("#" * (SIZE_LIMIT + 1)).problem == "longer than 1024 KiB"


def test_a_tag_becomes_what_its_function_returns():
    document = read("a: !secret token", "a.yaml", {"!secret": str.upper})
    assert document.value == {"a": "TOKEN"}


def test_what_a_tag_refuses_is_a_problem_at_its_place():
    def refuse(name):
        raise ValueError(f"no secret called {name}")

    problem = the_problem("a:\n  - !secret token", tags={"!secret": refuse})
    assert (problem.problem, problem.path, problem.line) == ("no secret called token", "a[0]", 2)
