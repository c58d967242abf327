import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.markup.text import html_to_lines, html_to_text, is_marked_up, unsure_to_text

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
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
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


# -- one reader for the text of an event, the text of a mail and the filter `plain` -------------------

APART = [
    ("<table><tr><th>Road</th><td>A38</td></tr><tr><th>Delay</th><td>40 min</td></tr></table>",
     "Road A38\nDelay 40 min"),
    ("<table><caption>Roads</caption><thead><tr><td>A38<td>closed</thead><tfoot><tr><td>x</table>",
     "Roads\nA38 closed\nx"),
    ("<blockquote>Call 101</blockquote>Thank you<section>The force</section>end",
     "Call 101\nThank you\nThe force\nend"),
    ("<dl><dt>From</dt><dd>J5</dd><dt>To</dt><dd>J6</dd></dl>", "From\nJ5\nTo\nJ6"),
    ("<figure><img src=x><figcaption>Aisha</figcaption></figure>She is 14", "Aisha\nShe is 14"),
    ("<details><summary>More</summary>Red coat</details>end", "More\nRed coat\nend"),
    ("<fieldset><legend>Who</legend>Aisha</fieldset>end", "Who\nAisha\nend"),
    ("<select><option>A<option>B</select>", "A\nB"),
    ("<h1>One</h1><hgroup><p>Two</p></hgroup><main>Three</main><aside>Four</aside>", "One\nTwo\nThree\nFour"),
    ("one<hr>two<br>three<center>four</center>five", "one\ntwo\nthree\nfour\nfive"),
    ("<div>a<div>b</div>c</div><pre>d</pre>e<address>f</address>g", "a\nb\nc\nd\ne\nf\ng"),
    ("<b>a</b> <i>b</i><u>c</u>", "a bc"),
    ("<head><title>t</title><p>seen", "seen"),
]  # fmt: skip


@pytest.mark.parametrize(("markup", "lines"), APART)
def test_words_of_different_cells_and_blocks_stay_apart_wherever_html_is_read(markup, lines):
    assert html_to_lines(markup) == lines
    assert [line for line in html_to_text(markup).split("\n") if line] == lines.split("\n")


def test_a_list_has_a_mark_before_each_point_and_no_empty_line_between():
    markup = "<p>Look for:</p><ul><li>a van</li><li>a <b>red</b> coat</li></ul><p>Call 101</p>"
    assert html_to_text(markup) == "Look for:\n\n- a van\n- a red coat\n\nCall 101"
    assert html_to_lines(markup) == "Look for:\na van\na red coat\nCall 101"


UNITS = [
    *LEFT_OPEN,
    "<td>",
    "<li>",
    "<p>",
    "</title>",
    "<head><title>",
    "&amp;lt;b&gt;",
    "<x ",
    "</x",
    "<b x=1>",
]


@pytest.mark.parametrize("read", [html_to_text, html_to_lines, unsure_to_text, is_marked_up])
@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_takes_twice_the_work_at_most(unit, read):
    def work(length):
        markup = (unit * length)[:length]
        begin = time.process_time()
        read(markup)
        return time.process_time() - begin

    assert work(160_000) < 4 * work(80_000) + 0.1


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("Smith&#8217;s &amp; Jones", "Smith’s & Jones"),
        ("Man&amp;#8217;s car", "Man’s car"),
        ("Fake site with a <login> page", "Fake site with a <login> page"),
        ("<b>Fake</b> site with a <login> page", "Fake site with a <login> page"),
        ("5 < 6 & 7 > 3", "5 < 6 & 7 > 3"),
        ("AT&T; a?x=1&copy=2", "AT&T; a?x=1&copy=2"),
        ("<p>Appeal", "Appeal"),
        ("One<br/>Two", "One\nTwo"),
        ("Appeal<!-- draft -->", "Appeal"),
        ("Never type <script> here", "Never type <script> here"),
    ],
)
def test_what_does_not_say_whether_it_is_html_loses_only_what_surely_is(values, text):
    assert unsure_to_text(values) == text


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("plain & simple, 5 < 6", False),
        ("never type your <password> at <login>", False),
        ("Under <script> or <6", False),
        ("<p>x", True),
        ("x<br />y", True),
        ("<foo>x</foo>", True),
        ('<x href="y">', True),
        ("<!-- x -->", True),
        ("<td>x", True),
    ],
)
def test_markup_is_told_from_words_in_angle_brackets(text, marked):
    assert is_marked_up(text) is marked
