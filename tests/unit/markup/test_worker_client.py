"""A feed is read in a process of its own, and what it does to that process harms nobody."""

import os
import signal
import time
from pathlib import Path

import pytest

from appealbridge import worker
from appealbridge.markup.feed import read
from appealbridge.markup.worker_client import MEMORY, FeedProcess
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
    reader = FeedProcess()
    yield reader
    reader.close()


def test_a_feed_is_told_as_it_is_read_here(apart):
    assert apart.read(FEED, URL, "application/rss+xml") == read(FEED, URL, "")


def test_why_it_is_no_feed_is_told_too(apart):
    with pytest.raises(SourceDown, match="HTML page"):
        apart.read(b"<html><p>Welcome", URL, "text/html")


def test_one_process_reads_one_feed_after_the_other(apart):
    apart.read(FEED, URL, "")
    first = apart.worker._running.process.pid
    apart.read(FEED, URL, "")
    assert apart.worker._running.process.pid == first


def test_a_process_that_went_to_rest_is_followed_by_another(apart):
    apart.read(FEED, URL, "")
    rested = apart.worker._running
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, rested.requests.fileno())  # nobody asks any more, so it ends
    os.close(nowhere)
    assert rested.process.wait() == 0
    assert len(apart.read(FEED, URL, "").entries) == 1


def test_a_crash_is_a_source_that_is_down_and_the_next_feed_is_read(apart):
    apart.read(FEED, URL, "")
    os.kill(apart.worker._running.process.pid, signal.SIGKILL)
    with pytest.raises(SourceDown, match="longer or more memory"):
        apart.read(FEED, URL, "")
    assert len(apart.read(FEED, URL, "").entries) == 1


def test_a_feed_made_to_be_slow_is_given_up_and_nothing_else_waits_for_it(apart, monkeypatch):
    monkeypatch.setattr(apart.worker, "patience", 1.0)
    begun, worked = time.monotonic(), time.process_time()
    with pytest.raises(SourceDown):
        apart.read(SLOW, URL, "")
    assert time.monotonic() - begun >= 1.0
    assert time.process_time() - worked < 0.5, "it was read in this process"
    monkeypatch.undo()
    assert len(apart.read(FEED, URL, "").entries) == 1


def test_it_learns_no_secret_from_our_environment(apart, monkeypatch):
    monkeypatch.setenv("APPEALBRIDGE_SECRET_X", "s3cret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    apart.read(FEED, URL, "")
    with open(f"/proc/{apart.worker._running.process.pid}/environ", "rb") as result:  # noqa: PTH123
        assert not {b"APPEALBRIDGE_SECRET_X", b"CREDENTIALS_DIRECTORY"} & {
            line.partition(b"=")[0] for line in result.read().split(b"\0")
        }


def test_text_that_cannot_be_sent_is_replaced(apart):
    reading = apart.read(FEED, "https://a.example/\udcff", "text/xml; charset=\udcff")
    assert len(reading.entries) == 1


def test_where_memory_runs_out_this_process_ends_and_not_the_daemon(apart):
    apart.read(FEED, URL, "")
    process = apart.worker._running.process.pid
    assert Path(f"/proc/{process}/oom_score_adj").read_text().strip() == "1000"
    assert f"{MEMORY} " in Path(f"/proc/{process}/limits").read_text()


def test_a_feed_that_takes_too_much_memory_is_given_up_and_the_next_one_is_read(apart):
    # Each of these letters takes many bytes while it is read.
    body = (
        b"<rss><channel><item><description>"
        + b"& " * 4_000_000
        + b"</description></item></channel></rss>"
    )
    with pytest.raises(SourceDown, match="memory"):
        apart.read(body, URL, "")
    assert len(apart.read(FEED, URL, "").entries) == 1


def test_an_answer_that_no_reader_gives_is_not_heard_to_its_end(apart):
    apart.read(FEED, URL, "")
    false = apart.worker._running
    spoken, answers = os.pipe()
    os.write(answers, (2**40).to_bytes(8, "big"))
    os.dup2(spoken, false.answers.fileno())
    with pytest.raises(SourceDown, match="longer or more memory"):
        apart.read(FEED, URL, "")
    os.close(answers)
    os.close(spoken)
    assert len(apart.read(FEED, URL, "").entries) == 1


def test_entries_come_one_by_one_so_that_nobody_has_much_to_do_at_once(apart, monkeypatch):
    parts = []
    receive = worker.receive
    monkeypatch.setattr(worker, "receive", lambda *args: parts.append(receive(*args)) or parts[-1])
    items = b"".join(b"<item><guid>%d</guid></item>" % number for number in range(50))
    reading = apart.read(b"<rss><channel>" + items + b"</channel></rss>", URL, "")
    assert len(reading.entries) == 50
    assert len(parts) == 51
