"""What `check` says about pictures: each mistake has its place and its cure, and nothing is cut or guessed."""

import importlib.util
import os

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from tests import pictures

SETTINGS = """practice: http://127.0.0.1:9
media_folder: media
channels:
  force_x: { platform: x }
  force_facebook: { platform: facebook, page_id: "1" }
  force_mastodon: { platform: mastodon, api: "https://mastodon.example" }
  free_x: { platform: x, alt_text: optional }
webhooks: { desk: { secrets: [!secret desk], mapping: { type: $.type } } }
"""
RECIPE = """alias: Pictures
triggers: [{{ trigger: webhook, webhook_id: desk }}]
actions:
  - action: post
    to: [force_x, force_facebook, force_mastodon]
    text: "{{{{ event.data.text }}}}"
    {more}
approval: none
"""
ALT = "alt: A girl"


@pytest.fixture
def checked(tmp_path, monkeypatch):
    (tmp_path / "appealbridge.yaml").write_text(SETTINGS)
    for folder in ("recipes", "media", "media/inner"):
        (tmp_path / folder).mkdir()
    png = pictures.png(pictures.drawn(64, 48))
    for name in ("outside.png", "media/badge.png", "media/inner/badge.png"):
        (tmp_path / name).write_bytes(png)
    (tmp_path / "media/phone.jpg").write_bytes(pictures.HEIC)
    (tmp_path / "media/link.png").symlink_to(tmp_path / "outside.png")
    (tmp_path / "media/way").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def run(more, channels=""):
        recipe = RECIPE.format(more=more)
        if channels:
            recipe = recipe.replace("[force_x, force_facebook, force_mastodon]", channels)
        (tmp_path / "recipes/a.yaml").write_text(recipe)
        return CliRunner().invoke(main, ["check"])

    return run


GOOD = [
    f'images: [{{ url: "https://a.example/a.jpg", {ALT} }}]',
    'images: "{{ event.data.images }}"',
    "images: $.images",
    f"images: [{{ file: badge.png, {ALT} }}]",
    f"images: [{{ file: inner/badge.png, {ALT} }}]",
    'images: [{ url: "{{ event.data.picture }}", alt: "{{ event.data.alt }}" }]',
    'images: "{{ event.data.images }}"\n    per_channel: { force_x: { images: [{ file: badge.png, alt: Badge }] } }',
    "images: []",
]


@pytest.mark.parametrize("more", GOOD)
def test_what_the_docs_show_is_good(checked, more):
    result = checked(more)
    assert result.exit_code == 0, result.output


LONG = "x" * 1600
BAD = {
    "a template in the name of a file": (
        f'images: [{{ file: "{{{{ event.data.file }}}}", {ALT} }}]',
        ["the name of a file cannot come from a template", "a picture from an event has url:"],
    ),
    "a way out": (f"images: [{{ file: ../outside.png, {ALT} }}]", [".."]),
    "a way out further in": (f"images: [{{ file: inner/../../outside.png, {ALT} }}]", [".."]),
    "a whole path": (f"images: [{{ file: /etc/hostname, {ALT} }}]", ["/etc/hostname"]),
    "a link": (f"images: [{{ file: link.png, {ALT} }}]", ["link"]),
    "a link on the way": (f"images: [{{ file: way/outside.png, {ALT} }}]", ["link"]),
    "a file that platforms do not take": (
        f"images: [{{ file: phone.jpg, {ALT} }}]",
        ["phone.jpg: this is a HEIC picture", "send it as JPEG instead"],
    ),
    "a file that is not there": (f"images: [{{ file: none.png, {ALT} }}]", ["none.png"]),
    "both": (
        f'images: [{{ file: badge.png, url: "https://a.example/a.png", {ALT} }}]',
        ["has both url: and file:", "leave one out"],
    ),
    "neither": (f"images: [{{ {ALT} }}]", ["has no picture", "give it url: or file:"]),
    "another word": (
        f'images: [{{ url: "https://a.example/a.png", caption: A, {ALT} }}]',
        ["caption"],
    ),
    "what AppealBridge stores itself": (
        f'images: [{{ url: "https://a.example/a.png", stored: {{}}, {ALT} }}]',
        ['unknown option "stored" for a picture', "a picture has url, file, alt"],
    ),
    "a text": ('images: "https://a.example/a.png"', ["is not a list of pictures"]),
    "another scheme": (f'images: [{{ url: "file:///etc/passwd", {ALT} }}]', ["images[0].url"]),
    "an alt text too long for two of three": (
        f'images: [{{ url: "https://a.example/a.png", alt: {LONG} }}]',
        [
            "1600 characters, but force_x allows 1000 for an alt text",
            "1600 characters, but force_mastodon allows 1500 for an alt text",
            "make it shorter",
        ],
    ),
    "a link beside images on Facebook": (
        f"""images: [{{ url: "https://a.example/a.png", {ALT} }}]
    per_channel: {{ force_facebook: {{ link: "https://a.example/" }} }}""",
        [
            '"link" and "images" cannot be used together on facebook',
            "leave one of the two out; a link in the text is still a link",
        ],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_each_mistake_is_a_problem_with_its_cure(checked, name):
    more, phrases = BAD[name]
    result = checked(more)
    assert result.exit_code == 1, result.output
    for phrase in phrases:
        assert phrase in result.output
    assert "recipes/a.yaml:" in result.output


def test_a_picture_without_alt_text_is_a_note_unless_the_account_allows_it(checked):
    more = 'images: [{ url: "https://a.example/a.png" }]'
    result = checked(more)
    assert result.exit_code == 0, result.output
    assert "a picture without alt: is held for a person on force_x" in result.output
    assert "is held for a person" not in checked(more, "[free_x]").output


def test_without_a_media_folder_the_cure_is_to_name_one(checked, tmp_path):
    settings = tmp_path / "appealbridge.yaml"
    settings.write_text(settings.read_text().replace("media_folder: media\n", ""))
    result = checked(f"images: [{{ file: badge.png, {ALT} }}]")
    assert result.exit_code == 1
    assert "there is no folder of pictures" in result.output
    assert "write media_folder: with the folder of the pictures in appealbridge.yaml" in (
        result.output
    )


def test_without_pillow_a_recipe_with_images_is_a_problem_with_the_cure(checked, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "PIL" else find(name, *more),
    )
    result = checked('images: "{{ event.data.images }}"')
    assert result.exit_code == 1
    assert "Pillow is not installed" in result.output
    assert "pip install 'appealbridge[media]'" in result.output
    assert checked("").exit_code == 0


def test_what_readers_of_the_folder_may_not_read_is_found_too(checked, tmp_path):
    if os.geteuid() == 0:
        (tmp_path / "media/badge.png").unlink()
        (tmp_path / "media/badge.png").mkdir()
    else:
        (tmp_path / "media/badge.png").chmod(0)
    assert checked(f"images: [{{ file: badge.png, {ALT} }}]").exit_code == 1
