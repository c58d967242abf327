"""What people are told of without asking: what went wrong with a delivery or a run, and alarms."""

from __future__ import annotations

from enum import StrEnum

NOTICE = "notice"
"""The recipe that a notice's run and deliveries name; no recipe file can be called so."""

NOTICES = "bridge:notices"
"""The source of a notice's event."""


class Trouble(StrEnum):
    """How a delivery or a run can go wrong in a way that people are told of; the type of the notice's event."""

    FAILED = "delivery.failed"
    EXPIRED = "delivery.expired"
    UNKNOWN = "delivery.unknown"
    RUN_FAILED = "run.failed"


class Alarm(StrEnum):
    """What else people are told of, about the daemon and what it leans on; the type of the notice's event."""

    LOGIN_EXPIRED = "channel.login_expired"
    DOWN = "channel.down"
    PAUSED = "channel.paused"
    BACK = "channel.back"
    STALLED = "channel.stalled"
    GONE = "channel.gone"
    SOURCE_DOWN = "source.down"
    SOURCE_BACK = "source.back"
    SOURCE = "source.problem"
    SOURCE_PAUSED = "source.paused"
    FLOOD = "flood.held"
    NEARLY_FULL = "store.nearly_full"
    ROOM_AGAIN = "store.room_again"
    PART_BROKE = "bridge.part_broke"
