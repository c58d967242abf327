"""What changed between two revisions is shown word by word, unless to find it would take long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.web.pages.differences import LONGEST_COMPARED, compared

WORDS = st.lists(st.sampled_from(["a", "b", "The", "van", " ", "\n", "  "]), max_size=30).map(
    " ".join
)


def test_what_changed_is_marked_word_by_word():
    before, after = "A man of 31 was hurt.\nCall 101", "A man of 32 was hurt.\nCall 101"
    assert compared(before, after) == ("A man of <del>31</del> <ins>32</ins> was hurt.\nCall 101")


@given(WORDS, WORDS)
def test_both_versions_can_be_read_from_it(before, after):
    shown = str(compared(before, after)).replace("</del> <ins>", "</del><ins>")
    for version, taken_out in ((before, "ins"), (after, "del")):
        pieces = shown.replace(f"<{taken_out}>", "\0").replace(f"</{taken_out}>", "\1")
        stored = "".join(part.rpartition("\1")[2] for part in pieces.split("\0"))
        plain = stored.replace("<del>", "").replace("</del>", "")
        assert plain.replace("<ins>", "").replace("</ins>", "") == version


@pytest.mark.parametrize(
    ("before", "after"),
    [("a " * 3000, "b a " * 1500), ("a b " * 1500, "b b a a " * 750)],
)
def test_what_would_take_minutes_is_not_compared(before, after):
    assert max(len(before), len(after)) <= LONGEST_COMPARED
    assert compared(before, after) is None
