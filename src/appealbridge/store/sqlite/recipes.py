"""Stores the versions of recipes."""

from __future__ import annotations

from collections.abc import Iterable

from appealbridge.store.records import RecipeVersion
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads
from appealbridge.store.sqlite.bulk import Insert
from appealbridge.store.sqlite.rows import RECIPE, as_json, named_row, names, recipe_of

_recipes = Insert(
    "recipes", (*RECIPE, "kept_at"), "ON CONFLICT DO UPDATE SET kept_at = excluded.kept_at"
)


class SqliteRecipes(WriteAccess):
    """The `RecipeStore` in SQLite."""

    async def keep_recipes(self, versions: Iterable[RecipeVersion], now: float) -> None:
        rows = [(v.version, v.name, v.text, as_json(dict(v.templates)), now) for v in versions]
        await self._write(lambda db: _recipes.write(db, rows))

    @reads
    def recipe(self, db: Connection, version: str) -> RecipeVersion:
        select = f"SELECT {names(RECIPE)} FROM recipes WHERE version = ?"
        return recipe_of(named_row(db, select, version, "recipe version"))
