"""Notes for `check` about sources whose name the store knows for another source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from appealbridge.daemon.assembly import Assembly, identities
from appealbridge.documents import Problem
from appealbridge.model.errors import StoreError
from appealbridge.model.source import RENEWED, source_label
from appealbridge.store.opening import exists, open_store


def notes(assembly: Assembly) -> list[Problem]:
    """Return a note for each such source; none if there is no store here or it cannot be read."""
    now = identities(assembly)
    try:
        if not now or not exists(assembly.settings.store):
            return []
        before = asyncio.run(_remembered(assembly.settings.store, now))
    except (OSError, StoreError):
        return []
    file = str(assembly.settings.file or assembly.settings.recipes)
    return [
        Problem(file, 1, 1, source_label(source), RENEWED, "", level="note")
        for source, identity in now.items()
        if before.get(source, identity) != identity
    ]


async def _remembered(url: str, sources: Mapping[str, str]) -> dict[str, str]:
    store = await open_store(url, read_only=True)
    try:
        records = [await store.source(source) for source in sources]
    finally:
        await store.close()
    return {
        record.source: record.state["identity"]
        for record in records
        if record is not None and "identity" in record.state
    }
