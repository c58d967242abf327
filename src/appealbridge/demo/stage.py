"""The demo's stage: settings, secrets and an empty appeals folder, in a folder that is thrown away."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appealbridge.resources import shipped

SOURCES = ("appeal:website", "appeal:case_files", "feed:force_news")
"""What the daemon looks at from time to time."""

PRESS = ("newsdesk@example-mail.example", "desk@example-radio.example")
"""Who is on the demo's press list."""

_SETTINGS = """\
# What `appealbridge demo` runs with. Everything below talks to the practice platforms.
listen: {listen}
store: sqlite:///{folder}/appealbridge.db
recipes: {recipes}
templates: {folder}/templates
practice: {practice}

channels:
  force_x: {{ platform: x }}
  force_facebook: {{ platform: facebook, page_id: "100064500000001" }}
  force_mastodon: {{ platform: mastodon, api: "https://mastodon.example" }}
  force_bluesky: {{ platform: bluesky, handle: force.police.uk }}
  newsroom: {{ platform: wordpress, api: "https://news.example.police.uk" }}
  press_office:
    platform: email
    smtp: smtp://mail.example.police.uk:587
    sender: Press Office <press@example.police.uk>

webhooks:
  incident-desk:
    preset: alertmanager
    secrets: [!secret hook_incident_desk]
  roads:
    mapping: {{ type: $.type, subject: $.closure }}
    secrets: [!secret hook_roads]

appeals:
  website: {{ feed: "{practice}/website/appeals.rss", every: 1s }}
  case_files: {{ folder: appeals, every: 1s }}

feeds:
  force_news: {{ url: "{practice}/website/news.rss", every: 1s, max_age: 2d }}

lists:
  regional_press: [{press}]
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything of one demo lies. `secrets` maps a webhook's name to its `whsec_` secret."""

    folder: Path
    recipes: Path
    secrets: dict[str, str]

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "appealbridge.yaml"

    @property
    def store(self) -> Path:
        """The throw-away store."""
        return self.folder / "appealbridge.db"

    @property
    def appeals(self) -> Path:
        """Where an appeal file is dropped."""
        return self.folder / "appeals"


def build(folder: Path, *, listen: str, practice: str) -> Stage:
    """Write everything that the daemon needs into an empty folder."""
    stage = Stage(
        folder, shipped("recipes"), {"incident-desk": new_secret(), "roads": new_secret()}
    )
    stage.appeals.mkdir()
    keep_secrets(
        folder,
        {f"hook_{webhook.replace('-', '_')}": value for webhook, value in stage.secrets.items()},
    )
    stage.config.write_text(
        _SETTINGS.format(
            listen=listen,
            folder=folder,
            recipes=stage.recipes,
            practice=practice,
            press=", ".join(PRESS),
        ),
        encoding="utf-8",
    )
    return stage


def keep_secrets(folder: Path, secrets_by_name: Mapping[str, str]) -> None:
    """Write secrets where the settings in a folder look for them."""
    keys = folder / "secrets"
    keys.mkdir(mode=0o700)
    for name, value in secrets_by_name.items():
        file = keys / name
        file.touch(mode=0o600)
        file.write_text(value, encoding="utf-8")


def new_secret() -> str:
    """Return a new secret for a webhook."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
