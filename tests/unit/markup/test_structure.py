"""A feed is what stands between its beginning and its end, and no entry reads otherwise for what is wrong beside it."""

import pytest

from appealbridge.markup.feed import read
from appealbridge.markup.structure import ENTITY_LIMIT, EXPANSION_LIMIT
from appealbridge.model.errors import SourceDown

URL = "https://www.example.police.uk/feed"
DECLARED = '<?xml version="1.0" encoding="UTF-8"?>\n'


def item(number, title="Man&#8217;s car &amp; bike", more=""):
    return (
        f'<item><title>{title} {number}</title><link>https://x.uk/{number}</link><guid isPermaLink="false">{number}'
        f"</guid><description><![CDATA[<p>Text&nbsp;of {number}</p>]]></description>{more}</item>"
    )


def rss(*items, head=DECLARED, tail=""):
    inside = "".join(items or map(item, (1, 2, 3)))
    return f'{head}<rss version="2.0"><channel><title>t</title>{inside}</channel></rss>{tail}'


def entry(number, title="Man’s car", more=""):
    return (
        f'<entry><title type="html">{title} {number}</title><id>{number}</id>'
        f'<link href="https://x.uk/{number}"/>{more}</entry>'
    )


def atom(*entries, tail=""):
    inside = "".join(entries or map(entry, (1, 2, 3)))
    return (
        f'{DECLARED}<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{inside}</feed>{tail}'
    )


def entries_of(feed):
    """What a reader sees of each entry, by its id."""
    reading = read(feed.encode(), URL, "")
    return {entry.guid: entry.seen for entry in reading.entries}, reading


RSS, _ = entries_of(rss())
ATOM, _ = entries_of(atom())
REMAINS = "tle><guid>9</guid></item><item><title>Old</title><guid>8</guid></item></channel></rss>"
WARNING = (
    "<br />\n<b>Warning</b>: Undefined variable $x in <b>/feed.php</b> on line <b>3</b><br />\n"
)
BEHIND = {
    "a comment": "\n<!-- cached at 12:00 -->" + " " * 400,
    "a warning": WARNING * 5,
    "a bare sign": "& <",
    "another feed": rss(item(9)),
    "the end of a longer one": REMAINS,
    "zeros": "\0" * 300,
    "a page": "<html><body><p>x</body></html>",
}


@pytest.mark.parametrize("tail", BEHIND.values(), ids=BEHIND)
def test_what_stands_behind_the_end_hides_nothing_and_makes_nothing_new(tail):
    for feed, alone in ((rss(tail=tail), RSS), (atom(tail=tail), ATOM)):
        entries, reading = entries_of(feed)
        assert entries == alone
        assert (reading.notes, reading.whole) == ([], True)


@pytest.mark.parametrize(
    "before",
    [WARNING, "\n\n  ", "\ufeff", "<!DOCTYPE html><html><body>", "<!-- cached -->", "junk & <"],
)
def test_what_stands_before_the_beginning_does_neither(before):
    assert entries_of(before + rss())[0] == RSS
    assert entries_of(before + atom())[0] == ATOM


@pytest.mark.parametrize("cut", range(60, 560, 23))
def test_where_a_feed_breaks_off_every_entry_read_is_whole(cut):
    entries, reading = entries_of(rss()[:cut])
    assert entries.items() <= RSS.items()
    assert len(entries) == rss()[:cut].count("</item>")
    assert not reading.whole
    assert "the feed breaks off; an entry that is not whole was left out" in reading.notes


@pytest.mark.parametrize("feed", [rss(), atom(), atom()[: -len("</feed>")] + " </feed>\n"])
def test_a_feed_that_ends_is_whole(feed):
    assert read(feed.encode(), URL, "").whole


WRONG = {
    "a tag that does not match": '<item><title>Odd <b>x</title><guid isPermaLink="false">odd</guid></item>',
    "an item that is not closed": item("odd").removesuffix("</item>"),
    "an attribute that stands there twice": item("odd").replace("<title>", '<title a="1" a="2">'),
    "an attribute without quotes": item("odd").replace("<title>", "<title a=1>"),
    "a bare &": item("odd", "Fish & chips"),
    "a bare <": item("odd", "5 < 6"),
    "a name of HTML's": item("odd", "Caf&eacute;&nbsp;"),
    "a control character": item("odd", "a\x08b&#7;"),
    "no character at all": item("odd", "&#xD800;&#99999999999;"),
    "the end of a section": item("odd", "a ]]> b"),
    "a prefix that nobody declared": item("odd", more="<media:content url='/a.jpg' medium='image'/><x:y z:a='b'/>"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_one_entry_changes_no_other(wrong):
    entries, reading = entries_of(rss(item(1), wrong, item(2), item(3)))
    assert entries.pop("odd")
    assert entries == RSS
    assert reading.notes[0].startswith("the feed is malformed")


@pytest.mark.parametrize(
    ("title", "read_as"),
    [
        ("Fish & chips", "Fish & chips"),
        ("5 < 6", "5 < 6"),
        ("Caf&eacute;", "Café"),
        ("a\x08b&#7;c", "abc"),
        ("a ]]> b", "a ]]> b"),
        ("&rsquo;&unknown;", "’&unknown;"),
    ],
)
def test_what_is_certainly_meant_is_read_as_if_it_had_been_written_well(title, read_as):
    reading = read(rss(item("", title)).encode(), URL, "")
    assert reading.entries[0].data["title"] == read_as


def test_a_prefix_that_is_forgotten_means_what_it_always_means():
    feed = rss(item(1, more="<media:content url='/a.jpg' medium='image'/>"))
    assert read(feed.encode(), URL, "").entries[0].data["images"] == [
        {"url": "https://www.example.police.uk/a.jpg", "alt": ""}
    ]


def declaring(entities):
    return f'<?xml version="1.0"?><!DOCTYPE rss [{entities}]>'


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY apos8 "&#8217;"><!ENTITY nbsp "&#160;">',
        "<!ENTITY apos8 '&#x2019;'>",
        '<!ENTITY apos8 "’"><!ENTITY amp "&#38;#38;"><!ENTITY lt "&#38;#60;">',
    ],
)
def test_entities_that_stand_for_letters_are_read(entities):
    feed = rss(item(1, "Man&apos8;s car &amp; bike"), item(2), item(3), head=declaring(entities))
    entries, reading = entries_of(feed)
    assert (entries, reading.notes) == (RSS, [])


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY a PUBLIC "x" "https://x.example/">',
        '<!ENTITY % a "x">',
        '<!ENTITY a "<b>x</b>">',
        f'<!ENTITY a "{"x" * 300}">',
        "<!ENTITY a 'x'>" * (ENTITY_LIMIT + 1),
        "<!EnTiTy a 'x'>",
    ],
)
def test_entities_that_stand_for_more_are_refused(entities):
    with pytest.raises(SourceDown, match="declares entities"):
        read(rss(head=declaring(entities)).encode(), URL, "")


def test_all_uses_of_entities_together_have_a_bound():
    uses = "&a;" * (EXPANSION_LIMIT // 200 + 1)
    feed = rss(item(1, uses), head=declaring(f'<!ENTITY a "{"x" * 200}">'))
    with pytest.raises(SourceDown, match="come to more than any feed needs"):
        read(feed.encode(), URL, "")


def test_a_document_type_that_stands_elsewhere_is_never_fetched():
    head = (
        DECLARED
        + '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://127.0.0.1:1/x.dtd">'
    )
    assert entries_of(rss(head=head))[0] == RSS


def test_a_later_version_of_xml_is_read_as_the_first():
    assert entries_of(rss(head='<?xml version="1.1" encoding="utf-8"?>'))[0] == RSS


def test_an_entry_in_a_comment_is_none():
    entries, _ = entries_of(rss(item(1), f"<!-- {item(2)} -->", item(3)))
    assert entries == {guid: item for guid, item in RSS.items() if guid != "2"}


def test_each_of_many_malformed_entries_is_read():
    wrong = "".join(f"<item><title>x</b></title><guid>{n}</guid></item>" for n in range(200))
    reading = read(rss(wrong).encode(), URL, "")
    assert len(reading.entries) == 200
