"""Where the files lie that come with the program: its recipes and blueprints."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent


def shipped(folder: str) -> Path:
    """Return a folder that comes with the program: inside the package, or at the root of its checkout."""
    for place in (PACKAGE / "shipped" / folder, PACKAGE.parents[1] / folder):
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"the shipped {folder} are not beside {PACKAGE}; install the program again"
    )
