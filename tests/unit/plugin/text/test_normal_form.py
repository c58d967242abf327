import unicodedata

from appealbridge.plugin.text.normal_form import composed


def test_a_word_is_the_same_however_its_accents_are_written():
    assert composed("cafe\u0301") == "caf\u00e9"
    assert composed("ਪੰਜਾਬੀ") == unicodedata.normalize("NFC", "ਪੰਜਾਬੀ")


def test_what_no_language_writes_is_left_as_it_is_since_putting_it_in_order_takes_too_long():
    marks = "e" + "\u0301\u0323" * 50_000
    assert composed(marks) is marks
    assert composed("e" + "\u0301\u0323" * 10) != "e" + "\u0301\u0323" * 10
