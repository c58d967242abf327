import pytest
from pydantic import ValidationError

from appealbridge.recipes.conditions.schema import FieldTest


def question(name, expected):
    return FieldTest.model_validate({"field": "$.a", name: expected}).question(name)


@pytest.mark.parametrize(
    ("name", "expected", "value", "holds"),
    [
        ("equals", 1, True, False),
        ("equals", 1, 1.0, True),
        ("in", [0], False, False),
        ("contains", "a", 5, False),
        ("contains", 5, "a5", False),
        ("above", 3, "4", True),
        ("above", 3, "many", False),
        ("below", 3, True, False),
        ("starts_with", "a", ["a"], False),
        ("matches", "a", None, False),
        ("matches", "a", "\ud800", False),
        ("not", "5", 5, False),
        ("not", True, "true", False),
        ("not", "a", ["a"], False),
        ("not", "a", "b", True),
        ("not_in", ["a", 1], True, False),
        ("not_in", ["a", 1], 2, True),
        ("not_in", ["a"], {}, False),
        ("above", 3, "1_000", False),
        ("above", 3, "inf", False),
        ("above", 3, "9" * 5000, False),
        ("above", 3, 10**400, False),
        ("below", 3, "nan", False),
        ("contains", "a", {"a": 1}, False),
    ],
)
def test_values_of_another_kind_are_no_match_and_no_error(name, expected, value, holds):
    assert question(name, expected).holds(value) is holds


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("equals", "Caf\u00e9"),
        ("in", ["x", "Caf\u00e9"]),
        ("contains", "f\u00e9"),
        ("starts_with", "Caf\u00e9"),
        ("matches", "^Caf\u00e9$"),
    ],
)
def test_a_word_is_the_same_however_its_accents_are_written(name, expected):
    for value in ("Caf\u00e9", "Cafe\u0301"):
        assert question(name, expected).holds(value)
    assert not question("not", "Caf\u00e9").holds("Cafe\u0301")
    assert not question("not_in", ["Cafe\u0301"]).holds("Caf\u00e9")
    assert not question(name, expected).holds("Cafe")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("in", "a"),
        ("in", []),
        ("in", [["a"]]),
        ("not_in", [None]),
        ("above", "3"),
        ("above", True),
        ("equals", [1]),
    ],
)
def test_what_an_operator_cannot_work_with_is_told(name, expected):
    with pytest.raises(ValidationError):
        question(name, expected)


@pytest.mark.parametrize(
    ("name", "expected", "value", "message"),
    [
        ("equals", 5, "5", "which is text"),
        ("equals", "5", 5, "which is a number"),
        ("not", "a", True, "which is true or false"),
        ("not_in", ["a", 5], ["a"], "which is a list"),
        ("contains", 5, "5", "which is text"),
        ("starts_with", "a", {}, "which is a mapping"),
        ("above", 5, "many", "which is not a number"),
        ("above", 5, "4", ""),
        ("equals", "a", "b", ""),
    ],
)
def test_a_value_of_another_kind_is_told_as_such(name, expected, value, message):
    assert question(name, expected).odd(value) == message


@pytest.mark.parametrize(
    ("name", "expected", "message"),
    [("in", ["a", True], "in [a, true]"), ("not", 5, "not 5"), ("matches", "^A", "matches ^A")],
)
def test_a_question_is_told_in_the_recipes_own_words(name, expected, message):
    assert question(name, expected).text == message


@pytest.mark.parametrize(
    ("expected", "value", "holds"),
    [
        ("B5", "B5 4TA", True),
        ("B5", "b54ta", True),
        ("B5", "B5", True),
        ("B5", "B50 4AA", False),
        ("B5", "AB5 4TA", False),
        ("B1", "B13 8AA", False),
        ("B1 3", "B13", False),
        ("B13", "B1 3", False),
        ("B13 8", "B13 8AA", True),
        ("B13 8", "B13 9AA", False),
        ("B13 8", "B138", True),
        ("B13 8AA", "B13 8AB", False),
        ("b13 8aa", "B13  8AA", True),
        ("B13 8", "B13", False),
        ("B5, B9; B13 8,", "B9 4AA", True),
        (["B5, B9", "M6"], "B50 4AA", False),
        (["B5", "B13 8"], "12 High Street, Birmingham B13 8AA", True),
        ("M6", "Collision on the M6 near Walsall", False),
        ("SW1A", "SW1A 1AA", True),
        ("SW1", "SW1A 1AA", False),
        ("B5", 5, False),
        ("B5", None, False),
        ("B5", "B5 4TA" + " " * 5000, False),
    ],
)
def test_a_postcode_is_compared_by_its_parts_and_not_by_its_letters(expected, value, holds):
    assert question("in_postcode", expected).holds(value) is holds


@pytest.mark.parametrize(
    "expected", ["Digbeth", "B", "5", "", ",", "B5, Digbeth", ["B5", "B5555"], []]
)
def test_what_is_no_part_of_a_postcode_is_refused(expected):
    with pytest.raises(ValidationError):
        question("in_postcode", expected)


def test_a_text_without_a_postcode_is_told_as_such():
    assert question("in_postcode", "B5").odd("Digbeth") == "which has no postcode"
    assert question("in_postcode", "B5").odd("B50 4AA") == ""


def test_a_text_may_begin_with_one_of_several():
    requested = question("starts_with", ["A38", "M6"])
    assert [requested.holds(value) for value in ("M6 north", "A38(M)", "M5")] == [True, True, False]
