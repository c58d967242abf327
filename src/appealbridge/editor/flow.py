"""The steps of a recipe that publish nothing and steer the others, as a JSON Schema tells of them."""

from __future__ import annotations

from appealbridge.editor.models import Schema


def flow() -> list[Schema]:
    """Return the schemas of all steps that steer."""
    return []
