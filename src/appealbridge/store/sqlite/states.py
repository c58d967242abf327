"""
Numbers for a delivery's states, so that an index over some of them needs one comparison.

The numbers are in every store that was ever written, so they never change. The order keeps related states together.
"""

from __future__ import annotations

from appealbridge.model.delivery import Kind, State

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

KINDS = (Kind.POST, Kind.AMEND, Kind.WITHDRAW, Kind.AMEND)
"""By number, which never changes either. The last is an amendment that publishes: a reply, or a post anew."""

POST, WITHDRAW = KINDS.index(Kind.POST), KINDS.index(Kind.WITHDRAW)
EDIT, AMENDING_POST = 1, 3
"""The two numbers of amendments."""

PLANNED = NUMBERS[State.PLANNED]
HELD = NUMBERS[State.HELD]
READY = NUMBERS[State.READY]
UNKNOWN = NUMBERS[State.UNKNOWN]
SENDING = NUMBERS[State.SENDING]
DELIVERED = NUMBERS[State.DELIVERED]
WITHDRAWING = NUMBERS[State.WITHDRAWING]
WITHDRAWN = NUMBERS[State.WITHDRAWN]
EXPIRED = NUMBERS[State.EXPIRED]
FAILED = NUMBERS[State.FAILED]
CANCELLED = NUMBERS[State.CANCELLED]

LAST_OPEN = SENDING
"""The last of the open states."""

IS_WAITING = "state <= 2 AND hold <> 'unknown'"
"""Expires when its `publish_by` passes. What may be published does not: people may see it."""

IS_OPEN = "state <= 4"
KEEPS_TURN = "state <= 4 AND (state >= 2) = 1"
"""Later deliveries of its channel, origin and subject wait for it; written as in its index."""

IS_UNFINISHED = "(state <= 4 OR state = 6)"
"""Open, or being withdrawn: its content is still needed."""

IS_SENT = "state BETWEEN 4 AND 7"
"""Counts towards a channel's daily limit: in progress, delivered, or delivered and withdrawn."""

IS_PUBLISHED = "state BETWEEN 5 AND 7"
"""Was delivered, even if it has been withdrawn since."""

IS_BEGUN = f"{IS_SENT} AND settled_at = 9e999"
"""In progress: begun and not settled."""

IS_POST = f"kind IN ({POST}, {AMENDING_POST})"
"""Publishes something. Caps, repeated texts and `published` are about these alone."""

IS_AMENDMENT = f"kind IN ({EDIT}, {AMENDING_POST})"
"""Corrects another delivery; written as in its index."""

IS_OPEN_AMENDMENT = f"{IS_AMENDMENT} AND {IS_OPEN}"
"""Corrects another delivery, and has not ended; written as in its index."""

IS_REMOVAL = f"kind = {WITHDRAW}"
"""Takes a post back; written as in its index."""

IS_OPEN_REMOVAL = f"{IS_REMOVAL} AND {IS_OPEN}"
"""Takes a post back, and has not ended; written as in its index."""

IS_LISTED = "state NOT BETWEEN 4 AND 5"
"""All but the two states of the hot path, which need no index and would pay for it."""

IS_ENDED = "state >= 8"
"""Ended without being published: failed, expired, cancelled."""

IS_NEWS = "(state BETWEEN 8 AND 9 OR state = 1 AND hold <> 'burst')"
"""People are notified: failed, expired, or held. For a flood, its alarm is the notice."""
