"""Folders for stores of which one property makes hundreds."""

import os
import tempfile
from pathlib import Path

from tests.new_store import write_new_store


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """
    Return a new folder with an empty store in it, `bridge.db`.

    It is in memory where `tmp_path` is too: each transaction waits for the disk.
    """
    folder = tempfile.TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
    write_new_store(Path(folder.name) / "bridge.db")
    return folder
