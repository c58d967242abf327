"""What only `check` finds: approvals that nobody may give, and names that the store knows for other sources."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from appealbridge.daemon.assembly import Assembly, identities
from appealbridge.documents import Problem, read
from appealbridge.model.errors import StoreError
from appealbridge.model.source import RENEWED, source_label
from appealbridge.recipes.model.recipe import NO_APPROVAL
from appealbridge.recipes.parsing.secrets import TAGS
from appealbridge.recipes.planning.approval_policy import approvers
from appealbridge.store.opening import exists, store_at


def unasked_approvals(assembly: Assembly) -> Iterator[Problem]:
    """
    Yield an error for each recipe whose posts would wait for an approval that nobody may give.

    They are errors only here: the daemon uses these recipes, so that no event is lost, and says what waits.
    """
    roster = assembly.settings.roster
    if roster.one_desk:
        return
    for recipe in assembly.book.recipes.values():
        policy = recipe.approval
        if policy == NO_APPROVAL or approvers(policy, roster):
            continue
        document = read(recipe.text, recipe.file, TAGS)
        approver = (
            f"nobody in {policy}" if policy in roster.groups else policy or "nobody under people:"
        )
        yield document.problem(
            ("approval",) if policy else (),
            f"{approver} {'may' if not policy or policy in roster.groups else 'may not'} approve, so nobody is "
            "asked and nothing is published",
            "give somebody the role approver under people:, or name somebody else",
            key=not policy,
        )


def renewed_sources(assembly: Assembly) -> list[Problem]:
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
    store = await store_at(url).open(read_only=True)
    try:
        records = [await store.source(source) for source in sources]
    finally:
        await store.close()
    return {
        record.source: record.state["identity"]
        for record in records
        if record is not None and "identity" in record.state
    }
