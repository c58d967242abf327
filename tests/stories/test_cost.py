"""What the usual post costs the store, through the whole daemon: features that it does not use cost it nothing."""

from collections import Counter

import pytest

from appealbridge.store.sqlite import store as sqlite_store
from tests.stories import staging

COST = {"statements": 10, "commits": 2}
"""Of the versions before and after withdrawals and amendments, counted in the same way."""


@pytest.fixture
def statements(monkeypatch):
    """What the writing connection executes."""
    lines = []
    prepared = sqlite_store.prepared

    def traced(path):
        connection = prepared(path)
        connection.set_trace_callback(lines.append)
        return connection

    monkeypatch.setattr(sqlite_store, "prepared", traced)
    return lines


async def cost_of_one_post(story, statements, number):
    """Return how many statements and commits one event with its one post takes."""
    await story.clock.rests()
    statements.clear()
    await story.receives(f"A{number} closed", subject=f"A{number}")
    await story.until(lambda: f"A{number} closed" in story.posts("x"))
    await story.clock.rests()
    return Counter(
        "commits" if line.startswith("COMMIT") else "statements"
        for line in statements
        if not line.startswith("BEGIN")
    )


async def test_a_post_that_is_neither_amended_nor_withdrawn_costs_what_it_did_before(
    story, statements
):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed", subject="M6")
    await story.state(1, "delivered")
    assert await cost_of_one_post(story, statements, 38) == COST
    await story.asks("POST", "/subjects/M6/withdraw?reason=wrong")
    await story.until(lambda: story.deliveries(state="withdrawn"), passing=1)
    await cost_of_one_post(
        story, statements, 45
    )  # what is remembered of withdrawals is read once more
    assert await cost_of_one_post(story, statements, 5) == COST
