"""States, holds and times in the words of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup

from appealbridge.model.audit import Act
from appealbridge.model.delivery import Hold, Kind, State

STATES: Mapping[str, str] = {
    State.PLANNED: "Being prepared",
    State.HELD: "Waits for a person",
    State.READY: "Waits to be sent",
    State.SENDING: "Being sent",
    State.UNKNOWN: "Perhaps published; being looked for",
    State.DELIVERED: "Published",
    State.FAILED: "Failed: not published",
    State.EXPIRED: "Expired: not published",
    State.CANCELLED: "Cancelled: not published",
    State.WITHDRAWING: "Being withdrawn",
    State.WITHDRAWN: "Withdrawn",
}

KINDS: Mapping[str, str] = {
    Kind.POST: "",
    Kind.AMEND: "Change of a post",
    Kind.WITHDRAW: "Removal of a post",
}

HOLDS: Mapping[str, str] = {
    Hold.STOP: "Everything is stopped, or this waited during a stop",
    Hold.UNKNOWN: "Nobody knows whether it was published",
    Hold.APPROVAL: "It waits for approval",
    Hold.ACCEPTANCE: "No admin has accepted its recipe as it is now",
    Hold.DAILY_CAP: "Its account has reached its limit for a day",
    Hold.BURST: "Unusually many posts came at once",
    Hold.SAME_TEXT: "The same text was published within the last day",
    Hold.TIME: "It waits for a time",
    Hold.UNDATED: "Nobody knows how old its event is",
    Hold.SAME_REQUEST: "The same request was sent before",
    Hold.CANNOT_REMOVE: "The platform does not let AppealBridge remove it: remove it by hand",
    Hold.EDITED_BY_HAND: "Somebody edited the post by hand",
}

ACTS: Mapping[str, str] = {
    Act.RELEASE: "released",
    Act.RETRY: "to be tried again, as decided",
    Act.CANCEL: "cancelled",
    Act.CONFIRM: "confirmed",
    Act.WITHDRAW: "withdrawn",
    Act.APPROVE: "approved",
    Act.REJECT: "rejected",
    Act.ASK_CHANGES: "changes asked for",
    Act.EDIT: "edited",
    Act.TAKE_BACK: "approval taken back",
}


def state_text(state: str, kind: str) -> str:
    """Return the state of a delivery in words."""
    if kind == Kind.WITHDRAW and state == State.DELIVERED:
        return "Removed"
    return STATES.get(state, state)


def act_text(act: str) -> str:
    """Return a decision in words."""
    return ACTS.get(act, act.replace("_", " "))


def hold_text(hold: str) -> str:
    """Return a hold in words."""
    return HOLDS.get(hold, hold.replace("_", " "))


def local_time(at: str | float | None, zone: tzinfo) -> Markup:
    """Return a time (ISO 8601, or Unix seconds) in the force's zone; empty if there is none."""
    if at is None or at == "":
        return Markup("")
    moment = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    local = moment.astimezone(zone)
    text = f"{local.day} {local:%B %Y, %H:%M %Z}"
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat("T", "seconds"), text)
