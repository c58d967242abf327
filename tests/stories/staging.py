"""The files that a story needs (settings, a secret, recipes), and signed requests."""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

from tests.new_store import write_new_store

KEY = b"a key that only the incident desk has"

SETTINGS = """\
listen: 127.0.0.1:0
store: sqlite:///{folder}/bridge.db
recipes: {folder}/recipes
practice: {practice}
shutdown_within: {shutdown_within}

channels:
{channels}

webhooks:
  desk:
    secrets: [!secret hook_desk]
    mapping: {{ type: $.type, subject: $.subject }}
"""

APPEALS = """
appeals:
  desk: {{ folder: {folder}/appeals, every: 60s }}
"""
"""Added only if a recipe uses it: each poll takes real time, and a story may last for days."""

CHANNELS = """\
force_x: { platform: x }
force_facebook: { platform: facebook, page_id: "100064500000001" }
force_mastodon: { platform: mastodon, api: "https://mastodon.example" }
press_office:
  platform: email
  smtp: SMTP
  sender: Press Office <press@example.police.uk>
"""

TWEET = """
alias: Incident, X
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
approval: none
"""

EVERYWHERE = """
alias: Incident, every channel
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, id: x, channel: force_x, text: "{{ event.data.text }} on X" }
  - { action: facebook_post, channel: force_facebook, text: "{{ event.data.text }} on Facebook" }
  - { action: mastodon_post, channel: force_mastodon, text: "{{ event.data.text }} on Mastodon" }
  - action: email
    channel: press_office
    to: desk@example-radio.example
    subject: "{{ event.data.text }}"
    text: "It is on X at {{ results.x.url }}"
approval: none
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with everything that a daemon needs."""

    folder: Path
    practice: str
    smtp: str

    @property
    def config(self) -> Path:
        return self.folder / "appealbridge.yaml"

    @property
    def store(self) -> Path:
        return self.folder / "bridge.db"

    @property
    def recipes(self) -> Path:
        return self.folder / "recipes"

    @property
    def appeals(self) -> Path:
        return self.folder / "appeals"

    def configure(self, channels: str = CHANNELS, *, shutdown_within: str = "20s") -> None:
        """Write the settings, or replace them."""
        uses_appeals = any("appeal" in recipe.read_text() for recipe in self.recipes.iterdir())
        self.config.write_text(
            (SETTINGS + APPEALS if uses_appeals else SETTINGS).format(
                folder=self.folder,
                practice=self.practice,
                shutdown_within=shutdown_within,
                channels=indent(channels.replace("SMTP", self.smtp), "  "),
            )
        )

    def recipe(self, name: str, text: str) -> None:
        """Write a recipe, or replace it."""
        (self.recipes / f"{name}.yaml").write_text(dedent(text))

    def appeal(self, reference: str, at: float, **fields: str) -> None:
        """Write an appeal's file as of Unix time `at`, or replace it."""
        file = self.appeals / f"{reference}.yaml"
        file.write_text(json.dumps({"reference": reference, **fields}))
        os.utime(file, (at, at))


def build(folder: Path, practice: str, smtp: str, recipes: Mapping[str, str]) -> Stage:
    """Make the folder and its files."""
    stage = Stage(folder, practice, smtp)
    for part in (stage.recipes, stage.appeals, folder / "secrets"):
        part.mkdir(parents=True)
    (folder / "secrets").chmod(0o700)
    secret = folder / "secrets" / "hook_desk"
    secret.touch(0o600)
    secret.write_text("whsec_" + base64.b64encode(KEY).decode())
    for name, text in recipes.items():
        stage.recipe(name, text)
    stage.configure()
    write_new_store(stage.store)
    return stage


def signed(message_id: str, now: float, body: bytes, key: bytes = KEY) -> dict[str, str]:
    """Return the headers of a request that is signed with `key` at Unix time `now`."""
    stamp = str(int(now))
    digest = hmac.digest(key, b".".join((message_id.encode(), stamp.encode(), body)), "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "Content-Type": "application/json",
    }
