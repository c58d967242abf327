import pytest

from appealbridge.recipes.operators import OPERATORS


@pytest.mark.parametrize(
    ("name", "wanted", "value", "holds"),
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
    ],
)
def test_values_of_another_kind_are_no_match_and_no_error(name, wanted, value, holds):
    _, make, _ = OPERATORS[name]
    assert make(wanted)(value) is holds


@pytest.mark.parametrize(
    ("name", "wanted"), [("in", "a"), ("in", []), ("above", "3"), ("above", True), ("equals", [1])]
)
def test_what_an_operator_cannot_work_with_is_told(name, wanted):
    check, _, _ = OPERATORS[name]
    assert check(wanted)
