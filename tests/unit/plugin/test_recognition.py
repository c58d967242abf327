import time
from dataclasses import replace
from email.utils import formatdate

import pytest

from appealbridge.plugin import Receipt
from appealbridge.plugin.http import Reply
from appealbridge.plugin.recognition import (
    BEFORE,
    SLACK,
    TAKEN_FOR_A_REPEAT,
    Post,
    canonical,
    clock_ahead,
    letters,
    listed_since,
    match_timeline,
    refused_as_repeat,
    shown,
    since,
)
from appealbridge.testing.channel_case import NOW, a_delivery

TEXT = "MISSING: Aisha & Ben https://example.police.uk/a/412"


def a_post(text=TEXT, time=NOW + 1, number="7"):
    return Post(text, Receipt(number, f"https://x.com/i/status/{number}", time))


@pytest.mark.parametrize(
    "shown",
    [
        TEXT,
        "MISSING: Aisha &amp; Ben https://example.police.uk/a/412",
        "MISSING: Aisha & Ben http://www.example.police.uk/a/412/",
        " MISSING:  Aisha & Ben\nhttps://example.police.uk/a/412 ",
        "MISSING: Aisha & Ben example.police.uk/a/412",
        "MISSING: Aisha & Ben www.example.police.uk/a/412",
        "MISSING: Aisha & Ben https://EXAMPLE.police.uk/a%2F412",
    ],
)
def test_a_post_is_known_again_however_it_was_rewritten(shown):
    assert canonical(shown) == canonical(TEXT)


A_TAG = '<a href="https://m.example/tags/missing" class="mention hashtag" rel="tag">#<span>Missing</span></a>'
A_NAME = (
    '<span class="h-card" translate="no"><a href="https://police.example/@desk" class="u-url mention">@'
    "<span>desk</span></a></span>"
)
A_LINK = (
    '<a href="https://www.example.police.uk/a/very/long/way/to/it?a=1&amp;b=2" target="_blank" '
    'rel="nofollow noopener" translate="no"><span class="invisible">https://www.</span>'
    '<span class="ellipsis">example.police.uk/a/very/long/</span>'
    '<span class="invisible">way/to/it?a=1&amp;b=2</span></a>'
)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (f"<p>{A_TAG} Aisha, 14</p>", "#Missing Aisha, 14"),
        (f"<p>Ask {A_NAME}, please</p>", "Ask @desk@police.example, please"),
        (f"<p>Ask {A_NAME}</p>", "Ask @Desk@Police.Example"),
        (f"<p>See {A_LINK}</p>", "See https://www.example.police.uk/a/very/long/way/to/it?a=1&b=2"),
        (
            '<p>See <a href="https://example.org/a/b/c">example.org/a…</a></p>',
            "See https://example.org/a/b/c",
        ),
        (
            '<a href="https://example.org/s%C3%B6me">https://example.org/söme</a>',
            "https://example.org/söme",
        ),
        ("<p>one<br />two</p><p>three</p>", "one\ntwo\n\nthree"),
        ("<p>one<br>two</p>", "one\r\ntwo"),
        (
            '<p>A <img class="emojione" alt=":police_car:" src="x"> there</p>',
            "A :police_car: there",
        ),
        ("<p>&lt;b&gt; &amp;amp; &quot;it&#39;s&quot;</p>", '<b> &amp; "it\'s"'),
        ("<p>It’s “so” – and more…</p>", 'It\'s "so" - and more...'),
        ("<p>caf\u00e9 \ufb01re</p>", "cafe\u0301 fire"),
        ("<p>https://xn--bcher-kva.example/</p>", "https://bücher.example"),
        ('<p>#<a href="https://m.example/tag">Missing</a></p>', "#Missing"),
        ('<p>In <a href="https://m.example/tag">#Missing</a></p>', "In #Missing"),
        ('<p>See <a href="/about">about</a></p>', "See about"),
        ("plain &amp; simple", "plain & simple"),
    ],
)
def test_what_a_reader_sees_of_a_post_is_its_text(markup, text):
    assert canonical(shown(markup)) == canonical(text)


def test_a_link_under_other_words_is_told_with_both():
    assert shown('<a href="https://example.org/a">the page</a>') == "the page https://example.org/a"


@pytest.mark.parametrize(
    "shown",
    ["Ask @desk now", "Ask :desk: now https://t.co/abc", "Ask now", "ask @other@b.example now!"],
)
def test_what_platforms_show_in_a_way_of_their_own_leaves_it_to_a_person(shown):
    text = "Ask @desk@police.example now https://example.police.uk/a"
    sought = match_timeline(text, [a_post(shown)], a_delivery(), whole=True, place="here")
    assert (sought.receipt, sought.sure) == (None, False)


def test_a_source_goes_before_what_is_shown():
    ours = replace(a_post("MISSING: *Aisha*"), source=TEXT)
    assert match_timeline(TEXT, [ours], a_delivery(), whole=True, place="here").receipt
    other = replace(a_post(), source="MISSING: Aisha and Ben, found")
    sought = match_timeline(TEXT, [other], a_delivery(), whole=True, place="here")
    assert (sought.receipt, sought.sure) == (None, False)


@pytest.mark.parametrize("make", [canonical, letters, shown])
def test_reading_a_long_hostile_text_takes_time_by_its_length(make):
    def cost(text):
        begin = time.process_time()
        make(text)
        return time.process_time() - begin

    for sign in ("@", "@a", "@a@", "a.", "xn--", "&amp;", "%25", ":a:", "<a href=x>", "’", "&#38;"):
        short, long = cost(sign * 4000), cost(sign * 16_000)
        assert long < 12 * max(short, 0.005), sign


@pytest.mark.parametrize("shown", ["", "MISSING: Aisha & Ben", TEXT + "3", "Found: Aisha"])
def test_another_post_is_another(shown):
    assert canonical(shown) != canonical(TEXT)


def test_accents_are_composed_before_they_are_compared():
    assert canonical("cafe\u0301") == canonical("café")


def test_what_stands_there_is_found():
    sought = match_timeline(
        TEXT, [a_post("other"), a_post()], a_delivery(), whole=True, place="here"
    )
    assert (sought.receipt, sought.sure) == (a_post().receipt, True)


def test_the_newest_of_two_is_taken():
    posts = [a_post(number="9"), a_post(number="8")]
    assert match_timeline(TEXT, posts, a_delivery(), whole=True, place="here").receipt.id == "9"


def test_a_post_without_time_is_found():
    assert match_timeline(TEXT, [a_post(time=None)], a_delivery(), whole=True, place="here").receipt


@pytest.mark.parametrize("wanted", ["17", None])
def test_a_post_that_replies_to_another_is_not_it(wanted):
    posts = [replace(a_post(), replies_to="18")]
    sought = match_timeline(TEXT, posts, a_delivery(), whole=True, place="here", replies_to=wanted)
    assert (sought.receipt, sought.sure) == (None, True)


def test_a_reply_is_found_by_what_it_replies_to():
    posts = [replace(a_post(number=n), replies_to=post) for n, post in (("9", "18"), ("8", "17"))]
    sought = match_timeline(TEXT, posts, a_delivery(), whole=True, place="here", replies_to="17")
    assert sought.receipt.id == "8"


def test_whether_a_post_that_names_none_is_the_reply_is_for_a_person():
    """A platform may no longer name a post that was deleted."""
    sought = match_timeline(TEXT, [a_post()], a_delivery(), whole=True, place="x", replies_to="17")
    assert (sought.receipt, sought.sure) == (None, False)
    assert "a post that replies to none has the same text: https://x.com/i/" in sought.seen


def test_a_reply_to_a_post_that_is_no_longer_known_is_found_by_its_text():
    posts = [replace(a_post(), replies_to="18")]
    delivery = a_delivery(follows="an-earlier-one")
    assert match_timeline(TEXT, posts, delivery, whole=True, place="here").receipt.id == "7"


def test_what_does_not_stand_among_all_is_surely_absent():
    sought = match_timeline(TEXT, [a_post("other")], a_delivery(), whole=True, place="the timeline")
    assert (sought.receipt, sought.sure) == (None, True)
    assert "searched 1 posts on the timeline since" in sought.seen


def test_what_does_not_stand_among_some_cannot_be_told():
    sought = match_timeline(TEXT, [a_post("other")], a_delivery(), whole=False, place="here")
    assert (sought.receipt, sought.sure) == (None, False)


@pytest.mark.parametrize(
    "shown",
    ["MISSING: Aisha & Ben https://t.co/abcdefghij", "MISSING - Aisha & Ben!", "Missing Aisha Ben"],
)
def test_a_post_that_is_merely_alike_is_for_a_person(shown):
    sought = match_timeline(TEXT, [a_post(shown)], a_delivery(), whole=True, place="here")
    assert (sought.receipt, sought.sure) == (None, False)
    assert "https://x.com/i/status/7" in sought.seen


def test_two_posts_of_nothing_but_links_are_not_alike():
    posts = [a_post("https://example.police.uk/a/1")]
    assert match_timeline(
        "https://example.police.uk/a/2", posts, a_delivery(), whole=True, place="here"
    ).sure


def test_the_same_text_from_before_is_for_a_person():
    sought = match_timeline(TEXT, [a_post(time=NOW - 3600)], a_delivery(), whole=True, place="here")
    assert (sought.receipt, sought.sure) == (None, False)
    assert "https://x.com/i/status/7" in sought.seen


def test_a_clock_that_was_set_back_by_minutes_leaves_it_to_a_person():
    dated = since(a_delivery()) - BEFORE + 1
    assert dated > listed_since(a_delivery())
    sought = match_timeline(TEXT, [a_post(time=dated)], a_delivery(), whole=True, place="here")
    assert (sought.receipt, sought.sure) == (None, False)


def test_what_was_listed_until_before_the_attempt_is_all_there_is():
    posts = [a_post("other"), a_post("another", time=since(a_delivery()) - 1)]
    assert match_timeline(TEXT, posts, a_delivery(), whole=False, place="here").sure
    assert not match_timeline(TEXT, posts[:1], a_delivery(), whole=False, place="here").sure


def test_a_repeat_that_is_nowhere_is_for_a_person():
    delivery = a_delivery(reason=f"POST …: 403 {TAKEN_FOR_A_REPEAT}: no")
    assert refused_as_repeat(delivery)
    assert match_timeline(TEXT, [], delivery, whole=True, place="here").sure is False


def test_a_platform_whose_clock_is_behind_is_believed():
    assert match_timeline(
        TEXT, [a_post(time=NOW - 30)], a_delivery(), whole=True, place="here"
    ).receipt


def test_the_look_begins_at_the_first_attempt():
    assert since(a_delivery(first_begun_at=NOW - 500)) == NOW - 500 - SLACK
    assert since(a_delivery(first_begun_at=None, planned_at=NOW - 9)) == NOW - 9 - SLACK


@pytest.mark.parametrize(
    ("now", "theirs", "ahead"),
    [
        (NOW + 5, NOW + 4, 0.0),
        (NOW + 5, NOW - 300, 305.0),
        (NOW + 5, NOW + 900, 0.0),
        (
            NOW - 900,
            NOW - 900,
            900.0,
        ),  # ours was ahead at the attempt, and has been set right since
    ],
)
def test_how_far_our_clock_is_ahead_is_told_by_an_answers_date(now, theirs, ahead):
    reply = Reply(200, {"Date": formatdate(theirs, usegmt=True)}, b"", now=now)
    assert clock_ahead(reply, a_delivery()) == ahead


@pytest.mark.parametrize("date", [{}, {"Date": "yesterday"}])
def test_an_answer_without_a_date_says_nothing_of_our_clock(date):
    assert clock_ahead(Reply(200, date, b"", now=NOW), a_delivery()) == 0.0


def test_a_post_of_now_is_found_although_our_clock_is_ahead():
    posts = [a_post(time=NOW - 300)]
    sought = match_timeline(TEXT, posts, a_delivery(), whole=True, place="here", ahead=305.0)
    assert sought.receipt


def test_where_more_stands_than_can_be_compared_nobody_can_tell():
    posts = [a_post("another " * 2000) for _ in range(10)]
    sought = match_timeline(TEXT, posts, a_delivery(), whole=True, place="here")
    assert (sought.receipt, sought.sure) == (None, False)
    assert match_timeline(TEXT, [*posts, a_post()], a_delivery(), whole=True, place="here").receipt


@pytest.mark.parametrize("between", ["<br>", "<br />", "</p><p>"])
def test_a_link_on_a_line_of_its_own_does_not_run_into_the_words_before(between):
    link = '<a href="https://example.org/a">https://example.org/a</a>'
    assert shown(f"<p>@gone@nowhere.invalid{between}{link}</p>").split() == [
        "@gone@nowhere.invalid",
        "https://example.org/a",
    ]
