"""
Tells which host names cannot exist, although they look like one.

A name with other letters than ASCII's is sent in Punycode (RFC 3492), and no part of it has more than 63 letters then.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect, insort

_LONGEST = 63
_PREFIX = "xn--"
_DOT = re.compile("[.\u3002\uff0e\uff61]")


def can_exist(name: str) -> bool:
    """Return whether each part of a host name can be sent. The name has at most 253 letters."""
    return name.isascii() or all(map(_can_be_sent, _DOT.split(name)))


def _can_be_sent(part: str) -> bool:
    if part.isascii():
        return True
    part = unicodedata.normalize("NFKC", part).lower()
    return not part.startswith(_PREFIX) and punycode_fits(part, _LONGEST - len(_PREFIX))


def punycode_fits(part: str, most: int) -> bool:
    """
    Return whether the Punycode form of a part has at most `most` letters.

    Python's own codec takes thirty times as long for names that nobody registers, and a stranger may send many.
    """
    if len(part) > most:
        return False
    done = [place for place, letter in enumerate(part) if letter.isascii()]
    length = len(done) + bool(done)
    code, before, bias, damp = 128, 0, 72, 700
    for letter, place in sorted(
        (ord(letter), place) for place, letter in enumerate(part) if not letter.isascii()
    ):
        at, size = bisect(done, place), len(done) + 1
        delta = (letter - code) * size + at - before
        length += _digits(delta, bias)
        if length > most:
            return False
        bias = _bias(delta // damp, size)
        code, before, damp = letter, at + 1, 2
        insort(done, place)
    return True


def _digits(delta: int, bias: int) -> int:
    digits, step = 1, 36
    while delta >= (threshold := min(max(step - bias, 1), 26)):
        delta = (delta - threshold) // (36 - threshold)
        digits, step = digits + 1, step + 36
    return digits


def _bias(delta: int, size: int) -> int:
    delta += delta // size
    step = 0
    while delta > 455:
        delta //= 35
        step += 36
    return step + 36 * delta // (delta + 38)
