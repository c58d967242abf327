"""Whether the library for pictures is installed."""

from __future__ import annotations

import importlib.util
from contextlib import suppress


def missing_library() -> str:
    """Return how to install what pictures need; empty if it is installed."""
    with suppress(ImportError, ValueError):
        if importlib.util.find_spec("PIL") is not None:
            return ""
    return "Pillow is not installed; install it with: pip install 'appealbridge[media]'"
