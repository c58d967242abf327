import pytest

from appealbridge.recipes.templates.expression import compile_text
from appealbridge.recipes.templates.filters import FILTERS
from appealbridge.recipes.templates.scope import NotThere, Unfillable
from appealbridge.recipes.templates.syntax import Malformed
from tests.unit.recipes.conftest import scope_of

DATA = {
    "html": "<p>Seen at <b>ten</b></p><ul><li>one<li>two</ul><style>p{}</style>",
    "text": "A man in a blue coat was seen",
    "list": ["a", "b"],
    "odd": ["a", {"b": 1}, None],
    "mapping": {"a": 1},
    "flag": True,
    "number": 5,
    "early": "0001-01-01T00:00:00",
}


def filled(text, data=DATA):
    return compile_text(text).fill(scope_of(data))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ appeal.text | shorten(12) }}", "A man in a…"),
        ("{{ appeal.text | shorten(1) }}", "…"),
        ("{{ '' | shorten(5) }}", ""),
        ("{{ appeal.number | shorten(5) }}", "5"),
        ("{{ appeal.number | plain }}", "5"),
        ("{{ appeal.number | hashtag }}", "#5"),
        ("{{ 2.5 | replace('.', ',') }}", "2,5"),
        ("{{ appeal.html | plain }}", "Seen at ten\none\ntwo"),
        ("{{ '<p' | plain }}", ""),
        ("{{ 'a < b & c' | plain }}", "a < b & c"),
        ("{{ '&#99999999999999999999;' | plain }}", "\ufffd"),
        ("{{ 'the M6, at 5' | hashtag }}", "#TheM6At5"),
        ('{{ "Aisha\'s coat" | hashtag }}', "#AishasCoat"),
        ("{{ 'ਪੰਜਾਬੀ' | hashtag }}", "#ਪੰਜਾਬੀ"),
        ("{{ 'மதுரை செய்தி' | hashtag }}", "#மதுரைசெய்தி"),
        ("{{ 'क्‍ष' | hashtag }}", "#क्‍ष"),
        ("{{ 'cafe\u0301 noir' | hashtag }}", "#CaféNoir"),
        ("{{ 'x\u0302 axis' | hashtag }}", "#X\u0302Axis"),
        ("{{ '❤\ufe0f Digbeth 🚧' | hashtag }}", "#Digbeth"),
        ("{{ '1st of May' | hashtag }}", "#1stOfMay"),
        ("{{ 'საპოვნელია' | hashtag }}", "#საპოვნელია"),
        ("{{ 'हिन्दी समाचार' | wordcount }}", 2),
        ("{{ 'हिन्दीभाषा' | truncate(5, true, '', 0) }}", "हि"),
        ("{{ 'हिन्दीभाषा' | truncate(7, true, '…', 0) }}", "हिन्दी…"),
        ("{{ 'a red coat' | truncate(7, true, '…', 0) }}", "a red …"),
        ("{{ 'Call 0121 496 0000 or 101' | truncate(16, false, '…', 0) }}", "…"),
        ("{{ 'Armed. Call 0121 496 0000' | truncate(20, true, '…', 0) }}", "Armed.…"),
        ("{{ 'Ask @force.police.uk' | truncate(12, true, '', 0) }}", "Ask"),
        ("{{ 'See https://example.com/a?b' | truncate(22, true, '...', 0) }}", "See..."),
        ("{{ 'Found #Missing' | truncate(9, true, '', 0) }}", "Found"),
        ("{{ 1777638600 | local_time }}", "13:30 BST on 1 May 2026"),
        ("{{ '2026-12-01T09:00' | local_time }}", "09:00 GMT on 1 December 2026"),
        ("{{ 'tomorrow 10:00' | local_time }}", "10:00 BST on 2 May 2026"),
        ("{{ '2026-05-01' | local_time('%-d %B') }}", "1 May"),
        ("{{ now | local_time('%H:%M') }}", "13:00"),
        ("{{ ['a'] | join_and }}", "a"),
        ("{{ [1, 2.5, 'c'] | join_and('or') }}", "1, 2.5 or c"),
        ("{{ range(3) | join('-') }}", "0-1-2"),
        ("{{ [{'n': 1}, {'n': 2}] | sum(attribute='n') }}", 3),
        ("{{ 2.5 | round }}", 2.0),
        ("{{ 2.41 | round(1, 'ceil') }}", 2.5),
    ],
)
def test_a_filter_gives(text, expected):
    assert filled(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ appeal.list | shorten(5) }}", "shorten needs a text, but got a list"),
        ("{{ appeal.mapping | string }}", "string cannot write a list or mapping"),
        ("{{ appeal.list | string }}", "string cannot write a list or mapping"),
        (
            "{{ appeal.text | shorten(appeal.list | length - 2) }}",
            "a number of characters, at least 1",
        ),
        ("{{ appeal.text | shorten(appeal.flag) }}", "a number of characters, at least 1"),
        ("{{ appeal.flag | plain }}", "plain needs a text, but got true or false"),
        ("{{ appeal.mapping | hashtag }}", "hashtag needs a text"),
        ("{{ '!?' | hashtag }}", "hashtag finds no letter"),
        ("{{ appeal.flag | local_time }}", "local_time needs a text"),
        ("{{ 'noon' | local_time }}", "local_time needs a time"),
        ("{{ 1e300 | local_time }}", "local_time needs a time"),
        ("{{ 10.00 | local_time }}", "local_time needs a time: 10.0 is a bare number"),
        ("{{ 20261127 | local_time }}", "local_time needs a time: 20261127 is a bare number"),
        ("{{ appeal.early | local_time }}", "not a date"),
        ("{{ now | local_time(5) }}", "local_time needs a text"),
        ("{{ now | local_time('%99999d') }}", "no widths"),
        ("{{ appeal.text | join_and }}", "join_and needs a list"),
        ("{{ appeal.odd | join_and }}", "neither text nor number"),
        ("{{ appeal.odd | join }}", "neither text nor number"),
        ("{{ appeal.number | join }}", "join needs a list"),
        ("{{ appeal.list | join(5) }}", "join needs a text"),
        ("{{ appeal.text | replace(5, 'a') }}", "replace needs a text"),
        ("{{ appeal.list | upper }}", "upper needs a text"),
        ("{{ appeal.mapping | title }}", "title needs a text"),
        ("{{ appeal.list | sum }}", "sum finds an entry that is not a number"),
        ("{{ appeal.text | sum }}", "sum needs a list"),
        ("{{ appeal.text | round }}", "round needs a number"),
        ("{{ 1 | round(-999999999) }}", "round takes at most 15 digits"),
        ("{{ appeal.text | abs }}", "abs needs a number"),
    ],
)
def test_a_value_of_another_kind_stops_a_filter_with_its_name(text, message):
    with pytest.raises(Unfillable) as failure:
        filled(text)
    assert message in str(failure.value)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_what_is_missing_goes_through_no_filter_but_default(name):
    values = {"shorten": "(5)", "replace": "('a', 'b')", "map": "('upper')", "select": "('odd')"}
    values |= {"reject": "('odd')", "selectattr": "('a')", "rejectattr": "('a')"}
    text = f"{{{{ appeal.nothing | {name}{values.get(name, '')} }}}}"
    if name in ("default", "d", "items", "map", "select", "reject", "selectattr", "rejectattr"):
        return  # a default is what they are for; nothing comes of going through nothing
    with pytest.raises(NotThere, match=r"appeal\.nothing is missing"):
        filled(text)


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        ("{{ a | plain(1) }}", "filter plain does not take this", "write it without brackets"),
        ("{{ a | shorten('9') }}", "the limit of filter shorten must be a whole number", ""),
        ("{{ a | replace('b') }}", "filter replace needs new", "write replace(old, new)"),
        ("{{ a | shorten(*b) }}", "takes no *", "leave it out"),
        ("{{ a is divisibleby }}", "test divisibleby needs num", "write divisibleby(num)"),
        ("{{ a | sum(start=[]) }}", "filter sum does not take this", "write sum(attribute)"),
    ],
)
def test_a_filter_that_is_not_given_what_it_needs_is_refused_at_load(text, message, cure):
    with pytest.raises(Malformed) as flaw:
        compile_text(text)
    assert message in flaw.value.problem
    assert cure in flaw.value.cure


@pytest.mark.parametrize(
    "text",
    ["{{ a | shorten(limit=9) }}", "{{ a | map('upper') | list }}", "{{ a | round(1, 'floor') }}",
     "{{ a | default('x', true) }}", "{{ a is divisibleby(3) }}", "{{ a | truncate(9, end='') }}"],
)  # fmt: skip
def test_a_filter_that_is_given_what_it_needs_is_taken(text):
    compile_text(text)
