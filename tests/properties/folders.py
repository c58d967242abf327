"""Folders for stores of which one property makes hundreds."""

import os
import tempfile


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder, in memory where `tmp_path` is too: each transaction waits for the disk."""
    return tempfile.TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
