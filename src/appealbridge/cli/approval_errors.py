"""Errors for `check` about recipes that ask for an approval which nobody may give."""

from __future__ import annotations

from collections.abc import Iterator

from appealbridge.daemon.assembly import Assembly
from appealbridge.documents import Problem, read
from appealbridge.recipes.model.recipe import NO_APPROVAL
from appealbridge.recipes.parsing.secrets import TAGS
from appealbridge.recipes.planning.approval_policy import approvers


def problems(assembly: Assembly) -> Iterator[Problem]:
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
