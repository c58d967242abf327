"""A feed is read in a process of its own, and what it does to that process harms nobody."""

import os
import signal
import threading
import time

import pytest

from appealbridge.markup.apart import Apart
from appealbridge.markup.feed import entries
from appealbridge.model.errors import SourceDown

URL = "https://www.example.police.uk/appeals/rss"
FEED = (
    b'<?xml version="1.0"?><rss version="2.0"><channel><item><guid>a</guid><title>Aisha</title>'
    b"<description>&lt;p&gt;Last seen&lt;/p&gt; \xe2\x82\xac</description>"
    b"<pubDate>Mon, 21 Sep 2026 15:33:20 GMT</pubDate></item></channel></rss>"
)
# Measured to take the library many times as long as a feed may take, at a size that is nothing.
SLOW = (
    b'<rss version="2.0"><channel><item><author>'
    + b"a" * 200_000
    + b"</author></item></channel></rss>"
)


@pytest.fixture
def apart(monkeypatch):
    reader = Apart()
    yield reader
    reader.close()


def test_a_feed_is_told_as_it_is_read_here(apart):
    assert apart.entries(FEED, URL, "application/rss+xml") == entries(FEED, URL, "")


def test_why_it_is_no_feed_is_told_too(apart):
    with pytest.raises(SourceDown, match="HTML page"):
        apart.entries(b"<html><p>Welcome", URL, "text/html")


def test_one_process_reads_one_feed_after_the_other(apart):
    apart.entries(FEED, URL, "")
    first = apart._running.process.pid
    apart.entries(FEED, URL, "")
    assert apart._running.process.pid == first


def test_a_process_that_went_to_rest_is_followed_by_another(apart):
    apart.entries(FEED, URL, "")
    rested = apart._running
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, rested.questions.fileno())  # nobody asks any more, so it ends
    os.close(nowhere)
    assert rested.process.wait() == 0
    assert len(apart.entries(FEED, URL, "")[0]) == 1


def test_a_crash_is_a_source_that_is_down_and_the_next_feed_is_read(apart):
    apart.entries(FEED, URL, "")
    os.kill(apart._running.process.pid, signal.SIGKILL)
    with pytest.raises(SourceDown, match="longer or more memory"):
        apart.entries(FEED, URL, "")
    assert len(apart.entries(FEED, URL, "")[0]) == 1


def test_a_feed_made_to_be_slow_is_given_up_and_nothing_else_waits_for_it(apart, monkeypatch):
    monkeypatch.setattr("appealbridge.markup.apart._PATIENCE", 1.0)
    longest = 0.0
    down = []

    def read():
        try:
            apart.entries(SLOW, URL, "")
        except SourceDown as error:
            down.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    before = time.monotonic()
    while reading.is_alive():
        reading.join(0.005)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
    assert len(down) == 1
    assert longest < 0.5, "the reading held up everything in this process"
    assert len(apart.entries(FEED, URL, "")[0]) == 1


def test_it_learns_no_secret_from_our_environment(apart, monkeypatch):
    monkeypatch.setenv("APPEALBRIDGE_SECRET_X", "s3cret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    apart.entries(FEED, URL, "")
    with open(f"/proc/{apart._running.process.pid}/environ", "rb") as told:  # noqa: PTH123
        assert not {b"APPEALBRIDGE_SECRET_X", b"CREDENTIALS_DIRECTORY"} & {
            line.partition(b"=")[0] for line in told.read().split(b"\0")
        }


def test_text_that_cannot_be_sent_is_replaced(apart):
    found, _ = apart.entries(FEED, "https://a.example/\udcff", "text/xml; charset=\udcff")
    assert len(found) == 1
