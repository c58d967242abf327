"""
The way of an event, stage by stage, from its arrival to its receipt.

An event arrives:

1. A sender posts it to a webhook (`web/hooks.py` proves the sender; `intake/reception.py` decides what is a repeat),
   or a poll of a source finds it (`intake/polling.py`).
2. `intake/intake.py` refuses it if the disk is nearly full or too many requests wait, and gives it an id.

It takes these stages until it is stored. If one of them fails, those before it undo what they did:

3. **Planning**: every recipe that wants the event plans its deliveries (`intake/planning.py`, `intake/arrival.py`).
4. **Guard**: deliveries that exceed a rate or repeat a text are held (`guards/guard.py`).
5. **Hold unaccepted**: what a recipe publishes without approval is held until an admin has accepted that version
   (`approvals/acceptances.py`).
6. **First attempts**: where a lane has room, the first attempt is stored as begun (`intake/first_attempts.py`).
7. **Storing**: the event, its runs and its deliveries, in one transaction.

Once it is stored:

8. The attempts begin; everything else waits in its lane, for its run or for a person (`intake/first_attempts.py`).
9. It is logged, earlier deliveries of a flood are held, and the sender gets an answer.

A delivery with images stays planned until they are prepared (`images/preparer.py`): each picture is fetched once, and
each channel's rendition made of it. Then it is held or ready.

A delivery is sent:

10. Its lane begins the first attempt at once, or claims it when it is due (`delivery/dispatch.py`, `delivery/lane.py`).
11. **Gate**: is it still in time, is it what was approved, is the day's cap used up? (`delivery/gate.py`)
    Was it approved as it is, for this account? (`approvals/questions.py`)
    Directly before the request: is everything stopped? (`holds/stops.py`)
12. **Attempt**: the channel uploads an image that the message needs (`images/uploads.py`), after which the delivery is
    ready again; or it publishes the message, and returns a receipt or raises (`delivery/attempt.py`).
13. **Settlement**: what the result means for the delivery (`delivery/outcome.py`), and when it is tried again
    (`delivery/backoff.py`). It is stored, and every listener of `Outcomes` learns of it: the memory of texts,
    the runs that wait for it, the expiry, the notices, the lanes, the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.approvals.acceptances import HoldUnaccepted, RecipeAcceptances
from appealbridge.engine.approvals.answers import Answers
from appealbridge.engine.approvals.questions import Questions
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.account_health import Accounts
from appealbridge.engine.delivery.attempt import Attempts
from appealbridge.engine.delivery.dispatch import Dispatcher
from appealbridge.engine.guards.duplicates import Texts
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.holds.stops import Stops
from appealbridge.engine.images.leftovers import Leftovers
from appealbridge.engine.images.preparer import Preparer
from appealbridge.engine.intake.disk_space import DiskSpace
from appealbridge.engine.intake.first_attempts import FirstAttempts, FollowUp
from appealbridge.engine.intake.intake import Intake, Planning, Storing
from appealbridge.engine.intake.polling import Polling
from appealbridge.engine.intake.reception import Reception
from appealbridge.engine.operations import Operations
from appealbridge.engine.outcomes import Outcomes
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.engine.runs.runs import Runs
from appealbridge.engine.upkeep.expiry import Expiry, ExpiryTimer
from appealbridge.engine.withdrawals.withdrawals import Withdrawals


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts on the way of an event that somebody outside it starts, stops, reconfigures or calls."""

    reception: Reception
    polling: Polling
    disk_space: DiskSpace
    intake: Intake
    guard: Guard
    dispatcher: Dispatcher
    runs: Runs
    expiry: Expiry
    operations: Operations
    withdrawals: Withdrawals
    stops: Stops
    preparer: Preparer
    leftovers: Leftovers
    questions: Questions
    answers: Answers
    acceptances: RecipeAcceptances


def build(context: EngineContext, active: Callable[[], ActiveConfiguration]) -> Pipeline:
    """Build the stages, last ones first. `active` returns the configuration in force."""
    texts, run_queue, expiry_timer = Texts(context.clock.now()), RunQueue(), ExpiryTimer()
    stops = Stops(context, lambda version: acceptances.counts(version))
    questions = Questions(context)
    answers = Answers(context, questions, run_queue, expiry_timer)
    listeners = [
        texts, run_queue, expiry_timer, stops, questions, context.alarms, context.lanes, context.report,
    ]  # fmt: skip
    outcomes = Outcomes(listeners)
    acceptances = RecipeAcceptances(context, outcomes, run_queue)
    listeners.append(acceptances)
    guard = Guard(context, outcomes, texts)
    disk_space = DiskSpace(context)
    preparer = Preparer(context, outcomes, guard, disk_space)
    listeners.append(preparer)
    attempts = Attempts(context, outcomes, stops, questions, preparer.render)
    dispatcher = Dispatcher(context, attempts, Accounts(context))
    follow_up = FollowUp(context, outcomes, run_queue, guard, dispatcher)
    intake = Intake(
        context,
        disk_space,
        until_stored=[
            Planning(context),
            guard,
            HoldUnaccepted(acceptances),
            FirstAttempts(context),
            Storing(context),
        ],
        once_stored=[
            follow_up.begin,
            follow_up.report,
            guard.hold_earlier,
            follow_up.let_attempts_begin,
        ],
    )
    return Pipeline(
        Reception(context, intake),
        Polling(context, intake, disk_space, active),
        disk_space,
        intake,
        guard,
        dispatcher,
        Runs(context, outcomes, run_queue, guard, acceptances),
        Expiry(context, outcomes, expiry_timer),
        Operations(context, run_queue, guard, attempts, answers, acceptances),
        Withdrawals(context, run_queue),
        stops,
        preparer,
        Leftovers(context, attempts.uploads),
        questions,
        answers,
        acceptances,
    )
