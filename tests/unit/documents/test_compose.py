import pytest

from appealbridge.documents.compose import Flaw, compose


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
