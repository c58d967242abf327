import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin import html_to_text

MASTODON_LINK = (
    '<a href="https://a.example/long"><span class="invisible">https://</span>'
    '<span class="ellipsis">a.example/</span><span class="invisible">long</span></a>'
)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("a &amp; b &#x1F600; &nbsp;c", "a & b 😀 \u00a0c"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n\n- two"),
        ("<script>alert(1)</script><style>x</style>seen", "seen"),
        ("<head><title>t</title></head><body>b</body>", "b"),
        ('<a href="https://a.example/x">here</a>', "here (https://a.example/x)"),
        ('<a href="https://a.example/x">https://a.example/x</a>', "https://a.example/x"),
        ('<a href="#top">up</a>', "up"),
        ('<a href="javascript:x">no</a>', "no"),
        (
            MASTODON_LINK,
            "https://a.example/long",
        ),
        ("  <p>  many \n spaces </p>  ", "many spaces"),
        ("</p></a><li>unclosed<b>x", "- unclosedx"),
        ("", ""),
    ],
)
def test_html_becomes_what_a_reader_sees(markup, text):
    assert html_to_text(markup) == text


@given(st.text("<>/abp &;#!-=\"'\n", max_size=80))
def test_any_text_becomes_text(markup):
    assert isinstance(html_to_text(markup), str)


LEFT_OPEN = [
    "<", "<!--", "<!", "<![", "<?", "</", "</a", "<a ", "<a x='", '<a x="', "<a =", "<img src=",
    "<script>", "<style", "<title>", "&", "&#", "&#1", "<b>", "<a href='http://x'>", "\u2003", "\n",
]  # fmt: skip


@pytest.mark.parametrize("unit", LEFT_OPEN)
def test_a_long_text_takes_no_longer_for_what_is_left_open_in_it(unit):
    markup = (unit * 200_000)[:200_000]
    begin = time.process_time()
    html_to_text(markup)
    assert time.process_time() - begin < 2.0


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("a < b and c > d", "a < b and c > d"),
        ("<p title='>'>seen", "seen"),
        ("<p title=it's>seen's", "seen's"),
        ("one<!-- > two -->three", "onethree"),
        ("one<!-- never closed", "one"),
        ("one<![CDATA[two]]>three", "onethree"),
        ("<script>if (a < b) '</p>'</script>seen", "seen"),
        ("<script>never closed", ""),
        ("cut off <a href='https://a.exa", "cut off"),
        (f"&#{'9' * 5000};", "\ufffd"),
    ],
)
def test_what_is_malformed_is_read_as_browsers_do(markup, text):
    assert html_to_text(markup) == text
