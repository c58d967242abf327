"""A path finds what the library finds, and nothing in the data can trip it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse

from appealbridge.plugin import compile_path

NAMES = st.sampled_from(["a", "b", "c_1", "_d"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(NAMES, min_size=1, max_size=4), JSON)
def test_a_plain_path_finds_what_the_library_finds(names, data):
    text = "$." + ".".join(names)
    found = [match.value for match in parse(text).find(data)]
    assert compile_path(text).all(data) == found
    assert compile_path(text).first(data) == (found[0] if found else None)


def test_filters_and_indexes_are_understood():
    data = {"tags": [{"scheme": "place", "term": "Digbeth"}, {"scheme": "kind", "term": "missing"}]}
    assert compile_path("$.tags[?(@.scheme == 'place')].term").all(data) == ["Digbeth"]
    assert compile_path("$.tags[1].term").first(data) == "missing"
    assert compile_path("$.tags[2].term").first(data) is None


@pytest.mark.parametrize("text", ["$.a[/x]", "$.a.`sorted`", "$.a.`sub(/b/, c)`"])
@given(data=JSON)
def test_a_function_that_stumbles_over_the_data_finds_nothing(text, data):
    assert isinstance(compile_path(text).all({"a": [1, "b", data]}), list)
    assert isinstance(compile_path(text).all({"a": data}), list)


@pytest.mark.parametrize("text", ["", "a.b", "$.", "$.a[", "$.ö", "$.a[?(@.b ==)]"])
def test_a_malformed_path_is_refused_with_its_text(text):
    with pytest.raises(ValueError, match="is no JSONPath"):
        compile_path(text)


def test_a_path_is_compiled_once():
    assert compile_path("$.a[0]") is compile_path("$.a[0]")
