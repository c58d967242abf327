"""The daemon as a force runs it, publishing for real on servers of this machine."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent, indent

from tests.stories import staging
from tests.stories.processes import Daemon, daemon

SETTINGS = """\
listen: 127.0.0.1:0
store: sqlite:///{folder}/bridge.db
recipes: {folder}/recipes

channels:
{channels}

webhooks:
  desk:
    secrets: [!secret hook_desk]
    mapping: {{ type: $.type, subject: $.subject }}
"""


@asynccontextmanager
async def house(
    folder: Path, channels: str, recipes: Mapping[str, str], **secrets: str
) -> AsyncIterator[Daemon]:
    """Run the daemon with these accounts, recipes and secrets while the context lasts; with the same folder, again."""
    nowhere = ("http://127.0.0.1:1", "smtp://127.0.0.1:1")
    exists = await asyncio.to_thread(folder.exists)
    stage = staging.Stage(folder, *nowhere) if exists else staging.build(folder, *nowhere, recipes)
    for name, secret in secrets.items():
        file = folder / "secrets" / name
        file.touch(0o600)
        file.write_text(secret)
    accounts = indent(dedent(channels).strip(), "  ")
    stage.config.write_text(SETTINGS.format(folder=folder, channels=accounts))
    async with daemon(stage) as running:
        assert await running.ready(), "".join(running.lines)
        yield running


async def command(running: Daemon, *words: str) -> str:
    """Run one of our commands on the daemon's settings, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appealbridge", *words, "--config", str(running.stage.config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
