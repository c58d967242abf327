"""A folder like that of a reader: the example settings, the shipped recipes, and every file that the docs show."""

import base64
import os
import shutil
from pathlib import Path

from tests.docs.pages import ROOT, blocks

SETTINGS = "examples/appealbridge.yaml"


def _secret(number: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(number, number + 32))).decode()


SECRET = _secret(0)

PEOPLE = """
people: { bob: { email: bob@example.police.uk } }
groups: { officer_in_charge: [bob] }
"""


class AnySecret(dict[str, str]):
    """An environment in which every secret is to be had."""

    def __contains__(self, name: object) -> bool:
        return str(name).startswith("APPEALBRIDGE_SECRET_")

    def __getitem__(self, name: str) -> str:
        return SECRET

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override] # narrower than dict's
        return SECRET if name in self else default


def build(folder: Path) -> Path:
    """Fill an empty folder; return its settings file."""
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    (folder / "examples").mkdir()
    settings = folder / SETTINGS
    settings.write_text(
        (ROOT / SETTINGS).read_text("utf-8") + PEOPLE + "templates: ../templates\n", "utf-8"
    )
    (folder / "templates").mkdir()
    (folder / "templates" / "press-appeal.txt").write_text("{{ appeal.title }}\n", "utf-8")
    for block in blocks():
        if block.word in ("file", "broken"):
            file = folder / block.rest
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text, "utf-8")
    return settings


def environment() -> dict[str, str]:
    """Return what the shipped settings need to have no secret missing."""
    names = ("HOOK_INCIDENT_DESK", "HOOK_ROADS")
    return {
        "APPEALBRIDGE_CONFIG": SETTINGS,
        **{f"APPEALBRIDGE_SECRET_{name}": _secret(n) for n, name in enumerate(names)},
    }


def enter(folder: Path, monkeypatch) -> None:
    """Work in the folder as its reader does."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("APPEALBRIDGE_")]:
        monkeypatch.delenv(name)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
