"""Finds what a section of the settings declares, also where its name is misspelt: that is reported by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from appealbridge.documents import Document
from appealbridge.documents.diagnostic import hint_for, nearest
from appealbridge.settings.model import DaemonSettings


def declared(document: Document, section: str, others: Collection[str] = ()) -> Mapping[str, Any]:
    """
    Return what is declared under a section, by name; nothing if that is no mapping.

    `others` are the sections of sources. If nothing has the name of the section, its entries are those of a name that
    is taken for it, so that what refers to them is not reported too.
    """
    settings = document.value
    if section in settings:
        return _mapping(settings[section])
    known = {*DaemonSettings.model_fields, "channels", "lists", section, *others}
    taken = f'did you mean "{section}"?'
    for name in settings:
        if name not in known and (
            nearest(str(name), known) == section
            or hint_for(str(name), known, DaemonSettings.SYNONYMS) == taken
        ):
            return _mapping(settings[name])
    return {}


def _mapping(written: Any) -> Mapping[str, Any]:
    return written if isinstance(written, dict) else {}
