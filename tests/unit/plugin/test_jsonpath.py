"""A path finds what the library finds, and nothing in the data can trip it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse

from appealbridge.plugin.jsonpath import TooLarge, compile_path

NAMES = st.sampled_from(["a", "b", "c_1", "_d"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(NAMES, min_size=1, max_size=4), JSON)
def test_a_plain_path_finds_what_the_library_finds(names, data):
    text = "$." + ".".join(names)
    matches = [match.value for match in parse(text).find(data)]
    assert compile_path(text).all(data) == matches
    assert compile_path(text).first(data) == (matches[0] if matches else None)


def test_filters_and_indexes_are_understood():
    data = {"tags": [{"scheme": "place", "term": "Digbeth"}, {"scheme": "kind", "term": "missing"}]}
    assert compile_path("$.tags[?(@.scheme == 'place')].term").all(data) == ["Digbeth"]
    assert compile_path("$.tags[1].term").first(data) == "missing"
    assert compile_path("$.tags[2].term").first(data) is None


@pytest.mark.parametrize("text", ["$.a[/x]", "$.a.`sorted`", "$.a.`split(b, 0, 1)`"])
@given(data=JSON)
def test_a_function_that_stumbles_over_the_data_finds_nothing(text, data):
    assert isinstance(compile_path(text).all({"a": [1, "b", data]}), list)
    assert isinstance(compile_path(text).all({"a": data}), list)


@pytest.mark.parametrize("text", ["", "a.b", "$.", "$.a[", "$.ö", "$.a[?(@.b ==)]"])
def test_a_malformed_path_is_refused_with_its_text(text):
    with pytest.raises(ValueError, match="is not a JSONPath"):
        compile_path(text)


def test_a_path_is_compiled_once():
    assert compile_path("$.a[0]") is compile_path("$.a[0]")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("$.a.`sub(/(x+x+)+y/, b)`", "searches for a pattern"),
        ("$.a[?(@.b =~ '(x+x+)+y')]", "searches for a pattern"),
        ("$.a[?(@.b =~ 'x' && @.c == 1)]", "searches for a pattern"),
        ("$.a * $.b", "calculates"),
        ("$.a[?(@.b * 9 == 1)]", "calculates"),
        ("$..a..b", "has a .. after another .."),
        ("$..a[?(@..b == 1)]", "has a .. after another .."),
        ("$.a where b", "has a where"),
        ("$.a | upper", "has a | or & between two paths"),
        ("$.a & $.b", "has a | or & between two paths"),
        ("$.a[?(@.b == $.c)]", "compares with another part"),
    ],
)
def test_what_strangers_could_make_endless_is_refused(text, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        compile_path(text)


def test_more_values_than_can_be_searched_are_not_searched():
    many = {"a": [{"b": 1}] * 60_000, "c": 1}
    assert compile_path("$.c").all(many) == [1]
    assert compile_path("$.a[0].b").all(many) == [1]
    for text in ("$..c", "$.a[*].b", "$.a[?(@.b == 1)]", "$.a[0:2]"):
        with pytest.raises(TooLarge, match="without"):
            compile_path(text).all(many)
        assert compile_path(text).first(many) is None
