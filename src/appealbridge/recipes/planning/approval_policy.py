"""Who may answer a question, and when what they approve may go out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from appealbridge.model.actor import Actor, How
from appealbridge.model.approval import AnswerKind, ApprovalQuestion, Revision
from appealbridge.model.delivery import Delivery
from appealbridge.model.event import NOT_NAMED
from appealbridge.model.moment import NoTime, read, shown
from appealbridge.model.people import Profile, Role, Roster
from appealbridge.model.value import value
from appealbridge.plugin.channel import Account

_KNOWN = (How.LOG_IN, How.SOCKET)


@value
class ApprovalTimes:
    """
    How long things may take, in seconds.

    An approved post waits `undo` before it goes out. People are reminded `remind_after` the question; `next_after`
    it, those in `escalate_to` are asked too. It lapses `lapse_after` it.
    """

    undo: float = 20.0
    remind_after: float = 600.0
    next_after: float = 1200.0
    lapse_after: float = 86_400.0
    escalate_to: tuple[str, ...] = ()


def approvers(policy: str, roster: Roster) -> list[Profile]:
    """Return everybody who may answer what a recipe's `approval` says, whoever wrote the message."""
    everybody = roster.having(Role.APPROVER)
    if not policy:
        return everybody
    named = roster.groups.get(policy, (policy,))
    return [person for person in everybody if person.id in named]


def refusal(
    actor: Actor,
    question: ApprovalQuestion,
    revision: Revision,
    roster: Roster,
    escalated: Sequence[str] = (),
    kind: AnswerKind = AnswerKind.APPROVE,
) -> str:
    """
    Return why somebody may not give this answer about a revision, empty if they may.

    `escalated` are the people and groups who were asked too, because those of the policy did not answer. Whoever wrote
    it never approves it, and may always reject it.
    """
    if roster.one_desk:
        return ""
    if actor.how not in _KNOWN:
        return "only a person who logged in, or who is known on the control socket, may answer"
    if kind is AnswerKind.REJECT and _is_author(actor.person, revision.authors, roster):
        return ""
    allowed = {
        each.id for name in (question.policy, *escalated) for each in approvers(name, roster)
    }
    if actor.person not in allowed:
        whom = (
            f"only {roster.shown(question.policy)} may answer"
            if question.policy
            else "only an approver may answer"
        )
        return f"{whom}, not {roster.shown(actor.person)}"
    if kind is not AnswerKind.APPROVE or question.mode == "practice":
        return ""
    return wrote(actor.person, revision.authors, roster)


def _is_author(person: str, authors: Sequence[str], roster: Roster) -> bool:
    profiles = (roster.called(author) for author in authors if author != NOT_NAMED)
    return any(profile is not None and profile.id == person for profile in profiles)


def wrote(person: str, authors: Sequence[str], roster: Roster) -> str:
    """Return why somebody may not approve what these people wrote, empty if they may."""
    for author in authors:
        profile = roster.called(author)
        if author == NOT_NAMED:
            return (
                "its event does not say who wrote it, so nobody can tell who may not approve it; cancel it, and "
                "have it sent again with its author"
            )
        if profile is None:
            return (
                f"its author, {author}, is nobody under people: in the settings, so nobody can tell who may not "
                f"approve it; add {author} there, by id or email address"
            )
        if profile.id == person:
            return (
                f"{roster.shown(person)} wrote or changed it, and nobody approves their own words"
            )
    return ""


def account_of(account: Account | None) -> Mapping[str, Any]:
    """Return where a message goes: an account's options without secrets, limits and retries."""
    if account is None:
        return {}
    options = account.model_dump(mode="json", exclude=set(Account.model_fields), exclude_none=True)
    return _without_secrets(options)


def _without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for name, option in sorted(options.items()):
        if isinstance(option, dict):
            if inner := _without_secrets(option):
                described[name] = inner
        elif not (isinstance(option, str) and option and set(option) == {"*"}):
            described[name] = option
    return described


def chosen_time(text: str, now: float, zone: tzinfo) -> float:
    """
    Return the moment that a person chose for a post, in Unix seconds; raise `ValueError` with a message.

    It must be to come, and the clock of the zone must show it.
    """
    try:
        moment = read(text, zone)
        at = moment.at(now, zone)
    except NoTime as wrong:
        raise ValueError(f"at: {wrong}; {wrong.cure}") from None
    if at <= now:
        raise ValueError(f"at: {shown(at, zone)} has already passed; give a time to come")
    if moment.zone is None:
        local = datetime.fromtimestamp(at, zone)
        if local.time().replace(microsecond=0) != moment.clock.replace(microsecond=0):
            raise ValueError(
                f"at: the clocks in {zone} never show {text}, because they are put forward then; give another time"
            )
    return at


def due(
    now: float, chosen: float | None, times: ApprovalTimes, delivery: Delivery, zone: tzinfo
) -> float:
    """
    Return when an approved delivery may go out at the earliest; raise `ValueError` if that is too late.

    There is always time to take the approval back.
    """
    at = max(now + times.undo, chosen or 0.0)
    if chosen is not None and delivery.publish_by is not None and chosen >= delivery.publish_by:
        raise ValueError(
            f"at: delivery {delivery.number} must go out before {shown(delivery.publish_by, zone)}, because of its "
            "publish_within; give an earlier time, or none"
        )
    if chosen is None and delivery.publish_by is not None and at >= delivery.publish_by > now:
        # Rather without the time to take it back than too late.
        return now
    return at
