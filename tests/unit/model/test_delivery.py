"""A delivery's own ways."""

from __future__ import annotations

from dataclasses import fields, replace

from appealbridge.model.delivery import Delivery, State
from appealbridge.testing.channel_case import a_delivery


def test_what_is_begun_keeps_all_that_was_planned():
    planned = a_delivery(
        state=State.PLANNED,
        attempts=0,
        first_begun_at=None,
        hold="burst",
        reason="a flood",
        publish_by=90.0,
        follows="another",
        subject="incident-7",
    )
    begun = planned.begun(12.0)
    assert begun == replace(
        planned, state=State.SENDING, attempts=1, begun_at=12.0, first_begun_at=12.0
    )


def test_what_no_plan_says_is_not_said_of_what_is_begun():
    unplanned = {"number", "settled_at", "receipt"}
    names = {one.name for one in fields(Delivery)}
    said = set(Delivery.begun.__code__.co_names) | {"state", "attempts", "begun_at", "first_begun_at"}
    assert names - said == unplanned
