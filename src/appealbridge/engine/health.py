"""
How an account is doing: it works, its platform is down, or its login has expired. Pure.

While it is not working its deliveries wait, and one at a time finds out whether it works again, so
that an outage costs no message its attempts and no platform in trouble a storm.
"""

from __future__ import annotations

from enum import StrEnum

from appealbridge.model.errors import DeliveryError, LoginExpired, TryAgain, Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value

FAILURES = 3
"""How many attempts in a row have to end without the platform's word until it counts as down."""

ALARM_AFTER = 60.0
"""For how many seconds a platform has to be down until people are told."""

_NOT_NOW = frozenset({408, 421, 425})
"""Answers in the four hundreds, of HTTP or SMTP, that say that the platform cannot answer."""

_SOONEST, _LATEST, _SHARE = 0.5, 30.0, 0.25
_LATEST_LOGIN = 300.0


class Condition(StrEnum):
    """How an account is doing."""

    WORKING = "working"
    DOWN = "down"
    LOGIN_EXPIRED = "login_expired"


@value(kw_only=True)
class Health:
    """
    How an account is doing, since when (Unix seconds), and why.

    `failures` counts what went wrong in a row; `since` is when the first of it did. `probe_at` is when
    to find out again, `alarmed` that people have been told.
    """

    condition: Condition = Condition.WORKING
    since: float = 0.0
    failures: int = 0
    probe_at: float = 0.0
    reason: str = ""
    alarmed: bool = False

    @property
    def works(self) -> bool:
        """Whether deliveries may go out as they come."""
        return self.condition is Condition.WORKING

    def wants_alarm(self, now: float) -> bool:
        """Whether it is time to tell people."""
        if self.alarmed or self.works:
            return False
        return self.condition is Condition.LOGIN_EXPIRED or now - self.since >= ALARM_AFTER


WELL = Health()


def after_attempt(health: Health, result: Receipt | DeliveryError, now: float) -> Health:
    """Return how the account is doing, now that an attempt has ended in a receipt or a failure."""
    if isinstance(result, LoginExpired):
        return _worse(health, Condition.LOGIN_EXPIRED, str(result), now, _LATEST_LOGIN)
    if health.condition is Condition.LOGIN_EXPIRED:
        return health  # it was begun before; only a check of the login tells
    if isinstance(result, TryAgain) and result.throttled:
        return health if health.works else _unproven(health)
    if isinstance(result, TryAgain | Unsure) and not _answered(result):
        down = health.failures + 1 >= FAILURES
        condition = Condition.DOWN if down else Condition.WORKING
        return _worse(health, condition, str(result), now, _LATEST)
    return WELL


def after_check(health: Health, error: DeliveryError | None, now: float) -> Health:
    """
    Return how the account is doing, now that its login was tried.

    That a login works is proven only when something goes out, so what went before stays known till then.
    """
    if error is not None:
        return _worse(health, Condition.LOGIN_EXPIRED, str(error), now, _LATEST_LOGIN)
    return _unproven(health)


def _unproven(health: Health) -> Health:
    return Health(since=health.since, failures=health.failures, alarmed=health.alarmed)


def _answered(failure: TryAgain | Unsure) -> bool:
    """Whether the platform did answer, and has only this message in mind."""
    status = failure.status
    return status is not None and 400 <= status < 500 and status not in _NOT_NOW


def _worse(health: Health, condition: Condition, reason: str, now: float, latest: float) -> Health:
    since = health.since if health.failures else now
    # In proportion to how long it has lasted: a short trouble is noticed soon, a long one is not prodded.
    pause = min(max(_SOONEST, _SHARE * (now - since)), latest)
    return Health(
        condition=condition,
        since=since,
        failures=health.failures + 1,
        probe_at=now + pause,
        reason=reason,
        alarmed=health.alarmed,
    )
