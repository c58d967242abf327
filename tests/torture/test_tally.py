"""The tally finds what is wrong: a torture that could not fail would prove nothing."""

import pytest

from appealbridge.model.amendment import Change
from appealbridge.model.delivery import Kind, State
from appealbridge.model.receipt import Receipt
from appealbridge.testing.channel_case import a_delivery
from tests.torture.script import PLATFORMS
from tests.torture.tally import Decisions, is_copy, match_timeline, sorted_posts

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


def mistakes(deliveries, posts, refused=()):
    verdict = match_timeline(EVENTS, list(deliveries.values()), dict(refused), sorted_posts(posts))
    return sorted({text.partition(":")[0] for text in verdict.wrong})


def changed(deliveries, place, **changes):
    delivery = deliveries[place]
    stored = {name: getattr(delivery, name) for name in delivery.__slots__}
    return {**deliveries, place: a_delivery(**{**stored, **changes})}


X0 = "force_x", 0


def test_nothing_is_wrong_where_everything_stands_once(deliveries, posts):
    assert mistakes(deliveries, posts) == []


def test_an_event_without_a_delivery_is_lost(deliveries, posts):
    del deliveries[X0]
    assert mistakes(deliveries, posts[1:]) == ["lost"]


def test_an_event_stored_under_another_id_is_lost(deliveries, posts):
    assert mistakes(changed(deliveries, X0, event_id="event7"), posts) == ["lost"]


@pytest.mark.parametrize("state", [State.READY, State.SENDING, State.UNKNOWN, State.CANCELLED])
def test_what_goes_nowhere_is_lost(deliveries, posts, state):
    assert mistakes(changed(deliveries, X0, state=state), posts[1:]) == ["lost"]


def test_what_failed_without_the_platforms_word_is_lost(deliveries, posts):
    given_up = changed(deliveries, X0, state=State.FAILED, reason="gave up after 9 attempts")
    assert mistakes(given_up, posts[1:]) == ["lost"]
    assert mistakes(given_up, posts[1:], {given_up[X0].id: "403 not you"}.items()) == []


def test_what_is_held_is_not_lost(deliveries, posts):
    assert mistakes(changed(deliveries, X0, state=State.HELD, hold="unknown"), posts) == []


def test_two_posts_of_one_event_are_a_duplicate(deliveries, posts):
    assert mistakes(deliveries, [*posts, a_post("press_office", 1, "again")]) == ["duplicated"]


def test_a_receipt_without_a_post_is_false(deliveries, posts):
    assert mistakes(deliveries, posts[1:]) == ["false_receipts", "lost"]


def test_a_receipt_for_another_post_is_false(deliveries, posts):
    assert mistakes(deliveries, [a_post(*X0, "another"), *posts[1:]]) == ["false_receipts"]


def test_a_younger_event_that_came_first_is_out_of_order(deliveries, posts):
    assert mistakes(deliveries, [*posts[1:], posts[0]]) == ["out_of_order"]


def test_what_waited_for_a_person_may_be_overtaken(deliveries, posts):
    first = deliveries[X0]
    late = [post for post in posts if post["id"] != first.receipt.id] + [a_post(*X0)]
    assert mistakes(deliveries, late) == ["out_of_order"]
    decisions = Decisions(needed_approval={first.id})
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
    return sorted({text.partition(":")[0] for text in verdict.wrong})


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


def test_what_a_lift_left_up_is_right_and_what_it_lost_is_lost(deliveries, posts, removed):
    lifted = Decisions(ever={each.subject for each in deliveries.values()})
    left = match_timeline(EVENTS, list(deliveries.values()), {}, sorted_posts(posts), lifted)
    assert left.wrong == []
    gone = match_timeline(
        EVENTS, list(deliveries.values()), {}, sorted_posts([removed[0], *posts[1:]]), lifted
    )
    assert [text.partition(":")[0] for text in gone.wrong] == ["lost"]


def test_a_post_that_the_store_calls_withdrawn_and_is_up_is_unlisted(deliveries, posts):
    """Also after the withdrawal was lifted."""
    lifted = Decisions(ever={each.subject for each in deliveries.values()})
    changed_ = changed(deliveries, X0, state=State.WITHDRAWN)
    verdict = match_timeline(EVENTS, list(changed_.values()), {}, sorted_posts(posts), lifted)
    assert [text.partition(":")[0] for text in verdict.wrong] == ["unlisted"]


def test_a_mail_that_its_server_refused_and_kept_is_not_unlisted_and_a_post_is(deliveries, posts):
    """Nobody can know of the mail."""
    subjects = {each.subject for each in deliveries.values()}
    decisions = Decisions(withdrawn=subjects, ever=subjects)
    for channel, is_unlisted in (("press_office", False), ("force_x", True)):
        failed = changed(deliveries, (channel, 0), state=State.FAILED, receipt=None)[channel, 0]
        there = sorted_posts([post for post in posts if post["id"] == f"{channel}0"])
        verdict = match_timeline({0: "event0"}, [failed], {failed.id: "554"}, there, decisions)
        assert bool(verdict.unlisted) is is_unlisted


# -- corrections --------------------------------------------------------------------------------

CORRECTED = {**EVENTS, 2: "event2"}
ADDRESSES = {"force_x": "in_reply_to", "press_office": "in_reply_to"}


@pytest.fixture
def corrected(deliveries):
    """A third event corrects the post of the first on each channel."""
    return {
        **deliveries,
        **{
            (channel, 2): a_delivery(
                id=f"event2.{channel}",
                event_id="event2",
                channel=channel,
                content='{"text":"T00002 Road open"}',
                state=State.DELIVERED,
                kind=Kind.AMEND,
                change=Change.FOLLOW_UP if channel in ADDRESSES else Change.EDIT,
                target=deliveries[channel, 0].id,
                receipt=Receipt(f"{channel}2" if channel in ADDRESSES else f"{channel}0"),
                number=3,
            )
            for channel in PLATFORMS
        },
    }


@pytest.fixture
def timeline(posts):
    """Where a platform edits, the first post says what corrects it; elsewhere a reply follows."""
    shown = []
    for post in posts:
        channel = post["id"][:-1]
        if post["id"].endswith("0") and channel not in ADDRESSES:
            edits = [{"text": post["text"], "edited_at": "2026-11-18T12:00:00Z"}]
            post = {**post, "text": "T00002 Road open", "edits": edits}
        shown.append(post)
    return [*shown, *(a_reply(channel) for channel in ADDRESSES)]


def a_reply(channel, name=""):
    return {
        **a_post(channel, 2, name),
        "text": "T00002 Road open",
        "in_reply_to": f"{channel}0",
    }


def found_corrected(deliveries, posts):
    verdict = match_timeline(CORRECTED, list(deliveries.values()), {}, sorted_posts(posts))
    return sorted({text.partition(":")[0] for text in verdict.wrong})


def test_posts_that_were_edited_and_replied_to_are_right(corrected, timeline):
    assert found_corrected(corrected, timeline) == []


def test_a_correction_without_a_delivery_is_lost(corrected, timeline):
    del corrected["press_office", 2]
    assert found_corrected(corrected, timeline[:-1]) == ["lost"]


def test_an_edit_that_its_post_never_had_is_missing(corrected, posts):
    replies = [a_reply(channel) for channel in ADDRESSES]
    assert found_corrected(corrected, [*posts, *replies]) == ["not_corrected"]


def test_a_post_that_says_its_old_text_again_is_not_corrected(corrected, timeline):
    back = [
        {**post, "text": "T00000 Road closed", "edits": [*post["edits"], {"text": post["text"]}]}
        if post.get("edits")
        else post
        for post in timeline
    ]
    assert found_corrected(corrected, back) == ["not_corrected"]


def test_a_second_reply_to_the_same_post_is_a_duplicate(corrected, timeline):
    again = a_reply("force_x", "again")
    assert found_corrected(corrected, [*timeline, again]) == ["duplicated"]


def test_a_reply_that_is_not_there_is_a_false_receipt(corrected, timeline):
    assert found_corrected(corrected, timeline[:-1]) == ["false_receipts"]


def test_a_correction_that_is_cancelled_for_no_reason_is_lost(corrected, timeline):
    none = changed(corrected, ("force_x", 2), state=State.CANCELLED, receipt=None)
    there = [post for post in timeline if post["id"] != "force_x2"]
    assert found_corrected(none, there) == ["lost"]
    newer = changed(none, ("force_x", 2), reason="superseded by no. 9")
    assert found_corrected(newer, there) == []


GONE_ON = {**a_post("press_office", 2, "late"), "text": "T00002 Road open"}
"""A mail that waited for the post on X and, as that was corrected before it was sent, says the new text."""


@pytest.fixture
def gone_on(corrected):
    mail = {"content": '{"text":"T00002 Road open"}', "receipt": Receipt("late")}
    return changed(corrected, ("press_office", 0), **mail)


def without(posts, *ids):
    return [post for post in posts if post["id"] not in ids]


def test_a_run_that_went_on_with_a_correction_has_a_post_of_its_own(gone_on, timeline):
    there = [*without(timeline, "press_office0", "press_office1"), GONE_ON]
    assert found_corrected(gone_on, [*there, a_post("press_office", 1)]) == []


def test_what_a_run_that_went_on_has_not_published_is_lost(gone_on, timeline):
    there = without(timeline, "press_office0")
    assert found_corrected(gone_on, there) == ["false_receipts", "lost"]


def test_a_mail_of_a_run_that_went_on_is_no_correction_although_it_was_refused_and_kept(
    gone_on, timeline
):
    place = ("press_office", 0)
    refused = changed(gone_on, place, state=State.FAILED, receipt=None)
    kept = {**GONE_ON, "client_key": f"<{refused[place].id}@example.police.uk>"}
    there = sorted_posts([kept, *without(timeline, "press_office0")])
    said = {refused[place].id: "554 queue file write error"}
    assert match_timeline(CORRECTED, list(refused.values()), said, there).wrong == []


def test_replies_are_no_posts_of_a_run_that_went_on(gone_on, timeline):
    """They stand before the next mail of the subject, and are out of no order."""
    reply = next(post for post in timeline if post["id"] == "press_office2")
    there = without(timeline, "press_office0", "press_office1", "press_office2")
    there = [reply, *there, a_post("press_office", 1), GONE_ON]
    late = changed(gone_on, ("press_office", 0), number=9)
    assert found_corrected(late, there) == []


def test_a_reply_to_a_post_that_was_replaced_is_taken_back_with_it(corrected, timeline):
    reply = corrected["force_x", 2]
    removed = [
        {**post, "deleted_at": "2026-11-18T12:00:00Z"}
        if post["id"] in ("force_x0", "force_x2")
        else post
        for post in timeline
    ]
    withdrawn = changed(corrected, ("force_x", 2), state=State.WITHDRAWN)
    assert "lost" in found_corrected(withdrawn, removed)
    withdrawn = changed(withdrawn, X0, state=State.WITHDRAWN)
    anew = {"change": Change.REPLACE, "target": reply.target, "receipt": Receipt("anew")}
    text = {"content": '{"text":"T00003 Open at last"}', "id": "event3.force_x"}
    withdrawn["force_x", 3] = changed(corrected, ("force_x", 2), **anew, **text, event_id="event3")[
        "force_x", 2
    ]
    newer = {**a_post("force_x", 3, "anew"), "text": "T00003 Open at last"}
    there = sorted_posts([*removed, newer])
    verdict = match_timeline({**CORRECTED, 3: "event3"}, list(withdrawn.values()), {}, there)
    assert [text for text in verdict.wrong if "on force_x" in text] == []


@pytest.mark.parametrize(
    ("key", "copy"),
    [
        ("e1.torture.toot", True),
        ("e1.torture.toot~a3", True),
        ("<e1.torture.toot_a3@example.police.uk>", True),
        ("e2.torture.toot~a2", False),
        ("e1.torture.mail", False),
        (None, False),
    ],
)
def test_a_copy_of_a_correction_is_known_by_its_key(key, copy):
    assert is_copy({"client_key": key}, "e1.torture.toot~a2") is copy
