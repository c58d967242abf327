"""The `AcceptanceStore`: the part of a store that keeps who wrote and who accepted versions of recipes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from appealbridge.model.approval import RecipeAcceptance, RecipeContent
from appealbridge.model.audit import Decision
from appealbridge.model.delivery import Delivery


class AcceptanceStore(Protocol):
    """Keeps acceptances. Who may accept is decided before."""

    async def note_owners(
        self, owners: Mapping[str, Collection[int]], now: float
    ) -> Collection[str]:
        """Remember to which users the files of versions belong; return the versions that are new."""

    async def accept_recipe(
        self, acceptance: RecipeAcceptance, content: RecipeContent, decision: Decision
    ) -> None:
        """Store an acceptance, with its entry in the trail; raise `IllegalMove` if the version is accepted already."""

    async def clear_accepted(
        self, now: float, limit: int = 500, name_of: Callable[[str], str] = str
    ) -> Sequence[Delivery]:
        """
        Clear the hold of deliveries that wait for the acceptance of a version that is accepted by now.

        Return them, the oldest first, up to `limit`: call it again until nothing is returned. `name_of` returns the
        name that people read from the id of whoever accepted it.
        """


class AcceptanceQueries(Protocol):
    """Queries about acceptances."""

    async def acceptances(self, after: str = "", limit: int = 1000) -> Sequence[RecipeAcceptance]:
        """Return a page of the acceptances in the order of their versions: those after this version, up to `limit`."""

    async def accepted_content(self, recipe: str) -> tuple[RecipeAcceptance, RecipeContent] | None:
        """Return the newest acceptance of a recipe, with what was accepted; `None` if there is none."""

    async def owners(self, versions: Collection[str]) -> Mapping[str, frozenset[int]]:
        """Return all users to whom the files of versions ever belonged."""

    async def waiting_for_acceptance(self) -> Mapping[tuple[str, str], int]:
        """Return how many deliveries wait for the acceptance of a recipe's version, by recipe and version."""
