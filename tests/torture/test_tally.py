"""The tally finds what is wrong: a torture that could not fail would prove nothing."""

import pytest

from appealbridge.model.delivery import Kind, State
from appealbridge.model.receipt import Receipt
from appealbridge.testing.channel_case import a_delivery
from tests.torture.script import PLATFORMS
from tests.torture.tally import Decisions, match_timeline, sorted_posts

EVENTS = {0: "event0", 1: "event1"}


@pytest.fixture
def deliveries():
    """Two events about one subject, all delivered."""
    return {
        (channel, number): a_delivery(
            id=f"{event}.{channel}",
            event_id=event,
            channel=channel,
            content=f'{{"text":"T{number:05d} Road closed"}}',
            state=State.DELIVERED,
            receipt=Receipt(f"{channel}{number}"),
            number=number + 1,
        )
        for number, event in EVENTS.items()
        for channel in PLATFORMS
    }


@pytest.fixture
def posts(deliveries):
    """The posts on the platforms, oldest first."""
    return [a_post(channel, number) for channel, number in deliveries]


def a_post(channel, number, name=""):
    return {
        "platform": PLATFORMS[channel],
        "id": name or f"{channel}{number}",
        "text": f"T{number:05d} Road closed",
        "client_key": None,
    }


def found(deliveries, posts, refused=()):
    verdict = match_timeline(EVENTS, list(deliveries.values()), dict(refused), sorted_posts(posts))
    return sorted({said.partition(":")[0] for said in verdict.wrong})


def changed(deliveries, place, **changes):
    delivery = deliveries[place]
    kept = {name: getattr(delivery, name) for name in delivery.__slots__}
    return {**deliveries, place: a_delivery(**{**kept, **changes})}


X0 = "force_x", 0


def test_nothing_is_wrong_where_everything_stands_once(deliveries, posts):
    assert found(deliveries, posts) == []


def test_an_event_without_a_delivery_is_lost(deliveries, posts):
    del deliveries[X0]
    assert found(deliveries, posts[1:]) == ["lost"]


def test_an_event_stored_under_another_id_is_lost(deliveries, posts):
    assert found(changed(deliveries, X0, event_id="event7"), posts) == ["lost"]


@pytest.mark.parametrize("state", [State.READY, State.SENDING, State.UNKNOWN, State.CANCELLED])
def test_what_goes_nowhere_is_lost(deliveries, posts, state):
    assert found(changed(deliveries, X0, state=state), posts[1:]) == ["lost"]


def test_what_failed_without_the_platforms_word_is_lost(deliveries, posts):
    given_up = changed(deliveries, X0, state=State.FAILED, reason="gave up after 9 attempts")
    assert found(given_up, posts[1:]) == ["lost"]
    assert found(given_up, posts[1:], {given_up[X0].id: "403 not you"}.items()) == []


def test_what_is_held_is_not_lost(deliveries, posts):
    assert found(changed(deliveries, X0, state=State.HELD, hold="unknown"), posts) == []


def test_two_posts_of_one_event_are_a_duplicate(deliveries, posts):
    assert found(deliveries, [*posts, a_post("press_office", 1, "again")]) == ["duplicated"]


def test_a_receipt_without_a_post_is_false(deliveries, posts):
    assert found(deliveries, posts[1:]) == ["false_receipts", "lost"]


def test_a_receipt_for_another_post_is_false(deliveries, posts):
    assert found(deliveries, [a_post(*X0, "another"), *posts[1:]]) == ["false_receipts"]


def test_a_younger_event_that_came_first_is_out_of_order(deliveries, posts):
    assert found(deliveries, [*posts[1:], posts[0]]) == ["out_of_order"]


def test_what_waited_for_a_person_may_be_overtaken(deliveries, posts):
    first = deliveries[X0]
    late = [one for one in posts if one["id"] != first.receipt.id] + [a_post(*X0)]
    assert found(deliveries, late) == ["out_of_order"]
    decisions = Decisions(asked={first.id})
    verdict = match_timeline(EVENTS, list(deliveries.values()), {}, sorted_posts(late), decisions)
    assert verdict.wrong == []


# -- withdrawals --------------------------------------------------------------------------------


def a_removal(post, state):
    return a_delivery(
        id=f"{post.id}~w1",
        event_id=post.event_id,
        channel=post.channel,
        subject=post.subject,
        content='{"withdraw":1}',
        state=state,
        kind=Kind.WITHDRAW,
        target=post.id,
    )


def found_withdrawn(deliveries, posts, *removals):
    everything = [*deliveries.values(), *removals]
    subjects = {each.subject for each in deliveries.values()}
    decisions = Decisions(withdrawn=subjects, ever=subjects)
    verdict = match_timeline(EVENTS, everything, {}, sorted_posts(posts), decisions)
    return sorted({said.partition(":")[0] for said in verdict.wrong})


@pytest.fixture
def withdrawn(deliveries):
    for place in deliveries:
        deliveries = changed(deliveries, place, state=State.WITHDRAWN)
    return deliveries


@pytest.fixture
def removed(posts):
    return [{**post, "deleted_at": "2026-11-18T12:00:00Z"} for post in posts]


def test_what_was_withdrawn_and_is_gone_is_right(withdrawn, removed):
    assert found_withdrawn(withdrawn, removed) == []


def test_a_post_that_is_up_although_it_is_withdrawn_is_unlisted(withdrawn, removed, posts):
    assert found_withdrawn(withdrawn, [posts[0], *removed[1:]]) == ["unlisted"]


@pytest.mark.parametrize("state", [State.READY, State.UNKNOWN, State.HELD])
def test_a_post_that_is_up_is_listed_while_its_removal_has_not_ended(
    withdrawn, removed, posts, state
):
    deliveries = changed(withdrawn, X0, state=State.WITHDRAWING)
    removal = a_removal(deliveries[X0], state)
    assert found_withdrawn(deliveries, [posts[0], *removed[1:]], removal) == []


def test_a_withdrawn_post_that_was_sent_again_is_a_second_one(withdrawn, removed):
    again = {**a_post(*X0, name="again"), "deleted_at": "2026-11-18T12:00:00Z"}
    assert found_withdrawn(withdrawn, [removed[0], again, *removed[1:]]) == ["duplicated"]


def test_what_is_delivered_although_its_subject_is_withdrawn_is_neither_removed_nor_listed(
    withdrawn, removed, posts
):
    deliveries = changed(withdrawn, X0, state=State.DELIVERED)
    assert found_withdrawn(deliveries, [posts[0], *removed[1:]]) == ["lost", "unlisted"]


def test_what_was_cancelled_before_it_went_out_needs_no_post(withdrawn, removed):
    deliveries = changed(withdrawn, X0, state=State.CANCELLED)
    assert found_withdrawn(deliveries, removed[1:]) == []
