"""However much is stored, nothing on the hot path walks through all of it."""

import re
from contextlib import closing
from dataclasses import replace

import pytest

from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import Act, Decision
from appealbridge.model.delivery import State
from appealbridge.model.notice import Alarm, Trouble
from appealbridge.model.run import RunState
from appealbridge.store.records import (
    Arrival,
    DeliveryFilter,
    HoldFilter,
    KnownKey,
    NewsSort,
    PollState,
)
from appealbridge.store.sqlite import deliveries, events, retention, runs
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.events import accept
from appealbridge.store.sqlite.settle import ANY_OPEN_RUN, ANY_TURN, WHO_WAITS, ending, settle
from tests.new_store import write_new_store
from tests.sqlite_direct import On, intake, run
from tests.store_contract import approvals
from tests.store_contract.acceptances import CONTENT, accepts, an_acceptance
from tests.store_contract.approvals import stored_question
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    RECIPE,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    ended,
)
from tests.store_contract.images import illustrated, rendered
from tests.store_contract.people import a_session, a_token, enrolled
from tests.store_contract.withdrawals import SUBJECT, a_withdrawal, published

EXISTS = (ANY_OPEN_RUN, ANY_TURN, WHO_WAITS)
"""Over a whole index each ends with the first row that it meets."""

LARGE = (
    "events|runs|deliveries|attempts|remembered|waiting_runs|later_events|past_keys"
    "|questions|revisions|answers|corrections|versions|audit|reasons|checkpoints|holds"
    "|acceptances|recipe_owners|withdrawals|withdrawn_posts|preparations|images|uploads"
    "|people|sessions|tokens|d|b|e|w|o|r|h|p|a|q|c|f|i|u|m"
)
FEW = "questions_open|uploads_published"
"""Indexes with few entries, whatever is stored: of what is open, and of the pictures in the libraries of websites."""

FROM_ONE_END = re.compile(r"ORDER BY (a\.)?(number|seq) (DESC )?LIMIT")


@pytest.fixture
def db(path):
    """A store with something in every state, and the statements it has heard since."""
    write_new_store(path)
    with closing(open_writer(path)) as db:
        arrivals = [an_arrival(n, state=state, publish_by=NOW + 9) for n, state in enumerate(State)]
        arrivals += _later()
        arrivals += [_waiting(n, subject="INC-20") for n in (13, 14)]
        accept(db, [intake(arrivals, None)])
        yield db


def _waiting(number, **event):
    event = an_event(number, **event)
    return Arrival(event, [a_run(event, wake_at=NOW + 99)])


def _ended():
    ended = [*State].index(State.FAILED)
    return retention.ExpiredRows(
        [an_arrival(ended).event.id], [an_arrival(ended).deliveries[0].id], None
    )


def _later():
    return [an_arrival(n, subject="INC-3") for n in (11, 12)]


def _again():
    return replace(a_run(an_event(13), wake_at=NOW), id=f"{a_run(an_event(13)).id}~2")


NEWS = [NewsSort(kind=kind, count=1, recipe=RECIPE, channel=CHANNEL) for kind in (*Trouble, *Alarm)]

WAYS = {
    "accept": lambda db: accept(
        db,
        [
            intake(
                [an_arrival(n, state=State.SENDING)], PollState("feed:x", NOW, NOW, {}, {"a": "1"})
            )
            for n in range(20, 23)
        ]
        + [intake([_waiting(23)], None)],
    ),
    "claim": lambda db: On(db).claim(CHANNEL, NOW, 5),
    "settle": lambda db: settle(
        db,
        [ending(ended(an_arrival([*State].index(State.SENDING)).deliveries[0], State.DELIVERED))],
    ),
    "expire": lambda db: On(db).expire(NOW + 9, 5),
    "move": lambda db: On(db).move(f"{[*State].index(State.FAILED) + 1}", State.READY, NOW),
    "advance": lambda db: On(db).advance(
        a_run(an_arrival(1).event, state=RunState.PLANNED),
        0,
        [a_delivery(an_arrival(1).event, "mail")],
    ),
    "end a wait": lambda db: On(db).advance(
        a_run(an_event(13), state=RunState.PLANNED), 0, [], ["e"]
    ),
    "runs_before": lambda db: On(db).runs_before(a_run(an_event(14)).id),
    "turns behind": lambda db: On(db).turns_behind([each.deliveries[0].id for each in _later()]),
    "held": lambda db: On(db).move(
        f"{[*State].index(State.READY) + 1}", State.HELD, NOW, hold="approval"
    ),
    "begun before": lambda db: On(db).begun_before(NOW, 5),
    "since": lambda db: runs.events_since(db, an_event(13).id),
    "run again": lambda db: runs.run_again(db, [_again()], [_again().id], ["e"]),
    "queues": lambda db: On(db).queues(),
    "any_open_run": lambda db: On(db).any_open_run(NOW),
    "recover": lambda db: deliveries.recover(db, 1, NOW, NOW, 5),
    "claim_unknown": lambda db: On(db).claim_unknown(CHANNEL, NOW, 5),
    "queue status": lambda db: On(db).queue_status(CHANNEL, NOW),
    "woken_runs": lambda db: On(db).woken_runs(NOW + 99, 5),
    "next_wake": lambda db: On(db).next_wake(),
    "next_expiry": lambda db: On(db).next_expiry(),
    "remembered": lambda db: On(db).remembered("feed:x", ["a", "b"]),
    "sent_today": lambda db: On(db).sent_today(CHANNEL, NOW),
    "known": lambda db: On(db).known("feed:x", ["a", "b"]),
    "free keys": lambda db: On(db).free_keys(
        "feed:x", {"a": KnownKey("e", NOW, 1), "b": KnownKey("", NOW)}
    ),
    "keep keys": lambda db: events.keep_keys(db, [("feed:x", "a", NOW)]),
    "forget keys": lambda db: On(db).forget_keys(NOW, 9),
    "pace": lambda db: On(db).pace(NOW, 5),
    "followed": lambda db: On(db).followed(
        replace(an_arrival(1).deliveries[0], settled_at=NOW), "x"
    ),
    "published": lambda db: On(db).published(["https://x.example/1"], NOW),
    "untouched of a source": lambda db: deliveries.untouched(db, HoldFilter(since=NOW, source="x")),
    "untouched of a recipe": lambda db: deliveries.untouched(db, HoldFilter(since=NOW, recipe="x")),
    "hold": lambda db: deliveries.hold_these(db, ["e.r.s"], "burst", ""),
    "delivery": lambda db: deliveries.find(db, "3"),
    "attempts": lambda db: On(db).attempts("x"),
    "of a run": lambda db: On(db).deliveries(DeliveryFilter(run_id="e.r")),
    "of an event": lambda db: On(db).runs(event_id="e", limit=9),
    "empty": lambda db: retention.empty(db, _ended()),
    "delete": lambda db: retention.delete(db, _ended()),
    "news of": lambda db: On(db).news_of(NEWS, 5),
    "tell": lambda db: On(db).tell(On(db).news_of(NEWS, 5)),
    "under way": lambda db: On(db).deliveries(DeliveryFilter(states=[State.SENDING])),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_walked_through(db, way):
    assert _walks(db, lambda: WAYS[way](db)) == {}


@pytest.fixture
def decided(db):
    """Such a store in which people have decided, and pictures wait."""
    db.execute("DELETE FROM deliveries")
    db.execute("DELETE FROM runs")
    db.execute("DELETE FROM events")
    delivery, _, number = run(db, stored_question)
    run(db, approvals.revised, delivery, 2, "Aged 14")
    run(db, published, 2)
    accept(db, [intake([illustrated(3)], None)])
    On(db).keep_people(["ann", "ben"], NOW)
    run(db, enrolled)
    On(db).begin_session(a_session())
    On(db).keep_token(a_token())
    On(db).accept_recipe(an_acceptance(), CONTENT, accepts())
    On(db).note_owners({"a": [1001]}, NOW)
    On(db).keep_images([rendered(delivery)])
    On(db).checkpoint(NOW)
    return db, delivery, number


def _approve(db, delivery):
    newest = On(db).revisions([delivery.id])[-1]
    return run(db, approvals.answered, newest)


STOP = Decision(actor=Actor("ann", How.LOG_IN), act=Act.STOP, at=NOW, reason="a test")

DECISIONS = {
    "unasked": lambda db, *_: On(db).unasked(5),
    "ask again": lambda db, delivery, _: run(db, approvals.asks, delivery, 3),
    "question": lambda db, delivery, n: On(db).question(n),
    "open questions": lambda db, *_: On(db).questions(),
    "all questions": lambda db, *_: On(db).questions(open_only=False),
    "asked about": lambda db, delivery, n: On(db).asked_about(n),
    "revisions": lambda db, delivery, _: On(db).revisions([delivery.id]),
    "answers": lambda db, delivery, _: On(db).answers([delivery.id]),
    "approve": lambda db, delivery, _: _approve(db, delivery),
    "approval": lambda db, delivery, _: On(db).approval(delivery.id),
    "take back": lambda db, delivery, _: (
        _approve(db, delivery) and On(db).take_back(delivery.id, approvals.by("bob", Act.TAKE_BACK))
    ),
    "edit": lambda db, delivery, _: run(db, approvals.revised, delivery, 3, "Aged 15"),
    "asked again": lambda db, _, n: On(db).asked_again(n, level=2, next_at=NOW + 9, reached=1),
    "next question": lambda db, *_: On(db).next_question(),
    "lapse": lambda db, *_: On(db).lapse(NOW + 999_999),
    "authors": lambda db, delivery, _: On(db).authors_about(delivery.event_id),
    "corrected by": lambda db, delivery, _: On(db).corrected_by(delivery.run_id),
    "thread": lambda db, delivery, _: On(db).thread(delivery.id),
    "audit": lambda db, *_: On(db).audit(),
    "decisions": lambda db, delivery, _: On(db).decisions([f"delivery {delivery.number}"]),
    "record": lambda db, *_: On(db).record(STOP),
    "checkpoint": lambda db, *_: On(db).record(STOP) and On(db).checkpoint(NOW + 1),
    "stop": lambda db, *_: On(db).stop(STOP),
    "stops": lambda db, *_: On(db).stops(),
    "would start": lambda db, *_: On(db).would_start(NOW),
    "waiting with end": lambda db, *_: On(db).waiting_with_end(NOW, 5),
    "withdraw": lambda db, *_: On(db).withdraw(a_withdrawal(), accepts(act=Act.WITHDRAW)),
    "removals": lambda db, *_: On(db).withdraw(a_withdrawal()) and On(db).removals(SUBJECT),
    "withdrawals": lambda db, *_: On(db).withdrawals(SUBJECT),
    "all withdrawals": lambda db, *_: On(db).withdrawals(),
    "claim removals": lambda db, *_: (
        On(db).withdraw(a_withdrawal()) and On(db).claim_removals(CHANNEL, NOW + 20, 5)
    ),
    "lift": lambda db, *_: (
        On(db).withdraw(a_withdrawal()) and On(db).lift(1, "ann", NOW + 20, accepts(act=Act.LIFT))
    ),
    "stuck": lambda db, *_: On(db).stuck_removals([CHANNEL], NOW),
    "outstanding": lambda db, *_: On(db).outstanding(),
    "versions": lambda db, delivery, _: On(db).versions(delivery.id),
    "unprepared": lambda db, *_: On(db).unprepared(NOW, 5),
    "next preparation": lambda db, *_: On(db).next_preparation(),
    "keep images": lambda db, delivery, _: On(db).keep_images([rendered(delivery)]),
    "images": lambda db, delivery, _: On(db).images(delivery.id),
    "images of a run": lambda db, delivery, _: On(db).images_of_run(delivery.run_id),
    "uploads": lambda db, delivery, _: On(db).uploads(delivery.id),
    "leftovers": lambda db, *_: On(db).leftover_uploads(5),
    "accepted": lambda db, *_: On(db).acceptances(),
    "accepted content": lambda db, *_: On(db).accepted_content(RECIPE),
    "owners": lambda db, *_: On(db).owners(["a"]),
    "waiting for acceptance": lambda db, *_: On(db).waiting_for_acceptance(),
    "clear accepted": lambda db, *_: On(db).clear_accepted(NOW),
    "session": lambda db, *_: On(db).session("h1"),
    "log in": lambda db, *_: On(db).begin_session(a_session("h2")),
    "token": lambda db, *_: On(db).token("t1"),
    "revoke": lambda db, *_: On(db).revoke_token("cad", NOW),
}


@pytest.mark.parametrize("way", DECISIONS)
def test_nothing_is_walked_through_for_a_decision(decided, way):
    assert _walks(decided[0], lambda: DECISIONS[way](*decided)) == {}


def _walks(db, action):
    """Return the statements of an action that walk through a whole table, with their plans."""
    statements = []
    db.set_trace_callback(statements.append)
    action()
    db.set_trace_callback(None)
    assert statements
    plans = {sql: _plan(db, sql) for sql in statements if sql not in EXISTS}
    walk = re.compile(rf"SCAN ({LARGE})\b(?! USING (COVERING )?INDEX ({FEW})\b)")
    return {
        sql: plan
        for sql, plan in plans.items()
        if walk.search(plan)
        and not (FROM_ONE_END.search(sql) and "TEMP B-TREE" not in plan and plan.count("SCAN") == 1)
    }


@pytest.mark.parametrize("way", ["claim", "expire", "woken_runs"])
def test_nothing_is_sorted_to_find_the_first_few(db, way):
    statements = []
    db.set_trace_callback(statements.append)
    WAYS[way](db)
    db.set_trace_callback(None)
    chosen = [sql for sql in statements if "LIMIT" in sql]
    assert chosen
    assert [sql for sql in chosen if "USE TEMP B-TREE" in _plan(db, sql)] == []


def test_only_open_questions_are_read_to_list_what_waits(db):
    statements = []
    db.set_trace_callback(statements.append)
    On(db).questions()
    db.set_trace_callback(None)
    (select,) = statements
    assert "USING INDEX questions_open" in _plan(db, select)


def _plan(db, sql):
    plan = "\n".join(
        row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql.replace('Inf', '9e999')}")
    )
    # An EXISTS in a statement ends with the first row that it meets, too.
    return re.sub(r"SCALAR SUBQUERY \d+\nSCAN waiting_runs.*", "", plan)
