"""What a text is not cut in."""

import pytest

from appealbridge.plugin.text.counting import cut
from appealbridge.plugin.text.splitting import split
from appealbridge.plugin.text.unbroken import phone_numbers, unbroken


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Phone 0121 496 0000 now", ["Phone 0121 496 0000"]),
        ("a number: +44 (0)121 496-0000, ext. 12", ["+44 (0)121 496-0000, ext. 12"]),
        ("the line (0121) 4960000.", ["(0121) 4960000"]),
        ("Childline, 0800 1111", ["0800 1111"]),
        ("Samaritans on 116 123", ["on 116 123"]),
        ("dial 999 or 101.", ["dial 999", "or 101"]),
        ("call\u00a018000", ["call\u00a018000"]),
        ("999 people on page 101", []),
        ("seen on 12 May at 10 past", []),
        ("1,500 of 27,000", []),
        ("0121 496 0000 0121 496 0000 0800 1111 or", ["0121 496 0000 0121 496 0000 0800 1111"]),
        ("0121 496 0000, 0121 496 0001", ["0121 496 0000", "0121 496 0001"]),
        ("12 " * 50 + "metres", ["12" + " 12" * 48]),
    ],
)
def test_a_phone_number_is_whole_and_101_has_the_word_before_it(text, whole):
    assert [text[begin:end] for begin, end in phone_numbers(text)] == whole


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("#Missing #a.", ["#Missing", "#a"]),
        ("see #e-bike's #日本語、", ["#e-bike's", "#日本語"]),
        ("ask @force.example.police.uk.", ["@force.example.police.uk"]),
        ("ask @force@mastodon.example,", ["@force@mastodon.example"]),
        ("mail me.too@example.police.uk", ["me.too@example.police.uk"]),
        ("see https://example.com/@a#b", ["https://example.com/@a#b"]),
        ("see https://example.com/名 now", ["https://example.com/名"]),
        ("see 例え.jp, müllers-bäckerei.example.", ["例え.jp", "müllers-bäckerei.example"]),
        ("失踪者です。赤い服。", []),
        ("a # b @ c", []),
        ("#" + "a" * 101, []),
    ],
)
def test_links_hashtags_and_names_are_whole(text, whole):
    assert [text[begin:end] for begin, end in unbroken(text)] == whole


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("He may be armed. Call 0121 496 0000.", 29, "He may be armed.…"),
        ("He may be armed. Do not approach, call 999.", 40, "He may be armed. Do not approach…"),
        ("失踪者です情報は#失踪者まで", 11, "失踪者です情報は…"),
        ("失踪者です情報は@force.policeまで", 15, "失踪者です情報は…"),
        ("see https://example.com/a- now", 27, "see…"),
        ("see https://example.com/a- now", 28, "see https://example.com/a- …"),
        ("in her half -- now", 13, "in her half…"),
        ("a \u0301b", 3, "a…"),
    ],
)
def test_a_text_is_cut_before_what_it_must_not_be_cut_in(text, limit, expected):
    assert cut(text, limit) == expected


def test_a_thread_cuts_no_phone_number_in_two():
    number = "0121 496 0000"
    posts = split(f"{number} or else " * 40, 280, len)
    assert sum(post.count(number) for post in posts) == 40
