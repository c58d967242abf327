"""The closed list of log lines, and their levels."""

from __future__ import annotations

import logging
from enum import IntEnum, StrEnum
from typing import TypeAlias

Value: TypeAlias = "str | int | float | BaseException | None"
"""The types of a field's value. An exception becomes its traceback."""


class Level(IntEnum):
    """The level of a line; the numbers are those of `logging`."""

    DEBUG = logging.DEBUG
    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR


class LogEvent(StrEnum):
    """All log lines of the daemon. There are no others."""

    # the daemon's own life
    STARTING = "starting"
    NO_SETTINGS = "no_settings"
    READY = "ready"
    WATCHING = "watching"
    CHANGED = "changed"
    NOT_WATCHED = "not_watched"
    RELOADED = "reloaded"
    RELOAD_REFUSED = "reload_refused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    STOP_OVERDUE = "stop_overdue"
    PART_DIED = "part_died"
    # recipes and settings
    SETTING_UNSAFE = "setting_unsafe"
    RECIPES_LOADED = "recipes_loaded"
    NO_RECIPES = "no_recipes"
    RECIPE_QUARANTINED = "recipe_quarantined"
    LIST_WRONG = "list_wrong"
    # sources
    LOOKED = "looked"
    FIRST_LOOK = "first_look"
    SOURCE_DOWN = "source_down"
    SOURCE_BACK = "source_back"
    SOURCE_NOTE = "source_note"
    BURST_HELD = "burst_held"
    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REFUSED = "refused"
    NO_EVENT = "no_event"
    OVERLOADED = "overloaded"
    # people
    FIRST_CODE = "first_code"
    PERSON_INVITED = "person_invited"
    PERSON_RESET = "person_reset"
    LOGGED_IN = "logged_in"
    NOT_LOGGED_IN = "not_logged_in"
    LOGGED_OUT = "logged_out"
    TOKEN_MADE = "token_made"  # noqa: S105 - no secret
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - no secret
    # events and runs
    EVERYTHING_STOPPED = "everything_stopped"
    STOP_LIFTED = "stop_lifted"
    APPROVED = "approved"
    CHANGES_ASKED = "changes_asked"
    EDITED = "edited"
    APPROVAL_TAKEN_BACK = "approval_taken_back"
    ON_DUTY = "on_duty"
    OFF_DUTY = "off_duty"
    RECIPE_ACCEPTED = "recipe_accepted"
    QUESTION_LAPSED = "question_lapsed"
    REPLAYED = "replayed"
    RUN_FAILED = "run_failed"
    # deliveries
    HELD = "held"
    RELEASED = "released"
    UPLOADED = "uploaded"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    UNSURE = "unsure"
    SEARCHED = "searched"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    WITHDRAWAL = "withdrawal"
    LIFTED = "lifted"
    REMOVED = "removed"
    NOT_REMOVED = "not_removed"
    CANNOT_REMOVE = "cannot_remove"
    WITHDRAWN = "withdrawn"
    RECOVERED = "recovered"
    PRUNED = "pruned"
    # notices
    ALARM = "alarm"
    NOTICE = "notice"
    NOBODY_TOLD = "nobody_told"
    # store, disk and accounts
    LOGIN_EXPIRED = "login_expired"
    ACCOUNT_REFUSED = "account_refused"
    CHANNEL_DOWN = "channel_down"
    CHANNEL_BACK = "channel_back"
    PLUGIN_BUG = "plugin_bug"
    STORE_TROUBLE = "store_trouble"
    LIBRARY = "library"
