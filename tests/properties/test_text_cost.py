"""Counting, cutting and splitting a text takes time in proportion to its length, whatever a stranger writes."""

from functools import partial
from time import thread_time

import pytest

from appealbridge.plugin.text.counting import (
    FACEBOOK_LIMIT,
    characters,
    cut,
    mastodon_length,
    plain_length,
    x_length,
)
from appealbridge.plugin.text.links import links
from appealbridge.plugin.text.normal_form import composed
from appealbridge.plugin.text.splitting import shortened, split
from appealbridge.plugin.text.unbroken import phone_numbers, unbroken
from appealbridge.recipes.templates.public_text import without_invisible, without_mentions
from appealbridge.triggers.appeal.files import paragraphs, unwrapped
from appealbridge.triggers.webhook.presets import word

HOSTILE = {
    "letters": "a",
    "words": "hello ",
    "Japanese": "日",
    "dots": ".",
    "names and dots": "a.",
    "short links": "a.co ",
    "short links without a space": "a.co,",
    "links with an accent": "é.co ",
    "links in Japanese": "日.co ",
    "links with a scheme": "http://a.co ",
    "nearly links": "http://a.",
    "almost links": "a.a ",
    "open brackets": "http://a.co/(",
    "brackets in brackets": "http://a.co/((a)",
    "queries": "http://a.co/?&",
    "labels as long as they may be": "a" * 62 + ".",
    "hyphens": "a-.",
    "Punycode": "xn--a ",
    "long links in Japanese": "http://日本語の長い名前のページで失踪者の情報を.jp ",
    "hashtags": "#a",
    "hashtags with hyphens": "#a-",
    "long hashtags": "#" + "a" * 110,
    "digits": "0",
    "digits and spaces": "0 ",
    "phone numbers": "0121 496 0000 ",
    "brackets and digits": "(0) ",
    "words before a number": "call on ",
    "addresses of mail": "a.b@c.d",
    "mentions": "@a ",
    "remote mentions": "@a@b.co ",
    "signs of mentions": "@",
    "mentions in addresses": "/@a.a ",
    "flags": "🇬",
    "flags with joiners": "🇬\u200d",
    "joined emoji": "👩\u200d",
    "keycaps": "1\ufe0f\u20e3",
    "tags": "\U0001f3f4\U000e0067",
    "marks": "\u0323\u0301",
    "marks on letters": "a\u0301\u0323",
    "marks that are letters": "\u0f73",
    "Hangul": "\u1100\u1161",
    "Devanagari": "\u0915\u094d",
    "prefixes": "\u0600",
    "joiners": "\u0915\u200d",
    "zero-width spaces": "\u200b",
    "variation selectors": "\ufe0f",
    "line ends": "\n\n",
    "spaces": " ",
}
IS_MEANT = {"@bbc"}.__contains__
WORK = {
    "links": links,
    "unbroken": unbroken,
    "phone_numbers": phone_numbers,
    "links with a scheme": partial(links, scheme=True),
    "x_length": x_length,
    "mastodon_length": lambda text: mastodon_length(f"http://a.co @{text}"),
    "plain_length": plain_length,
    "composed": composed,
    "without_invisible": without_invisible,
    "without_mentions": partial(without_mentions, is_meant=IS_MEANT),
    "cut for X": lambda text: cut(text, 280, x_length),
    "cut for Mastodon": lambda text: cut(text, 500, mastodon_length),
    "shortened for X": lambda text: shortened(text, 280, x_length),
    "shortened for Mastodon": lambda text: shortened(text, 500, mastodon_length),
}
SMALL = 2_400
LITTLE = 0.02
"""Seconds within which the time of four times as much is not looked at closely."""


def seconds(work, text, enough=0.0):
    """Return the processor time that the quickest of some tries takes, or the first that takes less than `enough`."""
    best = float("inf")
    for _ in range(3):
        begun = thread_time()
        work(text)
        best = min(best, thread_time() - begun)
        if best < enough:
            break
    return best


def made_of(piece, length):
    return (piece * (length // len(piece) + 1))[:length]


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_four_times_the_text_takes_about_four_times_as_long(work, piece):
    links("warm.example.com")
    large = seconds(work, made_of(piece, 4 * SMALL), LITTLE)
    assert large < LITTLE or large < 9 * seconds(work, made_of(piece, SMALL))


LONG = {
    "running text of a case file": unwrapped,
    "paragraphs of a case file": paragraphs,
    "a key or subject": word,
}


@pytest.mark.parametrize("piece", ["a\n", "é\n", "\n", "- a\n", "a  \n"])
@pytest.mark.parametrize("work", LONG.values(), ids=LONG)
def test_what_may_be_a_megabyte_takes_time_in_proportion_too(work, piece):
    large = seconds(work, made_of(piece, 400_000), LITTLE)
    assert large < LITTLE or large < 9 * seconds(work, made_of(piece, 100_000))


def test_a_key_is_as_long_as_a_key_may_be_whatever_is_sent():
    assert len(word("\x00" * 1_000_000)) < 400
    assert word("a\nb" * 1000) != word("a\nb" * 1001)


COUNTS = {
    "X": (280, x_length),
    "Mastodon": (500, mastodon_length),
    "characters": (300, characters),
    "bytes": (300, lambda text: len(text.encode())),
}


class Counting:
    """A count function that knows how many characters it was given."""

    def __init__(self, count):
        self._count = count
        self.looked_at = 0

    def __call__(self, text):
        self.looked_at += len(text)
        return self._count(text)


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("limit", "count"), COUNTS.values(), ids=COUNTS)
def test_a_text_is_counted_a_few_times_over_to_be_cut(limit, count, piece):
    for work in (cut, shortened):
        counting = Counting(count)
        text = made_of(piece, 9_900)
        result = work(text, limit, counting)
        assert count(result) <= limit
        assert counting.looked_at < 8 * len(text)


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("limit", "count"), COUNTS.values(), ids=COUNTS)
def test_a_text_is_counted_a_few_times_over_to_be_split(limit, count, piece):
    for length in (2_500, 5_000, 9_900):
        counting = Counting(count)
        text = made_of(piece, length)
        try:
            posts = split(text, limit, counting)
        except ValueError:
            posts = []
        assert all(count(post) <= limit for post in posts)
        assert counting.looked_at < 30 * length


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_very_long_text_is_cut_with_a_look_at_a_few_places(piece):
    counting = Counting(len)
    text = made_of(piece, 200_000)
    result = shortened(text, FACEBOOK_LIMIT, counting)
    assert len(result) <= FACEBOOK_LIMIT
    assert counting.looked_at < 40 * FACEBOOK_LIMIT
    assert seconds(lambda text: shortened(text, FACEBOOK_LIMIT, len), text, 0.5) < 0.5
