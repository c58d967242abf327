"""Amounts of data as people write them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from appealbridge.model.size import Size, size, size_text

SIZES = TypeAdapter(Size)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0B", 0),
        ("500KB", 500_000),
        ("64MB", 64 * 10**6),
        ("1.5 GB", 15 * 10**8),
        ("2tb", 2 * 10**12),
    ],
)
def test_what_people_write_is_understood(text, count):
    assert size(text) == count
    assert SIZES.validate_python(text) == count


@pytest.mark.parametrize("text", ["", "64", "MB", "-1MB", "64MiB", "1,5GB", "1e9B", "٦٤MB"])
def test_what_is_no_amount_is_refused_with_the_cure(text):
    with pytest.raises(ValueError, match="write it as"):
        size(text)
    with pytest.raises(ValidationError, match="is not an amount of data"):
        SIZES.validate_python(text)


@pytest.mark.parametrize("value", [True, -1, 1.5, None, []])
def test_what_is_no_number_of_bytes_is_refused(value):
    with pytest.raises(ValidationError):
        SIZES.validate_python(value)


def test_a_number_is_a_number_of_bytes():
    assert SIZES.validate_python(4096) == 4096


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (63_999_000, "64 MB"),
        (1.5e9, "1.5 GB"),
    ],
)
def test_a_number_of_bytes_reads_easily(count, text):
    assert size_text(count) == text
