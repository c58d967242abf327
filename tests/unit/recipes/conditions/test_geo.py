import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.recipes.conditions.geo import Circle, Polygons, Ring, metres, point

NEW_STREET = (52.4778, -1.8986)
MANCHESTER = (53.4808, -2.2426)
SQUARE = Ring([(52.0, -2.0), (52.0, -1.0), (53.0, -1.0), (53.0, -2.0)])

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["lat", "lon", "type", "coordinates", "geometry", "x"]), inner
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "value",
    [
        [52.48, -1.89],
        ["52.48", "-1.89"],
        {"lat": 52.48, "lon": -1.89},
        {"latitude": "52.48", "longitude": "-1.89", "name": "Birmingham"},
        {"lat": 52.48, "lng": -1.89},
        "52.48, -1.89",
        "52.48,-1.89",
        " 52.48 -1.89 ",
        {"type": "Point", "coordinates": [-1.89, 52.48]},
        {"type": "Point", "coordinates": [-1.89, 52.48, 140.0]},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [-1.89, 52.48]}},
    ],
)
def test_a_place_may_be_said_in_many_ways(value):
    assert point(value) == (52.48, -1.89)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        52.48,
        "Birmingham",
        "52.48",
        "1.2.3, 4",
        [52.48],
        [52.48, -1.89, 140.0],
        [True, False],
        [91, 0],
        [0, 181],
        [math.nan, 0],
        [math.inf, 0],
        {"lat": 52.48},
        {"lat": None, "lon": 0},
        {"type": "Point"},
        {"type": "Point", "coordinates": "52.48, -1.89"},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1]]]},
        "9" * 10_000 + ", 0",
    ],
)
def test_what_is_no_place_on_earth_is_none(value):
    assert point(value) is None


@given(JSON)
def test_any_value_is_a_place_on_earth_or_none(value):
    result = point(value)
    assert result is None or (abs(result[0]) <= 90 and abs(result[1]) <= 180)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("5km", 5000),
        ("800 m", 800),
        ("1.5 km", 1500),
        ("3 miles", 4828.032),
        ("1 mile", 1609.344),
        ("2MI", 3218.688),
        ("10 kilometres", 10_000),
        ("7 metres", 7),
    ],
)
def test_a_distance_is_read_as_people_write_it(text, length):
    assert metres(text) == pytest.approx(length)


@pytest.mark.parametrize("text", ["5", 5, None, "km", "-5km", "5 furlongs", "5kmh", "1e9km"])
def test_what_is_no_distance_is_none(text):
    assert metres(text) is None


def test_a_circle_measures_along_the_ground():
    assert Circle(NEW_STREET, 1).away(MANCHESTER) == pytest.approx(114_000, rel=0.01)
    assert Circle((0.0, 179.9), 1).away((0.0, -179.9)) == pytest.approx(22_239, rel=0.01)
    assert Circle((90.0, 0.0), 1).away((90.0, 120.0)) == pytest.approx(0, abs=1)


def test_the_edge_of_a_circle_belongs_to_it():
    far = Circle(NEW_STREET, 1).away(MANCHESTER)
    assert Circle(NEW_STREET, far).holds(MANCHESTER)
    assert not Circle(NEW_STREET, far - 1).holds(MANCHESTER)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_there_and_back_is_as_far(a, b, c, d):
    there, back = Circle((a, b), 1).away((c, d)), Circle((c, d), 1).away((a, b))
    assert there == pytest.approx(back, abs=1)
    assert 0 <= there <= 20_020_000


@pytest.mark.parametrize("place", [(52.5, -1.5), (52.0, -1.5), (53.0, -2.0), (52.5, -2.0)])
def test_inside_and_on_the_line_is_in_the_area(place):
    assert SQUARE.holds(place)


@pytest.mark.parametrize("place", [(51.9, -1.5), (52.5, -0.9), (52.5, -2.1), (53.1, -1.5)])
def test_outside_is_not_in_the_area(place):
    assert not SQUARE.holds(place)


@given(st.floats(51, 54), st.floats(-3, 0))
def test_a_square_holds_what_lies_between_its_sides(lat, lon):
    inside = 52.0 <= lat <= 53.0 and -2.0 <= lon <= -1.0
    near = min(abs(lat - 52), abs(lat - 53), abs(lon + 2), abs(lon + 1)) < 1e-9
    assert near or SQUARE.holds((lat, lon)) == inside


def test_an_area_may_lie_across_the_date_line():
    fiji = Ring([(-20.0, 177.0), (-20.0, -178.0), (-15.0, -178.0), (-15.0, 177.0)])
    assert fiji.holds((-17.0, 179.0))
    assert fiji.holds((-17.0, -179.0))
    assert not fiji.holds((-17.0, 0.0))
    assert not fiji.holds((-17.0, 176.0))


def test_a_hole_is_not_in_the_area():
    hole = Ring([(52.4, -1.6), (52.4, -1.4), (52.6, -1.4), (52.6, -1.6)])
    area = Polygons([[SQUARE, hole], [Ring([(10.0, 10.0), (10.0, 11.0), (11.0, 10.0)])]])
    assert area.holds((52.1, -1.5))
    assert not area.holds((52.5, -1.5))
    assert area.holds((10.2, 10.2))


def test_points_on_one_line_enclose_nothing():
    assert Ring([(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]).empty
    assert not SQUARE.empty
