"""X's own test cases for its rules of today: how long a post is, and what in it is a link, a hashtag or a mention."""

from pathlib import Path

import pytest
import yaml

from appealbridge.plugin.text.counting import X_LIMIT, x_length
from appealbridge.plugin.text.links import links
from appealbridge.plugin.text.unbroken import unbroken
from appealbridge.recipes.templates.public_text import without_invisible

DATA = Path(__file__).parents[3] / "data" / "twitter-text"

EARLIER = "a case of the rules before 2018, in which a joined emoji counts as its parts"
ENDLESS = (
    "in a text of more than 10,000 characters each counts as one; no platform takes such a text"
)
LONG = "Handle long url with invalid domain labels and short url"
OTHER_LENGTH = {
    (
        "WeightedTweetsCounterTest",
        "Count a mix of single byte single word, and double word unicode characters",
    ): EARLIER,
    (
        "WeightedTweetsCounterTest",
        "Count unicode emoji chars outside the basic multilingual plane with skin tone modifiers",
    ): EARLIER,
    ("WeightedTweetsCounterTest", LONG): ENDLESS,
    ("WeightedTweetsWithDiscountedEmojiCounterTest", LONG): ENDLESS,
}
"""The cases whose length differs by intention, each with its reason. None of them decides whether a post is valid."""


REFUSED = "Handle invalid characters"
"""X refuses this text whatever its length. These characters never get there: they are removed from events' texts."""


def cases(name, *groups):
    read = yaml.load((DATA / f"{name}.yml").read_text("utf-8"), yaml.CSafeLoader)
    return [
        pytest.param(group, case, id=f"{group}: {case['description']}"[:120])
        for group in groups or read
        for case in read[group]
    ]


@pytest.mark.parametrize(("group", "case"), cases("validate"))
def test_x_counts_a_post_as_its_own_cases_say(group, case):
    length = x_length(case["text"])
    assert (length <= X_LIMIT) is (case["valid"] or case["description"] == REFUSED)
    differs = (group, case["description"]) in OTHER_LENGTH
    assert (length != case["length"]) is differs, OTHER_LENGTH.get((group, case["description"]))


def test_no_event_brings_in_what_x_refuses():
    (text,) = [case.values[1]["text"] for case in cases("validate") if REFUSED in case.id]
    assert without_invisible(text) == "ABCABC"


LINKS = ("urls", "urls_with_indices", "urls_with_directional_markers", "tco_urls_with_params")
NAMES = ("hashtags", "hashtags_from_astral", "mentions", "mentions_with_indices")


@pytest.mark.parametrize(("group", "case"), cases("extract", *LINKS))
def test_a_link_is_what_xs_own_cases_say(group, case):
    result = [case["text"][begin:end] for begin, end in links(case["text"])]
    assert result == case["expected"]


@pytest.mark.parametrize(("group", "case"), cases("extract", *NAMES))
def test_no_hashtag_or_mention_of_xs_own_cases_is_cut(group, case):
    text, place = case["text"], 0
    spans = unbroken(text)
    for name in case["expected"]:
        begin = min(at for sign in "#＃@＠" if (at := text.find(sign + name, place)) >= 0)
        place = begin + 1 + len(name)
        assert [span for span in spans if span[0] <= begin and place <= span[1]], name
