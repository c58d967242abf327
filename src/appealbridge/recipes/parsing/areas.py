"""From a `within:` of a file to the question whether a field's value lies in that area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appealbridge.documents import Path
from appealbridge.documents.diagnostic import did_you_mean, nearest
from appealbridge.recipes.conditions.geo import (
    Area,
    Circle,
    Point,
    Polygons,
    Ring,
    metres,
    point,
    turned,
)
from appealbridge.recipes.conditions.operators import Question
from appealbridge.recipes.parsing.context import Reading

_CIRCLE = ("centre", "radius")
_GEOJSON = ("Polygon", "MultiPolygon", "Feature")
_FURTHEST = 20_100_000.0
"""Metres to the other side of the earth."""

_ORDER = "write latitude, then longitude: [52.48, -1.89]"
_GEOJSON_ORDER = "GeoJSON has longitude, then latitude: [-1.89, 52.48]"


def read_within(reading: Reading, value: Any, path: Path) -> Question | None:
    """Return the question, complaining about an area that cannot be understood."""
    found = _Areas(reading).read(value, path)
    return None if found is None else within(*found)


def within(area: Area, words: str) -> Question:
    """Return the question whether a place lies in an area, which the trace calls by these words."""

    def holds(value: Any) -> bool:
        place = point(value)
        return place is not None and area.holds(place)

    def odd(value: Any) -> str:
        place = point(value)
        if place is None:
            return "which is no place on earth"
        return f"{area.away(place) / 1000:.1f} km away" if isinstance(area, Circle) else ""

    return Question(f"within {words}", holds, odd)


class _Areas:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def read(self, value: Any, path: Path) -> tuple[Area, str] | None:
        """Return the area at a path and the words for it."""
        if isinstance(value, str):
            return self._named(value, path)
        if isinstance(value, list):
            if any(isinstance(one, (int, float)) for one in value):
                cure = "a circle is { centre: [52.48, -1.89], radius: 5km }"
                self._reading.complain(path, "must be a list of points, not of numbers", cure)
                return None
            ring = self._ring([(one, (*path, n)) for n, one in enumerate(value)], path)
            return (Polygons([[ring]]), f"an area of {len(value)} points") if ring else None
        if not isinstance(value, dict):
            cure = "for example { centre: [52.48, -1.89], radius: 5km }, or a list of points"
            self._reading.complain(path, "must be a circle or an area", cure)
            return None
        return self._geojson(value, path) if "type" in value else self._circle(value, path)

    def _named(self, name: str, path: Path) -> tuple[Area, str] | None:
        """Read the area that a list of the settings goes around."""
        lists = self._reading.catalogue.lists
        if name not in lists:
            hint = "declare its points under lists: in appealbridge.yaml, as texts: 52.48, -1.89"
            self._reading.unknown(path, "list", name, lists, hint)
            return None
        points = [point(one) for one in lists[name]]
        wrong = next((n for n, one in enumerate(points) if one is None), None)
        if wrong is not None or len(points) < 3:
            words = (
                f"entry {wrong + 1} of it is no point" if wrong is not None else "it has not three"
            )
            cure = "give the list at least three, each as latitude, longitude: 52.48, -1.89"
            self._reading.complain(path, f'the list "{name}" is no area: {words}', cure)
            return None
        return Polygons([[Ring([one for one in points if one])]]), name

    def _circle(self, value: dict[str, Any], path: Path) -> tuple[Area, str] | None:
        self._known(value, _CIRCLE, path)
        misspelt = {nearest(key, _CIRCLE) for key in value if key not in _CIRCLE}
        for name, example in (("centre", "[52.48, -1.89]"), ("radius", "5km")):
            if name not in value and name not in misspelt:
                words = f'"{name}" is missing'
                self._reading.complain(path, words, f"for example {name}: {example}", key=True)
        centre = self._point(value["centre"], (*path, "centre")) if "centre" in value else None
        radius = metres(value.get("radius"))
        if "radius" in value and (radius is None or not 0 < radius <= _FURTHEST):
            cure = "for example 5km, 800m or 3 miles"
            self._reading.complain((*path, "radius"), "is no distance", cure)
            return None
        if centre is None or radius is None:
            return None
        return Circle(centre, radius), f"{value['radius']} of {centre[0]:g}, {centre[1]:g}"

    def _geojson(self, value: dict[str, Any], path: Path) -> tuple[Area, str] | None:
        kind = value["type"]
        if kind == "Feature" and isinstance(value.get("geometry"), dict):
            return self._geojson({"type": None, **value["geometry"]}, (*path, "geometry"))
        if kind not in _GEOJSON[:2]:
            cure = did_you_mean(str(kind), _GEOJSON)
            self._reading.complain((*path, "type"), "this GeoJSON is no area", cure)
            return None
        self._known(value, ("type", "coordinates"), path)
        where = (*path, "coordinates")
        told = value.get("coordinates")
        parts = told if kind == "MultiPolygon" else [told]
        if not isinstance(parts, list) or not all(
            isinstance(p, list) and p for p in (told, *parts)
        ):
            self._reading.complain(where, "must be lists of points", "take it from a map's export")
            return None
        several = kind == "MultiPolygon"
        rings = [
            self._turned_rings(part, (*where, n) if several else where)
            for n, part in enumerate(parts)
        ]
        if any(part is None for part in rings):
            return None
        return Polygons([part for part in rings if part]), "the area drawn there"

    def _turned_rings(self, part: Sequence[Any], path: Path) -> list[Ring] | None:
        rings = []
        for n, ring in enumerate(part):
            where = (*path, n)
            listed = ring if isinstance(ring, list) else []
            points = [(turned(one), (*where, m)) for m, one in enumerate(listed)]
            rings.append(self._ring(points, where, _GEOJSON_ORDER))
        return None if None in rings else [ring for ring in rings if ring]

    def _ring(
        self, written: Sequence[tuple[Any, Path]], path: Path, order: str = _ORDER
    ) -> Ring | None:
        points = [self._point(one, where, order) for one, where in written]
        if None in points:
            return None
        ring = Ring([one for one in points if one]) if len(points) >= 3 else None
        if ring is None or ring.empty:
            cure = "go around the area with at least three points"
            self._reading.complain(path, "these points enclose nothing", cure)
            return None
        return ring

    def _point(self, value: Any, path: Path, order: str = _ORDER) -> Point | None:
        found = point(value)
        if found is None:
            self._reading.complain(path, "is no place on earth", order)
        return found

    def _known(self, value: dict[str, Any], known: Sequence[str], path: Path) -> None:
        for key in value:
            if key not in known:
                cure = did_you_mean(key, known)
                self._reading.complain((*path, key), f'unknown option "{key}"', cure, key=True)
