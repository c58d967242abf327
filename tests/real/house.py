"""The daemon as a force runs it, publishing for real on servers of this machine."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent, indent

from PIL import Image as Drawing

from tests.stories import staging
from tests.stories.processes import Daemon, daemon

SECRET = "taken at a secret place"
_DESCRIPTION = 0x010E

SETTINGS = """\
listen: 127.0.0.1:0
store: sqlite:///{folder}/bridge.db
recipes: {folder}/recipes
media_folder: {folder}/media

channels:
{channels}

webhooks:
  desk:
    secrets: [!secret hook_desk]
    mapping: {{ type: $.type, subject: $.subject }}
"""


def put_pictures(folder: Path) -> None:
    """Put red.png and blue.jpg there, each with words in its metadata that nobody may read."""
    folder.mkdir(exist_ok=True)
    for name, colour in (("red.png", "red"), ("blue.jpg", "blue")):
        picture = Drawing.new("RGB", (640, 480), colour)
        exif = Drawing.Exif()
        exif[_DESCRIPTION] = SECRET
        picture.save(folder / name, exif=exif)


def colour_of(data: bytes) -> str:
    """Return the colour of a picture, after a look that its metadata is gone."""
    assert SECRET.encode() not in data
    drawing = Drawing.open(io.BytesIO(data))
    assert not drawing.getexif()
    red, _, blue = drawing.convert("RGB").getpixel((9, 9))
    return "red" if red > 200 > blue else "blue" if blue > 200 > red else "other"


@asynccontextmanager
async def house(
    folder: Path, channels: str, recipes: Mapping[str, str], **secrets: str
) -> AsyncIterator[Daemon]:
    """Run the daemon with these accounts, recipes and secrets while the context lasts; with the same folder, again."""
    nowhere = ("http://127.0.0.1:1", "smtp://127.0.0.1:1")
    exists = await asyncio.to_thread(folder.exists)
    stage = staging.Stage(folder, *nowhere) if exists else staging.build(folder, *nowhere, recipes)
    put_pictures(folder / "media")
    for name, secret in secrets.items():
        file = folder / "secrets" / name
        file.touch(0o600)
        file.write_text(secret)
    accounts = indent(dedent(channels).strip(), "  ")
    stage.config.write_text(SETTINGS.format(folder=folder, channels=accounts))
    async with daemon(stage) as running:
        assert await running.ready(), "".join(running.lines)
        yield running


async def command(running: Daemon, *arguments: str) -> str:
    """Run one of our commands on the daemon's settings, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appealbridge", *arguments, "--config", str(running.stage.config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
