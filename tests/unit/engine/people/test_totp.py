"""The second factor, by the vectors of RFC 6238."""

import pytest

from appealbridge.engine.people.totp import (
    SECRET_BYTES,
    STEP,
    address_for_apps,
    as_text,
    code_at,
    from_text,
    matching_step,
    step_of,
)

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("time", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_the_standard(time, code):
    assert code_at(SECRET, step_of(time), 8) == code
    assert code_at(SECRET, step_of(time)) == code[-6:]
    assert matching_step(SECRET, code[-6:], time) == time // STEP


def test_a_phone_may_be_half_a_minute_wrong_and_no_more():
    now = 1_800_000_000.0
    for off, right in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = code_at(SECRET, step_of(now) + off)
        assert (matching_step(SECRET, code, now) is not None) == right


@pytest.mark.parametrize(
    "typed", ["", "28708", "2870822", "28708x", "２８７０８２", "-28708", "287.82"]
)
def test_what_is_not_six_digits_is_no_code(typed):
    assert matching_step(SECRET, typed, 59) is None


def test_spaces_between_the_digits_are_how_apps_show_them():
    assert matching_step(SECRET, " 287 082 ", 59) == 1


def test_a_secret_is_typed_and_read_again():
    assert from_text(as_text(SECRET)) == SECRET
    assert len(SECRET) == SECRET_BYTES
    with pytest.raises(ValueError, match="length"):
        from_text("JBSWY3DP")
    with pytest.raises(ValueError, match=r"base32|padding"):
        from_text("not base 32!")


def test_the_address_for_the_app_names_the_person_and_cannot_be_broken_out_of():
    address = address_for_apps(SECRET, "a&secret=x/b")
    assert address == (
        "otpauth://totp/AppealBridge:a%26secret%3Dx%2Fb?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=AppealBridge"
    )
