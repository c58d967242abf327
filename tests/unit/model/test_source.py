"""What a source is called where people read of it."""

import pytest

from appealbridge.model.source import source_label

PLAIN = [
    "", "webhook:incident-desk", "feed:force_news", "feed:https://www.example.police.uk/news/rss", "recipe:roads",
]  # fmt: skip
HIDING = {
    "feed:https://a.example/rss?key=1": "feed:https://a.example/rss",
    "feed:https://a.example/rss?key=2": "feed:https://a.example/rss",
    "feed:https://u:p@a.example:8443/rss": "feed:https://a.example:8443/rss",
    "feed:https://a.example?key=1": "feed:https://a.example",
    "feed:https://a.example/rss#key": "feed:https://a.example/rss",
    "feed:https://a.example/\x1b[2J\u202erss": "feed:https://a.example/?[2J?rss",
}


@pytest.mark.parametrize("source", PLAIN)
def test_a_name_in_which_nothing_is_hidden_is_the_label(source):
    assert source_label(source) == source


@pytest.mark.parametrize(("source", "shown"), HIDING.items())
def test_query_login_and_odd_characters_are_left_out(source, shown):
    begin, _, tail = source_label(source).rpartition("#")
    assert begin == shown
    assert len(tail) == 6


def test_no_two_sources_have_one_label():
    assert len({source_label(source) for source in (*PLAIN, *HIDING)}) == len(PLAIN) + len(HIDING)
