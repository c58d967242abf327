"""Whatever an event says, a post on WordPress says it too, and does nothing else."""

import re

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.channels.wordpress.post import WordPressPost, clean, linked
from appealbridge.plugin.recognition import canonical
from appealbridge.plugin.timeline import shown

PIECES = st.sampled_from(
    ["\n", "\n\n", " ", "<", ">", "&", '"', "'", "[", "]", "[gallery]", "<script>", "</p>", "&lt;", "A", "é", "😷",
     "https://example.org/a?b=1&c=[2]", "http://example.org", "example.org", "\ue000", "\ue0000\ue001", "\0"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)
TAG = re.compile(r"</?(?:p|a)>|<br>|<a href=\"https?://[^\"<>\s]*\">")


@given(TEXTS)
def test_a_text_keeps_its_words_and_becomes_paragraphs_line_ends_and_links_only(text):
    markup = linked(text)
    assert "<" not in TAG.sub("", markup)
    plain = text.translate({0xE000: None, 0xE001: None, 0: None})
    assert canonical(shown(markup)) == canonical(plain)


@given(TEXTS, TEXTS)
def test_no_post_has_a_shortcode_a_script_or_markup_in_its_title(title, text):
    if not title.strip() or not text.strip():
        return
    post = WordPressPost(title=title, text=text, body=clean(text) or None, excerpt=text)
    for message in (post.sent_title(), post.content(), post.summary()):
        assert "<script" not in message.lower()
    assert "[" not in post.content() + post.summary()
    assert "<" not in post.sent_title() + post.summary()


@given(TEXTS)
def test_what_is_clean_stays_as_it_is(markup):
    once = clean(markup)
    assert clean(once) == once
