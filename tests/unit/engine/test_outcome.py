"""From what a channel answered to the move the delivery makes."""

import random
from dataclasses import replace

import pytest
from tenacity import stop_after_attempt

from appealbridge.engine.backoff import RetryPolicy
from appealbridge.engine.outcome import Tried, settle_send, settle_sought, settle_unknown, tried
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import MOVES, State
from appealbridge.model.errors import LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Account, Repeat, Sought
from tests.unit.engine.test_gate import NOW, delivery

RECEIPT = Receipt("17", "https://x.com/i/status/17", NOW)


def sent(result, policy=None, so_far=None, **changes):
    begun = delivery(attempts=1, first_begun_at=NOW, **changes)
    return settle_send(
        begun,
        result,
        policy or RetryPolicy(),
        so_far or Tried(1, NOW),
        begun_at=NOW,
        now=NOW + 1,
        rng=random.Random(1),
    )


def sought(result, when_unsure="hold", **changes):
    unknown = delivery(state=State.UNKNOWN, attempts=1, first_begun_at=NOW, **changes)
    return settle_sought(
        unknown,
        result,
        Account(when_unsure=when_unsure),
        RetryPolicy(),
        begun_at=NOW,
        now=NOW + 1,
        rng=random.Random(1),
    )


class FakeChannel:
    platform = "fake"

    def __init__(self, repeat, key_seconds=0.0):
        self.repeat, self.key_seconds = repeat, key_seconds


def unknown(repeat, *, key_seconds=0.0, when_unsure="hold", age=10.0):
    one = delivery(state=State.UNKNOWN, attempts=1, first_begun_at=NOW)
    channel = FakeChannel(repeat, key_seconds)
    return settle_unknown(one, channel, Account(when_unsure=when_unsure), NOW + age)


def test_a_receipt_ends_it():
    settlement = sent(RECEIPT)
    assert (settlement.target, settlement.receipt) == (State.DELIVERED, RECEIPT)


@pytest.mark.parametrize(
    ("error", "target", "outcome"),
    [
        (TryAgain("503"), State.READY, "try_again"),
        (LoginExpired("401"), State.READY, "put_off"),
        (TryAgain("429", throttled=True), State.READY, "put_off"),
        (Unsure("lost"), State.UNKNOWN, "unsure"),
        (Rejected("too long"), State.FAILED, "rejected"),
    ],
)
def test_each_failure_has_one_meaning(error, target, outcome):
    settlement = sent(error)
    assert (settlement.target, settlement.attempt.outcome) == (target, outcome)
    assert str(error) in settlement.attempt.detail
    assert target in MOVES[State.SENDING]


def test_an_unsure_delivery_is_never_simply_due_again():
    assert sent(Unsure("lost")).target is not State.READY


def test_what_is_tried_again_has_a_due_time():
    assert sent(TryAgain("503", after=60)).due_at > NOW + 60


def test_trying_ends_with_the_last_words_of_the_platform():
    settlement = sent(TryAgain("503 overloaded"), so_far=Tried(9, NOW - 2 * 86_400))
    assert settlement.target is State.FAILED
    assert settlement.reason == "gave up after 9 attempts; the last: 503 overloaded"


def test_a_code_to_stop_at_ends_it_in_the_platforms_words():
    policy = RetryPolicy(stop_at=frozenset({503}))
    settlement = sent(TryAgain("503 overloaded", status=503), policy)
    assert settlement.target is State.FAILED
    assert settlement.reason == "503 overloaded; not tried again, since `stop_at` names 503"
    assert sent(TryAgain("507", status=507), policy).target is State.READY
    assert sent(TryAgain("no answer"), policy).target is State.READY


@pytest.mark.parametrize(
    "put_off", [TryAgain("429", throttled=True, after=60), LoginExpired("401")]
)
def test_what_stops_the_account_uses_up_no_message(put_off):
    policy = RetryPolicy(stop=stop_after_attempt(1))
    assert sent(put_off, policy, Tried(50, NOW - 90 * 86_400)).target is State.READY


def test_only_what_was_this_messages_own_doing_counts_as_tried():
    def attempt(number, outcome, kind=AttemptKind.SEND):
        return Attempt("a", number, kind, NOW + number, NOW + number, Outcome(outcome))

    before = [
        attempt(1, "put_off"),
        attempt(2, "unsure"),
        attempt(2, "absent", AttemptKind.SEEK),
        attempt(3, "try_again"),
    ]
    begun = delivery(attempts=4, first_begun_at=NOW + 1)
    assert tried(begun, before, NOW + 9) == Tried(3, NOW + 2)


def test_what_a_person_lets_try_again_begins_anew():
    old = Attempt("a", 1, AttemptKind.SEND, NOW - 500, NOW - 499, Outcome.TRY_AGAIN)
    begun = delivery(attempts=2, first_begun_at=NOW)
    assert tried(begun, [old], NOW) == Tried(1, NOW)


def test_a_platform_that_takes_our_key_is_sent_to_again_while_it_remembers():
    assert unknown(Repeat.IDEMPOTENT, key_seconds=60, age=59).target is State.READY
    assert unknown(Repeat.IDEMPOTENT, key_seconds=60, age=60) is None


def test_where_it_can_be_found_it_is_looked_for():
    assert unknown(Repeat.FINDABLE) is None


def test_where_nobody_can_tell_a_person_decides_unless_the_account_says_otherwise():
    held = unknown(Repeat.NEITHER)
    assert (held.target, held.hold) == (State.HELD, "unknown")
    assert unknown(Repeat.NEITHER, when_unsure="send_again").target is State.READY


def test_what_is_found_is_delivered_with_its_true_receipt():
    settlement = sought(Sought(RECEIPT, sure=True, seen="on the timeline"))
    assert (settlement.target, settlement.receipt) == (State.DELIVERED, RECEIPT)


def test_what_is_surely_absent_goes_out_again():
    assert sought(Sought(None, sure=True, seen="20 posts, not among them")).target is State.READY


def test_what_cannot_be_told_is_held_with_what_was_seen():
    settlement = sought(Sought(None, sure=False, seen="the timeline begins later"))
    assert (settlement.target, settlement.hold) == (State.HELD, "unknown")
    assert "the timeline begins later" in settlement.reason
    assert "the timeline begins later" in settlement.attempt.detail


def test_an_account_that_cannot_be_looked_at_is_looked_at_again():
    settlement = sought(TryAgain("503", after=30))
    assert settlement.target is State.UNKNOWN
    assert settlement.due_at > NOW + 30


@pytest.mark.parametrize(
    ("unclear_for", "least", "most"), [(1, 0.5, 3), (60, 15, 60), (3600, 150, 300)]
)
def test_the_longer_it_cannot_be_looked_at_the_rarer_it_is_tried(unclear_for, least, most):
    """A look is not counted as an attempt at sending, and must not come every second for a day."""
    unsure = delivery(state=State.UNKNOWN, attempts=1, first_begun_at=NOW - unclear_for)
    settlement = settle_sought(
        unsure,
        TryAgain("503"),
        Account(),
        RetryPolicy(),
        begun_at=NOW,
        now=NOW,
        rng=random.Random(1),
    )
    assert least <= settlement.due_at - NOW <= most


def test_an_account_that_can_never_be_looked_at_is_a_person_s_matter():
    unsure = delivery(state=State.UNKNOWN, attempts=1, first_begun_at=NOW)
    settlement = settle_sought(
        replace(unsure, first_begun_at=NOW - 2 * 86_400),
        TryAgain("503"),
        Account(),
        RetryPolicy(),
        begun_at=NOW,
        now=NOW,
        rng=random.Random(1),
    )
    assert (settlement.target, settlement.hold) == (State.HELD, "unknown")


def test_unclear_attempt_after_unclear_attempt_comes_ever_slower_and_ends_with_a_person():
    def after(attempts, begun=NOW):
        return sent(Unsure("lost"), so_far=Tried(attempts, begun))

    pauses = [after(attempts).due_at - NOW for attempts in (1, 3, 5, 7)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 10
    given_up = after(9, NOW - 2 * 86_400)
    assert (given_up.target, given_up.hold) == (State.HELD, "unknown")


@pytest.mark.parametrize(
    "settlement",
    [
        sent(TryAgain("503"), hold="daily_cap"),
        sent(TryAgain("429", throttled=True), hold="daily_cap"),
        sent(Unsure("lost"), hold="daily_cap"),
        sought(TryAgain("503"), hold="daily_cap"),
        sought(Sought(None, sure=True, seen="absent"), hold="daily_cap"),
    ],
    ids=lambda settlement: f"{settlement.source}-{settlement.attempt.outcome}",
)
def test_what_a_person_let_out_past_its_cap_stays_let_out(settlement):
    assert settlement.target in (State.READY, State.UNKNOWN)
    assert settlement.hold == "daily_cap"


def test_looks_are_bounded_by_time_and_not_by_the_number_of_attempts():
    def looked(age):
        return settle_sought(
            delivery(state=State.UNKNOWN, attempts=2, first_begun_at=NOW - age),
            TryAgain("no connection"),
            Account(),
            RetryPolicy(stop=stop_after_attempt(2), within=3600.0),
            begun_at=NOW,
            now=NOW,
            rng=random.Random(1),
        )

    assert looked(3599.0).target is State.UNKNOWN
    assert (looked(3600.0).target, looked(3600.0).hold) == (State.HELD, "unknown")
