"""`preview` of a recipe with pictures: it shows what it knows, and fetches only if it is requested to."""

import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from tests import pictures

SETTINGS = """practice: http://127.0.0.1:9
media_folder: media
inside: ["127.0.0.1:{port}"]
channels:
  force_x: {{ platform: x }}
  force_bluesky: {{ platform: bluesky, handle: force.police.uk }}
"""
RECIPE = """alias: Missing
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: post
    to: [force_x, force_bluesky]
    text: "{{ event.data.text }}"
    images: "{{ event.data.images }}"
    per_channel:
      force_x: { images: [{ file: badge.png, alt: The badge }] }
approval: none
"""


@cache
def large():
    return pictures.jpeg(pictures.noisy(2400, 1800), quality=90)


class Website(BaseHTTPRequestHandler):
    requested: list[str] = []  # noqa: RUF012 - of this module's one server

    def do_GET(self):
        self.requested.append(self.path)
        files = {"/large.jpg": large(), "/a.heic": b"\0\0\0\x18ftypheic" + bytes(99)}
        data = files.get(self.path, b"")
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def website():
    Website.requested.clear()
    server = HTTPServer(("127.0.0.1", 0), Website)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def previewed(tmp_path, monkeypatch, website):
    (tmp_path / "appealbridge.yaml").write_text(
        SETTINGS.format(port=website.rpartition(":")[2])
        + "webhooks: { desk: { secrets: [!secret desk], mapping: { type: $.type } } }\n"
    )
    for folder in ("recipes", "media"):
        (tmp_path / folder).mkdir()
    (tmp_path / "recipes/a.yaml").write_text(RECIPE)
    (tmp_path / "media/badge.png").write_bytes(pictures.png(pictures.drawn(64, 48)))
    monkeypatch.chdir(tmp_path)

    def run(*names, options=()):
        images = [{"url": f"{website}/{name}", "alt": f"alt of {name}"} for name in names]
        event = {"type": "appeal", "data": {"text": "Missing: Aisha", "images": images}}
        (tmp_path / "event.json").write_bytes(orjson.dumps(event))
        result = CliRunner().invoke(main, ["preview", "a", "--event", "event.json", *options])
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_without_fetch_nothing_is_fetched_and_what_is_known_is_shown(previewed, website):
    output = previewed("large.jpg")
    assert Website.requested == []
    assert f"image 1: {website}/large.jpg" in output
    assert "alt text: alt of large.jpg" in output
    assert "image 1: badge.png" in output
    assert "pixels" not in output


def test_with_fetch_each_picture_is_fetched_once_and_shown_as_each_channel_gets_it(previewed):
    output = previewed("large.jpg", "a.heic", "none.jpg", options=["--fetch"])
    assert sorted(Website.requested) == ["/a.heic", "/large.jpg", "/none.jpg"]
    assert "image/png, 64 × 48 pixels" in output
    assert "image/jpeg, " in output
    assert f"made of {len(large()) / 1e6:.2f} MB" in output
    assert "cannot be sent: this is a HEIC picture" in output
    assert "404" in output


def test_programs_read_the_same(previewed):
    rows = orjson.loads(previewed("large.jpg", options=["--fetch", "--json"]))
    facts = {post["channel"]: post["pictures"][0] for post in rows["posts"]}
    assert (facts["force_x"]["width"], facts["force_x"]["height"]) == (64, 48)
    assert facts["force_bluesky"]["fetched"] == len(large())
    assert facts["force_bluesky"]["size"] <= 950_000


def test_pictures_that_a_channel_does_not_take_are_named(previewed, website):
    output = previewed(*(f"{number}.jpg" for number in range(6)))
    assert f"left out, because force_bluesky takes fewer: {website}/4.jpg, {website}/5.jpg" in (
        output
    )
