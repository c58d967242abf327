"""A withdrawal: the decision to take back what was published about a subject, or one post."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from appealbridge.model.value import value

WITHDRAWN = "withdrawn"
"""
What is noted as the hold of a post that is withdrawn while nobody knows whether it is published.

Such a post is only searched for, and never sent again.
"""

REASON_LIMIT = 500
"""The largest length of a withdrawal's reason in characters; it is stored with each removal."""

CONFIRMED = "confirmed by "
"""How the reason of a removal begins that a person has confirmed."""

RESTORED = "restored from a backup; it may have been published since"
"""The reason of a delivery that became unknown when a backup was restored. It may also have been withdrawn since."""

LOOKS = (5.0, 60.0, 600.0, 3600.0, 86400.0)
"""How many seconds after the first attempt to remove a post it is looked for, until it is gone."""

LOOK_LATER = 3600.0
"""After so many seconds it is looked again if the last look could not be made."""

REMOVE_AGAIN = 600.0
"""A post that still stands so many seconds after the first attempt is removed again."""

SEARCHES = (60.0, 3600.0, 86400.0)
"""How many seconds after its first attempt a withdrawn post with an unclear outcome is searched for."""

OUTSTANDING_LIMIT = 30 * 86400.0
"""A removal that has not succeeded after so many seconds becomes a task for a person."""


@value(kw_only=True)
class Withdrawal:
    """
    One decision to withdraw, and perhaps the one to lift it; times are Unix seconds UTC.

    A `whole` one is about everything of its subject: until it is lifted, nothing about the subject is published.
    With an `origin`, it is about the deliveries of that origin, otherwise about those of all. With a `target`, it is
    about the post of that delivery alone. `run` is the run that withdrew, which may still publish; empty if a person
    did it. `number` is 0 until it is stored.
    """

    subject: str
    reason: str
    by: str
    at: float
    origin: str = ""
    target: str = ""
    whole: bool = True
    run: str = ""
    number: int = 0
    lifted_by: str = ""
    lifted_at: float | None = None

    @property
    def blocks(self) -> bool:
        """Whether it keeps later posts about its subject back."""
        return self.whole and self.lifted_at is None

    @property
    def explanation(self) -> str:
        """Why nothing about the subject is published, and how to change that."""
        return blocked_by(self.number, self.reason)


def blocked_by(number: int, reason: str) -> str:
    """Return why nothing about a subject is published while this withdrawal is in force."""
    why = f" ({reason})" if reason else ""
    return f"its subject is withdrawn{why}; `appealbridge lift {number}` lifts the withdrawal"


def scope_text(order: Mapping[str, Any], subject: str) -> str:
    """Return what an order of a recipe takes back: everything about a subject, or a part of it."""
    steps, channels = order.get("of") or (), order.get("channels") or ()
    what = f"what {', '.join(steps)} published" if steps else "everything"
    return f"{what} about {subject}" + (f" on {', '.join(channels)}" if channels else "")


def folded(subject: str) -> str:
    """Return what two subjects have in common that differ only in case, Unicode form, spaces, dashes or the like."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", subject).casefold())
    return "".join(filter(str.isalnum, text)) or text
