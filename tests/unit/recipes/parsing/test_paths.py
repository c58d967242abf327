import pytest

from appealbridge.recipes.parsing.paths import apart, stands_before, step_ids, waits_in

ACTIONS = [
    {"action": "tweet"},
    {
        "if": "…",
        "then": [{"action": "tweet", "id": "tweet_3"}, {"delay": "1h"}],
        "else": [{"choose": [{"if": "…", "then": [{"action": "tweet"}]}], "default": [{"action": "email"}]}],
    },
    {"wait_for": "a", "on_timeout": [{"action": "tweet"}, "nonsense"]},
]  # fmt: skip


def test_steps_without_an_id_are_numbered_in_the_order_in_which_they_are_written():
    assert list(step_ids(ACTIONS).values()) == [
        "tweet",
        "tweet_3",
        "tweet_2",
        "email",
        "tweet_4",
        "step",
    ]
    assert waits_in(ACTIONS) == [("actions", 2)]


A = "actions"


@pytest.mark.parametrize(
    ("first", "other", "expected"),
    [
        ((A, 0, "then", 0), (A, 0, "else", 1, "text"), True),
        ((A, 0, "then", 0), (A, 0, "then", 1), False),
        ((A, 0, "then", 0), (A, 1), False),
        ((A, 0, "if", 0), (A, 0, "then", 0), False),
        ((A, 0, "choose", 0, "sequence", 0), (A, 0, "choose", 1, "then", 0), True),
        ((A, 0, "choose", 0, "sequence", 0), (A, 0, "default", 0), True),
        ((A, 0, "choose", 0, "sequence", 0), (A, 0, "choose", 0, "sequence", 1), False),
        ((A, 0, "on_timeout", 0), (A, 1), False),
        (("variables", "x"), (A, 0), False),
    ],
)
def test_two_places_are_apart_if_never_both_are_done(first, other, expected):
    assert apart(first, other) is expected
    assert apart(other, first) is expected


@pytest.mark.parametrize(
    ("wait", "place", "expected"),
    [
        ((A, 0), (A, 1, "text"), True),
        ((A, 1), (A, 0, "text"), False),
        ((A, 0), (A, 0, "wait_for", "conditions", 0), False),
        ((A, 0), (A, 0, "on_timeout", 0, "text"), True),
        ((A, 0, "then", 0), (A, 1, "text"), True),
        ((A, 0, "then", 0), (A, 0, "else", 1, "text"), False),
        ((A, 0, "choose", 0, "then", 0), (A, 0, "choose", 1, "then", 0), False),
        ((A, 0), ("conditions", 0), False),
    ],
)
def test_a_wait_stands_before_what_is_done_when_it_is_over(wait, place, expected):
    assert stands_before(wait, place) is expected
