"""A daemon whose settings name people, and requests of different users of the machine on its control socket."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from appealbridge.model.people import Role
from tests.stories import staging
from tests.stories.conftest import Story

UIDS = {role: 51_000 + number for number, role in enumerate(Role)}
NOBODIES = {"root": 0, "an unmapped user": 51_999, "the overflow user": 65_534}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

LIVE_CHANNELS = """\
press_office:
  platform: email
  smtp: SMTP
  sender: Press Office <press@example.police.uk>
"""
"""What a live daemon may use in a story: the practice mail server is like any other."""

LIVE_EVERYWHERE = (
    LIVE_CHANNELS
    + """\
force_x:
  platform: x
  api: PRACTICE/x
  credentials:
    { consumer_key: !secret token, consumer_secret: !secret token, access_token: !secret token,
      access_token_secret: !secret token }
force_facebook:
  platform: facebook
  api: PRACTICE/facebook
  page_id: "100064500000001"
  credentials: { page_token: !secret token }
force_mastodon:
  platform: mastodon
  api: PRACTICE/mastodon
  credentials: { access_token: !secret token }
"""
)
"""The same with accounts on every platform whose address may be one of this machine."""

MAIL = """
alias: Incident, mail
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: email
    channel: press_office
    to: desk@example-radio.example
    subject: News
    text: "{{ event.data.text }}"
approval: none
"""
"""A recipe for live stories."""

HELD = staging.TWEET.replace("approval: none\n", "")


def people(**more: str) -> str:
    """Return the settings of five people, one for each role, named after it; `more` are others."""
    named = {
        role.value: f"roles: [{role}], uid: {uid}, email: {role}@example.police.uk"
        for role, uid in UIDS.items()
    }
    return "people:\n" + "".join(f"  {id_}: {{ {text} }}\n" for id_, text in (named | more).items())


class Crew:
    """People at the control socket of a story's daemon."""

    def __init__(self, story: Story, folder: Path, *, live: bool = False) -> None:
        self.story = story
        self.live = live
        self.channels = LIVE_CHANNELS if live else staging.CHANNELS
        self.socket = folder / "control.sock"

    async def begins(self, recipes: dict[str, str] | None = None, settings: str = "") -> None:
        """Start the daemon with these people."""
        self.recipes = recipes or {"tweet": HELD}
        story = self.story
        await story.begins(self.recipes)
        await story.stops()
        self.write(settings or people())
        await story.starts()

    def write(self, settings: str, recipes: dict[str, str] | None = None) -> None:
        """Write the settings anew, with these people."""
        stage = self.story.stage
        for name, text in (recipes or {}).items():
            stage.recipe(name, text)
        stage.configure(self.channels.replace("PRACTICE", stage.practice))
        if self.live:
            token = stage.folder / "secrets" / "token"
            token.touch(0o600)
            token.write_text("123-practice")
            text = stage.config.read_text()
            stage.config.write_text(text.replace(f"practice: {stage.practice}\n", ""))
        with stage.config.open("a") as file:
            file.write(f"control_socket: {self.socket}\ncontrol_mode: '0666'\n")
            file.write(settings.replace("PRACTICE", stage.practice.partition("://")[2]))

    async def sends(self, uid: int, path: str, content: Any) -> tuple[int, Any]:
        """POST some JSON as a user of the machine; return status and answer."""
        return await self.asks(uid, "POST", path, json.dumps(content))

    async def asks(self, uid: int, method: str, path: str, body: str = "") -> tuple[int, Any]:
        """Send a request as a user of the machine; return status and answer."""
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The whole process becomes that user: a thread of the store could open no file meanwhile.
        await self.story.clock.rests()
        os.seteuid(uid)
        try:
            connected.connect(str(self.socket))
        finally:
            os.seteuid(0)
        connected.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connected)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = await reader.read()
        writer.close()
        status, _, content = answer.partition(b"\r\n\r\n")
        return int(status.split()[1]), json.loads(content)

    async def invites(self, id_: str) -> str:
        """Return a one-time code that the admin gets for somebody."""
        status, answer = await self.asks(UIDS[Role.ADMIN], "POST", f"/api/v1/people/{id_}/invite")
        assert status == 200, answer
        return str(answer["code"])


@contextmanager
def open_folder() -> Iterator[Path]:
    """Return a folder that every user may enter; the tests' own are for their owner alone."""
    folder = Path(tempfile.mkdtemp(prefix="bridge-run-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
