"""
Reads dates in feeds, by the standards (RFC 822, RFC 3339) or as people and software write them in fact. Pure.

An ambiguous date is not read: if it were read wrongly, it would be published wrongly, and old news would count as new.
A date without a time zone is in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

LONGEST = 100
"""The longest date, in characters."""

_MONTHS = (
    "january jan januar jänner jän january janvier janv enero ene gennaio gen januari janeiro ionawr styczeń stycznia",
    "february feb februar février févr fév febrero febbraio febr februari fevereiro fev chwefror luty lutego",
    "march mar märz mär mrz mars marzo maart mrt março mawrth marzec marca",
    "april apr avril avr abril abr aprile ebrill kwiecień kwietnia",
    "may mai mayo maggio mag mei maio maj maja",
    "june jun juni juin junio giugno giu junho mehefin czerwiec czerwca",
    "july jul juli juillet juil julio luglio lug julho gorffennaf lipiec lipca",
    "august aug août aou aoû agosto ago augustus awst sierpień sierpnia",
    "september sep sept septembre septiembre settembre set setembro medi wrzesień września",
    "october oct oktober okt octobre octubre ottobre ott outubro out hydref październik października",
    "november nov novembre noviembre novembro tachwedd listopad listopada",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro rhagfyr grudzień grudnia",
)
_MONTH = {word: number for number, tokens in enumerate(_MONTHS, 1) for word in tokens.split()}
"""English, German, French, Spanish, Italian, Dutch, Portuguese, Welsh and Polish."""

_HOURS = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "bst": 1,
    "cet": 1, "cest": 2, "met": 1, "mest": 2, "mez": 1, "mesz": 2, "eet": 2, "eest": 3, "msk": 3,
    "est": -5, "edt": -4, "et": -5, "cst": -6, "cdt": -5, "ct": -6, "mst": -7, "mdt": -6, "mt": -7,
    "pst": -8, "pdt": -7, "pt": -8, "ast": -4, "adt": -3, "akst": -9, "akdt": -8, "hst": -10,
    "aest": 10, "aedt": 11, "awst": 8, "nzst": 12, "nzdt": 13, "jst": 9, "kst": 9, "sast": 2,
}  # fmt: skip
"""
The hours before UTC of names of time zones: those of RFC 822, of Europe, and others that have one meaning.

`BST` is British Summer Time. `IST` may be the time of India, Ireland or Israel, so it is not here.
"""

_BETWEEN = frozenset({"at", "of", "the", "um", "uhr", "de", "del", "à", "às", "kl", "o'clock"})
_CLOCK = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(?P<half>[ap]\.?m\b\.?)?"
)
_ZONE = (
    r"(?:(?P<word>[a-z]+)?\s*(?P<sign>[+-])(?P<hours>\d{1,2}?):?(?P<minutes>\d{2})?(?:\s+[a-z]+)?"
    r"|(?P<name>[a-z]+))?"
)
_ISO = re.compile(
    r"(?P<year>\d{4})(?:(?P<dash>[-/.])(?P<month>\d{1,2})(?:(?P=dash)(?P<day>\d{1,2}))?"
    rf"|(?P<month8>\d{{2}})(?P<day8>\d{{2}}))?(?:[t\s,]+{_CLOCK}\s*{_ZONE})?"
)
_NUMBERS = re.compile(
    r"(?:[^\W\d_]+[.,]*\s+)?"  # the day of the week
    rf"(?P<first>\d{{1,2}})(?P<mark>[/.-])(?P<second_>\d{{1,2}})(?P=mark)(?P<year>\d{{4}})(?:[\s,]+{_CLOCK}\s*{_ZONE})?"
)
_TAIL = re.compile(rf"{_CLOCK}\s*{_ZONE}")
_BEGINS_CLOCK = re.compile(r"\d{1,2}(?::|\.?\d*[ap]\.?m)")
_ORDINAL = re.compile(r"(\d{1,4})(?:st|nd|rd|th|er|º|ª)?\.?")
_WORD = re.compile(r"[^\W\d_]+['.]?")
_TIDY = (
    (re.compile(r"\s*\([^()]*\)"), ""),  # a remark, as `+0100 (BST)`
    (re.compile(r"\s[-–|]\s"), " "),
    (re.compile(r"\betc/"), ""),
    (re.compile(r"(?<=\d)-([^\W\d_]+)-(?=\d)"), r" \1 "),  # 26-Nov-2026
    (re.compile(r"(?<=\d)h(?=\d\d\b)"), ":"),
    (re.compile(r"^(\d{8})[t ]?(\d\d)(\d\d)(\d\d)(?!\d)"), r"\1 \2:\3:\4"),
)
"""Replacements in a date before it is read, in this order."""


def moment(text: str) -> float | None:
    """Return a date in Unix seconds UTC, `None` if it cannot be read without guessing."""
    if len(text) > LONGEST:
        return None
    text = " ".join(text.lower().split())
    for pattern, instead in _TIDY:
        text = pattern.sub(instead, text)
    try:
        date = _iso(text) or _in_numbers(text) or _in_words(text)
        return None if date is None else date.timestamp()
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> datetime | None:
    date = _ISO.fullmatch(text)
    if date is None:
        return None
    month, day = date["month"] or date["month8"] or 1, date["day"] or date["day8"] or 1
    return _at(int(date["year"]), int(month), int(day), date)


def _in_numbers(text: str) -> datetime | None:
    """Read `25/03/2019` and `3.4.2019`; it must be certain which of the numbers is the month."""
    date = _NUMBERS.fullmatch(text)
    if date is None:
        return None
    first, second, year = int(date["first"]), int(date["second_"]), int(date["year"])
    if date["mark"] == "." or first > 12 or first == second:
        return _at(year, second, first, date)
    return _at(year, first, second, date) if second > 12 else None


def _in_words(text: str) -> datetime | None:
    """Read `Thu, 26 Nov 2026 09:00:00 GMT` and its variants."""
    tokens = text.replace(",", " ").split()
    # In French and Spanish, `mar.` is a Tuesday as well.
    if sum(word.rstrip(".") in _MONTH for word in tokens) == 2:
        del tokens[0]
    place = next((n for n, word in enumerate(tokens) if _BEGINS_CLOCK.match(word)), len(tokens))
    clock = " ".join(tokens[place:]).removesuffix(" uhr")
    numbers, month = _day_words(tokens[:place])
    if len(numbers) == 1 and clock:  # in the form of Unix programs the year is after the time
        clock, _, last = clock.rpartition(" ")
        numbers.append(last)
    tail = _TAIL.fullmatch(clock) if clock else None
    if not month or sorted(map(len, numbers))[1:] not in ([2], [4]) or (clock and tail is None):
        return None
    day, year = sorted(numbers, key=lambda number: len(number) == 4)
    century = 0 if len(year) == 4 else 2000 if int(year) < 90 else 1900
    return _at(century + int(year), month, int(day), tail)


def _day_words(tokens: Sequence[str]) -> tuple[list[str], int]:
    """Return the numbers and the month in a date; no month if a word is not known."""
    month = 0
    numbers: list[str] = []
    for place, word in enumerate(tokens):
        bare = word.rstrip(".")
        number = _ORDINAL.fullmatch(word)
        if number is not None:
            numbers.append(number[1])
        elif bare in _MONTH and not month:
            month = _MONTH[bare]
        elif bare not in _BETWEEN and (place > 0 or not _WORD.fullmatch(word)):
            return [], 0
    return numbers, month


def _at(year: int, month: int, day: int, clock: re.Match[str] | None) -> datetime | None:
    hour = minute = second = 0
    zone: timezone | None = UTC
    if clock is not None and clock["hour"] is not None:
        hour, minute = int(clock["hour"]), int(clock["minute"] or 0)
        second = int(clock["second"] or 0)
        second = 59 if second == 60 else second  # Python knows no leap second
        if clock["half"]:
            hour = hour % 12 + (12 if clock["half"].startswith("p") else 0)
        elif clock["minute"] is None:
            return None
        zone = _zone(clock)
    if zone is None:
        return None
    midnight = timedelta(days=1) if (hour, minute, second) == (24, 0, 0) else timedelta()
    return (
        datetime(year, month, day, 0 if midnight else hour, minute, second, tzinfo=zone) + midnight
    )


def _zone(clock: re.Match[str]) -> timezone | None:
    if clock["sign"] is None:
        hours = _HOURS.get(clock["name"]) if clock["name"] else 0
        return None if hours is None else timezone(timedelta(hours=hours))
    if clock["word"] is not None and _HOURS.get(clock["word"]) != 0:
        return None
    minutes = int(clock["hours"]) * 60 + int(clock["minutes"] or 0)
    return timezone(timedelta(minutes=-minutes if clock["sign"] == "-" else minutes))
