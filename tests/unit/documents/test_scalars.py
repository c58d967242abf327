import pytest

from appealbridge.documents.scalars import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("22:00", "22:00"),
        ("2026-05-01", "2026-05-01"),
        ("1_000", "1_000"),
        ("<<", "<<"),
        ("+44 121", "+44 121"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
    ],
)
def test_unquoted_words_mean_what_yaml_1_2_says(text, expected):
    value = plain(text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("text", [".nan", "-.inf", "9" * 30, "9" * 9000, "0x" + "f" * 17])
def test_numbers_that_json_does_not_know_are_refused(text):
    with pytest.raises(ValueError, match=r"not allowed|64 bits"):
        plain(text)
