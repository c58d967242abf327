"""On every platform, a text that is shortened or becomes a thread is cut in nothing that a reader needs whole."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appealbridge.channels.bluesky.rich_text import LIMIT as BLUESKY_LIMIT
from appealbridge.channels.bluesky.rich_text import length as bluesky_length
from appealbridge.plugin.registry import load
from appealbridge.plugin.text.counting import (
    ELLIPSIS,
    FACEBOOK_LIMIT,
    GRAPHEME,
    MASTODON_LIMIT,
    X_LIMIT,
    characters,
    mastodon_length,
    x_length,
)
from appealbridge.plugin.text.splitting import shortened, split
from appealbridge.recipes.templates.expression import compile_text
from tests.unit.recipes.conftest import scope_of

PLATFORMS = {
    "bluesky": (BLUESKY_LIMIT, bluesky_length),
    "facebook": (FACEBOOK_LIMIT, characters),
    "mastodon": (MASTODON_LIMIT, mastodon_length),
    "x": (X_LIMIT, x_length),
}
WITHOUT_A_LIMIT = {"email", "wordpress"}

WHOLE = [
    "https://www.example.police.uk/appeals/0412?a=b-",
    "https://example.com/名",
    "www.example.police.uk",
    "#Missing",
    "#失踪者",
    "#e-bike",
    "@force",
    "@force.example.police.uk",
    "@force@mastodon.example",
    "press@example.police.uk",
    "0121 496 0000",
    "+44 (0)121 496-0000",
    "0800 555 111",
    "0121 496 0000 ext. 12",
    "0121 496 0000 (option 2)",
    "Tel. +49 (0)30 / 90 18-20, App. 5",
    "+33 1 23 45 67 89 poste 12",
    "0121 – 496 – 0000",
    "call 101",
    "dial 999",
    "dial 911",
    "text 61016",
    "@desk@polizei-münchen.example",
    "https://münchen.example/straße?q=ä",
    "例え.jp",
    "#ไทย",
    "👩🏽‍👧‍👦",
    "🇬🇧",
    "👮🏽‍♀️",
    "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "1\ufe0f\u20e3",
    "\u1100\u1161\u11a8",
    "e\u0301\u0323",
    "\u0915\u094d\u0937",
]
PLAIN = ["seen", "red coat,", "“Where?”", "失踪者です。", "on Sunday.", "\n\n", "12.", "(", "-"]


LONGEST_ROW = 99
"""So many digits in a row, with only spaces between them, can be phone numbers; more are a table."""


@st.composite
def texts(draw):
    """Return a text, and where in it something is that must stay whole."""
    text, spans, digits = "Seen", [], 0
    for piece in draw(st.lists(st.sampled_from(PLAIN + WHOLE + WHOLE), min_size=1, max_size=60)):
        digits = digits + sum(map(str.isdigit, piece)) if re.search(r"[\d(-]$|12\.", piece) else 0
        if digits > LONGEST_ROW:
            text, digits = f"{text} seen", 0
        text += draw(st.sampled_from([" ", " ", "\n", ", "]))
        if piece in WHOLE:
            spans.append((len(text), len(text) + len(piece)))
        text += piece
    return text, spans


def test_each_platform_is_here():
    assert PLATFORMS.keys() | WITHOUT_A_LIMIT == {
        channel.platform for channel in load(third_party=False).channels.values()
    }


@pytest.mark.parametrize(("limit", "count"), PLATFORMS.values(), ids=PLATFORMS)
@given(text_and_spans=texts(), room=st.integers(5, 300))
def test_a_shortened_text_is_cut_in_nothing_that_must_stay_whole(
    limit, count, text_and_spans, room
):
    text, spans = text_and_spans
    short = shortened(text, min(room, limit), count)
    assert count(short) <= room
    if short != text and short not in ("", ELLIPSIS):
        begin = re.split(rf"\s?{ELLIPSIS}", short)[0]
        assert text.startswith(begin)
        # Commas and dashes at the end go, so the cut is anywhere from here to the next letter.
        assert not [span for span in spans if span[0] < len(begin) < span[1]]
        assert len(begin) in {0, *(character.end() for character in GRAPHEME.finditer(text))}


@given(text_and_spans=texts(), length=st.integers(1, 300), cut_words=st.booleans())
def test_a_truncated_text_is_cut_in_nothing_that_must_stay_whole(text_and_spans, length, cut_words):
    text, spans = text_and_spans
    template = compile_text(
        f"{{{{ event.data.text | truncate({length}, {str(cut_words).lower()}, '', 0) }}}}"
    )
    short = template.fill(scope_of({"text": text}))
    assert len(short) <= length
    assert text.startswith(short)
    assert not [span for span in spans if span[0] < len(short) < span[1]]
    assert len(short) in {0, *(character.end() for character in GRAPHEME.finditer(text))}


@pytest.mark.parametrize(("limit", "count"), PLATFORMS.values(), ids=PLATFORMS)
@given(text_and_spans=texts(), room=st.integers(60, 300))
def test_a_thread_is_cut_in_nothing_that_must_stay_whole(limit, count, text_and_spans, room):
    text, spans = text_and_spans
    text = text.rstrip()
    try:
        posts = split(text, min(room, limit), count)
    except ValueError:  # it needs too many posts
        assume(False)
    graphemes = {character.end() for character in GRAPHEME.finditer(text)}
    place = 0
    for number, post in enumerate(posts, start=1):
        assert count(post) <= room
        message = post.removesuffix(f" ({number}/{len(posts)})")
        place = text.index(message, place) + len(message)
        assert place in graphemes
        assert not [span for span in spans if span[0] < place < span[1]]
    assert place == len(text)
