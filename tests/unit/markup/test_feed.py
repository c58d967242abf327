"""What a feed's bytes say, from feeds as they really come and as nobody should send them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appealbridge.markup import feed as feeds
from appealbridge.markup.structure import ENTRY_LIMIT
from appealbridge.plugin import SourceDown


def entries(body, url, content_type):
    reading = feeds.read(body, url, content_type)
    return reading.entries, reading.notes


FEEDS = Path(__file__).parents[2] / "data" / "feeds"
URL = "https://www.example.police.uk/appeals/rss"


def read(body, content_type="application/rss+xml"):
    content = (FEEDS / body).read_bytes() if isinstance(body, str) else body
    return entries(content, URL, content_type)


def rss(inside, head=b'<?xml version="1.0"?>'):
    return head + b'<rss version="2.0"><channel>' + inside + b"</channel></rss>"


def test_an_rss_item_is_told_with_all_its_parts():
    [aisha, *_], notes = read("appeals.rss")
    assert (aisha.guid, aisha.link) == (
        "WMP-2026-0412", "https://www.example.police.uk/appeals/aisha"
    )  # fmt: skip
    assert aisha.time == 1_790_004_800.0
    assert aisha.data == {
        "title": "Missing: Aisha, 14",
        "link": "https://www.example.police.uk/appeals/aisha",
        "id": "WMP-2026-0412",
        "summary": '<p>Last seen in <b>Digbeth</b>.</p><p><img alt="A girl in a red coat" '
        'src="https://www.example.police.uk/i/aisha.jpg" /></p>',
        "content": "<p>Last seen in <b>Digbeth</b> on Monday.</p>",
        "text": "Last seen in Digbeth.",
        "author": "press@example.police.uk (Press Office)",
        "published": "2026-09-21T15:33:20Z",
        "tags": [
            {"term": "Missing person", "scheme": ""},
            {"term": "Digbeth, Birmingham", "scheme": "place"},
        ],
        "enclosures": [
            {"url": "https://www.example.police.uk/i/aisha.jpg", "type": "image/jpeg"},
            {"url": "https://www.example.police.uk/i/aisha.pdf", "type": "application/pdf"},
        ],
        "images": [
            {"url": "https://www.example.police.uk/i/aisha.jpg", "alt": "A girl in a red coat"},
            {"url": "https://www.example.police.uk/i/aisha-2.jpg", "alt": ""},
        ],
    }
    assert notes == []


def test_an_atom_entry_is_told_with_all_its_parts():
    [[entry], _] = read("news.atom", "application/atom+xml")
    assert entry.guid == "tag:example.police.uk,2026:news/7"
    assert entry.data["title"] == "Road closed at Aston"
    assert entry.data["summary"] == entry.data["text"] == "Use the A38 instead."
    assert "https://www.example.police.uk/a38" in entry.data["content"]
    assert entry.data["updated"] == "2026-09-21T15:33:20Z"
    assert entry.data["author"] == "Traffic desk"
    assert entry.data["tags"] == [{"term": "road", "scheme": "kind"}]
    assert entry.time == 1_790_002_800.0


def test_dated_entries_come_newest_first_and_relative_links_whole():
    entries, _ = read("appeals.rss")
    assert [entry.guid for entry in entries] == ["WMP-2026-0412", "WMP-2026-0411", "WMP-2026-0401"]
    assert entries[1].link == "https://www.example.police.uk/appeals/witness-corporation-street"


def test_undated_entries_keep_the_feeds_own_order_and_have_no_empty_parts():
    entries, _ = read("no-guid.rss")
    assert [entry.data["title"] for entry in entries] == [
        "With a link",
        "With a date",
        "Bare",
        "Bare",
    ]
    assert entries[2].data == {"title": "Bare", "tags": [], "enclosures": [], "images": []}
    assert (entries[2].guid, entries[2].link, entries[2].time) == ("", "", None)


@pytest.mark.parametrize(
    ("inside", "guid", "link"),
    [
        (b"<guid>https://x.uk/1</guid>", "https://x.uk/1", "https://x.uk/1"),
        (b"<guid> <![CDATA[ http://x.uk/1 ]]></guid>", "http://x.uk/1", "http://x.uk/1"),
        (b"<guid>42</guid>", "42", ""),
        (b"<guid><![CDATA[WMP/42]]></guid>", "WMP/42", ""),
        (b'<guid isPermaLink="true">\n 42</guid>', "42", ""),
        (b'<guid isPermaLink="false">https://x.uk/1</guid>', "https://x.uk/1", ""),
        (b"<guid>42</guid><link>/a</link>", "42", "https://www.example.police.uk/a"),
        (b"<guid></guid><link>/a</link>", "", "https://www.example.police.uk/a"),
        (b"<link>javascript:alert(1)</link>", "", ""),
    ],
)
def test_a_guid_stays_as_it_is_and_only_an_address_is_a_link(inside, guid, link):
    [[entry], _] = read(rss(b"<item><title>x</title>" + inside + b"</item>"))
    assert (entry.guid, entry.link) == (guid, link)


@pytest.mark.parametrize("guid", [b"42", b"tag:x,2026:1", b"/a/1", b"https://x.uk/1"])
def test_an_atom_id_is_never_a_link(guid):
    head = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>x</title><id>'
    [[entry], _] = read(head + guid + b"</id></entry></feed>")
    assert (entry.guid, entry.link) == (guid.decode(), "")


def test_a_feed_without_entries_is_a_feed():
    assert read(rss(b"<title>x</title>")) == ([], [])


def test_what_is_malformed_is_read_with_a_note():
    entries, notes = read("malformed.rss")
    assert [entry.data["title"] for entry in entries] == ["Fish & chips", "Second"]
    [note] = notes
    assert note.startswith("the feed is malformed (not well-formed")


def test_the_entry_at_which_a_feed_breaks_off_is_left_out():
    """Half a sentence about a suspect must not go out as the whole."""
    entries, notes = read("cut.rss")
    assert [entry.data["title"] for entry in entries] == ["Whole"]
    assert notes == ["the feed breaks off; an entry that is not whole was left out"]


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b'<?xml version="1.0" encoding="iso-8859-1"?>', "latin-1"),
        (b'<?xml version="1.0" encoding="utf-8"?>', "latin-1"),
        (b'<?xml version="1.0"?>', "utf-8"),
        (b'<?xml version="1.0" encoding="us-ascii"?>', "utf-8"),
        (b'<?xml version="1.0" encoding="nonsense"?>', "utf-8"),
    ],
)
def test_an_encoding_declared_wrongly_is_set_right(head, encoding):
    body = rss("<item><title>Café</title></item>".encode(encoding), head)
    [[entry], notes] = read(body)
    assert (entry.data["title"], notes) == ("Café", [])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("page.html", "an HTML page, not a feed"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "not an RSS or Atom feed"),
        (b"<a/>", "not an RSS or Atom feed"),
        (b"/etc/passwd", "not an RSS or Atom feed"),
        (b"\xff\xfe\x00\x01", "not an RSS or Atom feed"),
    ],
)
def test_what_is_no_feed_is_said_to_be_none(body, message):
    with pytest.raises(SourceDown, match=message):
        read(body, "text/html")


def test_an_entity_bomb_is_not_even_parsed():
    with pytest.raises(SourceDown, match="declares entities"):
        read("bomb.rss")


def test_a_file_is_never_read_through_an_entity():
    head = b'<?xml version="1.0"?><!DOCTYPE r [<!EnTiTy x SYSTEM "file:///etc/passwd">]>'
    with pytest.raises(SourceDown, match="declares entities"):
        read(rss(b"<item><title>&x;</title></item>", head))


def test_tags_without_end_are_refused_before_they_cost():
    with pytest.raises(SourceDown, match="more than 100000 tags"):
        read(rss(b"<a>" * 100_001))


def test_entries_without_end_are_cut():
    entries, notes = read(rss(b"<item><guid>x</guid></item>" * (ENTRY_LIMIT + 5)))
    assert len(entries) == ENTRY_LIMIT
    assert notes == [f"the feed has more than {ENTRY_LIMIT} entries; the first ones were read"]


@pytest.mark.parametrize("character", [b"&#xD800;", b"&#x110000;", b"&#99999999999999999999;"])
def test_a_character_that_is_none_is_read_as_the_sign_for_one(character):
    [[entry], _] = read(rss(b"<item><title>a" + character + b"</title></item>"))
    assert entry.data["title"] == "a\ufffd"


def test_what_no_database_can_hold_is_taken_out():
    [[entry], _] = read(rss(b"<item><title>a&#0;b</title></item>"))
    assert entry.data["title"] == "ab"


@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda t: rss(f"<item>{t}".encode())))
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise_anything_but_that_they_are_no_feed(body):
    try:
        entries, _ = read(body)
    except SourceDown:
        return
    assert all(entry.data["images"] is not None for entry in entries)


def test_an_entry_too_long_to_be_news_is_left_out_and_told():
    long = b"<item><guid>1</guid><title>" + b"x" * 1_100_000 + b"</title></item>"
    entries, notes = read(rss(long + b"<item><guid>2</guid></item>"))
    assert [entry.guid for entry in entries] == ["2"]
    assert notes == ["1 entries longer than 256 KiB were left out"]
