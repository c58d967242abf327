"""Old recipe versions, needed by runs that began with them."""

from __future__ import annotations

from appealbridge.model.errors import NotFound
from appealbridge.recipes.model.book import Book
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.store.base import Store
from appealbridge.store.records import RecipeVersion


class RecipeVersions:
    """Finds the version of a recipe that began a run: in the book if it is in force, else in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._book: Book | None = None
        self._catalogue: Catalogue | None = None
        self._loaded: dict[str, Recipe] = {}

    async def keep(self, book: Book, catalogue: Catalogue, now: float) -> None:
        """Save every version of the book in the store before it is used to plan anything."""
        versions = [
            RecipeVersion(recipe.version, recipe.name, recipe.text, recipe.templates)
            for recipe in book.recipes.values()
        ]
        await self._store.keep_recipes(versions, now)
        self._book, self._catalogue = book, catalogue
        self._loaded.clear()

    async def version(self, name: str, version: str) -> Recipe:
        """Return one version of a recipe; raise `NotFound` if it can no longer be read."""
        if self._book is not None:
            current = self._book.recipes.get(name)
            if current is not None and current.version == version:
                return current
        if version not in self._loaded:
            self._loaded[version] = await self._load(version)
        return self._loaded[version]

    async def _load(self, version: str) -> Recipe:
        record = await self._store.recipe(version)
        if self._catalogue is None:
            raise NotFound(f"recipe version {version}: no recipes are loaded yet")
        recipe, problems = load_recipe(
            record.text, f"{record.name}@{version}", record.name, self._catalogue, record.templates
        )
        if recipe is None:
            errors = [problem.problem for problem in problems if problem.level == "error"]
            raise NotFound(
                f"recipe {record.name} in version {version} began this run and no longer loads: "
                f"{errors[0]}"
            )
        return recipe
