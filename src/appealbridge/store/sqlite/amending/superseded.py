"""
Lets a run go on with what took the place of its superseded posts.

An amendment of a post that was never sent takes its place. The steps of the post's own run that need its result get
that of the amendment; otherwise they would end with the post.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appealbridge.model.amendment import Change
from appealbridge.model.delivery import Delivery, State
from appealbridge.store.sqlite.access import Connection
from appealbridge.store.sqlite.deliveries import deliveries_where
from appealbridge.store.sqlite.states import AMENDING_POST, IS_AMENDMENT

_IN_PLACE_OF = (
    f"WHERE target = ? AND {IS_AMENDMENT} AND kind = {AMENDING_POST}"
    f" AND change = '{Change.REPLACE}' ORDER BY number"
)
# Runs that went on with what is superseded now go on with what took its place.
_SUPERSEDED = (
    "INSERT INTO corrections (run_id, by_run, at)"
    " SELECT run_id, :by_run, :at FROM corrections WHERE by_run = :run_id AND run_id <> :by_run"
    " UNION SELECT :run_id, :by_run, :at WHERE :run_id <> :by_run"
    " ON CONFLICT DO UPDATE SET at = excluded.at"
)


def note(db: Connection, superseded: Delivery, by: Delivery, now: float) -> None:
    """Store that the run of a superseded post goes on with the amendment that took its place."""
    db.execute(_SUPERSEDED, {"run_id": superseded.run_id, "by_run": by.run_id, "at": now})


def in_their_place(db: Connection, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return a run's deliveries, with what took the place of its superseded posts as deliveries of the same step."""
    current: list[Delivery] = []
    replaced: set[str] = set()
    for delivery in deliveries:
        if delivery.state is not State.CANCELLED:
            current.append(delivery)
        elif delivery.follows in replaced:
            replaced.add(delivery.id)  # a part of a superseded thread
        elif successors := deliveries_where(db, _IN_PLACE_OF, (delivery.id,)):
            replaced.add(delivery.id)
            newest = in_their_place(db, successors)
            current += [replace(each, step=delivery.step) for each in newest]
        else:
            current.append(delivery)
    return current
