"""British postcodes: districts (`B13`), sectors (`B13 8`) and units (`B13 8AA`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

_OUTWARD = r"[A-Z]{1,2}[0-9][0-9A-Z]?"
_UNIT = re.compile(rf"(?<![0-9A-Z])({_OUTWARD}) ?([0-9][A-Z]{{2}})(?![0-9A-Z])")
_BEGINNING = re.compile(rf"({_OUTWARD})(?: ([0-9][A-Z]?))?")
_TIGHT_SECTOR = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z])([0-9])")
_SHORT_DISTRICT = re.compile(r"[A-Z]{1,2}[0-9]")
_SEPARATOR = re.compile(r"[,;]")
_LONGEST = 1000


class Postcode(NamedTuple):
    """A postcode, or its beginning: `district` is `B13`, and `rest` what follows it, such as `8AA`, `8` or nothing."""

    district: str
    rest: str


def area_of(text: str) -> Postcode:
    """Return the district, sector or unit that a recipe names; raise `ValueError`."""
    postcode = _whole(_plain(text))
    if postcode is None:
        raise ValueError(
            f'"{text}" is not a part of a postcode; write a district, sector or unit: B5, B13 8 or B13 8AA'
        )
    return postcode


def is_district(text: str) -> bool:
    """Return whether a text is the district of a postcode that begins another one too, as `B5` begins `B50`."""
    return _SHORT_DISTRICT.fullmatch(_plain(text)) is not None


def split(texts: Iterable[str]) -> Sequence[str]:
    """Return these postcodes singly: `B5, B9` in one text are two."""
    parts = ((text, [part.strip() for part in _SEPARATOR.split(text)]) for text in texts)
    return [part for text, some in parts for part in ([p for p in some if p] or [text])]


def postcodes_in(value: Any) -> Sequence[Postcode]:
    """Return the postcode that a text is or begins, or else all whole postcodes in it."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return ()
    text = _plain(value)
    postcode = _whole(text)
    # In a longer text M6 is a road as often as a district.
    return [postcode] if postcode else [Postcode(*unit) for unit in _UNIT.findall(text)]


def within(postcode: Postcode, areas: Iterable[Postcode]) -> bool:
    """Return whether a postcode lies in one of these; one less exact than all of them does not."""
    return any(
        postcode.district == area.district and postcode.rest.startswith(area.rest) for area in areas
    )


def _plain(text: str) -> str:
    return " ".join(text.upper().split())


def _whole(text: str) -> Postcode | None:
    # B13 is the district and not sector 3 of B1, which is written B1 3.
    for form in (_UNIT, _BEGINNING, _TIGHT_SECTOR):
        match = form.fullmatch(text)
        if match is not None:
            return Postcode(match[1], match[2] or "")
    return None
