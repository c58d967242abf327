"""What an entry says: its texts by their type, its page, its pictures, within bounds."""

import itertools
from pathlib import Path

import orjson
import pytest

from appealbridge.markup import feed as feeds


def entries(body, url, content_type):
    reading = feeds.read(body, url, content_type)
    return reading.entries, reading.notes


FEEDS = Path(__file__).parents[2] / "data" / "feeds"
URL = "https://www.example.police.uk/news/feed"


def rss(inside):
    head = (
        '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom"'
        ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
        ' xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0">'
    )
    return f"{head}<channel><language>en-gb</language><item>{inside}</item></channel></rss>"


def atom(inside, attributes=""):
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" {attributes}>'
        f"<entry>{inside}</entry></feed>"
    )


def read(feed):
    items, notes = entries(feed.encode(), URL, "")
    return items[0], list(notes)


def event_data(feed):
    return read(feed)[0].data


# -- texts by their type --------------------------------------------------------------------------

ESCAPED = "Man&amp;#8217;s &amp;lt;login&amp;gt; &lt;b&gt;page&lt;/b&gt;"
CDATA = "<![CDATA[Man&#8217;s &lt;login&gt; <b>page</b>]]>"


XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">A <b>red</b> car &amp; 5 &lt; 6</div>'


@pytest.mark.parametrize(
    ("feed", "title"),
    [
        (atom(f'<title type="html">{ESCAPED}</title>'), "Man’s <login> page"),
        (atom(f'<title type="html">{CDATA}</title>'), "Man’s <login> page"),
        (atom(f'<title type="text/html">{CDATA}</title>'), "Man’s <login> page"),
        (atom(f'<title type="text">{CDATA}</title>'), "Man&#8217;s &lt;login&gt; <b>page</b>"),
        (atom('<title type="text">Never type your &lt;password&gt; &amp; 5 &lt; 6</title>'),
         "Never type your <password> & 5 < 6"),
        (atom(f'<title type="xhtml">{XHTML}</title>'), "A red car & 5 < 6"),
        (rss(f"<title>{CDATA}</title>"), "Man’s <login> page"),
        (rss(f"<title>{ESCAPED}</title>"), "Man’s <login> page"),
        (rss("<title>Smith&amp;#8217;s &amp;amp; Jones</title>"), "Smith’s & Jones"),
        (rss("<title><![CDATA[Fake site with a <login> page]]></title>"), "Fake site with a <login> page"),
        (rss("<title>Under &lt;script&gt; or 5 &lt; 6</title>"), "Under <script> or 5 < 6"),
        (rss("<title>Fish &amp; chips</title>"), "Fish & chips"),
        (rss("<title>One\n  line\t&amp;#10;only</title>"), "One line only"),
    ],
)  # fmt: skip
def test_a_title_is_read_by_its_type_and_without_one_as_what_it_surely_is(feed, title):
    assert event_data(feed)["title"] == title


@pytest.mark.parametrize(
    ("feed", "text"),
    [
        (atom('<summary type="text">Under &lt;script&gt; or 5 &lt; 6</summary>'), "Under <script> or 5 < 6"),
        (atom('<summary type="text">One\n\n  two  three</summary>'), "One\n\ntwo three"),
        (atom('<summary type="html"><![CDATA[<p>Man&#8217;s</p><p>car</p>]]></summary>'), "Man’s\n\ncar"),
        (atom('<content type="html">&lt;p&gt;Man&amp;#8217;s&lt;/p&gt;</content>'), "Man’s"),
        (atom('<content type="text">5 &lt; 6</content>'), "5 < 6"),
        (atom("<media:group><media:description>A\nDial &lt;9&gt;</media:description></media:group>"), "A\nDial <9>"),
        (rss("<description>&lt;p&gt;Man&amp;#8217;s &amp;amp; car&lt;/p&gt;</description>"), "Man’s & car"),
        (rss("<description><![CDATA[Man&amp;#8217;s car]]></description>"), "Man’s car"),
        (rss("<description>&amp;lt;p&amp;gt;Twice over&amp;lt;/p&amp;gt;</description>"), "Twice over"),
        (rss("<description>Type no &lt;password&gt; &amp; call 101</description>"), "Type no <password> & call 101"),
        (rss("<description><![CDATA[Under <script> or 5 < 6]]></description>"), "Under <script> or 5 < 6"),
        (rss("<description><![CDATA[<table><tr><td>A38<td>closed</table>]]></description>"), "A38 closed"),
        (rss("<content:encoded><![CDATA[<p>Only this</p>]]></content:encoded>"), "Only this"),
    ],
)  # fmt: skip
def test_a_text_is_read_by_its_type_and_without_one_as_what_it_surely_is(feed, text):
    assert event_data(feed)["text"] == text


def test_plain_text_is_told_from_html_wherever_html_is_wanted():
    plain, _ = read(atom('<content type="text">5 &lt; 6 &amp; 7\n\nNo &lt;tag&gt;</content>'))
    assert plain.html == "<p>5 &lt; 6 &amp; 7</p>\n<p>No &lt;tag&gt;</p>"
    html, _ = read(atom('<content type="html">&lt;p&gt;x&lt;/p&gt;</content>'))
    assert html.html == "<p>x</p>"


def test_authors_and_tags_are_without_references_and_line_ends():
    data = event_data(
        rss(
            "<dc:creator><![CDATA[Press &amp; Media\n]]></dc:creator>"
            "<category><![CDATA[Roads &amp;#038; Transport]]></category>"
        )
    )
    assert data["author"] == "Press & Media"
    assert data["tags"] == [{"term": "Roads & Transport", "scheme": ""}]


def test_control_characters_are_taken_out_of_every_text():
    data = event_data(rss("<title>a&#1;b&#x1b;[31m</title><description>c&#8;d</description>"))
    assert (data["title"], data["text"]) == ("ab[31m", "cd")


STYLES = {
    "wordpress.rss": (
        "Appeal after man’s car & bike taken – can you help?",
        "https://www.example.police.uk/news/car-and-bike/",
        "A man’s car and bike were taken from Moseley Road on Tuesday.",
        ["https://www.example.police.uk/wp-content/uploads/2026/11/car-1024x683.jpg"],
    ),
    "wordpress.atom": (
        "Appeal after man’s car & bike taken – can you help?",
        "https://www.example.police.uk/news/car-and-bike/",
        "A man’s car and bike were taken …",
        ["https://www.example.police.uk/news/car-and-bike/car.jpg"],
    ),
    "drupal.rss": (
        "Witnesses sought after collision on A38 & A45",
        "https://www.example.police.uk/news/a38",
        "Witnesses sought after collision on A38 & A45",
        ["https://www.example.police.uk/sites/default/files/a38.jpg"],
    ),
    "joomla.rss": (
        "Can you identify this man?",
        "https://www.example.police.uk/index.php/news/7-identify",
        "Call 101.",
        ["https://www.example.police.uk/images/man.png"],
    ),
    "government.atom": (
        "New rules for drivers & riders: what <you> need to know",
        "https://www.government.example/government/news/road-safety",
        "Minister says: “Don’t text”",
        [],
    ),
    "video.atom": (
        "Find Aisha & bring her home | #MissingPerson",
        "https://www.video.example/watch?v=abc",
        "Aisha was last seen in Digbeth.\nCall 101 <or 999>.",
        ["https://i1.video-img.example/vi/abc/hqdefault.jpg"],
    ),
    "releases.atom": (
        "v2.0: faster <map> & search",
        "https://code.example/force/site/releases/tag/v2.0",
        "What's new\n\n- Faster <map>\n- Search",
        [],
    ),
    "broadcaster.rss": (
        "'My son's bike': police & council in row over <£5,000 scheme",
        "https://www.news.example/news/articles/c1?at_medium=RSS&at_campaign=rss",
        'Officers say the scheme is "fair" & works.',
        ["https://ichef.news.example/ace/standard/240/cps/1.jpg"],
    ),
}


@pytest.mark.parametrize("name", STYLES)
def test_feeds_as_the_programs_write_them_that_the_world_uses(name):
    title, link, begins, images = STYLES[name]
    items, notes = entries((FEEDS / name).read_bytes(), URL, "")
    data = items[0].data
    assert (data["title"], data["link"]) == (title, link)
    assert data["text"].startswith(begins)
    assert [image["url"] for image in data["images"]] == images
    assert list(notes) == []
    # Everything that is public is free of markup and of what HTML writes instead of letters.
    public = f"{data['title']} {data['text']} {data.get('author')} {data['tags']}"
    assert "&#" not in public
    assert "&amp;" not in public
    assert "</" not in public


# -- ids and pages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "guid"),
    [
        ('<guid isPermaLink="false" xml:lang="en">WMP/42</guid>', "WMP/42"),
        ("<guid\n isPermaLink = 'false' >\n WMP 42 \n</guid>", "WMP 42"),
        ('<guid domain="x"><![CDATA[ 42 ]]></guid>', "42"),
        ("<guid isPermaLink='true'>/news/42</guid>", "/news/42"),
        ("<guid>https://x.uk/1#a</guid>", "https://x.uk/1#a"),
    ],
)
def test_an_id_is_as_it_stands_in_the_feed_whatever_attributes_it_has(inside, guid):
    assert read(rss(inside))[0].guid == guid
    as_atom = inside.replace("guid", "id")
    assert read(atom(as_atom))[0].guid == guid


LINK = '<link href="https://x.uk/1"'
WELSH, ENGLISH = (f'<link hreflang="{each}" href="https://x.uk/{each}"/>' for each in ("cy", "en"))


@pytest.mark.parametrize(
    ("feed", "link"),
    [
        (atom(f'{LINK} rel="alternate" type="text/html; charset=utf-8"/>'), "https://x.uk/1"),
        (atom(f'{LINK} type="TEXT/HTML;charset=utf-8"/>'), "https://x.uk/1"),
        (atom(f"{LINK}/>"), "https://x.uk/1"),
        (atom(f'{LINK}/><link rel="enclosure" type="image/jpeg">https://i.uk/4.jpg?w=1</link>'), "https://x.uk/1"),
        (atom('<link rel="enclosure" href="https://i.uk/4.jpg"/>'), ""),
        (atom("<link>https://x.uk/1</link>"), ""),
        (atom('<link rel="self" href="https://x.uk/1.atom"/><link rel="edit" href="https://x.uk/e"/>'), ""),
        (atom(f'<link type="application/atom+xml" href="https://x.uk/1.atom"/>{LINK}/>'), "https://x.uk/1"),
        (atom('<link type="application/pdf" href="https://x.uk/1.pdf"/>'), "https://x.uk/1.pdf"),
        (atom(f'<link type="application/pdf" href="https://x.uk/1.pdf"/>{LINK}/>'), "https://x.uk/1"),
        (atom(f'{LINK}/><link href="https://x.uk/2"/>'), "https://x.uk/1"),
        (atom(WELSH + ENGLISH, 'xml:lang="en-GB"'), "https://x.uk/en"),
        (atom(WELSH + LINK + "/>", 'xml:lang="en"'), "https://x.uk/1"),
        (atom(ENGLISH + WELSH, 'xml:lang="cy"'), "https://x.uk/cy"),
        (atom('<link href="/a b"/>', 'xml:base="https://x.uk/"'), "https://x.uk/a%20b"),
        (rss('<link>https://x.uk/1</link><atom:link rel="alternate" hreflang="cy" href="https://x.uk/cy"/>'), "https://x.uk/1"),
        (rss('<link>https://x.uk/1</link><atom:link rel="self" href="https://x.uk/rss"/>'), "https://x.uk/1"),
        (rss("<guid>https://x.uk/1</guid>"), "https://x.uk/1"),
        (rss('<guid isPermaLink="false">https://x.uk/1</guid>'), ""),
        (rss("<link>//x.uk/1</link>"), "https://x.uk/1"),
        (rss("<link>/1</link>"), "https://www.example.police.uk/1"),
        (rss("<link>https://proxy.example/~r/1</link><feedburner:origLink>https://x.uk/1</feedburner:origLink>"), "https://x.uk/1"),
        (rss(f"<link>https://x.uk/{'x' * 3000}</link>"), ""),
        (rss("<link>http://[</link>"), ""),
    ],
)  # fmt: skip
def test_the_page_is_the_link_and_nothing_else_is(feed, link):
    assert read(feed)[0].link == link


# -- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "images"),
    [
        ('<media:content width="140" url="https://i.uk/1"/>', ["https://i.uk/1"]),
        ('<media:content url="https://i.uk/1.JPG?w=140"/>', ["https://i.uk/1.JPG?w=140"]),
        ('<media:content url="/img/3.jpg" medium="image"/>', ["https://www.example.police.uk/img/3.jpg"]),
        ('<media:group><media:content url="//i.uk/3.webp"/></media:group>', ["https://i.uk/3.webp"]),
        ('<media:content url="https://i.uk/1.mp4" width="640"/>', []),
        ('<media:content url="https://i.uk/1" type="video/mp4" width="640"/>', []),
        ('<media:content url="https://i.uk/1.jpg" medium="video"/>', []),
        ('<media:content url="https://i.uk/1" type="application/x-shockwave-flash" width="640"/>', []),
        ("".join(f'<media:content url="https://i.uk/a.jpg?w={w}" width="{w}"/>' for w in (140, 700, 460)),
         ["https://i.uk/a.jpg?w=700"]),
        ('<enclosure url="/img/2.jpg" type="image/jpeg" length="0"/>', ["https://www.example.police.uk/img/2.jpg"]),
        ('<enclosure url="https://i.uk/2.png"/>', ["https://i.uk/2.png"]),
        ('<enclosure url="https://i.uk/2.png" type="application/octet-stream"/>', ["https://i.uk/2.png"]),
        ('<enclosure url="https://i.uk/2" type="image"/>', ["https://i.uk/2"]),
        ('<enclosure url="https://i.uk/2.pdf" type="application/pdf"/>', []),
        ('<description><![CDATA[<img src="i/4.jpg">]]></description>', ["https://www.example.police.uk/news/i/4.jpg"]),
        ('<description><![CDATA[<img src="https://i.uk/dot.gif" width="1" height="1">]]></description>', []),
        ('<description><![CDATA[<img src="data:image/png;base64,AAAA">]]></description>', []),
        ('<description><![CDATA[<img src="https://i.uk/4.jpg#hint">]]></description>', ["https://i.uk/4.jpg"]),
        ('<media:thumbnail url="/t.jpg"/>', ["https://www.example.police.uk/t.jpg"]),
        ('<media:thumbnail url="/t.jpg"/><enclosure url="https://i.uk/2.png" type="image/png"/>', ["https://i.uk/2.png"]),
        ('<media:thumbnail url="/t.jpg" width="30"/>', []),
        ('<itunes:image href="/cover.png"/>', ["https://www.example.police.uk/cover.png"]),
        ('<media:content url="javascript:x.jpg"/>', []),
        (f'<media:content url="https://i.uk/{"x" * 3000}.jpg"/>', []),
    ],
)  # fmt: skip
def test_every_picture_is_found_with_its_whole_address_and_nothing_else_is_one(inside, images):
    assert [image["url"] for image in event_data(rss(inside))["images"]] == images


def test_enclosures_have_their_whole_address():
    data = event_data(
        rss('<enclosure url="/a.pdf" type="application/pdf"/><enclosure url="javascript:x"/>')
    )
    assert data["enclosures"] == [
        {"url": "https://www.example.police.uk/a.pdf", "type": "application/pdf"}
    ]


# -- dates ----------------------------------------------------------------------------------------


def test_a_date_that_cannot_be_read_is_missing_and_told():
    entry, notes = read(rss("<pubDate>05/03/2019 09:00</pubDate>"))
    assert (entry.time, "published" in entry.data) == (None, False)
    assert notes == ["the date of 1 item cannot be read"]


def test_a_zone_is_read_as_it_is_meant_in_britain():
    entry, notes = read(rss("<pubDate>Fri, 19 Jun 2026 17:00:00 BST</pubDate>"))
    assert (entry.data["published"], notes) == ("2026-06-19T16:00:00Z", [])


def test_the_only_date_of_an_item_of_rss_is_that_of_its_publishing():
    data = event_data(rss("<dc:date>2026-06-19T16:00:00Z</dc:date>"))
    assert data["published"] == data["updated"] == "2026-06-19T16:00:00Z"
    assert "published" not in event_data(atom("<updated>2026-06-19T16:00:00Z</updated>"))


def test_dates_of_languages_that_only_the_parser_knows_are_read():
    entry, _ = read(rss("<pubDate>Κυρ, 11 Ιούλ 2004 12:00:00 EST</pubDate>"))
    assert entry.data["published"] == "2004-07-11T17:00:00Z"


# -- what a reader sees ---------------------------------------------------------------------------

ITEM = "<title>Aisha</title><link>https://x.uk/1</link><description>&lt;p&gt;A red coat&lt;/p&gt;{}</description>"
UNSEEN = [
    ITEM.format("").replace("&lt;p&gt;", "&lt;p class='x' data-nonce='1'&gt;"),
    ITEM.format("").replace("A red", "A  \n red"),
    ITEM.format("&lt;!-- 12:00 --&gt;"),
    ITEM.format("&lt;img src='https://x.uk/count?12' width='1' height='1'&gt;"),
    ITEM.format("").replace("https:", "http:"),
    ITEM.format("") + "<pubDate>Fri, 19 Jun 2026 17:00:00 BST</pubDate><category>x</category>",
]
SEEN = [
    ITEM.format("").replace("red", "blue"),
    ITEM.format("").replace("Aisha", "Aisha, 14"),
    ITEM.format("").replace("x.uk/1", "x.uk/2"),
    ITEM.format("&lt;img src='https://x.uk/a.jpg'&gt;"),
    ITEM.format("") + "<content:encoded>More</content:encoded>",
]


def test_only_what_a_reader_sees_makes_an_entry_another():
    before = read(rss(ITEM.format("")))[0].seen
    assert {read(rss(inside))[0].seen for inside in UNSEEN} == {before}
    after = [read(rss(inside))[0].seen for inside in SEEN]
    assert len({before, *after}) == len(SEEN) + 1


# -- bounds ---------------------------------------------------------------------------------------


def total(values):
    return sum(len(orjson.dumps(entry.data)) for entry in values)


def test_a_small_feed_does_not_become_a_large_one():
    """A long base makes every relative address as long; what is left of it is short or nothing."""
    for base, links in itertools.product((1000, 20_000), (40, 2000)):
        link = "<link rel='enclosure' href='1.jpg'/>" * links
        inside = f"<id>1</id><title>x</title>{link}" + "</entry><entry>" + f"<id>2</id>{link}"
        feed = atom(inside, f'xml:base="http://x.uk/{"b" * base}/"').encode()
        items, _ = entries(feed, URL, "")
        assert total(items) < 3 * len(feed) + 1024 * 1024


def test_a_text_that_is_too_long_is_cut_at_a_word_and_told():
    text = "word " * 60_000
    entry, notes = read(
        rss(f"<title>x</title><link>https://x.uk/1</link><description>{text}</description>")
    )
    assert entry.data["text"].endswith("word …")
    assert {"title", "link"} < set(entry.data)
    assert len(orjson.dumps(entry.data)) <= 256 * 1024
    assert notes == ["the texts of 1 entries are longer than 256 KiB and were cut"]


def test_the_same_text_is_not_kept_thrice():
    text = "w " * 60_000
    inside = f"<description>{text}</description><content:encoded>{text}</content:encoded>"
    items, _ = entries(rss(inside).encode(), URL, "")
    assert total(items) <= 256 * 1024


def test_all_entries_together_have_a_bound():
    item = "</item><item><guid>{}</guid><description>" + "w " * 50_000 + "</description>"
    feed = rss("".join(item.format(number) for number in range(90))).encode()
    items, notes = entries(feed, URL, "")
    assert total(items) <= 16 * 1024 * 1024
    left = 91 - len(items)
    assert notes == [f"{left} entries were left out: together they are too long to store"]


def test_lists_have_a_bound():
    data = event_data(
        rss("".join(f"<category>{n}</category><enclosure url='/{n}'/>" for n in range(500)))
    )
    assert len(data["tags"]) == len(data["enclosures"]) == 100
