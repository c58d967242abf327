"""
Metrics for Prometheus: what was accepted, tried and delivered, how fast, and what waits.

On the hot path every count goes through a child that is bound once per label value, since finding a
child takes several times as long as counting. What waits is not counted here: the store is asked
when someone reads the metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of what `render` returns."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_COMMIT_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class _Gauges:
    """What is the case at this moment."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge = partial(Gauge, registry=registry)
        self.deliveries = gauge(
            "appealbridge_deliveries", "Deliveries in the store.", ["state", "channel"]
        )
        self.queue_age = gauge(
            "appealbridge_queue_age_seconds",
            "How long ago the oldest delivery that may still go out was planned; 0 if none waits.",
        )
        self.outstanding = gauge(
            "appealbridge_withdrawals_outstanding",
            "Posts that were withdrawn and are not certainly removed.",
        )
        self.outstanding_age = gauge(
            "appealbridge_withdrawal_age_seconds",
            "How long ago the oldest of them was withdrawn; 0 if there is none.",
        )
        self.stopped = gauge(
            "appealbridge_stopped",
            "1 while everything is stopped, so that nothing is published; otherwise 0.",
        )
        self.recipes = gauge(
            "appealbridge_recipes",
            "Recipes, by whether they run (loaded), are switched off (off) or have problems (quarantined).",
            ["state"],
        )
        self.channel_works = gauge(
            "appealbridge_channel_works",
            "Whether an account takes deliveries: 1, or 0 while it is down or its login has expired.",
            ["channel"],
        )
        self.source_failures = gauge(
            "appealbridge_source_failures",
            "Looks at a source that did not succeed, since the last one that did.",
            ["source"],
        )
        self.overdue = gauge(
            "appealbridge_overdue_seconds",
            "For how long the delivery that goes first has been due, as seen once a minute.",
            ["channel"],
        )
        self.free = gauge("appealbridge_store_free_bytes", "Free space on the store's disk.")
        self.accepting = gauge(
            "appealbridge_store_accepting",
            "1 while events are accepted, 0 while the disk is nearly full.",
        )


class Metrics:
    """
    The metrics of one daemon, in their own registry.

    Label values are names from the settings and closed enums, never anything that a sender chooses,
    so that nobody outside can create new series.
    """

    def __init__(self) -> None:
        # The birth of each figure would double the text for nobody.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library says no type
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        counter, histogram = (
            partial(Counter, registry=registry),
            partial(Histogram, registry=registry),
        )
        self._now = _Gauges(registry)
        self._accepted = counter(
            "appealbridge_events_accepted_total", "Events stored, repeats left out.", ["source"]
        )
        self._refused = counter(
            "appealbridge_requests_refused_total",
            "Webhook requests that were not accepted, by the HTTP status answered.",
            ["webhook", "status"],
        )
        self._attempts = counter(
            "appealbridge_attempts_total",
            "Attempts at deliveries, and looks for them, by what came of them.",
            ["channel", "outcome"],
        )
        self._attempt_seconds = histogram(
            "appealbridge_attempt_seconds",
            "How long one attempt took, from its beginning to its outcome.",
            ["channel"],
            buckets=_SECONDS,
        )
        self._commit_seconds = histogram(
            "appealbridge_store_commit_seconds",
            "How long one commit of the store took.",
            buckets=_COMMIT_SECONDS,
        )
        self._commit_transactions = histogram(
            "appealbridge_store_commit_transactions",
            "How many transactions shared one commit of the store.",
            buckets=_COMMIT_SIZES,
        )
        self._floods = counter(
            "appealbridge_floods_total",
            "Floods that were held, by the source or the recipe that they were of.",
            ["of"],
        )
        self._notices = counter(
            "appealbridge_notices_total",
            "Notices to people of what went wrong, by whether there was a way to tell them.",
            ["kind", "outcome"],
        )
        self._accepted_by: dict[str, Callable[..., None]] = {}
        self._attempted_by: dict[tuple[str, str], Callable[..., None]] = {}
        self._seconds_by: dict[str, Callable[[float], None]] = {}

    def accepted(self, source: str, count: int = 1) -> None:
        """Count events of a source (`webhook:incident-desk`)."""
        add = self._accepted_by.get(source)
        if add is None:
            add = self._accepted_by[source] = self._accepted.labels(source).inc
        add(count)

    def refused(self, webhook: str, status: int) -> None:
        """Count a request answered with an error; `webhook` is a configured name, `unknown` for any other."""
        self._refused.labels(webhook, str(status)).inc()

    def attempted(self, channel: str, outcome: str, seconds: float) -> None:
        """Count one attempt or look and how long it took."""
        add = self._attempted_by.get((channel, outcome))
        if add is None:
            add = self._attempts.labels(channel, outcome).inc
            self._attempted_by[channel, outcome] = add
        add()
        took = self._seconds_by.get(channel)
        if took is None:
            took = self._seconds_by[channel] = self._attempt_seconds.labels(channel).observe
        took(seconds)

    def committed(self, seconds: float, transactions: int) -> None:
        """Count one commit of the store; safe from its own thread."""
        self._commit_seconds.observe(seconds)
        self._commit_transactions.observe(transactions)

    def flooded(self, name: str) -> None:
        """Count a flood of a source (`webhook:incident-desk`) or of a recipe (`recipe:roads`)."""
        self._floods.labels(name).inc()

    def recipes(self, loaded: int, quarantined: int, off: int = 0) -> None:
        """Note how many recipes there are now."""
        self._now.recipes.labels("loaded").set(loaded)
        self._now.recipes.labels("off").set(off)
        self._now.recipes.labels("quarantined").set(quarantined)

    def overdue(self, seconds: Mapping[str, float]) -> None:
        """Note for how long what goes first has been due, by channel."""
        self._now.overdue.clear()
        for channel, late in seconds.items():
            self._now.overdue.labels(channel).set(late)

    def disk_space(self, free: int, *, accepting: bool) -> None:
        """Note how many bytes the store's disk has left, and whether that is enough to accept more."""
        self._now.free.set(free)
        self._now.accepting.set(accepting)

    def channel_works(self, channel: str, *, works: bool) -> None:
        """Note whether an account takes deliveries."""
        self._now.channel_works.labels(channel).set(1 if works else 0)

    def source_failures(self, source: str, failures: int) -> None:
        """Note how many polls in a row failed; 0 after one that succeeded."""
        self._now.source_failures.labels(source).set(failures)

    def noticed(self, kind: str, outcome: str) -> None:
        """Count a notice of a kind of `model/notice.py`, as `told` or `not_told`."""
        self._notices.labels(kind, outcome).inc()

    def stopped(self, *, in_force: bool) -> None:
        """Note whether everything is stopped."""
        self._now.stopped.set(int(in_force))

    def withdrawals(self, outstanding: int, age: float) -> None:
        """Note how many withdrawn posts are not certainly removed, and since when in seconds."""
        self._now.outstanding.set(outstanding)
        self._now.outstanding_age.set(age)

    def render(self, waiting: Mapping[tuple[str, str], int], queue_age: float) -> bytes:
        """
        Return all metrics in Prometheus' text format.

        `waiting` is the number of deliveries by (state, channel), `queue_age` in seconds.
        """
        self._now.deliveries.clear()
        for (state, channel), count in waiting.items():
            self._now.deliveries.labels(state, channel).set(count)
        self._now.queue_age.set(queue_age)
        return generate_latest(self._registry)
