import pytest
from pydantic import BaseModel, ValidationError

from appealbridge.model.duration import WRITTEN, Duration, seconds


class Wait(BaseModel):
    wait: Duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", 7200),
        ("30m", 1800),
        ("7d", 604800),
        ("90s", 90),
        ("1h30m", 5400),
        ("1d2h3m4s", 93784),
    ],
)
def test_a_length_of_time_is_read_as_seconds(text, expected):
    assert seconds(text) == expected
    assert Wait(wait=text).wait == expected


@pytest.mark.parametrize("number", [0, 5, 2.5, 30])
def test_a_bare_number_in_a_file_is_refused_with_the_units(number):
    with pytest.raises(ValidationError, match="bare number, without its unit") as failure:
        Wait.model_validate({"wait": number}, context={WRITTEN: True})
    assert failure.value.errors()[0]["ctx"]["cure"] == "write 30m for minutes, 30s for seconds"


@pytest.mark.parametrize("number", [5, 2.5])
def test_a_number_that_the_program_has_made_is_seconds(number):
    assert Wait(wait=number).wait == number


@pytest.mark.parametrize("value", ["", "5 weeks", "h", "30m1h", "-5m", True, None, [5], "1e3s"])
def test_anything_else_is_refused_with_the_cure(value):
    with pytest.raises(ValidationError) as failure:
        Wait(wait=value)
    assert failure.value.errors()[0]["ctx"]["cure"] == "write it as 30s, 5m, 2h, 1h30m or 7d"
