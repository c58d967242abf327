"""From what a channel answered to a removal, or what a look showed, to the move that the removal makes."""

import random

import pytest

from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.withdrawals.outcome import settle_look, settle_removal
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import MOVES, Hold, Kind, State
from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.published import Standing
from tests.unit.engine.delivery.test_gate import NOW, delivery

RECEIPT = Receipt("17", "https://x.com/i/status/17", NOW, "@force")


def removed(result, account="", receipt=RECEIPT, begun=NOW):
    removal = delivery(
        kind=Kind.WITHDRAW, target="post", attempts=1, state=State.SENDING, first_begun_at=begun
    )
    return settle_removal(
        removal,
        result,
        receipt,
        RetryPolicy(),
        account=account,
        begun_at=NOW,
        now=NOW + 1,
        rng=random.Random(1),
    )


def looked(result, *removals, at, account="", receipt=RECEIPT, outcome=Outcome.REMOVED):
    removal = delivery(kind=Kind.WITHDRAW, target="post", attempts=1, state=State.UNKNOWN)
    before = [
        Attempt("a", 1, AttemptKind.REMOVE, NOW + begun, NOW + begun + 1, outcome)
        for begun in removals
    ]
    begun_at = NOW + at
    return settle_look(
        removal, result, receipt, before, account=account, begun_at=begun_at, now=begun_at
    )


STANDS, GONE = Standing(True, "Missing", "200"), Standing(False, "", "404")


def test_what_the_platform_says_is_gone_is_looked_for_five_seconds_later():
    settlement = removed("204 No Content")
    assert (settlement.target, settlement.due_at) == (State.UNKNOWN, NOW + 6)
    assert settlement.attempt.outcome is Outcome.REMOVED


def test_an_unclear_answer_is_looked_for_too():
    assert removed(Unsure("connection lost")).target is State.UNKNOWN


@pytest.mark.parametrize("error", [TryAgain("503"), LoginExpired("401"), AccountRefused("403")])
def test_what_certainly_removed_nothing_is_tried_again_for_ever(error):
    settlement = removed(error)
    assert settlement.target is State.READY
    assert settlement.due_at > NOW


def test_a_limit_on_deleting_is_obeyed():
    assert removed(TryAgain("429", throttled=True, after=90)).due_at >= NOW + 91


def test_what_can_never_be_removed_is_a_task_with_its_address():
    settlement = removed(Rejected("this platform cannot"))
    assert (settlement.target, settlement.hold) == (State.HELD, Hold.CANNOT_REMOVE)
    assert RECEIPT.url in settlement.reason


@pytest.mark.parametrize(
    ("account", "stored", "target"),
    [
        ("@force", "@force", State.DELIVERED),
        ("@other", "@force", State.HELD),
        ("", "@force", State.UNKNOWN),
        ("@force", "", State.HELD),
    ],
)
def test_already_gone_counts_only_for_the_very_account_that_published(account, stored, target):
    receipt = Receipt("17", RECEIPT.url, NOW, stored)
    assert removed(AlreadyGone("404"), account, receipt).target is target
    unclear = looked(GONE, 0, at=5, account=account, receipt=receipt, outcome=Outcome.UNSURE)
    assert unclear.target is target


def test_who_the_account_is_is_asked_again_if_that_failed():
    assert removed(AlreadyGone("404"), "").due_at == NOW + 6
    assert looked(GONE, 0, at=5, account="").due_at == NOW + 60
    assert looked(GONE, 0, 86401, at=87002, account="").due_at == NOW + 87002 + 3600


@pytest.mark.parametrize(
    ("account", "stored", "target"),
    [
        ("@force", "@force", State.DELIVERED),
        ("@other", "@force", State.HELD),
        ("", "@force", State.UNKNOWN),
        ("", "", State.DELIVERED),
    ],
)
def test_a_look_that_does_not_find_it_ends_a_confirmed_removal_of_the_very_account(
    account, stored, target
):
    """Another account may not see what the first one still has up."""
    receipt = Receipt("17", RECEIPT.url, NOW, stored)
    assert looked(GONE, 0, at=5, account=account, receipt=receipt).target is target


@pytest.mark.parametrize(("at", "due"), [(5, 60), (60, 600)])
def test_what_still_stands_at_first_is_only_looked_for_again(at, due):
    settlement = looked(STANDS, 0, at=at)
    assert (settlement.target, settlement.due_at) == (State.UNKNOWN, NOW + due)
    assert settlement.attempt.outcome is Outcome.STANDS


@pytest.mark.parametrize(
    ("removals", "at"), [((0,), 600), ((0, 601), 3600), ((0, 601, 3601), 86400)]
)
def test_what_still_stands_after_ten_minutes_is_removed_again(removals, at):
    assert looked(STANDS, *removals, at=at).target is State.READY


def test_a_removal_that_was_just_made_again_has_its_time():
    assert looked(STANDS, 0, 601, at=607).target is State.UNKNOWN


def test_a_lie_that_lasts_a_day_is_a_task_once_the_last_removal_has_had_its_time():
    settlement = looked(STANDS, 0, 601, 3601, 86401, at=86407)
    assert (settlement.target, settlement.due_at) == (State.UNKNOWN, NOW + 86462)
    settlement = looked(STANDS, 0, 601, 3601, 86401, at=87002)
    assert (settlement.target, settlement.hold) == (State.HELD, Hold.CANNOT_REMOVE)
    assert "said that it removed the post, but it still stands" in settlement.reason


def test_a_removal_that_a_person_asked_for_again_has_its_time_too():
    days = 5 * 86400
    assert looked(STANDS, 0, days, at=days + 6).target is State.UNKNOWN
    assert looked(STANDS, 0, days, at=days + 602).target is State.HELD


def test_what_no_platform_confirmed_is_not_said_to_be_confirmed():
    settlement = looked(STANDS, 0, 86401, at=87002, outcome=Outcome.UNSURE)
    assert "was asked to remove the post" in settlement.reason


def test_an_outage_at_the_last_look_is_no_task():
    settlement = looked(TryAgain("503"), 0, 86401, at=87002)
    assert (settlement.target, settlement.due_at) == (State.UNKNOWN, NOW + 87002 + 3600)


def test_a_login_that_may_not_remove_is_a_task_after_ten_minutes():
    refused = AccountRefused("403: may not delete", sure=False)
    assert removed(refused).target is State.READY
    settlement = removed(refused, begun=NOW - 600)
    assert (settlement.target, settlement.hold) == (State.HELD, Hold.CANNOT_REMOVE)
    assert removed(AccountRefused("suspended"), begun=NOW - 600).target is State.READY


def test_what_stands_after_a_restored_backup_is_removed_at_once():
    assert looked(STANDS, at=0).target is State.READY


def test_a_look_that_sees_nothing_is_made_again_and_proves_nothing():
    settlement = looked(TryAgain("503"), 0, at=600)
    assert (settlement.target, settlement.due_at) == (State.UNKNOWN, NOW + 3600)


@pytest.mark.parametrize("result", [STANDS, GONE, TryAgain("503"), Unsure("lost")], ids=str)
@pytest.mark.parametrize("at", [0, 5, 60, 600, 3600, 86400, 90000])
def test_every_look_makes_an_allowed_move(result, at):
    assert looked(result, 0, at=at).target in MOVES[State.UNKNOWN]
