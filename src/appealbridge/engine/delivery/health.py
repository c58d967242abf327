"""
How an account is doing: it works, its platform is down, its login has expired, or it may not publish. Pure.

While it does not work, its deliveries wait, and one at a time tests whether it works again. So an outage uses up no
attempts, and a platform in trouble gets few requests.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from appealbridge.model.errors import AccountRefused, DeliveryError, LoginExpired, TryAgain, Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value

FAILURES = 3
"""After how many attempts in a row without a reply a platform counts as down."""

ALARM_AFTER = 60.0
"""After how many seconds of an outage people are told."""

_NOT_NOW = frozenset({408, 421, 425})
"""Statuses between 400 and 499, of HTTP or SMTP, that mean that the platform cannot answer."""

_SOONEST, _LATEST, _SHARE = 0.5, 30.0, 0.25
_LATEST_LOGIN = 300.0


class Condition(StrEnum):
    """How an account is doing."""

    WORKING = "working"
    DOWN = "down"
    LOGIN_EXPIRED = "login_expired"
    REFUSED = "refused"


@value(kw_only=True)
class Health:
    """
    How an account is doing, and why. Times are in Unix seconds.

    `failures` counts the failures in a row, the first of them at `since`. `unclear` has the ids of the deliveries
    whose unclear attempts were counted, so that each counts once. `probe_at` is when to test the account again,
    `alarmed` whether people have been told. `sure` is false for a refusal that may be about one message only.
    """

    condition: Condition = Condition.WORKING
    since: float = 0.0
    failures: int = 0
    unclear: frozenset[str] = frozenset()
    probe_at: float = 0.0
    reason: str = ""
    alarmed: bool = False
    sure: bool = True

    @property
    def works(self) -> bool:
        """Whether deliveries may be sent as they come."""
        return self.condition is Condition.WORKING

    def wants_alarm(self, now: float) -> bool:
        """Whether it is time to tell people."""
        if self.alarmed or self.works:
            return False
        at_once = self.condition is not Condition.DOWN and self.sure
        return at_once or now - self.since >= ALARM_AFTER


WELL = Health()


def after_attempt(
    health: Health, result: Receipt | DeliveryError, now: float, delivery_id: str = ""
) -> Health:
    """Return how the account is doing after an attempt that ended in a receipt or a failure."""
    if isinstance(result, LoginExpired):
        return _worse(health, Condition.LOGIN_EXPIRED, str(result), now, _LATEST_LOGIN)
    if health.condition is Condition.LOGIN_EXPIRED:
        return health  # the attempt began before that; only a check of the login counts
    if isinstance(result, AccountRefused):
        return _refused(health, result, now)
    if isinstance(result, Receipt):
        return WELL
    if isinstance(result, TryAgain) and result.throttled:
        return _still(health, now) if health.condition is not Condition.DOWN else _unproven(health)
    if isinstance(result, TryAgain | Unsure) and not _answered(result):
        return _silent(health, result, now, delivery_id)
    if health.condition is Condition.REFUSED:
        return _unproven(health)  # it refused only this message, so it may accept the next one
    return WELL


def after_search(health: Health, error: DeliveryError, now: float) -> Health:
    """Return how the account is doing after a search that failed."""
    if isinstance(error, LoginExpired):
        return after_attempt(health, error, now)
    if health.condition is Condition.LOGIN_EXPIRED or not isinstance(error, TryAgain | Unsure):
        return health
    return health if _answered(error) else _silent(health, error, now, "")


def after_check(health: Health, error: DeliveryError | None, now: float) -> Health:
    """
    Return how the account is doing after a test of its login.

    Only a published delivery proves that a login works, so the earlier failures are kept until then.
    """
    if isinstance(error, AccountRefused):
        return _refused(health, error, now)
    if error is not None:
        return _worse(health, Condition.LOGIN_EXPIRED, str(error), now, _LATEST_LOGIN)
    return _unproven(health)


def _refused(health: Health, error: AccountRefused, now: float) -> Health:
    known = health.condition is Condition.REFUSED and health.sure
    worse = _worse(health, Condition.REFUSED, str(error), now, _LATEST_LOGIN)
    return replace(worse, sure=error.sure or known)


def _silent(health: Health, error: TryAgain | Unsure, now: float, delivery_id: str) -> Health:
    """Count an attempt without a reply; the unclear attempts of one delivery count once."""
    if health.condition is Condition.REFUSED:
        return _still(health, now)
    known = isinstance(error, Unsure) and delivery_id in health.unclear
    if known and health.works:
        return health
    down = health.failures + 1 >= FAILURES
    condition = Condition.DOWN if down else Condition.WORKING
    worse = _worse(health, condition, str(error), now, _LATEST)
    if isinstance(error, Unsure) and delivery_id and not down:
        return replace(worse, unclear=worse.unclear | {delivery_id})
    return worse


def _still(health: Health, now: float) -> Health:
    """Return the same condition, to be tested again later: the attempt says nothing about it."""
    if health.works:
        return health
    worse = _worse(health, health.condition, health.reason, now, _LATEST_LOGIN)
    return replace(worse, sure=health.sure)


def _unproven(health: Health) -> Health:
    return Health(since=health.since, failures=health.failures, alarmed=health.alarmed)


def _answered(failure: TryAgain | Unsure) -> bool:
    """Return whether the platform did reply, about this message only."""
    status = failure.status
    return status is not None and 400 <= status < 500 and status not in _NOT_NOW


def _worse(health: Health, condition: Condition, reason: str, now: float, latest: float) -> Health:
    since = health.since if health.failures else now
    # In proportion to how long it has lasted: a short outage is noticed to end soon, a long one tested rarely.
    pause = min(max(_SOONEST, _SHARE * (now - since)), latest)
    return Health(
        condition=condition,
        since=since,
        failures=health.failures + 1,
        unclear=health.unclear,
        probe_at=now + pause,
        reason=reason,
        alarmed=health.alarmed,
    )
