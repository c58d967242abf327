"""Whatever stands where a feed should: items that can be kept, or a source that is down and says why."""

import asyncio
import gzip
import random
import time
import tracemalloc
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.markup.structure import ENTRY_LIMIT
from appealbridge.model.errors import SourceDown
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.server import ScriptedServer, this_machine
from appealbridge.triggers.appeal.trigger import AppealSource, AppealTrigger
from appealbridge.triggers.feed.trigger import Feed, FeedSource
from tests.properties.strategies import TEXTS, drawn
from tests.properties.test_platform_answers import HEADERS, Canned

NOW = 1_795_000_000.0
URL = "http://127.0.0.1:1/rss"
LOOKS = {
    "feed": (Feed(), FeedSource(url=URL)),
    "feed by link": (Feed(), FeedSource(url=URL, identity="link")),
    "feed by fields": (Feed(), FeedSource(url=URL, identity=("title", "published"))),
    "appeal": (AppealTrigger(), AppealSource(feed=URL)),
}
REAL = [
    path.read_bytes() for path in sorted((Path(__file__).parents[1] / "data" / "feeds").iterdir())
]

TAGS = [
    "item", "entry", "title", "link", "guid", "id", "description", "summary", "content", "pubDate", "updated",
    "category", "author", "enclosure", "media:content", "channel", "rss", "feed", "b", "!--", "![CDATA[", "?xml",
]  # fmt: skip
PIECES = st.one_of(
    st.sampled_from(TAGS).map("<{}>".format),
    st.sampled_from(TAGS).map("</{}>".format),
    st.builds('<{} {}="{}">'.format, st.sampled_from(TAGS), st.sampled_from(TAGS), TEXTS),
    st.sampled_from(
        ["&", "&#0;", "&#xD800;", "&lol;", "&lt;img src='", "]]>", "-->", "\0", "\ufffe"]
    ),
    TEXTS,
)
MADE = st.builds(
    lambda head, pieces, foot, encoding: (head + "".join(pieces) + foot).encode(encoding, "replace"),
    st.sampled_from(
        ["", "<?xml version='1.0' encoding='utf-7'?>", "<rss version='2.0'><channel><item>",
         "<feed xmlns='http://www.w3.org/2005/Atom'><entry>", "<!DOCTYPE r [<!ENTITY lol 'x'>]><rss>",
         "<?xml version='1.0' encoding='idna'?><rss><channel><item>", "<rdf:RDF><item>", "{"]
    ),
    st.lists(PIECES, max_size=12),
    st.sampled_from(["", "</item></channel></rss>", "</entry></feed>"]),
    st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-32"]),
)  # fmt: skip
SPOILT = st.builds(
    lambda feed, at, length, bad: feed[: at % len(feed)] + bad + feed[at % len(feed) + length :],
    st.sampled_from(REAL),
    st.integers(0, 2**16),
    st.integers(0, 40) | st.just(2**20),
    st.binary(max_size=12),
)
BODIES = MADE | SPOILT | st.binary(max_size=60)


def look_at(which, http):
    trigger, source = LOOKS[which]
    return asyncio.run(trigger.poll(source, {}, Tools(http, NOW, random.Random(0))))


def is_kept(look):
    """Whether the engine can remember the look and store its items."""
    orjson.dumps(dict(look.cursor))
    assert all(note.encode() for note in look.notes)
    for item in look.items or ():
        orjson.dumps(item.data)
        assert "\\u0000" not in orjson.dumps(item.data).decode()
        assert 0 < len(item.identity) <= 300
        assert 0 < len(item.subject.encode()) <= 1200
        assert item.time is None or abs(item.time) < 253_402_300_800
    return True


@given(
    st.sampled_from(list(LOOKS)),
    st.sampled_from([200, 200, 200, 206, 304, 404, 503]),
    HEADERS,
    BODIES,
)
@drawn(250)
def test_any_answer_is_items_that_can_be_kept_or_a_source_that_is_down(
    which, status, headers, body
):
    try:
        look = look_at(which, Canned([(status, headers, body)]))
    except SourceDown as down:
        text = str(down)
        assert down.after is None or 0 <= down.after < float("inf")  # noqa: PT017 - either outcome is right
    else:
        text = "looked"
        assert is_kept(look)
    assert len(text) < 3000
    assert text.encode()


def rss(inside, head=b"<?xml version='1.0'?>"):
    return head + b"<rss version='2.0'><channel>" + inside + b"</channel></rss>"


LAUGHS = b"<!DOCTYPE rss [<!ENTITY l0 'ha'>" + b"".join(
    b"<!ENTITY l%d '%s'>" % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10)
) + b"]>"  # fmt: skip
LAUGH = b"<item><guid>1</guid><title>&l9;</title></item>"
LARGE = {
    "a billion laughs": rss(LAUGH, LAUGHS),
    "a billion laughs after a long comment": rss(LAUGH, b"<!--" + b"x" * 70_000 + b"-->" + LAUGHS),
    "a billion laughs in UTF-16": rss(LAUGH, LAUGHS).decode().encode("utf-16"),
    "ten thousand items": rss(b"".join(b"<item><guid>%d</guid></item>" % n for n in range(10_000))),
    "a hundred thousand tags": rss(b"<a>" * 100_001),
    "one long title": rss(b"<item><guid>1</guid><title>" + b"x" * 9_000_000 + b"</title></item>"),
    "blanks": b" " * 9_000_000,
    "zeros": b"\0" * 9_000_000,
    "a page": b"<!doctype html><html>" + b"<p>x" * 100_000,
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_the_largest_feed_costs_this_process_little(body):
    http = Canned([(200, {"Content-Type": "application/rss+xml"}, body)])
    tracemalloc.start()
    begin = time.process_time()
    try:
        look = look_at("feed", http)
    except SourceDown:
        count = 0
    else:
        count = len(look.items)
        assert is_kept(look)
    spent, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count <= ENTRY_LIMIT
    assert spent < 4.0
    assert peak < 80 * 1024 * 1024


async def test_a_packed_bomb_is_a_source_that_is_down():
    bomb = gzip.compress(b"<rss>" + b" " * 150_000_000, compresslevel=1)
    async with (
        ScriptedServer((200, bomb, {"Content-Encoding": "gzip"})) as server,
        open_session(policy=this_machine) as session,
    ):
        tools = Tools(Http(session, str, now=lambda: NOW), NOW, random.Random(0))
        tracemalloc.start()
        with pytest.raises(SourceDown, match="longer than"):
            await Feed().poll(FeedSource(url=server.url), {}, tools)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 60 * 1024 * 1024
