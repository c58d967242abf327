import pytest

from appealbridge.engine.delivery.sanitize import sanitized_receipt, sanitized_search
from appealbridge.model.errors import Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult

SOUND = Receipt("at://did:plc:abc/post/3k", "https://example.org/ü", 1_795_000_000.0)


def test_a_sound_receipt_stays_the_very_same():
    assert sanitized_receipt(SOUND) is SOUND
    without = Receipt("1")
    assert sanitized_receipt(without) is without


@pytest.mark.parametrize("number", ["", "x" * 501, "a\0b", "\ud800", "a\nb", None, 7])
def test_a_receipt_without_an_id_that_can_be_kept_is_unsure(number):
    with pytest.raises(Unsure, match="its id cannot be stored"):
        sanitized_receipt(Receipt(number))


@pytest.mark.parametrize(
    "address", ["https://a.example/" + "x" * 2000, "https://a\x1b[2J", 7, None]
)
def test_an_address_that_cannot_be_kept_is_left_out(address):
    assert sanitized_receipt(Receipt("1", address)) == Receipt("1")


@pytest.mark.parametrize("account", ["@" + "x" * 500, "@a\x1b[2J", None])
def test_an_account_that_cannot_be_kept_is_left_out_and_never_cut(account):
    assert sanitized_receipt(Receipt("1", "", None, account)) == Receipt("1")


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 1e12, "noon"])
def test_a_time_that_nobody_can_print_is_left_out(time):
    assert sanitized_receipt(Receipt("1", "", time)) == Receipt("1")


def test_what_a_look_showed_is_cut_short_and_cleaned():
    result = "found s3cret\ud800 " + "x" * 100
    look = sanitized_search(
        SearchResult(SOUND, sure=True, seen=result), lambda t: t.replace("s3cret", "***"), 20
    )
    assert look == SearchResult(SOUND, sure=True, seen="found ***? " + "x" * 9)


def test_a_find_without_an_id_is_none():
    with pytest.raises(Unsure):
        sanitized_search(SearchResult(Receipt(""), sure=True, seen=""), str, 20)
