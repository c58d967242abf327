"""The kinds of notices: problems of deliveries and runs, and alarms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

NOTICE = "notice"
"""The recipe name of a notice's run and deliveries; no recipe file can have this name."""

NOTICES = "bridge:notices"
"""The source of a notice's event."""


class Trouble(StrEnum):
    """
    How a delivery or a run can go wrong, or wait for people, so that they get a notice.

    It is the type of the notice's event.
    """

    FAILED = "delivery.failed"
    EXPIRED = "delivery.expired"
    UNKNOWN = "delivery.unknown"
    HELD = "delivery.held"
    APPROVAL = "delivery.waits_for_approval"
    ACCEPTANCE = "delivery.waits_for_acceptance"
    CANNOT_REMOVE = "withdrawal.cannot_remove"
    RUN_FAILED = "run.failed"


class Alarm(StrEnum):
    """Other reasons for a notice, about the daemon and what it depends on; the type of the notice's event."""

    LOGIN_EXPIRED = "channel.login_expired"
    REFUSED = "channel.refused"
    DOWN = "channel.down"
    PAUSED = "channel.paused"
    BACK = "channel.back"
    STALLED = "channel.stalled"
    ATTEMPT_LOST = "channel.attempt_lost"
    GONE = "channel.gone"
    SOURCE_DOWN = "source.down"
    SOURCE_BACK = "source.back"
    SOURCE = "source.problem"
    SOURCE_PAUSED = "source.paused"
    FLOOD = "flood.held"
    NEARLY_FULL = "store.nearly_full"
    ROOM_AGAIN = "store.room_again"
    STORE = "store.refuses"
    WITHDRAWN_SUBJECT = "withdrawal.blocks"
    LEFT_UP = "withdrawal.leaves"
    STOPPED = "bridge.stopped"
    STARTED = "bridge.started"
    WILL_EXPIRE = "delivery.will_expire"
    CHECKPOINTED = "audit.checkpoint"
    CHECKPOINT = "audit.no_checkpoint"
    NOBODY_ASKED = "approval.nobody_asked"
    TO_ACCEPT = "recipe.to_accept"
    PART_BROKE = "bridge.part_broke"
    PEOPLE = "people.changed"
    RESET = "people.reset"


TO_ADMINS = frozenset({Alarm.PEOPLE, Alarm.RESET, Alarm.TO_ACCEPT, Trouble.ACCEPTANCE})
"""What is told to the admins, and to `notices.to` only if no admin can be reached."""


Tell = Callable[[Alarm, str, str], Awaitable[None]]
"""Tells people of an alarm: its kind, the account or source that it is about, and what was seen."""
