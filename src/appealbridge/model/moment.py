"""
Reads times strictly, as people and systems write them, and prints them for people. Pure.

Nothing is guessed: a bare number is never a moment, and day and month are never taken for one another.
A time that was read wrongly would publish something too early.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appealbridge.model.value import value

LONGEST_TEXT = 100
"""How many characters the text of a moment may have."""

CURE = 'write "10:00", tomorrow 10:00, or a date and time such as 2026-11-27T10:00'

_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2})(?:"
    r"(?:[:.](?P<past>[0-9]{2}))? ?(?P<half>[ap])\.?m\.?"
    r"|:(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?)?)",
    re.IGNORECASE,
)
_DAY = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})|(?P<word>today|tomorrow)",
    re.IGNORECASE,
)
_GAP = re.compile(r"T|,? (?:at )?", re.IGNORECASE)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?")
_ZONE_WORD = re.compile(r"[A-Za-z]{1,5}")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?")

_PLACES = {
    "BST": "Europe/London",
    "CET": "Europe/Paris",
    "CEST": "Europe/Paris",
    "EET": "Europe/Athens",
    "EEST": "Europe/Athens",
    "WET": "Europe/Lisbon",
    "WEST": "Europe/Lisbon",
}
"""The places whose zone names mean only one thing to a reader in Britain."""


_HALF_A_YEAR = {
    "GMT": "Europe/London",
    "BST": "Europe/London",
    "CEST": "Europe/Paris",
    "EEST": "Europe/Athens",
    "WEST": "Europe/Lisbon",
    "EST": "America/New_York",
    "MST": "America/Denver",
    "HST": "Pacific/Honolulu",
}
"""Names of zones that are not in use all year round, with the place that is meant. UTC means UTC."""


class NoTime(ValueError):
    """What is wrong with a time; `cure` is how to fix it."""

    def __init__(self, problem: str, cure: str = CURE) -> None:
        super().__init__(problem)
        self.cure = cure


@value
class Moment:
    """
    The parts of a written time.

    `day` is a date, `today`, `tomorrow`, or `None` where only a time by the clock is written. `zone` is
    a fixed offset or the word for a zone, `None` where none is written.
    """

    day: date | str | None
    clock: time
    zone: tzinfo | str | None

    def at(self, since: float, zone: tzinfo) -> float:
        """
        Return the moment meant, in Unix seconds; raise `NoTime`.

        A time by the clock is the next one at or after `since`, `today` and `tomorrow` count from it.
        Without a zone of its own it is local time in `zone`: a time that the clock shows twice in
        autumn is the first one still to come, and one that is left out in spring comes an hour later.
        """
        here = self._place(zone)
        today = datetime.fromtimestamp(since, here).date()
        if isinstance(self.day, date):
            days = [self.day]
        elif self.day is not None:
            days = [today + timedelta(days=1) if self.day == "tomorrow" else today]
        else:
            days = [today, today + timedelta(days=1), today + timedelta(days=2)]
        moments = [at for day in days for at in self._on(day, here)]
        if not moments:
            raise NoTime(
                f"{self.zone} is not in force on {days[0]:%-d %B %Y}",
                f"leave {self.zone} out for the time in {zone}, or write an offset, such as +01:00",
            )
        return next((at for at in moments if at >= since), moments[-1])

    def _place(self, zone: tzinfo) -> tzinfo:
        """Return the zone that is meant; names in use in the own zone come first."""
        if not isinstance(self.zone, str):
            return self.zone or zone
        return zone if self.zone in _own_words(zone) else ZoneInfo(_PLACES[self.zone])

    def _on(self, day: date, here: tzinfo) -> list[float]:
        moments = instants(datetime.combine(day, self.clock), here)
        if not isinstance(self.zone, str):
            return moments
        return [at for at in moments if datetime.fromtimestamp(at, here).tzname() == self.zone]


def instants(shown: datetime, zone: tzinfo) -> list[float]:
    """
    Return the moments, in Unix seconds, at which the clock of a zone shows a date and time.

    In autumn these may be two. What it never shows, in spring, comes as much later as the clock is put forward.
    """
    both = [shown.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
    real = {
        at
        for at in both
        if datetime.fromtimestamp(at, zone).replace(tzinfo=None, fold=0, microsecond=0)
        == shown.replace(microsecond=0)
    }
    return sorted(real) or both[:1]


def read(text: str, zone: tzinfo = UTC) -> Moment:
    """
    Return what a text says of a moment; raise `NoTime`.

    Understood are a time by the clock (`10:00`, `6am`), a date (`2026-11-27`: its beginning), a date, `today`
    or `tomorrow` with a time, and behind any time a zone (`Z`, `+01:00`, `GMT`, `BST`); other words
    for a zone only where they are in use in `zone`.
    """
    joined = " ".join(text.split()) if len(text) <= LONGEST_TEXT else ""
    day: date | str | None = None
    rest = joined
    match = _DAY.match(joined)
    if match is not None:
        day, rest = _day(match), joined[match.end() :]
        if not rest and isinstance(day, date):
            return Moment(day, time(), None)
        gap = _GAP.match(rest)
        if not rest or (gap is not None and gap.end() == len(rest)):
            raise NoTime(f"{quoted(text)} has no time of day", f"write {day} 10:00")
        rest = rest[gap.end() :] if gap is not None else ""
    time_of_day = _CLOCK.match(rest)
    behind = rest[time_of_day.end() :].strip() if time_of_day is not None else ""
    # "10:00-11:00" is from ten to eleven rather than ten on an island in the Pacific.
    if time_of_day is None or (day is None and behind.startswith("-")):
        raise _not_understood(text)
    return Moment(day, _clock(time_of_day, text), _zone(behind, text, zone))


def clock(text: str) -> time | None:
    """Return a time by the clock without a date or zone (`7:00`, `6am`), `None` where it is none."""
    try:
        moment = read(text)
    except NoTime:
        return None
    return moment.clock if moment.day is None and moment.zone is None else None


def zone_named(name: object) -> ZoneInfo:
    """
    Return the time zone of a name, as Europe/London; raise `NoTime`.

    A name that means only winter or only summer time is refused, because no clock shows it all year.
    """
    place = _HALF_A_YEAR.get(str(name).upper())
    if place is not None:
        message = f'the time zone "{name}" has no summer time'
        raise NoTime(message, f"write the place whose time counts: {place}")
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        cure = "write it as Europe/London, or install the package tzdata"
        raise NoTime(f'unknown time zone "{name}"', cure) from None


def shown(at: float, zone: tzinfo) -> str:
    """Return a moment in Unix seconds for people: `10:00 GMT on 27 November 2026`."""
    return f"{datetime.fromtimestamp(at, zone):%H:%M %Z on %-d %B %Y}"


def quoted(text: object) -> str:
    """Return what was written instead of a time, short enough for a line."""
    joined = " ".join(str(text).split())
    return f'"{joined[:60]}…"' if len(joined) > 60 else f'"{joined}"'


def _day(match: re.Match[str]) -> date | str:
    if match["word"]:
        return match["word"].lower()
    try:
        day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        day = date.min
    # A time near the ends of the calendar cannot be converted to other zones.
    if not 1900 <= day.year <= 9998:
        raise NoTime(f"{quoted(match[0])} is not a date", cure_of(match[0]))
    return day


def _clock(match: re.Match[str], text: str) -> time:
    cure = "write a time from 00:00 to 23:59; the end of a day is 00:00 of the next day"
    hour = int(match["hour"])
    minute = int(match["minute"] or match["past"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            raise NoTime(f"{quoted(text)} is not a time of day", cure)
        hour = hour % 12 + (12 if match["half"] in "pP" else 0)
    micro = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    try:
        return time(hour, minute, int(match["second"] or 0), micro)
    except ValueError:
        raise NoTime(f"{quoted(text)} is not a time of day", cure) from None


def _zone(written: str, text: str, zone: tzinfo) -> tzinfo | str | None:
    if not written:
        return None
    word = written.upper()
    if word in ("Z", "UTC", "GMT"):
        return UTC
    if word in _PLACES or word in _own_words(zone):
        return word
    offset = _OFFSET.fullmatch(written)
    if offset is not None and int(offset["hours"]) < 24 and int(offset["minutes"] or 0) < 60:
        length = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        return timezone(-length if offset["sign"] == "-" else length)
    if not _ZONE_WORD.fullmatch(written):
        raise _not_understood(text)
    raise NoTime(
        f'the time zone "{written}" in {quoted(text)} is not known, or could be several',
        f"leave it out for the time in {zone}, or write an offset, such as +01:00",
    )


@lru_cache(maxsize=64)
def _own_words(zone: tzinfo) -> frozenset[str]:
    """Return the names for the time that are in use in a zone, in winter and in summer."""
    names = (datetime(2026, month, 1, tzinfo=zone).tzname() for month in (1, 7))
    return frozenset(name for name in names if name and name.isalpha())


def _not_understood(text: str) -> NoTime:
    if _NUMBER.fullmatch(text.strip()):
        return NoTime(f"{quoted(text)} is a bare number, not a time", cure_of(text))
    return NoTime(f"{quoted(text)} is not a time that AppealBridge understands", cure_of(text))


def cure_of(text: str) -> str:
    """Return what to write instead of a text: the very date and time, if one can be read in it."""
    joined = " ".join(text.split()) if len(text) <= LONGEST_TEXT else ""
    for form in _OTHER_DATES:
        match = form.search(joined)
        if match is None or not (month := _month(match["month"])):
            continue
        year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
        date_, cure = _day_of(year, month, int(match["day"]))
        if date_ is None and cure:
            return cure
        if date_ is not None:
            rest = f"{joined[: match.start()]} {joined[match.end() :]}"
            return _as_it_is_read(date_, _AROUND_A_DATE.sub(" ", rest).strip(" ,."))
    match = _NO_YEAR.search(joined)
    if match is not None and (month := _month(match["month"])):
        day = f"{int(match['day']):02}"
        return f"write the year, the month and the day, such as YYYY-{month:02}-{day}, with the year for YYYY"
    return CURE


def _as_it_is_read(day: date, rest: str) -> str:
    """Return the cure with a date, and with the time of day that the rest of its text says."""
    named = f"{day:%-d %B}"
    for written in (rest, rest.replace(".", ":")):
        match = _CLOCK.match(written)
        behind = "" if match is None else written[match.end() :].strip()
        is_usual = not behind or behind.upper() in ("Z", "UTC", "GMT", *_PLACES)
        if match is None or not is_usual:
            continue
        try:
            time_of_day = _clock(match, written)
        except NoTime:
            continue
        return f"write {day}T{time_of_day:%H:%M}{f' {behind}' if behind else ''} for {named}"
    return f"write {day} for {named}, or with a time {day}T10:00"


def _day_of(year: int, month: int, day: int) -> tuple[date | None, str]:
    """Return the date of a year, a month and a day, in either order, or the cure if there is no such day."""
    if month > 12:  # as it is written in America; nothing else fits
        month, day = day, month
    if not (1900 <= year <= 9998 and 1 <= month <= 12 and 1 <= day <= 31):
        return None, ""
    length = monthrange(year, month)[1]
    if day > length:
        named = f"{date(year, month, 1):%B %Y}"
        return None, f"{named} has {length} days; write a day that exists"
    return date(year, month, day), ""


def _month(written: str) -> int:
    """Return the number of a month, 0 if there is none of this name."""
    if written.isdigit():
        return int(written)
    names = (n for n, name in enumerate(_MONTHS, 1) if name.startswith(written.lower()))
    return next(names, 0)


_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_NAME = r"(?P<month>[A-Za-z]{3,9})\.?"
_NTH = r"\b(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})\b(?![:.][0-9])"
_OTHER_DATES = (
    re.compile(rf"{_NTH}[ -]?(?:of )?{_NAME},?[ -]?{_YEAR}", re.IGNORECASE),
    re.compile(rf"\b{_NAME} {_NTH},? (?P<year>[0-9]{{4}})\b", re.IGNORECASE),
    re.compile(r"\b(?P<year>[0-9]{4})[/.-](?P<month>[0-9]{1,2})[/.-](?P<day>[0-9]{1,2})(?![0-9])"),
    re.compile(r"\b(?P<year>(?:19|20)[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?![0-9])"),
    re.compile(
        r"\b(?P<day>[0-9]{1,2})[/.-](?P<month>[0-9]{1,2})[/.-](?P<year>[0-9]{4}|[0-9]{2})\b"
    ),
)
"""Other forms of dates: 27 November 2026, November 27, 2026/11/27, 20261127 and 27/11/26, day before month."""

_NO_YEAR = re.compile(rf"{_NTH}[ -]?(?:of )?{_NAME}(?!,?[ -]?[0-9]{{4}})", re.IGNORECASE)
_AROUND_A_DATE = re.compile(
    r"\b(?:on|at|the|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)\b|(?<![A-Za-z0-9])T(?=[0-9])",
    re.IGNORECASE,
)
