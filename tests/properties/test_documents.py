"""The reader of documents: one document or its own error, whatever the text."""

import contextlib

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from appealbridge.documents import InvalidDocuments, read
from appealbridge.documents.parser import compose

WORDS = st.sampled_from(
    ["a", "b: ", "- ", "{", "}", "[", "]", ",", ":", "\n", "  ", "\t", '"', "'", "|\n", ">-\n", "&x ",
     "*x", "!t ", "? ", "#", "---\n", "...\n", "%YAML 1.2\n", "{{ a }}", "\\", "1", "é", "\u2028", "\x85",
     "\ufeff", "😀", "\r\n", "\x00", "@", "`", "true", "~", "<<: "]
)  # fmt: skip


@given(st.lists(WORDS, max_size=40).map("".join) | st.text(max_size=60))
def test_any_text_is_a_document_or_has_a_problem_with_a_place(text):
    try:
        document = read(text, "a.yaml")
    except InvalidDocuments as failure:
        for problem in failure.problems:
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.problem
            assert problem.text()
    else:
        assert document.problem((), "odd").text()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_raise_only_the_readers_own_error(raw):
    with contextlib.suppress(InvalidDocuments):
        read(raw, "a.yaml")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.text("ab:#{}[]'\" \n-é", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES)
@example({"a": {"a": "-:"}})
def test_what_a_yaml_writer_wrote_is_read_as_it_was(value):
    text = yaml.safe_dump(value, allow_unicode=True)
    node = compose(text, {})
    assert (node.value if node is not None else None) == value
