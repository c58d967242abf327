"""What is said is said after what has happened, and whatever goes wrong with it ends there."""

import io
from types import SimpleNamespace

import pytest

from appealbridge.engine.notices.alarms import Alarms
from appealbridge.engine.outcomes import OutcomeListener, Outcomes, Result
from appealbridge.engine.report import Report
from appealbridge.logs import Log, Output
from appealbridge.metrics import Metrics
from appealbridge.model.delivery import Hold, State
from appealbridge.model.errors import StoreError
from tests.store_contract.case import NOW, a_delivery, a_run, an_event, ended

EVENT = an_event(1)
FULL = "no room on the disk of the log"


class Broken:
    """A log, or figures, of which every use raises."""

    def __init__(self):
        self.output = SimpleNamespace(level=0)

    def __getattr__(self, name):
        raise OSError(FULL)


class Told(OutcomeListener):
    """A listener that notes what it learns."""

    def __init__(self):
        self.notes = []

    def on_held(self, deliveries):
        self.notes.append("held")

    def on_expired(self, deliveries):
        self.notes.append("expired")

    def on_run_failed(self, run):
        self.notes.append("failed")

    def on_result(self, result):
        self.notes.append(result.settlement.target)


def held():
    return a_delivery(EVENT, state=State.HELD, hold=Hold.SAME_TEXT)


@pytest.mark.parametrize(
    ("outcome", "follows"),
    [
        (lambda o: o.on_held([held()]), ["held"]),
        (lambda o: o.on_held([]), []),
        (lambda o: o.on_expired([held()]), ["expired"]),
        (lambda o: o.on_run_failed(a_run(EVENT)), ["failed"]),
        (lambda o: o.on_result(_result(State.DELIVERED)), [State.DELIVERED]),
    ],
)
def test_every_listener_learns_of_an_outcome_though_nothing_can_be_logged(outcome, follows):
    result = Told()
    outcome(Outcomes([Report(Broken(), Broken()), result]))
    assert result.notes == follows


@pytest.mark.parametrize(
    ("outcome", "news"),
    [
        (lambda o: o.on_held([held()]), True),
        (lambda o: o.on_expired([held()]), True),
        (lambda o: o.on_run_failed(a_run(EVENT)), True),
        (lambda o: o.on_result(_result(State.FAILED)), True),
        (lambda o: o.on_result(_result(State.HELD)), True),
        (lambda o: o.on_result(_result(State.READY)), False),
        (lambda o: o.on_result(_result(State.DELIVERED)), False),
        (lambda o: o.on_waiting(held()), False),
    ],
)
def test_people_are_told_of_what_goes_wrong_or_waits_for_them(outcome, news):
    alarms = Alarms(None, None, None, None)
    outcome(Outcomes([alarms]))
    assert alarms.news.is_set() is news


def _result(target):
    delivery = a_delivery(EVENT)
    return Result(delivery, ended(delivery, target), 1.0)


@pytest.mark.parametrize(
    "log",
    [
        lambda r: r.accepted(EVENT),
        lambda r: r.repeated(EVENT.source, EVENT.key, "e"),
        lambda r: r.broke("here", ValueError()),
        lambda r: r.alarm("channel.down", "force_x", "no"),
        lambda r: r.store_failed(StoreError("no"), "runs"),
    ],
)
def test_a_log_that_fails_stops_nothing(log):
    log(Report(Broken(), Broken()))


def test_what_cannot_be_said_is_said_to_be_so():
    lines = io.BytesIO()
    output = Output(lines, lambda: NOW)
    Report(Log(output), Broken()).accepted(EVENT)
    output.flush()
    assert b"report: accepted" in lines.getvalue()
    assert FULL.encode() in lines.getvalue()


def test_a_part_that_the_store_refuses_is_one_until_the_store_takes_it():
    report = Report(Log(Output(io.BytesIO(), lambda: NOW)), Metrics())
    for part in ("runs", "upkeep", "runs"):
        report.store_failed(StoreError("no"), part)
    assert report.refusals == {"runs": "no", "upkeep": "no"}
    report.store_worked("runs")
    report.store_worked("notices")
    assert report.refusals == {"upkeep": "no"}


def test_a_webhook_that_could_not_be_stored_is_one_until_an_event_of_it_is():
    report = Report(Log(Output(io.BytesIO(), lambda: NOW)), Metrics())
    report.sent_away("incident-desk", StoreError("no"))
    assert [*report.refusals] == [EVENT.source]
    report.accepted(EVENT)
    assert report.refusals == {}
