"""What each platform gets of each picture of the corpus, or why it is refused."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache, partial
from io import BytesIO

import pytest
from PIL import Image

from appealbridge.media.rendering import render
from appealbridge.media.values import GIF, JPEG, PNG, WEBP, ImageLimits, ImageRefused
from appealbridge.plugin.images import AcceptsImages
from appealbridge.plugin.registry import BUILT_IN, load
from tests import pictures

OPTIONS = {
    "facebook": {"page_id": "1"},
    "mastodon": {"api": "https://mastodon.example"},
    "bluesky": {"handle": "force.police.uk"},
    "wordpress": {"api": "https://news.example"},
    "email": {"sender": "press@example.police.uk", "smtp": "smtp://127.0.0.1:1"},
}


def limits_of_channels():
    """Return what each built-in channel that takes pictures says of itself."""
    built_in = load([name for name in BUILT_IN if ".channels." in name], third_party=False)
    limits = {}
    for platform, channel in built_in.channels.items():
        if isinstance(channel, AcceptsImages):
            options = channel.practice("force", OPTIONS.get(platform, {}), "http://127.0.0.1:8090")
            limits[platform] = channel.image_rules(channel.account(**options)).limits
    return limits


SMALL = ImageLimits({JPEG, PNG}, 200_000, max_width=400, max_height=400)
"""Smaller than those of any platform, so that sizes and qualities have to go down."""

PLATFORMS = {**limits_of_channels(), "small": SMALL}


def opened(rendition):
    image = Image.open(BytesIO(rendition.data))
    image.load()
    return image


def corners(image):
    """Return the names of the colours at the corners, from left to right and down."""
    image = image.convert("RGB")
    near = {(255, 0, 0): "red", (0, 255, 0): "lime", (0, 0, 255): "blue", (255, 255, 0): "yellow"}
    results = []
    for across, down in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)):
        pixel = image.getpixel((int(image.width * across), int(image.height * down)))
        distance = {
            name: sum(abs(a - b) for a, b in zip(colour, pixel, strict=True))
            for colour, name in near.items()
        }
        name = min(distance, key=distance.get)
        results.append(name if distance[name] < 60 else "?")
    return results


UPRIGHT = ["red", "lime", "blue", "yellow"]

CORPUS = {
    **{f"orientation {n}": (partial(pictures.turned, n), JPEG, (640, 480)) for n in range(1, 9)},
    "png": (lambda: pictures.png(exif=pictures.exif()), PNG, (640, 480)),
    "png turned": (
        lambda: pictures.png(pictures.drawn().rotate(90, expand=True), exif=pictures.exif(6)),
        PNG,
        (640, 480),
    ),
    "webp": (
        lambda: pictures.saved(pictures.drawn(), "WEBP", exif=pictures.exif()),
        WEBP,
        (640, 480),
    ),
    "gif": (lambda: pictures.saved(pictures.drawn(), "GIF"), GIF, (640, 480)),
    "animated gif": (lambda: pictures.animated("GIF"), GIF, (640, 480)),
    "animated png": (lambda: pictures.animated("PNG"), PNG, (640, 480)),
    "animated webp": (lambda: pictures.animated("WEBP"), WEBP, (640, 480)),
    "cmyk": (lambda: pictures.jpeg(pictures.drawn(mode="CMYK"), quality=95), JPEG, (640, 480)),
    "grey": (lambda: pictures.jpeg(pictures.drawn(mode="L")), JPEG, (640, 480)),
    "black and white": (lambda: pictures.png(pictures.drawn(mode="1")), PNG, (640, 480)),
    "16 bits": (lambda: pictures.deep_png(), PNG, (64, 48)),
    "16 bits of grey": (lambda: pictures.deep_grey(), PNG, (64, 48)),
    "palette": (lambda: pictures.palette_png(), PNG, (640, 480)),
    "srgb profile": (lambda: pictures.jpeg(icc_profile=pictures.srgb_profile()), JPEG, (640, 480)),
    "other profile": (
        lambda: pictures.jpeg(icc_profile=pictures.swapped_profile()),
        JPEG,
        (640, 480),
    ),
    "broken profile": (lambda: pictures.jpeg(icc_profile=b"no profile" * 20), JPEG, (640, 480)),
    "transparent": (lambda: pictures.png(pictures.transparent()), PNG, (640, 480)),
    "1x1": (lambda: pictures.png(pictures.drawn(1, 1)), PNG, (1, 1)),
    "long": (lambda: pictures.png(pictures.drawn(9000, 2)), PNG, (9000, 2)),
    "polyglot": (lambda: pictures.polyglot(), JPEG, (640, 480)),
    "text bomb": (lambda: pictures.text_bomb(), PNG, (640, 480)),
    "profile bomb": (lambda: pictures.profile_bomb(), PNG, (640, 480)),
    "gps": (lambda: pictures.jpeg(exif=pictures.exif()), JPEG, (640, 480)),
    "large": (lambda: pictures.jpeg(pictures.noisy(3000, 2000), quality=97), JPEG, (3000, 2000)),
}


@cache
def picture(name):
    """Draw a picture of the corpus; some take a second, and each process that collects these tests would wait."""
    return CORPUS[name][0]()


CONVERTED = {f"orientation {n}" for n in range(2, 9)} | {
    "png turned", "cmyk", "16 bits", "16 bits of grey", "other profile", "animated webp",
}  # fmt: skip


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", CORPUS)
def test_every_picture_fits_every_platform_and_tells_nothing_about_its_maker(name, platform):
    data, (_, _, size) = picture(name), CORPUS[name]
    limits = PLATFORMS[platform]
    rendition = render(data, limits)
    image = opened(rendition)
    assert Image.MIME[image.format] == rendition.media_type
    assert rendition.media_type in limits.media_types
    assert len(rendition.data) <= limits.max_bytes
    assert image.size == (rendition.width, rendition.height)
    most = limits.size_within(*size)
    assert image.size == most or (name == "large" and image.width < most[0])
    assert rendition.sha256 == hashlib.sha256(rendition.data).hexdigest()
    assert getattr(image, "n_frames", 1) == 1
    assert image.mode in {"1", "L", "P", "LA", "RGB", "RGBA"}
    assert not dict(image.getexif())
    assert not {"icc_profile", "exif", "comment", "xmp", "XML:com.adobe.xmp"} & set(image.info)
    assert pictures.SECRET not in rendition.data
    assert b"<script" not in rendition.data


@pytest.mark.parametrize("name", sorted(CORPUS.keys() - CONVERTED))
def test_what_fits_keeps_every_pixel_and_its_compressed_bytes(name):
    data, (_, kind, _) = picture(name), CORPUS[name]
    everything = ImageLimits({JPEG, PNG, GIF, WEBP}, 20 * 1024**2)
    rendition = render(data, everything)
    assert rendition.media_type == kind
    assert len(rendition.data) <= len(data)
    # Pillow itself does not open a bomb.
    before = Image.open(BytesIO(pictures.png() if "bomb" in name else data))
    after = opened(rendition)
    assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()
    # A second time there is nothing left to take away.
    assert render(rendition.data, everything).data == rendition.data


def test_no_byte_of_the_picture_itself_is_changed():
    plain = pictures.jpeg()
    everything = ImageLimits({JPEG}, 20 * 1024**2)
    assert render(pictures.jpeg(exif=pictures.exif()), everything).data == plain
    assert render(pictures.with_segment(plain, 0xFE, b"note"), everything).data == plain
    assert (
        render(
            pictures.with_segment(plain, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), everything
        ).data
        == plain
    )
    assert render(plain + plain, everything).data == plain, "a second picture was hidden behind it"
    png = pictures.png()
    assert (
        render(pictures.with_chunk(png, b"tEXt", b"Author\0Aisha"), ImageLimits({PNG}, 10**7)).data
        == png
    )


def test_the_thumbnail_of_an_uncropped_picture_is_removed():
    hidden = b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x02\x02" + b"secretsecret"
    data = pictures.with_segment(pictures.jpeg(), 0xE0, hidden)
    assert b"secretsecret" not in render(data, PLATFORMS["x"]).data


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(orientation):
    for limits in PLATFORMS.values():
        assert corners(opened(render(pictures.turned(orientation), limits))) == UPRIGHT


def test_the_first_picture_of_an_animation_is_sent():
    for kind in ("GIF", "PNG", "WEBP"):
        for limits in PLATFORMS.values():
            assert corners(opened(render(pictures.animated(kind), limits))) == UPRIGHT, kind


def test_cmyk_becomes_the_colours_that_people_see():
    assert corners(opened(render(picture("cmyk"), PLATFORMS["x"]))) == UPRIGHT


def test_a_profile_is_followed_and_then_not_needed():
    rendition = render(picture("other profile"), PLATFORMS["x"])
    assert corners(opened(rendition))[:2] == ["lime", "red"], "the profile exchanges red and green"


def test_16_bits_become_the_nearest_8():
    colours = opened(render(pictures.deep_png(), PLATFORMS["x"])).convert("RGB")
    assert [colours.getpixel((x, 5)) for x in (0, 32)] == [(0, 255, 1), (128, 255, 1)]
    assert opened(render(pictures.deep_grey(), PLATFORMS["x"])).getpixel((5, 5)) == 128


def test_transparency_is_kept_where_the_platform_has_it_and_is_white_elsewhere():
    data = pictures.png(pictures.transparent())
    stored = opened(render(data, PLATFORMS["x"]))
    assert stored.getpixel((10, 10))[3] == 0
    white = opened(render(data, PLATFORMS["facebook"]))
    assert white.convert("RGB").getpixel((10, 10)) == (255, 255, 255)
    assert "transparency" not in white.info
    assert white.mode == "RGB"


def test_quality_is_lowered_before_the_size():
    data = picture("large")
    rendition = render(data, ImageLimits({JPEG}, int(len(data) * 0.7)))
    assert (rendition.width, rendition.height) == (3000, 2000)
    tiny = render(data, ImageLimits({JPEG}, 50_000))
    assert 25_000 < len(tiny.data) <= 50_000
    assert tiny.width < 3000
    assert abs(tiny.width / tiny.height - 1.5) < 0.02, "its shape is kept"


def test_a_large_transparent_picture_keeps_its_size_and_not_its_transparency():
    image = pictures.noisy(800, 600)
    image.putalpha(Image.linear_gradient("L").resize((800, 600)))
    data = pictures.png(image)
    on_white = render(data, ImageLimits({JPEG, PNG}, 300_000))
    assert (on_white.media_type, on_white.width) == (JPEG, 800)
    as_webp = render(data, ImageLimits({JPEG, PNG, WEBP}, 300_000))
    assert (as_webp.media_type, as_webp.width) == (WEBP, 800)
    only_png = render(data, ImageLimits({PNG}, 300_000))
    assert only_png.width < 800
    assert opened(only_png).mode == "RGBA"


def test_a_drawing_is_sent_without_loss_where_it_fits():
    gif = render(pictures.saved(pictures.drawn(), "GIF"), PLATFORMS["x"])
    assert gif.media_type == PNG
    assert opened(gif).mode == "P", "it needs no more colours than it had"


REFUSED = {
    "empty": (b"", "the file is empty"),
    "heic": (pictures.HEIC, "HEIC picture.* as JPEG instead.*Most Compatible"),
    "heic by brand": (pictures.HEIC_BY_BRAND, "HEIC"),
    "avif": (pictures.AVIF, "AVIF picture.*send a JPEG or PNG instead"),
    "avif by brand": (pictures.AVIF_BY_BRAND, "AVIF"),
    "svg": (pictures.SVG, "SVG drawing.*send it as PNG instead"),
    "mp4": (pictures.MP4, "this is a video, and only pictures are published"),
    "mov": (pictures.MOV, "this is a video"),
    "webm": (pictures.WEBM, "this is a video"),
    "pdf": (pictures.PDF, "this is a PDF"),
    "page": (pictures.PAGE, "this is a web page and not a picture"),
    "text": (b"hello", "not a picture of a known kind"),
    "bomb": (
        pictures.bomb(),
        "20000 × 20000 pixels, more than 50 megapixels; send it in a smaller",
    ),
    "header": (pictures.header_of(20_000, 20_000), "20000 × 20000 pixels"),
    "51 megapixels": (pictures.header_of(10_000, 5_100), "10000 × 5100 pixels"),
    "truncated jpeg": (pictures.jpeg()[:-2000], "cut off"),
    "truncated png": (pictures.png()[:-2000], "cut off"),
    "truncated webp": (pictures.saved(pictures.drawn(), "WEBP")[:-500], "cut off"),
    "truncated gif": (pictures.saved(pictures.drawn(), "GIF")[:-500], "cut off"),
    "start of jpeg": (b"\xff\xd8\xff", "cut off"),
    "damaged jpeg": (b"\xff\xd8\xff\xe0\x00\x04ab\x00\x00\x00\x00", "damaged"),
    "damaged png": (pictures.png().replace(b"IDAT", b"IDAU"), "damaged"),
    "too long": (pictures.jpeg() + bytes(20 * 1024 * 1024), "larger than 20 MB; send a smaller"),
    "many parts": (b"\xff\xd8" + b"\xff\xfe\x00\x02" * 100_000, "damaged"),
}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_what_the_file_is_and_what_to_send_instead(name, platform):
    data, text = REFUSED[name]
    with pytest.raises(ImageRefused, match=text) as refused:
        render(data, PLATFORMS[platform])
    assert refused.value.reason
    assert refused.value.cure


def test_exactly_50_megapixels_are_read():
    image = Image.new("L", (10_000, 5_000), 128)
    assert render(pictures.png(image), ImageLimits({PNG}, 10**7)).width == 10_000


@pytest.mark.parametrize("name", CORPUS)
def test_any_picture_cut_off_or_damaged_anywhere_is_shown_or_refused(name):
    """And nothing else is raised: it is never the daemon's fault."""
    data = picture(name)[:200_000]
    limits = SMALL
    for part in range(1, 8):
        at = len(data) * part // 8
        for hurt in (
            data[:at],
            data[:at] + b"\xff\x00\xff" + data[at + 3 :],
            data[:at] + data[at + 5 :],
        ):
            with suppress(ImageRefused):
                assert len(render(hurt, limits).data) <= limits.max_bytes


def test_limits_that_no_picture_can_meet_are_told_to_their_author():
    for wrong in (set(), {GIF}, {"image/tiff", JPEG}):
        with pytest.raises(ValueError, match="media_types"):
            ImageLimits(wrong, 100)
    with pytest.raises(ValueError, match="1 or more"):
        ImageLimits({JPEG}, 0)
    with pytest.raises(ImageRefused, match="cannot be made as small as 10 bytes"):
        render(pictures.jpeg(), ImageLimits({JPEG}, 10))
