"""Host names that look like one, but that nobody can ask for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appealbridge.plugin.text.host_names import can_exist, punycode_fits


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=59).filter(
        lambda part: not part.isascii()
    )
)
@example("00\x80\x87\x8c")
def test_the_length_in_punycode_is_that_of_pythons_codec(part):
    length = len(part.encode("punycode"))
    assert punycode_fits(part, length)
    assert not punycode_fits(part, length - 1)


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("日本.example", True),
        ("ä" * 57 + ".example", True),
        ("日" * 60 + ".example", False),
        ("故人西辞黄鹤楼烟花三月下扬州孤帆远影碧空尽唯见长江天际流.example", False),
        ("xn--日本.example", False),
        ("xn--wgv71a.example", True),
    ],
)
def test_a_part_has_at_most_63_letters_as_it_is_sent(name, exists):
    assert can_exist(name) is exists
