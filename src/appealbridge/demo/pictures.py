"""The pictures of the demo's appeals, drawn here: no photograph of anybody."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

_SIZE = (1200, 800)
_SKY, _PAVEMENT, _SKIN, _HAIR, _RED = "#cfe3ee", "#9aa3a8", "#c68e68", "#2b1d17", "#c8202f"
_GRASS, _ROAD, _MARKING, _WALL = "#b9cfa6", "#6d747a", "#f4f4f0", "#c9b79c"


def girl_in_a_red_coat() -> bytes:
    """Return a drawing of a girl with long dark hair, a red coat and white trainers, as JPEG."""
    picture = Image.new("RGB", _SIZE, _SKY)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 640, 1200, 800), _PAVEMENT)
    for left in (60, 330, 760, 1000):
        draw.rectangle((left, 180, left + 160, 640), _WALL)
        for top in (230, 360, 490):
            draw.rectangle((left + 45, top, left + 115, top + 70), _SKY)
    draw.rounded_rectangle((525, 110, 675, 430), 70, _HAIR)
    for left in (545, 615):
        draw.rectangle((left, 560, left + 40, 700), "#27364d")
        draw.rounded_rectangle((left - 15, 695, left + 45, 730), 14, "white")
    draw.polygon(((540, 290), (660, 290), (710, 600), (490, 600)), _RED)
    draw.line(((545, 300), (470, 500)), "#a81724", 38)
    draw.line(((655, 300), (730, 500)), "#a81724", 38)
    draw.ellipse((545, 135, 655, 275), _SKIN)
    draw.chord((540, 120, 660, 240), 180, 360, _HAIR)
    return _jpeg(picture)


def map_of_a_junction() -> bytes:
    """Return a map of two roads that cross, with a red cross where they do, as JPEG."""
    picture = Image.new("RGB", _SIZE, _GRASS)
    draw = ImageDraw.Draw(picture)
    for left, top in (
        (60, 60),
        (300, 90),
        (820, 50),
        (1000, 120),
        (90, 560),
        (330, 600),
        (850, 580),
    ):
        draw.rectangle((left, top, left + 150, top + 130), _WALL)
    draw.line(((0, 400), (1200, 400)), _ROAD, 110)
    draw.line(((640, 0), (560, 800)), _ROAD, 130)
    for left in range(20, 1200, 80):
        draw.line(((left, 400), (left + 40, 400)), _MARKING, 6)
    draw.text((40, 362), "Edward Road", "white", font_size=34)
    draw.text((650, 40), "Moseley Road", "white", font_size=34, anchor="mm")
    for ends in (((540, 340), (660, 460)), ((660, 340), (540, 460))):
        draw.line(ends, _RED, 24)
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88)
    return file.getvalue()
