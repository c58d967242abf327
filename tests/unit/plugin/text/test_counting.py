import unicodedata
from time import process_time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from twitter_text import parse_tweet
from twitter_text.regexp.emoji import emoji_list

from appealbridge.plugin.text.counting import (
    ELLIPSIS,
    GRAPHEME,
    MASTODON_LIMIT,
    X_LIMIT,
    characters,
    cut,
    last_fitting,
    mastodon_length,
    plain_length,
    x_length,
)
from appealbridge.plugin.text.links import links
from appealbridge.plugin.text.normal_form import composed

# This copy of X's rules counts © and ® as emoji. X's own does so only with a variation selector after them.
SIGNS = {"©", "®"}
EMOJI = [entry.emoji for entry in emoji_list if entry.emoji not in SIGNS]
PIECES = [
    "https://example.police.uk/a/412?b=1&c=2",
    "example.com",
    "www.gov.uk/x_(y)",
    "a@b.com",
    "#foo.com",
    "日本語",
    "é",
    "e\u0301",
    "…",
    "’",
    "foo.notatld",
    "x.co.uk.",
    "(https://a.com)",
    "https://b.org:8080/é",
    "日本.example.com",
    "http://日本.jp/x",
    "end.Next",
    "🇬🇧",
    "👨‍👩‍👧‍👦",
]
pieces = st.one_of(
    st.sampled_from(PIECES),
    st.sampled_from(EMOJI),
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=SIGNS), max_size=6),
)
texts = st.builds(
    lambda message, between: between.join(message),
    st.lists(pieces, max_size=12),
    st.sampled_from([" ", "\n", ". ", ", ", "! (", ")\n"]),
)

LIE = (
    "A lie gets halfway around the world before the truth has a chance to get its pants on. "
    "Winston Churchill (1874-1965) http://bit.ly/dJpywL"
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("I am a Tweet", 12),
        (LIE, 140),
        ("の" * 140, 280),
        ("\U0001f431" * 140, 280),
        ("http://test.com", 23),
        ("https://test.com", 23),
        ("test.com", 23),
        ("t.co", 23),
        ("foo.co.jp", 23),
        ("Test https://test.com test https://test.com test.com test", 86),
        ("저찀쯿쿿", 8),
        ("H\U0001f431☺", 5),
        ("\U00010000\U0010ffff", 4),
        ("👨‍👩‍👧‍👦 🇬🇧 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", 11),
        ("cafe\u0301", 4),
        ("one\r\ntwo", 7),
        ("http://127.0.0.1:8090/x", 23),
        ("https://t.co/abc?x=y", 23),
        ("name@example.com", 16),
        ("…", 2),
        ("© ®", 3),
        ("©\ufe0f ®\ufe0f ™", 8),
    ],
)
def test_x_counts_like_this(text, length):
    assert x_length(text) == length


def test_every_emoji_counts_two_on_x():
    assert {emoji for emoji in EMOJI if x_length(emoji) != 2} == set()


@given(texts)
def test_x_is_counted_as_the_reference_counts(text):
    assert x_length(text) == parse_tweet(text).weightedLength


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("hello", 5),
        ("see https://example.police.uk/appeals/412 now", 31),
        ("see example.com now", 19),
        ("@force@mastodon.example said", 11),
        ("mail me@mastodon.example", 24),
        ("👨‍👩‍👧‍👦é", 2),
        ("日本語", 3),
    ],
)
def test_mastodon_counts_like_this(text, length):
    assert mastodon_length(text) == length


def test_a_reader_sees_one_character():
    assert plain_length("e\u0301👨‍👩‍👧‍👦") == 2


COUNTS = [x_length, mastodon_length, plain_length, characters]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short enough", 12, "short enough"),
        ("the quick brown fox", 12, "the quick…"),
        ("the quick, brown fox", 12, "the quick…"),
        ("unbelievable", 5, "unbe…"),
        ("see https://example.com/a/b/c now", 20, "see…"),
        ("https://example.com/a/b/c now", 10, "…"),
        ("anything", 0, ""),
    ],
)
def test_a_text_is_cut_at_a_word_and_never_in_a_link(text, limit, expected):
    assert cut(text, limit) == expected


def test_a_text_is_cut_to_what_x_counts():
    text = f"{'Größe ' * 60}https://example.police.uk/a/412"
    assert X_LIMIT - 8 < x_length(cut(text, X_LIMIT, x_length)) <= X_LIMIT


@given(texts, st.integers(0, 60), st.sampled_from(COUNTS))
def test_what_is_cut_fits_and_begins_the_text(text, limit, count):
    short = cut(text, limit, count)
    assert count(short) <= limit
    assert short == text or short == "" or text.startswith(short.removesuffix(ELLIPSIS).rstrip())


@given(texts, st.integers(0, 60), st.sampled_from(COUNTS))
def test_no_link_is_ever_cut_in_two(text, limit, count):
    short = cut(text, limit, count)
    if short != text:
        end = len(short) - len(ELLIPSIS)
        assert not [span for span in links(text) if span[0] < end < span[1]]


SLOW_TO_COUNT = [
    "a." * 50_000,
    "https://" + "a." * 50_000,
    "a.com/" + "@" * 100_000,
    "\U0001f1e6" * 100_000,
    " " * 100_000,
    "-" * 100_000,
]


@pytest.mark.parametrize("text", SLOW_TO_COUNT, ids=[text[:9] for text in SLOW_TO_COUNT])
def test_a_text_that_is_slow_to_count_costs_little(text):
    begun = process_time()
    assert len(cut(text, 280, x_length)) <= 300
    assert x_length(text) > X_LIMIT
    assert mastodon_length(text) > MASTODON_LIMIT
    assert plain_length(text) > MASTODON_LIMIT
    assert process_time() - begun < 4


@given(st.text(max_size=30), st.integers(1, 40))
def test_a_text_longer_than_is_counted_is_cut_all_the_same(beginning, limit):
    cut_short = cut(beginning + "x " * 20_000, limit, x_length)
    assert x_length(cut_short) <= limit


def test_every_character_that_python_would_sort_counts_as_a_mark():
    """Python sorts what a character is decomposed into, so a few characters count that are no marks by themselves."""
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    sorted_ = [
        each for each in every if unicodedata.combining(unicodedata.normalize("NFD", each)[0])
    ]
    assert [each for each in sorted_ if composed(f"a{each * 40}") != f"a{each * 40}"] == []


@given(st.text(alphabet="🇬🇧a\u200d\u0301\u0600\u0903\u1100\u1161👩\r\n", max_size=40))
def test_characters_are_parted_as_unicode_says(text):
    assert GRAPHEME.findall(text) == regex.findall(r"\X", text)


@given(st.sets(st.integers(1, 400)), st.integers(0, 500), st.integers(1, 5))
def test_the_last_place_that_fits_is_found(places, limit, weight):
    places = sorted(places)
    expected = max([place for place in places if place * weight <= limit], default=0)
    assert last_fitting(places, 0, limit, lambda place: place * weight) == expected


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(0, 50))
def test_what_is_found_fits_even_if_lengths_go_up_and_down(lengths, limit):
    places = range(1, len(lengths) + 1)
    result = last_fitting(places, 0, limit, lambda place: lengths[place - 1])
    assert result == 0 or lengths[result - 1] <= limit
