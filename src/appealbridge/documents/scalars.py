"""The meaning of unquoted words in YAML 1.2 (its core schema), in which `no` and `22:00` are text."""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER_STARTS = frozenset("-+.0123456789")


def plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar; raise `ValueError` for a number that cannot be used."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return _bounded(text, 10)
    if _OCTAL.fullmatch(text):
        return _bounded(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return _bounded(text[2:], 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError("the number is too large")
        return number
    if _SPECIAL.fullmatch(text):
        raise ValueError("infinity and not-a-number are not allowed")
    return text


def _bounded(digits: str, base: int) -> int:
    # Other readers of JSON know 64 bits; a longer number would change on its way.
    number = int(digits, base) if len(digits) < 70 else 2**64
    if not -(2**63) <= number < 2**63:
        raise ValueError("the number does not fit into 64 bits")
    return number
