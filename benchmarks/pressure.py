"""What lists cost the engine while they are read, what their indexes cost an event, and whether memory has an end."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles

from appealbridge.store.records import Arrival
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.events import IntakeRows, accept, arrival_rows
from appealbridge.store.sqlite.schema import ANY_NUMBER, migrate
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.web import listing
from benchmarks.bridge import CHANNELS, bridge
from benchmarks.events import request
from benchmarks.filled import fill, waiting
from benchmarks.load import flat_out
from benchmarks.measure import CONNECTIONS, Figures
from benchmarks.sink import Sink

LISTS: Sequence[tuple[str, dict[str, str]]] = (
    ("deliveries", {"limit": "1000"}),
    ("deliveries", {"recipe": "nobody-s"}),
    ("runs", {"recipe": "nobody-s"}),
    ("deliveries", {"subject": "INC-none"}),
)
"""What four people list at once, again and again."""

SECONDS = 5.0
QUESTIONS_EVERY = 0.005

THIRD = 15_000
"""A third of the events after which memory is looked at; after the first it remembers all that it may of texts."""


async def lists(home: Path) -> Figures:
    """
    Return how long a lane's question takes while four people list, by how long it takes when nobody does.

    And a list of what there is little of, by one of as much that is the newest. In a store of 100,000.
    """
    path = home.with_name("listed.db")
    filled = home.with_name("waiting.db")
    if not filled.exists():
        await fill(filled, waiting)
    shutil.copyfile(filled, path)
    store = await SqliteStore.open(path)
    try:
        alone = await _questions(store)
        readers = [asyncio.create_task(_list_again(store, *each)) for each in LISTS]
        busy = await _questions(store)
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        rare, newest = await _both(store, {"subject": "INC-3"}, {"limit": "2"})
    finally:
        await store.close()
        path.unlink()
    return {
        "busy_of_alone": median(busy) / median(alone),
        "alone_p90_ms": quantiles(alone, n=10)[8] * 1000,
        "busy_p90_ms": quantiles(busy, n=10)[8] * 1000,
        "rare_of_newest": rare / newest,
    }


async def _questions(store: SqliteStore) -> list[float]:
    took = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        began = time.monotonic()
        await store.queue_status(CHANNELS[0], time.time())
        took.append(time.monotonic() - began)
        await asyncio.sleep(QUESTIONS_EVERY)
    return took


async def _list_again(store: SqliteStore, path: str, query: dict[str, str]) -> None:
    while True:
        await listing.read(store.listings, path, query)


async def _both(store: SqliteStore, *queries: dict[str, str]) -> list[float]:
    """Return how long each of some lists takes, asked for in turns."""
    took: dict[int, list[float]] = {}
    for turn in range(100 * len(queries)):
        which = turn % len(queries)
        began = time.monotonic()
        await listing.read(store.listings, "deliveries", queries[which])
        took.setdefault(which, []).append(time.monotonic() - began)
    return [median(took[which]) for which in sorted(took)]


def indexes(home: Path, make: Callable[[int], Arrival], pairs: int = 300) -> Figures:
    """Return the CPU time of storing an event with the indexes of lists, by that without; 20 share a commit."""
    with (
        closing(_opened(home.with_name("with.db"))) as indexed,
        closing(_opened(home.with_name("without.db"))) as plain,
    ):
        for (name,) in plain.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE ?",
            (f"%{ANY_NUMBER}%",),
        ).fetchall():
            plain.execute(f"DROP INDEX {name}")
        taken: list[dict[sqlite3.Connection, float]] = []
        for turn in range(pairs):
            rows = [
                IntakeRows([arrival_rows(make(number))], None)
                for number in range(turn * 20, turn * 20 + 20)
            ]
            both = [indexed, plain]
            random.shuffle(both)
            taken.append({db: _stored(db, rows) for db in both})
        return {"of_plain": median(t[indexed] for t in taken) / median(t[plain] for t in taken)}


def _opened(path: Path) -> sqlite3.Connection:
    db = open_writer(path)
    migrate(db, path)
    return db


def _stored(db: sqlite3.Connection, rows: Sequence[object]) -> float:
    began = time.thread_time()
    db.execute("BEGIN IMMEDIATE")
    accept(db, rows)  # type: ignore[arg-type] # what `intake` returns
    db.execute("COMMIT")
    return time.thread_time() - began


async def memory(home: Path, sink: Sink, hook: str) -> Figures:
    """Return how many MiB the daemon takes more after the last third of many events than after the second."""
    async with bridge(home, sink.port) as program, asyncio.timeout(600):
        resident = []
        for third in range(3):
            sink.forget()
            first = third * THIRD
            requests = [request(number, hook) for number in range(first, first + THIRD)]
            await flat_out(program.port, requests, CONNECTIONS)
            await sink.has(THIRD)
            await asyncio.sleep(1.0)
            resident.append(program.memory_mb())
        return {"first_mb": resident[0], "grown_mb": resident[2] - resident[1]}
