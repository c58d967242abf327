import pytest

from appealbridge.documents.parser import Flaw, compose


def test_every_node_keeps_its_place():
    node = compose("a:\n  - b\n", {})
    assert node is not None
    inner = node.children["a"].children[0]
    assert (inner.value, inner.event.start_mark.line, inner.event.start_mark.column) == ("b", 1, 4)


def test_an_empty_text_has_no_node():
    assert compose("# only a comment\n", {}) is None


def test_a_flaw_counts_from_zero_and_names_its_path():
    with pytest.raises(Flaw) as flaw:
        compose("a:\n  b: *c\n", {})
    assert (flaw.value.line, flaw.value.column, flaw.value.path) == (1, 5, ("a", "b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{ smtp: smtp://mail.internal:587, b: x }",
            {"smtp": "smtp://mail.internal:587", "b": "x"},
        ),
        ("[https://a.example/b]", ["https://a.example/b"]),
        (
            "{ at: 22:00, c: !secret d, e: 'f', g: no }",
            {"at": "22:00", "c": "D", "e": "f", "g": "no"},
        ),
    ],
)
def test_what_only_yaml_1_2_allows_is_read(text, expected):
    node = compose(text, {"!secret": str.upper})
    assert node is not None
    assert node.value == expected


def test_what_the_second_look_reads_has_its_places_and_its_limits():
    with pytest.raises(Flaw, match="is given twice") as flaw:
        compose("a: { b: x://y }\nc: 1\na: 2\n", {})
    assert (flaw.value.line, flaw.value.column) == (2, 0)
    with pytest.raises(Flaw, match="nested deeper"):
        compose("{ a: x://y, b: " + "[" * 100, {})
    with pytest.raises(Flaw, match="anchors"):
        compose("{ a: x://y, b: &c d }", {})
