"""However much is stored, a start and a claim look at what they need and walk through nothing."""

import re
import sqlite3
from contextlib import closing

import pytest

from appealbridge.model.delivery import State
from appealbridge.practice.faults import FaultName
from appealbridge.store.sqlite.settle import ANY_OPEN_RUN, WHO_WAITS
from tests.stories import staging

GROWING = (
    "events",
    "runs",
    "deliveries",
    "attempts",
    "remembered",
    "waiting_runs",
    "later_events",
    "news",
)
HELD = staging.TWEET.replace("approval: none\n", "")


@pytest.fixture
def statements(monkeypatch):
    """Every statement that any connection of the daemon is given from now on."""
    statements = set()
    connect = sqlite3.connect

    def connected(*arguments, **more):
        connection = connect(*arguments, **more)
        connection.set_trace_callback(statements.add)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)
    return statements


def walks(store, statements):
    """Return the plan of each statement that walks through a table that grows."""
    results = {}
    with closing(sqlite3.connect(store)) as db:
        for sql in statements:
            if re.match(r"(SELECT|UPDATE|INSERT|DELETE|WITH)\b", sql):
                explained = f"EXPLAIN QUERY PLAN {re.sub(r'Inf', '9e999', sql)}"
                plan = "\n".join(row[3] for row in db.execute(explained))
                # An EXISTS in a statement ends with the first row that it meets.
                plan = re.sub(r"SCALAR SUBQUERY \d+\nSCAN waiting_runs.*", "", plan)
                # An alias stands for its table in a plan.
                names = {*GROWING, *_aliases(sql)}
                if any(name in names for name in re.findall(r"\bSCAN (\w+)", plan)):
                    results[sql] = plan
    return results


def _aliases(sql):
    return {
        alias for table, alias in re.findall(r"\b(\w+) (?:AS )?(\w+)\b", sql) if table in GROWING
    }


def _is_bounded(sql, plan):
    """Whether it ends early all the same, or walks through what is never much."""
    first = sql in (ANY_OPEN_RUN, WHO_WAITS)  # all that the index has will do
    some = re.search(r"LIMIT \d+$", sql) and "TEMP B-TREE" not in plan
    untold = re.findall(r"SCAN \w+ USING (?:COVERING )?INDEX (\w+)", plan)
    # What people have not been told of is told, and then no longer in these indexes.
    return (
        first
        or some
        or (untold and {*untold} <= {"deliveries_untold", "runs_untold", "deliveries_amending"})
    )


async def test_a_start_and_what_follows_walk_through_nothing(story, statements):
    await story.begins({"everywhere": staging.EVERYWHERE, "held": HELD})
    story.sandbox.faults.add("mastodon", FaultName("refuse"), None, 9999)
    story.sandbox.faults.add("facebook", FaultName("http_503"), None, 9999)
    for number in range(5):
        await story.receives(f"Incident {number}")
    await story.until(lambda: len(story.posts("email")) == 5, passing=0.1)
    await story.stops()
    statements.clear()

    await story.starts()
    (held, *_) = await story.deliveries(state=State.HELD)
    await story.releases(held)
    await story.receives("One more")
    await story.until(lambda: len(story.posts("email")) == 6, passing=0.1)
    await story.clock.passes(minutes=2)
    await story.stops()
    result = {
        sql: plan
        for sql, plan in walks(story.stage.store, statements).items()
        if not _is_bounded(sql, plan)
    }
    assert len(statements) > 20
    assert result == {}
