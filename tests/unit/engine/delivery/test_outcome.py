"""From what a channel answered to the move the delivery makes."""

import random
from dataclasses import replace

import pytest
from tenacity import stop_after_attempt

from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.delivery.outcome import (
    Tried,
    settle_search,
    settle_send,
    settle_unknown,
    tried,
)
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import MOVES, State
from appealbridge.model.errors import AccountRefused, LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.model.withdrawal import RESTORED, WITHDRAWN
from appealbridge.plugin.channel import Account, Repeat, SearchResult
from tests.unit.engine.delivery.test_gate import NOW, delivery

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


def sought(result, when_unsure="hold", before=(), at=NOW + 1, waited=None, **changes):
    usual = {"state": State.UNKNOWN, "attempts": 1, "first_begun_at": NOW}
    return settle_search(
        delivery(**{**usual, **changes}),
        result,
        Account(when_unsure=when_unsure, repeat_after="60s"),
        RetryPolicy(),
        before,
        waited=at - NOW if waited is None else waited,
        begun_at=at,
        now=at,
        rng=random.Random(1),
    )


def attempt(ended_at, outcome="unsure", kind=AttemptKind.SEND, number=1):
    return Attempt("a", number, kind, ended_at, ended_at, Outcome(outcome))


def absent(at, number=1):
    return attempt(at, "absent", AttemptKind.FIND, number)


ABSENT = SearchResult(None, sure=True, seen="20 posts, not among them")


class FakeChannel:
    platform = "fake"

    def __init__(self, repeat, key_seconds=0.0, can_find=False):
        self.repeat, self.key_seconds, self.can_find = repeat, key_seconds, can_find


def unknown(repeat, *, key_seconds=0.0, when_unsure="hold", age=10.0, can_find=False):
    row = delivery(state=State.UNKNOWN, attempts=1, first_begun_at=NOW)
    channel = FakeChannel(repeat, key_seconds, can_find)
    return settle_unknown(row, channel, Account(when_unsure=when_unsure), NOW + age)


def test_a_receipt_ends_it():
    settlement = sent(RECEIPT)
    assert (settlement.target, settlement.receipt) == (State.DELIVERED, RECEIPT)


@pytest.mark.parametrize(
    ("error", "target", "outcome"),
    [
        (TryAgain("503"), State.READY, "try_again"),
        (LoginExpired("401"), State.READY, "deferred"),
        (AccountRefused("403"), State.READY, "deferred"),
        (TryAgain("429", throttled=True), State.READY, "deferred"),
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
    assert settlement.reason == "gave up after 9 attempts; the last one: 503 overloaded"


def test_a_code_to_stop_at_ends_it_in_the_platforms_words():
    policy = RetryPolicy(stop_at=frozenset({503}))
    settlement = sent(TryAgain("503 overloaded", status=503), policy)
    assert settlement.target is State.FAILED
    assert settlement.reason == "503 overloaded; not tried again, because `stop_at` contains 503"
    assert sent(TryAgain("507", status=507), policy).target is State.READY
    assert sent(TryAgain("no answer"), policy).target is State.READY


@pytest.mark.parametrize(
    "deferred",
    [TryAgain("429", throttled=True, after=60), LoginExpired("401"), AccountRefused("403")],
)
def test_what_stops_the_account_uses_up_no_message(deferred):
    policy = RetryPolicy(stop=stop_after_attempt(1))
    assert sent(deferred, policy, Tried(50, NOW - 90 * 86_400)).target is State.READY


def test_only_what_was_this_messages_own_doing_counts_as_tried():
    before = [
        attempt(NOW + 1, "deferred", number=1),
        attempt(NOW + 2, "unsure", number=2),
        absent(NOW + 2, number=2),
        attempt(NOW + 3, "try_again", number=3),
    ]
    begun = delivery(attempts=4, first_begun_at=NOW + 1)
    assert tried(begun, before, NOW + 9) == Tried(3, NOW + 2)


def test_what_a_person_lets_try_again_begins_anew():
    old = Attempt("a", 1, AttemptKind.SEND, NOW - 500, NOW - 499, Outcome.TRY_AGAIN)
    begun = delivery(attempts=2, first_begun_at=NOW)
    assert tried(begun, [old], NOW) == Tried(1, NOW)


def test_a_key_is_trusted_only_where_nobody_can_look():
    known = unknown(Repeat.IDEMPOTENT, key_seconds=3600)
    assert (known.target, known.due_at) == (State.READY, NOW + 10 + 60)
    assert unknown(Repeat.IDEMPOTENT, key_seconds=3600, can_find=True) is None
    assert unknown(Repeat.IDEMPOTENT, key_seconds=5).target is State.HELD


def test_where_it_can_be_found_it_is_looked_for():
    assert unknown(Repeat.FINDABLE, can_find=True) is None


def test_where_nobody_can_tell_a_person_decides_unless_the_account_says_otherwise():
    held = unknown(Repeat.NEITHER)
    assert (held.target, held.hold) == (State.HELD, "unknown")
    assert unknown(Repeat.NEITHER, when_unsure="send_again").target is State.READY


def test_what_is_found_is_delivered_with_its_true_receipt():
    settlement = sought(SearchResult(RECEIPT, sure=True, seen="on the timeline"))
    assert (settlement.target, settlement.receipt) == (State.DELIVERED, RECEIPT)


def test_what_is_absent_is_sent_again_only_when_a_slow_platform_has_had_its_time():
    """Its proxy may have given up while the platform goes on with the post."""
    soon = sought(ABSENT, before=[attempt(NOW)], at=NOW + 1)
    assert (soon.target, soon.attempt.outcome) == (State.UNKNOWN, Outcome.ABSENT)
    assert NOW + 1 < soon.due_at < NOW + 60
    before = [attempt(NOW), absent(NOW + 1)]
    assert sought(ABSENT, before=before, at=NOW + 59).due_at == NOW + 60
    assert sought(ABSENT, before=before, at=NOW + 60).target is State.READY


def test_the_last_look_never_comes_at_the_same_moment_once_more():
    """A rest that is lost in the rounding of the time of day would be looked at without end."""
    settled = sought(ABSENT, before=[attempt(NOW)], waited=60 - 1e-9)
    assert settled.due_at > NOW + 1.1


def test_few_looks_lead_to_a_repeat():
    before, at = [attempt(NOW)], NOW + 1
    while (settled := sought(ABSENT, before=before, at=at)).target is State.UNKNOWN:
        before, at = [*before, absent(at)], settled.due_at
    assert len(before) <= 5


def test_what_nobody_can_tell_waits_as_long_before_it_is_sent_again_on_its_owners_word():
    unclear = SearchResult(None, sure=False, seen="more stands there than can be compared")
    before = [attempt(NOW)]
    waits = sought(unclear, "send_again", before=before, at=NOW + 1)
    assert waits.target is State.UNKNOWN
    assert sought(unclear, "send_again", before=before, at=NOW + 60).target is State.READY


def test_the_time_begins_anew_with_each_unclear_attempt_and_grows_with_their_number():
    twice = [attempt(NOW), absent(NOW + 60), attempt(NOW + 61, number=2)]
    assert sought(ABSENT, before=twice, waited=1, attempts=2).target is State.UNKNOWN
    many = [attempt(NOW + n, number=n) for n in range(1, 12)]
    assert sought(ABSENT, before=many, waited=100, attempts=11).target is State.UNKNOWN
    assert sought(ABSENT, before=many, waited=300, attempts=11).target is State.READY


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_jumps_neither_shortens_nor_lengthens_the_time(jump):
    before = [attempt(NOW)]
    assert sought(ABSENT, before=before, at=NOW + jump, waited=59).due_at == NOW + jump + 1
    assert sought(ABSENT, before=before, at=NOW + jump, waited=60).target is State.READY


@pytest.mark.parametrize("attempts", [0, 1])
def test_what_a_restored_backup_made_unknown_is_never_sent_again_by_itself(attempts):
    """It may have been withdrawn since."""
    settlement = sought(ABSENT, attempts=attempts, reason=RESTORED, waited=999)
    assert (settlement.target, settlement.hold) == (State.HELD, "unknown")


@pytest.mark.parametrize(("at", "due"), [(2, 60), (60, 3600), (3600, 86400)])
def test_what_is_withdrawn_and_absent_is_looked_for_again(at, due):
    settlement = sought(ABSENT, at=NOW + at, hold=WITHDRAWN)
    assert (settlement.target, settlement.due_at) == (State.UNKNOWN, NOW + due)
    assert settlement.hold == WITHDRAWN


def test_what_is_withdrawn_and_absent_after_a_day_is_cancelled():
    assert sought(ABSENT, at=NOW + 86400, hold=WITHDRAWN).target is State.CANCELLED


@pytest.mark.parametrize("repeat", Repeat)
def test_what_is_withdrawn_is_never_sent_to_find_out(repeat):
    unclear = delivery(state=State.UNKNOWN, attempts=1, first_begun_at=NOW, hold=WITHDRAWN)
    account = Account(when_unsure="send_again")
    settlement = settle_unknown(unclear, FakeChannel(repeat, key_seconds=3600), account, NOW + 1)
    assert (settlement.target, settlement.hold) == (State.HELD, "unknown")
    assert (
        sought(SearchResult(None, sure=False, seen="?"), "send_again", hold=WITHDRAWN).target
        is State.HELD
    )


def test_what_cannot_be_told_is_held_with_what_was_seen():
    settlement = sought(SearchResult(None, sure=False, seen="the timeline begins later"))
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
    settlement = settle_search(
        unsure,
        TryAgain("503"),
        Account(),
        RetryPolicy(),
        waited=unclear_for,
        begun_at=NOW,
        now=NOW,
        rng=random.Random(1),
    )
    assert least <= settlement.due_at - NOW <= most


def test_an_account_that_can_never_be_looked_at_is_a_person_s_matter():
    unsure = delivery(state=State.UNKNOWN, attempts=1, first_begun_at=NOW)
    settlement = settle_search(
        replace(unsure, first_begun_at=NOW - 2 * 86_400),
        TryAgain("503"),
        Account(),
        RetryPolicy(),
        waited=1.0,
        begun_at=NOW,
        now=NOW,
        rng=random.Random(1),
    )
    assert (settlement.target, settlement.hold) == (State.HELD, "unknown")


def test_every_unclear_attempt_is_looked_into_soon_and_many_end_with_a_person():
    for attempts in (1, 3, 7):
        assert sent(Unsure("lost"), so_far=Tried(attempts, NOW)).due_at == NOW + 1 + 1.0
    given_up = sent(Unsure("lost"), so_far=Tried(9, NOW - 2 * 86_400))
    assert (given_up.target, given_up.hold) == (State.HELD, "unknown")


def test_what_waits_for_its_account_leaves_a_short_history():
    """A rate limit of days must not fill the store."""
    limit = TryAgain("429", throttled=True)
    stored = [
        number
        for number in range(1, 10_000)
        if settle_send(
            delivery(attempts=number, first_begun_at=NOW),
            limit,
            RetryPolicy(),
            Tried(1, NOW),
            begun_at=NOW,
            now=NOW,
            rng=random.Random(1),
        ).attempt
    ]
    assert len(stored) < 30
    assert stored[:16] == [*range(1, 17)]


def test_looks_that_fail_for_a_day_leave_a_short_history():
    before, at = [attempt(NOW)], NOW + 1
    while (settled := sought(TryAgain("503"), before=before, at=at)).target is State.UNKNOWN:
        before, at = [*before, *filter(None, [settled.attempt])], settled.due_at
    assert at >= NOW + 86_400
    assert len(before) < 30


@pytest.mark.parametrize(
    "settlement",
    [
        sent(TryAgain("503"), hold="daily_cap"),
        sent(TryAgain("429", throttled=True), hold="daily_cap"),
        sent(Unsure("lost"), hold="daily_cap"),
        sought(TryAgain("503"), hold="daily_cap"),
        sought(ABSENT, before=[attempt(NOW)], hold="daily_cap"),
        sought(ABSENT, before=[attempt(NOW)], waited=60, hold="daily_cap"),
    ],
    ids=lambda settlement: f"{settlement.source}-{settlement.attempt.outcome}",
)
def test_what_a_person_let_out_past_its_cap_stays_let_out(settlement):
    assert settlement.target in (State.READY, State.UNKNOWN)
    assert settlement.hold == "daily_cap"


def test_looks_are_bounded_by_time_and_not_by_the_number_of_attempts():
    def looked(age):
        return settle_search(
            delivery(state=State.UNKNOWN, attempts=2, first_begun_at=NOW - age),
            TryAgain("no connection"),
            Account(),
            RetryPolicy(stop=stop_after_attempt(2), within=3600.0),
            waited=1.0,
            begun_at=NOW,
            now=NOW,
            rng=random.Random(1),
        )

    assert looked(3599.0).target is State.UNKNOWN
    assert (looked(3600.0).target, looked(3600.0).hold) == (State.HELD, "unknown")
