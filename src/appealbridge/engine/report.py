"""
Logs and counts what the engine does: one log line and one count for each outcome.

What is logged has happened already, so an error in the logging must not stop what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar

from appealbridge.engine.delivery.health import Condition, Health
from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.logs import Level, Log, LogEvent
from appealbridge.metrics import Metrics
from appealbridge.model.actor import Actor
from appealbridge.model.attempt import AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, Kind, State
from appealbridge.model.errors import IllegalMove, StoreBusy, StoreError, StoreNearlyFull
from appealbridge.model.event import Event
from appealbridge.model.run import Run
from appealbridge.model.source import source_label
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.store.records import Settlement

_EVENTS: dict[State, tuple[LogEvent, Level]] = {
    State.DELIVERED: (LogEvent.DELIVERED, Level.INFO),
    State.READY: (LogEvent.DEFERRED, Level.WARNING),
    State.UNKNOWN: (LogEvent.UNSURE, Level.WARNING),
    State.FAILED: (LogEvent.FAILED, Level.ERROR),
    State.EXPIRED: (LogEvent.EXPIRED, Level.ERROR),
    State.HELD: (LogEvent.HELD, Level.WARNING),
    State.CANCELLED: (LogEvent.CANCELLED, Level.INFO),
}

_REMOVALS: dict[State, tuple[LogEvent, Level]] = {
    State.DELIVERED: (LogEvent.WITHDRAWN, Level.INFO),
    State.READY: (LogEvent.NOT_REMOVED, Level.WARNING),
    State.UNKNOWN: (LogEvent.REMOVED, Level.INFO),
    State.HELD: (LogEvent.CANNOT_REMOVE, Level.ERROR),
}

C = TypeVar("C", bound=type)


def never_raises(cls: C) -> C:
    """Make the public methods of a class raise nothing; an error in one is logged, if possible."""
    for name, method in [*vars(cls).items()]:
        if callable(method) and not name.startswith("_"):
            setattr(cls, name, _guarded(method))
    return cls


def _guarded(method: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def guarded(self: Report, *arguments: Any, **more: Any) -> None:
        try:
            method(self, *arguments, **more)
        except Exception as error:  # noqa: BLE001 - it is only said
            with suppress(Exception):
                self._log.error(
                    LogEvent.PLUGIN_BUG, where=f"report: {method.__name__}", error=error
                )

    return guarded


@never_raises
class Report(OutcomeListener):
    """
    Logs and counts what happens to events, runs, deliveries and polls.

    `refusals` are the parts of the engine whose last request the store refused, each with the reason.
    """

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._store_down = False
        self._noted: dict[str, Sequence[str]] = {}
        self.refusals: dict[str, str] = {}

    def info(self, event: LogEvent, **fields: Any) -> None:
        """Log what went as it should."""
        self._log.info(event, **fields)

    def warning(self, event: LogEvent, **fields: Any) -> None:
        """Log what people may have to look at."""
        self._log.warning(event, **fields)

    def accepted(self, event: Event) -> None:
        """Record that an event is stored with everything it caused."""
        source = source_label(event.source)
        if self.refusals:
            self.store_worked(source)
        self._metrics.accepted(source)
        if self._log.output.level <= Level.DEBUG:
            self._log.debug(
                LogEvent.ACCEPTED,
                event_id=event.id,
                source=source,
                type=event.type,
                subject=event.subject,
            )

    def on_held(self, deliveries: Sequence[Delivery]) -> None:
        """Record that deliveries wait for a person."""
        for delivery in deliveries:
            self._log.info(
                LogEvent.HELD,
                delivery_id=delivery.id,
                channel=delivery.channel,
                hold=delivery.hold,
                reason=delivery.reason,
            )

    def on_waiting(self, delivery: Delivery) -> None:
        """Record that a recipe has withdrawn something."""
        if not delivery.channel and delivery.state is not State.HELD:
            self._log.info(
                LogEvent.WITHDRAWAL,
                subject=delivery.subject,
                delivery_id=delivery.id,
                by=f"recipe {delivery.recipe}",
            )

    def repeated(self, source: str, key: str, first: str) -> None:
        """Record that an event was already known, under the id `first`."""
        self._log.info(LogEvent.REPEATED, event_id=first, source=source_label(source), key=key)

    def on_run_failed(self, run: Run) -> None:
        """Record that a run cannot go on."""
        self._log.error(
            LogEvent.RUN_FAILED, event_id=run.event_id, run_id=run.id, reason=run.reason
        )

    def on_result(self, result: Result) -> None:
        """Record how an attempt or a search ended, once its outcome is stored."""
        self._store_down = False
        delivery, settlement = result.delivery, result.settlement
        attempt = settlement.attempt
        event, level = _EVENTS[settlement.target]
        if delivery.kind is Kind.WITHDRAW:
            event, level = _REMOVALS[settlement.target]
        if attempt is not None:
            self._metrics.attempted(delivery.channel, attempt.outcome, result.seconds)
            if attempt.outcome is Outcome.UPLOADED:
                event, level = LogEvent.UPLOADED, Level.INFO
            if attempt.kind is AttemptKind.FIND:
                event = LogEvent.SEARCHED
                if attempt.outcome is Outcome.FOUND:
                    level = Level.INFO
        if level >= self._log.output.level:
            fields = _fields(delivery, settlement, result.seconds)
            self._log.output.say(level, event, fields)

    def channel(self, name: str, health: Health, now: float) -> None:
        """Record that an account stopped working, or may be working again."""
        event = {
            Condition.WORKING: LogEvent.CHANNEL_BACK,
            Condition.DOWN: LogEvent.CHANNEL_DOWN,
            Condition.LOGIN_EXPIRED: LogEvent.LOGIN_EXPIRED,
            Condition.REFUSED: LogEvent.ACCOUNT_REFUSED,
        }[health.condition]
        self._metrics.channel_works(name, works=health.works)
        if health.works:
            self._log.info(event, channel=name)
        else:
            self._log.error(
                event, channel=name, seconds=round(now - health.since, 1), reason=health.reason
            )

    def opened(self, name: str, *, works: bool) -> None:
        """Record the condition of an account when its lane starts."""
        self._metrics.channel_works(name, works=works)

    def overtaken(self, delivery: Delivery, settlement: Settlement, error: IllegalMove) -> None:
        """Record that an outcome came too late: the delivery had already been changed."""
        self._log.error(
            LogEvent.STORE_TROUBLE,
            delivery_id=delivery.id,
            wanted=settlement.target.value,
            reason=str(error),
        )

    def overdue(self, seconds: Mapping[str, float]) -> None:
        """Record for each channel how long its first delivery has been due."""
        self._metrics.overdue(seconds)

    def disk_space(self, free: int, *, accepting: bool) -> None:
        """Record how many bytes the store's disk has left, and whether events are accepted."""
        self._metrics.disk_space(free, accepting=accepting)

    def overloaded(self, waiting: int) -> None:
        """Record that too many requests wait for the store, so that others are refused."""
        self._log.warning(LogEvent.OVERLOADED, waiting=waiting)

    def sent_away(self, webhook: str, error: StoreError) -> None:
        """Record that a request could not be stored, and its sender was asked to send it again."""
        self.store_failed(error, f"webhook:{webhook}")
        self._metrics.refused(webhook, 503)

    def store_failed(self, error: StoreError, part: str = "") -> None:
        """
        Record that the store refused something; log it once until the store works again.

        `part` is the part of the engine that asked, and calls `store_worked` once the store accepts it. People
        are told if it goes on being refused.
        """
        if isinstance(error, StoreBusy | StoreNearlyFull):
            return  # the store works; this refusal is logged elsewhere
        if part:
            self.refusals[part] = str(error)
        if not self._store_down:
            self._store_down = True
            self._log.error(LogEvent.STORE_TROUBLE, reason=str(error))

    def store_worked(self, part: str) -> None:
        """Record that the store accepts again what a part asks of it."""
        if self.refusals and self.refusals.pop(part, "") and not self.refusals:
            self._store_down = False

    def on_expired(self, deliveries: Sequence[Delivery]) -> None:
        """Record that deliveries passed their publish-by time while they waited."""
        for delivery in deliveries:
            self._log.error(
                LogEvent.EXPIRED,
                event_id=delivery.event_id,
                run_id=delivery.run_id,
                delivery_id=delivery.id,
                channel=delivery.channel,
                reason=delivery.reason,
            )

    def moved(self, event: LogEvent, delivery: Delivery, actor: Actor) -> None:
        """Record that a person changed a delivery."""
        by = {"by": str(actor)} if actor.person else {}
        self._log.info(
            event,
            delivery_id=delivery.id,
            channel=delivery.channel,
            state=delivery.state.value,
            **by,
        )

    def withdrawal(self, event: LogEvent, withdrawal: Withdrawal) -> None:
        """Record that something is withdrawn, or that a withdrawal was lifted."""
        self._log.info(
            event,
            number=withdrawal.number,
            subject=withdrawal.subject,
            delivery_id=withdrawal.target,
            reason=withdrawal.reason,
            by=withdrawal.lifted_by or withdrawal.by,
        )

    def is_stopped(self, *, in_force: bool) -> None:
        """Record in the metrics whether everything is stopped."""
        self._metrics.stopped(in_force=in_force)

    def person(self, event: LogEvent, person: str, actor: Actor | None = None, **more: str) -> None:
        """Record what happened to a person's log-in, or to a token."""
        by = {} if actor is None else {"by": str(actor)}
        self._log.info(event, person=person, **by, **more)

    def refused(
        self, webhook: str, status: int, detail: str, *, quietly: bool = False, unsaid: int = 0
    ) -> None:
        """Count a refused request and log it unless `quietly`; `unsaid` is how many were not logged before it."""
        self._metrics.refused(webhook, status)
        if not quietly:
            more = {"unsaid": unsaid} if unsaid else {}
            self._log.info(LogEvent.REFUSED, webhook=webhook, status=status, reason=detail, **more)

    def broke(self, where: str, error: Exception) -> None:
        """Record an unexpected error in a part of the program or in a plug-in."""
        self._log.error(LogEvent.PLUGIN_BUG, where=where, error=error)

    def polled(
        self, source: str, new: int, changed: int, first: bool, notes: Sequence[str]
    ) -> None:
        """Record what a poll of a source found. Notes of the last poll are not logged again."""
        source = source_label(source)
        event = LogEvent.FIRST_LOOK if first else LogEvent.LOOKED
        log = self._log.info if first or new or changed else self._log.debug
        log(event, source=source, new=new, changed=changed)
        before, self._noted[source] = self._noted.get(source, ()), notes
        for note in notes:
            if note not in before:
                self._log.warning(LogEvent.SOURCE_NOTE, source=source, reason=note)

    def burst(self, name: str, reason: str) -> None:
        """Record that a source or a recipe (`recipe:roads`) caused more than may be published unseen."""
        name = source_label(name)
        self._metrics.flooded(name)
        self._log.warning(LogEvent.BURST_HELD, of=name, reason=reason)

    def source_down(self, source: str, reason: str, failures: int) -> None:
        """Record that a source could not be read: at the first failure and every tenth one after it."""
        source = source_label(source)
        self._metrics.source_failures(source, failures)
        if failures % 10 == 1:
            self._log.warning(LogEvent.SOURCE_DOWN, source=source, failures=failures, reason=reason)

    def source_back(self, source: str) -> None:
        """Record that a source can be read again."""
        source = source_label(source)
        self._metrics.source_failures(source, 0)
        self._log.info(LogEvent.SOURCE_BACK, source=source)

    def alarm(self, kind: str, about: str, message: str) -> None:
        """Record an alarm about the daemon or what it depends on. People get a notice as well."""
        self._log.error(LogEvent.ALARM, kind=kind, channel=about, reason=message)

    def noticed(self, kind: str, title: str, deliveries: Sequence[Delivery]) -> None:
        """Record that a notice is being sent to people."""
        if deliveries:
            self._metrics.noticed(kind, "told")
            people = ", ".join(delivery.step for delivery in deliveries)
            self._log.info(
                LogEvent.NOTICE,
                kind=kind,
                event_id=deliveries[0].event_id,
                what=title,
                people=people,
            )

    def nobody_told(self, kind: str, title: str, reason: str) -> None:
        """Record that a notice cannot reach some or all people."""
        self._metrics.noticed(kind, "not_told")
        self._log.error(LogEvent.NOBODY_TOLD, kind=kind, what=title, reason=reason)


def _fields(
    delivery: Delivery, settlement: Settlement, seconds: float
) -> dict[str, str | int | float | None]:
    """Return the fields of a log line about how an attempt or a search ended."""
    fields: dict[str, str | int | float | None] = {
        "event_id": delivery.event_id,
        "run_id": delivery.run_id,
        "delivery_id": delivery.id,
        "channel": delivery.channel,
        "attempt": delivery.attempts,
        "ms": round(seconds * 1000, 1),
    }
    if settlement.receipt is not None:
        fields["url"] = settlement.receipt.url or settlement.receipt.id
    if settlement.reason:
        fields["reason"] = settlement.reason
    if settlement.target is not State.DELIVERED:
        fields["state"] = settlement.target.value
        fields["due_at"] = settlement.due_at
    return fields
