"""Previews show what is sent, and nothing in it can do anything but be read."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.web.pages.previews import beginning, linked, preview, readable, visible

PARTS = st.sampled_from(
    ["<", ">", '"', "'", "&", "<script>", "</p>", "<h2>", "</h2>", "<a href=", "javascript:", "onclick=x",
     "https://a.example/<h1>", "data:text/html,", "<img src=x onerror=y>", "<style>", "a", " ", "\0", "\u202e"]
)  # fmt: skip


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def tags(markup):
    parser = Tags()
    parser.feed(str(markup))
    parser.close()
    return parser.seen


@given(st.lists(PARTS, max_size=30).map("".join))
def test_no_markup_from_outside_gets_more_than_text_and_links(markup):
    for tag, attributes in tags(readable(markup)):
        assert tag not in ("script", "style", "img", "h1", "h2", "form", "iframe")
        assert attributes.keys() <= {"href", "rel"}
        assert attributes.get("href", "tel:").startswith(("http://", "https://", "mailto:", "tel:"))


@given(st.lists(PARTS, max_size=30).map("".join))
def test_plain_text_becomes_links_and_text_alone(text):
    for tag, attributes in tags(linked(text, bare=True)):
        assert tag in ("a", "span")
        assert attributes.get("href", "https://").startswith(("https://", "http://"))


def test_headings_in_a_mail_are_shown_as_strong_text():
    assert readable("<h1>News</h1><p>Road closed</p>") == (
        "<p><strong>News</strong></p><p>Road closed</p>"
    )


def test_characters_that_nobody_sees_are_named():
    assert "[U+202E]" in visible("a\u202eb")
    assert "[U+200B]" in visible("a\u200bb")
    assert visible("👩‍👧 ok\nnext") == "👩‍👧 ok\nnext"


def test_every_option_is_shown_even_of_a_platform_that_is_not_known():
    content = {
        "text": "Road closed",
        "colour": "red",
        "loud": True,
        "empty": None,
        "tags": ["a", "b"],
    }
    shown = preview({"content": content, "number": 1, "channel": "gone"}, None)
    assert (shown.platform, shown.account, shown.body) == ("", "gone", "Road closed")
    assert shown.facts == [("colour", "red"), ("loud", "yes"), ("tags", "a, b")]


def test_a_list_shows_how_a_message_begins():
    assert beginning({"content": {"html": "<p>Road\n closed</p>"}}) == "Road closed"
    assert beginning({"content": {"text": "x" * 500}}) == "x" * 160 + "…"
    assert beginning({"content": None}) == "(its content was removed)"
