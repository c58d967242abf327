"""Reads `within:` into a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
)

from appealbridge.documents.diagnostic import did_you_mean
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
from appealbridge.recipes.model.base import LISTS, Entry, Text, needed, wrong

_FURTHEST = 20_100_000.0
"""The largest distance on earth, in metres."""

_ORDER = "write latitude, then longitude: [52.48, -1.89]"
_GEOJSON_ORDER = "GeoJSON has longitude, then latitude: [-1.89, 52.48]"
_CURE = "for example { centre: [52.48, -1.89], radius: 5km }, or a list of points"


def within(area: Area, written: str) -> Question:
    """Return the test of whether a place is in an area; `written` is how the trace names the area."""

    def holds(value: Any) -> bool:
        place = point(value)
        return place is not None and area.holds(place)

    def odd(value: Any) -> str:
        place = point(value)
        if place is None:
            return "which is not a place on earth"
        return f"{area.away(place) / 1000:.1f} km away" if isinstance(area, Circle) else ""

    return Question(f"within {written}", holds, odd)


def _on_earth(cure: str) -> Callable[[Any], Point]:
    def check(value: Any) -> Point:
        place = point(value)
        if place is None:
            raise wrong("is not a place on earth", cure)
        return place

    return check


def _ring(points: list[Point]) -> Ring:
    ring = Ring(points) if len(points) >= 3 else None
    if ring is None or ring.empty:
        cure = "give at least three points around the area"
        raise wrong("these points enclose nothing", cure)
    return ring


def _no_numbers(value: Any) -> Any:
    if isinstance(value, list) and any(isinstance(entry, (int, float)) for entry in value):
        cure = "a circle is { centre: [52.48, -1.89], radius: 5km }"
        raise wrong("must be a list of points, not of numbers", cure)
    return value


def _a_distance(value: Any) -> Any:
    distance = metres(value)
    if distance is None or not 0 < distance <= _FURTHEST:
        raise wrong("is not a distance", "for example 5km, 800m or 3 miles")
    return value


def _named(name: str, info: ValidationInfo) -> Question:
    """Return the area inside the points of a list of the settings."""
    lists = (info.context or {}).get(LISTS, {})
    if name not in lists:
        hint = "declare its points under lists: in appealbridge.yaml, as texts: 52.48, -1.89"
        raise wrong(f'unknown list "{name}"', did_you_mean(name, lists, declared=True) or hint)
    points = [point(entry) for entry in lists[name]]
    if None in points or len(points) < 3:
        odd = f"entry {points.index(None) + 1} of it is not a point" if None in points else ""
        cure = "give the list at least three, each as latitude, longitude: 52.48, -1.89"
        raise wrong(f'the list "{name}" is not an area: {odd or "it has fewer than three"}', cure)
    return within(Polygons([[Ring([corner for corner in points if corner])]]), name)


_PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3}
_PLACE = {
    "description": "Latitude, then longitude.",
    "examples": [[52.48, -1.89]],
    "anyOf": [_PAIR, {"type": "object"}, {"type": "string"}],
}
_Place = Annotated[Any, AfterValidator(_on_earth(_ORDER)), WithJsonSchema(_PLACE)]
_Points = Annotated[
    list[_Place],
    BeforeValidator(_no_numbers),
    AfterValidator(
        lambda points: within(Polygons([[_ring(points)]]), f"an area of {len(points)} points")
    ),
    Field(json_schema_extra={"minItems": 3}),
]


class _Circle(Entry):
    """A circle around a place."""

    centre: _Place = needed("Latitude, then longitude.", [52.48, -1.89])
    radius: Annotated[Any, AfterValidator(_a_distance), WithJsonSchema({"type": "string"})] = (
        needed("How far from the centre.", "5km", "800m", "3 miles")
    )

    def question(self) -> Question:
        lat, lon = self.centre
        circle = Circle(self.centre, metres(self.radius) or 0.0)
        return within(circle, f"{self.radius} of {lat:g}, {lon:g}")


_Position = Annotated[
    Any, AfterValidator(turned), AfterValidator(_on_earth(_GEOJSON_ORDER)), WithJsonSchema(_PAIR)
]
_Rings = Annotated[list[Annotated[list[_Position], AfterValidator(_ring)]], Field(min_length=1)]
_TYPE = "GeoJSON, with longitude first, then latitude."
_POLYGON = [[[-2.0, 52.4], [-1.75, 52.4], [-1.75, 52.55], [-2.0, 52.4]]]


class _Polygon(Entry):
    """An area as maps export it."""

    type: Literal["Polygon"] = needed(_TYPE, "Polygon")
    coordinates: _Rings = needed("The line around it, then those around its holes.", _POLYGON)


class _MultiPolygon(Entry):
    """Several areas as maps export them."""

    type: Literal["MultiPolygon"] = needed(_TYPE, "MultiPolygon")
    coordinates: Annotated[list[_Rings], Field(min_length=1)] = needed(
        "Of each the line around it, then those around its holes.", [_POLYGON]
    )


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        kind = str(value.get("type", "circle"))
        return kind if kind in ("circle", "MultiPolygon", "Feature") else "Polygon"
    return "points" if isinstance(value, list) else "name" if isinstance(value, str) else ""


_GeoJson = Annotated[
    Annotated[_Polygon, Tag("Polygon")] | Annotated[_MultiPolygon, Tag("MultiPolygon")],
    Discriminator(lambda value: "MultiPolygon" if _kind(value) == "MultiPolygon" else "Polygon"),
]


class _Feature(Entry):
    """An area as maps export it, with what else they say of it."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["Feature"] = needed(_TYPE, "Feature")
    geometry: _GeoJson = needed("The area.", {"type": "Polygon", "coordinates": _POLYGON})


def _drawn(drawn: Any) -> Question:
    shape = drawn.geometry if isinstance(drawn, _Feature) else drawn
    parts: Any = shape.coordinates
    return within(
        Polygons(parts if isinstance(shape, _MultiPolygon) else [parts]), "the area drawn there"
    )


_DRAWN = AfterValidator(_drawn)

Within = Annotated[
    Annotated[_Circle, AfterValidator(_Circle.question), Tag("circle")]
    | Annotated[_Points, Tag("points")]
    | Annotated[Text, AfterValidator(_named), Tag("name")]
    | Annotated[_Polygon, _DRAWN, Tag("Polygon")]
    | Annotated[_MultiPolygon, _DRAWN, Tag("MultiPolygon")]
    | Annotated[_Feature, _DRAWN, Tag("Feature")],
    Discriminator(
        _kind,
        custom_error_type="wrong",
        custom_error_message="must be a circle or an area",
        custom_error_context={"cure": _CURE},
    ),
]
"""A circle, a list of points, the name of such a list, or GeoJSON. Validation turns it into the test."""
