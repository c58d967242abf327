"""What is said is said after what has happened, and whatever goes wrong with it ends there."""

import io
from types import SimpleNamespace

import pytest

from appealbridge.engine.report import Report
from appealbridge.logs import Log, Output
from appealbridge.metrics import Metrics
from appealbridge.model.delivery import Hold, State
from appealbridge.model.errors import StoreError
from tests.store_contract.case import NOW, a_delivery, a_run, an_event, ended

EVENT = an_event(1)
LANE = SimpleNamespace(name="force_x")
FULL = "no room on the disk of the log"


class Broken:
    """A log, or figures, of which every use raises."""

    def __init__(self):
        self.output = SimpleNamespace(level=0)

    def __getattr__(self, name):
        raise OSError(FULL)


@pytest.fixture
def news():
    """What people and the guards were nudged about."""
    return []


@pytest.fixture
def mute(news):
    report = Report(Broken(), Broken())
    report.trouble = lambda: news.append("trouble")
    report.published = lambda delivery, at: news.append("published")
    return report


def held():
    return a_delivery(EVENT, state=State.HELD, hold=Hold.SAME_TEXT)


@pytest.mark.parametrize(
    ("say", "follows"),
    [
        (lambda r: r.accepted(EVENT, [], []), []),
        (lambda r: r.accepted(EVENT, [a_run(EVENT)], [held()]), ["trouble"]),
        (lambda r: r.held([held()]), ["trouble"]),
        (lambda r: r.run_failed(a_run(EVENT)), ["trouble"]),
        (lambda r: r.expired([held()]), ["trouble"]),
        (lambda r: _settled(r, State.DELIVERED), ["published"]),
        (lambda r: _settled(r, State.FAILED), ["trouble"]),
        (lambda r: _settled(r, State.HELD), ["trouble"]),
        (lambda r: _settled(r, State.READY), []),
        (lambda r: r.repeated(EVENT, "e"), []),
        (lambda r: r.broke("here", ValueError()), []),
        (lambda r: r.alarm("channel.down", "force_x", "no"), []),
        (lambda r: r.store_failed(StoreError("no"), "runs"), []),
    ],
)
def test_what_follows_from_what_is_said_follows_though_nothing_can_be_said(
    mute, news, say, follows
):
    say(mute)
    assert news == follows


def _settled(report, target):
    delivery = a_delivery(EVENT)
    report.settled(LANE, delivery, ended(delivery, target), 1.0)


def test_what_cannot_be_said_is_said_to_be_so():
    lines = io.BytesIO()
    output = Output(lines, lambda: NOW)
    Report(Log(output), Broken()).accepted(EVENT, [], [])
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
    report.accepted(EVENT, [], [])
    assert report.refusals == {}
