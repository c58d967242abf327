"""Who made a decision, and how they were known."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from appealbridge.model.value import value


class How(StrEnum):
    """How an actor was known."""

    LOG_IN = "log-in"
    SOCKET = "control socket"
    TOKEN = "token"  # noqa: S105 - no secret
    CODE = "one-time code"
    RECIPE = "recipe"
    DESK = "one desk"
    FILE = "stop file"
    DAEMON = "daemon"


@value
class Actor:
    """
    Whoever decides: a person of the settings by id, the owner of a token by id, or a recipe by name.

    With `How.DESK` the settings name no people, and `person` is the name that the command line gave: it may be
    wrong or empty. With `How.FILE` it is the name in the stop file, or the number of the user who owns it. With
    `How.DAEMON` nobody decided: it is something that the daemon itself must leave in the audit trail.
    """

    person: str
    how: How
    name: str = field(default="", compare=False)
    """The name that others see, empty for the same as `person`. Only `person` is stored as who decided."""

    @property
    def shown(self) -> str:
        """Who decided, for people."""
        return self.name or str(self)

    def __str__(self) -> str:
        return f"recipe {self.person}" if self.how is How.RECIPE else self.person
