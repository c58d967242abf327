"""
Places and areas on the map, in the forms that events and recipes use.

A pair of numbers is latitude, then longitude, as people read them from a map; in GeoJSON it is the
other way round, as its standard says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from appealbridge.recipes.conditions.operators import number

Point = tuple[float, float]
"""Latitude and longitude in degrees."""

_EARTH = 6_371_008.8
"""The mean radius of the earth in metres."""

_PAIR = re.compile(r"\s*([-+]?[0-9.]+)\s*(?:[,;]|\s)\s*([-+]?[0-9.]+)\s*")
_LENGTH = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(m|km|mi|miles?|metres?|kilometres?)")
_METRES = {"m": 1.0, "k": 1000.0, "mi": 1609.344}
_NAMES = (("lat", "latitude"), ("lon", "lng", "long", "longitude"))
_LONGEST = 100


def point(value: Any) -> Point | None:
    """
    Return the point that a value means, `None` if it is not a point on earth.

    Accepted are `[lat, lon]`, a mapping with `lat` and `lon`, a text such as `52.48, -1.89`, and
    GeoJSON.
    """
    pair: tuple[Any, Any] | None = None
    if isinstance(value, dict):
        pair = _from_mapping(value)
    elif isinstance(value, str) and len(value) <= _LONGEST:
        match = _PAIR.fullmatch(value)
        pair = (match[1], match[2]) if match is not None else None
    elif isinstance(value, (list, tuple)) and len(value) == 2:
        pair = (value[0], value[1])
    return _on_earth(*pair) if pair is not None else None


def _from_mapping(value: Mapping[str, Any]) -> tuple[Any, Any] | None:
    if value.get("type") == "Feature" and isinstance(value.get("geometry"), dict):
        value = value["geometry"]
    if value.get("type") == "Point":
        return turned(value.get("coordinates"))
    lat, lon = (next((value[n] for n in names if n in value), None) for names in _NAMES)
    return (lat, lon) if lat is not None and lon is not None else None


def turned(position: Any) -> tuple[Any, Any] | None:
    """Return a position of GeoJSON (longitude first, perhaps with a height) as latitude and longitude."""
    if isinstance(position, (list, tuple)) and len(position) in (2, 3):
        return position[1], position[0]
    return None


def _on_earth(latitude: Any, longitude: Any) -> Point | None:
    lat, lon = number(latitude), number(longitude)
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    return lat, lon


def metres(text: Any) -> float | None:
    """Return a distance such as `5km`, `800m` or `3 miles` in metres, `None` if it is not one."""
    match = _LENGTH.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if match is None:
        return None
    unit = match[2]
    factor = _METRES["mi"] if unit.startswith("mi") else _METRES["k" if unit[0] == "k" else "m"]
    return float(match[1]) * factor


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle: everything at most `radius` metres from `centre`."""

    centre: Point
    radius: float

    def holds(self, place: Point) -> bool:
        """Return whether a place is in it."""
        return self.away(place) <= self.radius

    def away(self, place: Point) -> float:
        """Return the distance of a place from the centre along the ground, in metres."""
        (lat, lon), (lat0, lon0) = place, self.centre
        p, q = math.radians(lat), math.radians(lat0)
        half = math.sin((p - q) / 2) ** 2
        half += math.cos(p) * math.cos(q) * math.sin(math.radians(lon - lon0) / 2) ** 2
        return 2 * _EARTH * math.asin(min(1.0, math.sqrt(half)))


class Ring:
    """One closed line of at least three points; its last one is joined to the first."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = _unwound(points)
        self._south = min(lat for lat, _ in self._points)
        self._north = max(lat for lat, _ in self._points)

    @property
    def empty(self) -> bool:
        """Whether all its points lie on one line."""
        (lat, lon), *rest = self._points
        return all(
            abs((a - lat) * (d - lon) - (c - lat) * (b - lon)) < _ON_THE_LINE
            for (a, b), (c, d) in pairwise(rest)
        )

    def holds(self, place: Point) -> bool:
        """Return whether a place is inside or on the line."""
        lat, lon = place
        if not self._south <= lat <= self._north:
            return False
        # A ring across the 180th meridian goes on past it, and so must the place.
        return any(self._inside(lat, lon + turn) for turn in (0.0, 360.0, -360.0))

    def _inside(self, lat: float, lon: float) -> bool:
        inside = False
        before_lat, before_lon = self._points[-1]
        for next_lat, next_lon in self._points:
            if (before_lat > lat) != (next_lat > lat):
                share = (lat - before_lat) / (next_lat - before_lat)
                crossing = before_lon + share * (next_lon - before_lon)
                if abs(crossing - lon) < _ON_THE_LINE:
                    return True
                inside ^= crossing > lon
            elif before_lat == lat == next_lat and (before_lon > lon) != (next_lon > lon):
                return True
            if next_lat == lat and next_lon == lon:
                return True
            before_lat, before_lon = next_lat, next_lon
        return inside


_ON_THE_LINE = 1e-12


def _unwound(points: Sequence[Point]) -> list[Point]:
    """Return the points with longitudes that do not jump, even beyond 180."""
    unwound = [points[0]]
    for lat, lon in points[1:]:
        last = unwound[-1][1]
        unwound.append((lat, last + (lon - last + 180.0) % 360.0 - 180.0))
    return unwound


@dataclass(frozen=True, slots=True)
class Polygons:
    """Everything in one of several outer rings, but not in its holes."""

    parts: Sequence[Sequence[Ring]]
    """For each, the outer ring first, then its holes."""

    def holds(self, place: Point) -> bool:
        """Return whether a place is in it."""
        return any(
            outer.holds(place) and not any(hole.holds(place) for hole in holes)
            for outer, *holes in self.parts
        )


Area = Circle | Polygons
