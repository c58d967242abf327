"""All that came, page by page from the oldest on: for whoever looks at more than fits into the memory."""

from __future__ import annotations

import sqlite3

from appealbridge.store.records import EventPage, RecipeVersion
from appealbridge.store.rows import RECIPE, STORED_EVENT, event_of, names, recipe_of

# The clock may have been set back meanwhile; what was stored a little before may have come later.
_BEFORE = (
    "SELECT min(number) - 1 FROM"
    " (SELECT number FROM events WHERE received_at >= ? ORDER BY received_at LIMIT 1000)"
)
_LAST = "SELECT max(number) FROM events"
_PAGE = (
    f"SELECT number, {names(STORED_EVENT)} FROM events WHERE number > ? AND received_at >= ?"
    " ORDER BY number LIMIT ?"
)
_LATEST = (
    f"SELECT {names(RECIPE)} FROM recipes WHERE name = ? ORDER BY kept_at DESC, rowid DESC LIMIT 1"
)


def page_of_events(
    connection: sqlite3.Connection, since: float, after: int, limit: int
) -> EventPage:
    """Return events received since a time, in the order in which they were stored."""
    last = connection.execute(_LAST).fetchone()[0] or 0
    if after == 0:
        after = connection.execute(_BEFORE, (since,)).fetchone()[0] or 0
    rows = connection.execute(_PAGE, (after, since, limit)).fetchall()
    events = [event_of(tuple(row)) for _, *row in rows]
    return EventPage(events, rows[-1][0] if rows else after, last)


def latest_recipe(connection: sqlite3.Connection, name: str) -> RecipeVersion | None:
    """Return the version of a recipe that was put in force last."""
    row = connection.execute(_LATEST, (name,)).fetchone()
    return None if row is None else recipe_of(row)
