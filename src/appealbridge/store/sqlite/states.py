"""
Numbers for a delivery's states, so that an index over some of them needs one comparison.

The numbers are in every store that was ever written and never change their meaning; the order is
what makes the states that belong together neighbours.
"""

from __future__ import annotations

from appealbridge.model.delivery import State

STATES = (
    State.PLANNED,
    State.HELD,
    State.READY,
    State.UNKNOWN,
    State.SENDING,
    State.DELIVERED,
    State.WITHDRAWING,
    State.WITHDRAWN,
    State.FAILED,
    State.EXPIRED,
    State.CANCELLED,
)
"""By number."""

NUMBERS = {state: number for number, state in enumerate(STATES)}
"""By state."""

PLANNED = NUMBERS[State.PLANNED]
HELD = NUMBERS[State.HELD]
READY = NUMBERS[State.READY]
UNKNOWN = NUMBERS[State.UNKNOWN]
SENDING = NUMBERS[State.SENDING]
EXPIRED = NUMBERS[State.EXPIRED]
FAILED = NUMBERS[State.FAILED]
CANCELLED = NUMBERS[State.CANCELLED]

LAST_OPEN = SENDING
"""The last of the open states."""

IS_WAITING = "state <= 2 AND hold <> 'unknown'"
"""What expires when its `publish_by` passes. What is perhaps published does not: readers may see it."""

IS_OPEN = "state <= 4"
KEEPS_TURN = "state <= 4 AND (state >= 2) = 1"
"""Later deliveries of its channel, origin and subject wait behind it: written as its index has it."""

IS_UNFINISHED = "(state <= 4 OR state = 6)"
"""Open, or being taken back: something is still to be done with its content."""

IS_SENT = "state BETWEEN 4 AND 7"
"""What counts against a channel's day: under way, delivered, or delivered once and taken back."""

IS_PUBLISHED = "state BETWEEN 5 AND 7"
"""It was delivered, whatever became of it since."""

IS_BEGUN = f"{IS_SENT} AND settled_at = 9e999"
"""Under way: begun, and not settled."""

IS_LISTED = "state NOT BETWEEN 4 AND 5"
"""All but the two states of the hot path, which would pay for an index that nobody needs for them."""

IS_ENDED = "state >= 8"
"""It ended without being published: failed, expired, cancelled."""

IS_NEWS = "(state BETWEEN 8 AND 9 OR state = 1 AND hold <> 'burst')"
"""States with notices: failed, expired, or held. For a flood, its alarm is the notice."""
