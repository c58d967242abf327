"""A delivery's own ways."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from appealbridge.model.amendment import Amends
from appealbridge.model.delivery import Delivery, Images, Kind, State
from appealbridge.testing.channel_case import a_delivery

NEVER_PLANNED = {"number", "settled_at", "receipt", "question"}
"""What only the store or a platform gives."""


@pytest.fixture
def planned():
    """A delivery with something in every field that a plan may fill."""
    return a_delivery(
        state=State.PLANNED,
        attempts=0,
        begun_at=None,
        first_begun_at=None,
        hold="burst",
        reason="a flood",
        publish_by=90.0,
        follows="another",
        subject="incident-7",
        origin="webhook:incident-desk",
        kind=Kind.WITHDRAW,
        target="another",
        images=Images.REQUIRED,
        change="edit",
        amends=Amends("step", edits=True),
        corrects=True,
    )


def test_what_begins_as_it_is_stored_keeps_all_that_was_planned(planned):
    begun = {"state": State.SENDING, "attempts": 1, "begun_at": 12.0, "first_begun_at": 12.0}
    assert planned.stored(State.SENDING, 12.0) == replace(planned, **begun)


def test_what_is_stored_to_wait_keeps_all_that_was_planned(planned):
    assert planned.stored(State.READY) == replace(planned, state=State.READY)


def test_no_field_is_forgotten_by_the_example_above(planned):
    moved = {"state", "attempts", "begun_at", "first_begun_at"}
    empty = {field.name for field in fields(Delivery) if not getattr(planned, field.name)}
    assert empty - moved == NEVER_PLANNED
