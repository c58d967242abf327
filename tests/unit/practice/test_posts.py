"""What was published is known again after the process was killed."""

import resource
import signal

import pytest

from appealbridge.practice.journal import Journal, StateUnusable
from appealbridge.practice.posts import Shelf


def opened(path, clock):
    return Shelf(clock, Journal(path))


def shown(shelf):
    return [post.shown() for post in shelf.everything()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.jsonl"


@pytest.fixture
def filled(path, clock):
    journal = Journal(path)
    shelf = Shelf(clock, journal)
    shelf.add("x", "force", "one")
    shelf.edit(shelf.add("mastodon", "force", "two", client_key="k"), "two, mended")
    shelf.delete(shelf.add("facebook", "1", "three", prefix="1_", more={"published": False}))
    shelf.mark(
        shelf.add("facebook", "1", "four", prefix="1_", more={"published": False}), published=True
    )
    journal.close()
    return shelf


def test_everything_is_known_again(filled, path, clock):
    again = opened(path, clock)
    assert shown(again) == shown(filled)
    assert again.counts() == filled.counts()
    assert again.with_key("mastodon", "force", "k").text == "two, mended"
    assert again.same_text("mastodon", "force", "two") is None


def test_a_torn_last_line_is_dropped_and_what_follows_is_kept(filled, path, clock):
    with path.open("ab") as file:
        file.write(b'{"post": {"platf')
    journal = Journal(path)
    Shelf(clock, journal).add("x", "force", "five")
    journal.close()
    assert [post["text"] for post in shown(opened(path, clock))][-1] == "five"
    assert len(filled.everything()) == 4


def test_a_line_that_is_none_is_named(path, clock):
    path.write_bytes(b"nonsense\n")
    with pytest.raises(StateUnusable, match=r"state\.jsonl:1: not a line of a state file"):
        opened(path, clock)


def test_a_record_that_finds_no_room_leaves_no_half_line(filled, path, clock):
    journal = Journal(path)
    shelf = Shelf(clock, journal)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
    try:
        with pytest.raises(OSError, match="no room"):
            shelf.add("x", "force", "five")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        journal.close()
    assert shown(shelf) == shown(opened(path, clock)) == shown(filled)


def test_two_may_not_use_one_file(path, clock):
    keep = opened(path, clock)
    with pytest.raises(StateUnusable, match="another"):
        opened(path, clock)
    assert keep.everything() == []


def test_a_file_that_cannot_be_opened_is_named(tmp_path, clock):
    with pytest.raises(StateUnusable, match="No such file"):
        opened(tmp_path / "missing" / "state", clock)


def test_an_id_never_comes_twice_even_after_clearing_and_a_clock_that_went_back(
    filled, path, clock
):
    ids = {post.number for post in filled.everything()}
    journal = Journal(path)
    shelf = Shelf(clock, journal)
    shelf.clear()
    journal.close()
    clock.passes(-86_400)
    again = opened(path, clock)
    assert again.everything() == []
    assert {again.number("x"), again.number("facebook"), again.number("mastodon")}.isdisjoint(ids)


def test_a_timeline_is_read_without_looking_at_other_accounts(clock):
    shelf = Shelf(clock, Journal())
    for number in range(20_000):
        shelf.add("x", f"account{number % 2}", f"text {number}")
    newest = next(shelf.timeline("x", "account1"))
    assert newest.text == "text 19999"
    assert [post.text for post in shelf.newest(2)] == ["text 19999", "text 19998"]
