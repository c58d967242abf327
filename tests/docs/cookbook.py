"""The cookbook as a folder: its settings and its recipes, as a reader copies them off the page."""

from pathlib import Path

from tests.docs.pages import blocks

BLOCKS = {block.rest: block.text for block in blocks() if block.word == "cookbook"}
"""The text of every file, by its path."""

SETTINGS = "appealbridge.yaml"
RECIPES = {Path(path).stem: text for path, text in BLOCKS.items() if path != SETTINGS}


def build(folder: Path, *names: str) -> Path:
    """Write settings and these recipes, all if none is named, into a folder; return the settings file."""
    (folder / "recipes").mkdir(parents=True)
    (folder / "appeals").mkdir()
    for name in names or RECIPES:
        (folder / "recipes" / f"{name}.yaml").write_text(RECIPES[name], "utf-8")
    settings = folder / SETTINGS
    settings.write_text(BLOCKS[SETTINGS], "utf-8")
    return settings
