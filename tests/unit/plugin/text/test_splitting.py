"""Cutting a text to one post, or into several: nothing lost, nothing cut in two that must not be."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin.text.counting import x_length
from appealbridge.plugin.text.splitting import MOST_POSTS, shortened, split

LINK = "https://www.example.police.uk/appeals/0412"
SENTENCE = "She was last seen near the Custard Factory on Sunday evening. "


def whole(posts):
    return " ".join(re.sub(r" \(\d+/\d+\)$", "", post) for post in posts)


def test_what_fits_is_left_as_it_is():
    assert split("M6 closed", 280, x_length) == ["M6 closed"]
    assert shortened("M6 closed", 280, x_length) == "M6 closed"


def test_a_thread_says_everything_once_in_posts_that_fit_and_are_numbered():
    text = (SENTENCE * 12).strip()
    posts = split(text, 280, x_length)
    assert whole(posts) == text
    assert all(x_length(post) <= 280 for post in posts)
    assert [post[-5:] for post in posts] == [
        f"({n}/{len(posts)})" for n in range(1, len(posts) + 1)
    ]


def test_a_thread_is_cut_between_sentences_where_they_are_near_enough():
    assert all(
        re.sub(r" \(.*", "", post).endswith(".") for post in split(SENTENCE * 12, 280, x_length)
    )


def test_a_thread_is_cut_between_words_where_no_sentence_ends():
    posts = split("closed road " * 60, 280, x_length)
    assert whole(posts) == ("closed road " * 60).strip()


def test_a_thread_cuts_no_link_in_two():
    posts = split(f"Read {LINK} now. " * 40, 280, x_length)
    assert sum(post.count(LINK) for post in posts) == 40


def test_a_thread_of_too_many_posts_is_refused():
    with pytest.raises(ValueError, match=f"more than {MOST_POSTS} posts"):
        split("closed road " * 700, 280, x_length)


def test_a_link_that_no_post_has_room_for_is_refused():
    with pytest.raises(ValueError, match="longer than a post"):
        split(f"See {LINK} at once, or call us", 20, len)


def test_the_link_at_the_end_of_a_shortened_text_stays():
    text = shortened(f"{SENTENCE * 8}{LINK}", 280, x_length)
    assert text.endswith(f"… {LINK}")
    assert x_length(text) <= 280


def test_where_only_links_are_left_the_text_is_cut_all_the_same():
    assert x_length(shortened(f"{LINK} " * 30, 280, x_length)) <= 280


def test_a_text_without_any_gap_is_split_between_characters():
    posts = split("é" * 900, 280, x_length)
    assert "".join(re.sub(r" \(.*", "", post) for post in posts) == "é" * 900
    assert all(x_length(post) <= 280 for post in posts)


def test_a_thread_is_refused_for_a_text_that_is_too_long_to_count():
    with pytest.raises(ValueError, match="more than 10000 characters"):
        split("closed road " * 1000, 280, x_length)


def test_the_end_of_a_very_long_text_is_not_looked_at():
    text = shortened(f"{SENTENCE * 2000}{LINK}", 280, x_length)
    assert text.endswith("…")
    assert x_length(text) <= 280


@given(st.text(alphabet="ab .!?\n😷é漢", max_size=900))
def test_any_text_becomes_posts_that_fit_and_lose_no_letter(text):
    try:
        posts = split(text, 60, x_length)
    except ValueError:
        return
    assert all(x_length(post) <= 60 for post in posts)
    if len(posts) > 1:
        message = re.sub(r"\s+", "", "".join(re.sub(r" \(\d+/\d+\)$", "", post) for post in posts))
        assert message == re.sub(r"\s+", "", text)


@given(st.text(max_size=400))
def test_any_text_is_shortened_to_what_fits(text):
    assert x_length(shortened(text, 60, x_length)) <= 60
