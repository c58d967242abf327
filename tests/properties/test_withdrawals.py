"""
Whatever the order of publishing, withdrawing, lifting, restoring, restarting and of the clock: nothing of a withdrawn
subject is up and unlisted, and nothing that was withdrawn is ever sent again.

A machine of hypothesis plays the platforms, people and time around the real store and the parts of the engine that
decide what a result means. Attempts, removals and looks take time: other things happen between their begin and their
end. A rule is one thing that may happen; a new kind of delivery is one more rule, with its result in `_ends`.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from appealbridge.channels.email.channel import Mail
from appealbridge.channels.x.channel import X
from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.delivery.outcome import (
    settle_search,
    settle_send,
    settle_unknown,
    tried,
)
from appealbridge.engine.withdrawals.outcome import settle_look, settle_removal
from appealbridge.model.amendment import Amends, Change, Instead
from appealbridge.model.delivery import OPEN, Delivery, Hold, Kind, State
from appealbridge.model.errors import AlreadyGone, IllegalMove, NotFound
from appealbridge.model.receipt import Receipt
from appealbridge.model.withdrawal import CONFIRMED, OUTSTANDING_LIMIT, Withdrawal
from appealbridge.plugin.channel import Account
from appealbridge.plugin.published import Standing
from appealbridge.store.records import Arrival, DeliveryFilter, Settlement, WithdrawalOrder
from appealbridge.store.sqlite.maintenance import back_up
from appealbridge.store.sqlite.store import SqliteStore
from tests.properties.folders import new_folder
from tests.properties.machine import one_of
from tests.properties.strategies import drawn
from tests.properties.withdrawal_world import ACCOUNT, MAIL, World
from tests.store_contract.case import NOW, a_delivery, a_run, an_event

CHANNELS = ("force_x", "force_facebook", MAIL)
SUBJECTS = ("A38", "M6")
SOURCES = ("webhook:desk", "webhook:other")
DAY = 86400.0

PLACES = st.integers(0, 9)
# What is likely to meet is drawn often.
SUBJECT = st.sampled_from([*[SUBJECTS[0]] * 4, SUBJECTS[1]])
CHANNEL = st.sampled_from([*[CHANNELS[0]] * 4, *CHANNELS])
ENDS = st.sampled_from(
    ["done", "done", "done", "unsure", "lost", "late", "try again", "rejected", "lies"]
)
AT_FIRST = st.sampled_from([State.SENDING, State.SENDING, State.READY, State.HELD, State.PLANNED])
PAUSES = st.sampled_from([-50.0, 6.0, 61.0, 61.0, 601.0, 3601.0, DAY + 1, 31 * DAY])


class Withdrawals(RuleBasedStateMachine):
    """
    The real store in a file, and everything around it.

    `withdrawn` are the ids of the deliveries that any withdrawal was about, and `about` those of each by its number; a
    withdrawal is also about what another one is removing. `decided` are those of which a person has
    said since that they are to be published, or that they are not to be looked for any more.
    """

    @initialize()
    def opens(self) -> None:
        # In memory where that is possible: nothing here loses its power, and a disk would take most of the time.
        self.folder = new_folder()
        self.path = Path(self.folder.name) / "bridge.db"
        self.copy = Path(self.folder.name) / "copy.db"
        self.loop = asyncio.Runner()
        self.rng = random.Random(7)
        self.world = World()
        self.now, self.passed = NOW, 0.0
        self.count = 0
        self.withdrawn: set[str] = set()
        self.about: dict[int, set[str]] = {}
        self.decided: set[str] = set()
        self.decided_in_copy: set[str] = set()
        self.ended_at: dict[str, float] = {}
        self.under_way: list[Delivery] = []
        self.looks: list[tuple[Delivery, Any]] = []
        self._starts()

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self._does(self.store.close())
            self.loop.close()
            self.folder.cleanup()

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def nothing_of_a_withdrawn_subject_is_up_and_unlisted(self) -> None:
        known = {each.id: each for each in self._deliveries()}
        open_removals = {
            each.post.id
            for each in self._does(self.store.removals(limit=10**6))
            if each.removal.state in OPEN
        }
        withdrawals = self._does(self.store.withdrawals(limit=10**6))
        live = [each.number for each in withdrawals if each.lifted_at is None]
        for post in self.world.up():
            delivery = known.get(post.delivery)
            if delivery is None or delivery.id in self.decided | open_removals:
                continue  # the restored backup is older than it, or a person has decided
            assert not self._blocks(delivery), (self._blocks(delivery), delivery)
            for number in live:
                assert delivery.id not in self.about.get(number, ()), (number, delivery)

    @invariant()
    def nothing_of_a_withdrawn_subject_waits_to_be_sent(self) -> None:
        for delivery in self._deliveries():
            if (
                delivery.state in (State.READY, State.PLANNED)
                and delivery.kind is not Kind.WITHDRAW
            ):
                assert not self._blocks(delivery), (self._blocks(delivery), delivery)

    def _blocks(self, delivery: Delivery) -> Sequence[Withdrawal]:
        """Return the live withdrawals of its subject, none for a run that withdrew and may announce it."""
        stored = self._does(self.store.withdrawals(delivery.subject, limit=10**6))
        if any(each.whole and each.run == delivery.run_id for each in stored):
            return ()
        return [each for each in stored if each.blocks and each.origin in ("", delivery.origin)]

    def _begins(self, begun: Sequence[Delivery]) -> None:
        """Take attempts that the store has begun; none of them may have been withdrawn."""
        for delivery in begun:
            assert delivery.kind is Kind.WITHDRAW or delivery.id not in self.withdrawn, delivery
        self.under_way += begun

    # -- publishing -----------------------------------------------------------------------------

    @rule(
        subject=SUBJECT,
        source=st.sampled_from([*[SOURCES[0]] * 3, *SOURCES]),
        channel=CHANNEL,
        state=AT_FIRST,
    )
    def an_event_arrives(self, subject: str, source: str, channel: str, state: State) -> None:
        """`planned` stands for a thread of two posts."""
        event = self._event(subject, source)
        if state is State.PLANNED:
            first = self._planned(event, "first", channel, State.READY)
            posts = [first, self._planned(event, "then", channel, state, follows=first.id)]
        else:
            posts = [self._planned(event, "post", channel, state)]
        (accepted,) = self._does(self.store.accept([Arrival(event, [a_run(event)], posts)]))
        self._begins([self._does(self.store.delivery(id_)) for id_ in accepted.begun])

    @precondition(lambda self: self.count)
    @rule(
        subject=SUBJECT,
        channel=CHANNEL,
        state=st.sampled_from([State.READY, State.READY, State.HELD]),
        instead=st.sampled_from(Instead),
    )
    def a_recipe_amends(self, subject: str, channel: str, state: State, instead: Instead) -> None:
        """What Facebook has is edited; the other channels do `instead`."""
        event = self._event(subject, SOURCES[0])
        amends = Amends("post", channel == "force_facebook", instead)
        amendment = self._planned(event, "amend", channel, state, kind=Kind.AMEND, amends=amends)
        self._does(self.store.accept([Arrival(event, [a_run(event)], [amendment])]))

    @rule(channel=CHANNEL, limit=st.integers(1, 3))
    def attempts_begin(self, channel: str, limit: int) -> None:
        self._begins(self._does(self.store.claim_removals(channel, self.now, limit)))
        self._begins(self._does(self.store.claim(channel, self.now, limit)))

    @precondition(lambda self: self.under_way)
    @rule(place=PLACES, how=ENDS)
    def an_attempt_ends(self, place: int, how: str) -> None:
        delivery = self.under_way.pop(place % len(self.under_way))
        self.ended_at[delivery.id] = self.passed
        self._does(self.store.settle(self._ends(delivery, how)))
        self._is_replaced(delivery)

    @rule(channel=CHANNEL, fails=st.sampled_from([False, False, True]))
    def looks_begin(self, channel: str, fails: bool) -> None:
        """What is seen is decided now, and stored later."""
        looked_for = {delivery.id for delivery, _ in self.looks}
        for delivery in self._does(self.store.claim_unknown(channel, self.now, 3)):
            if delivery.id in looked_for:
                continue
            if delivery.kind is Kind.WITHDRAW:
                poll: Any = self.world.look(self._receipt(delivery), fails=fails)
            elif delivery.is_edit:
                poll = self.world.shows(delivery, self._receipt(delivery), fails=fails)
            else:
                poll = self.world.search(delivery, fails=fails)
            self.looks.append((delivery, poll))

    @precondition(lambda self: self.looks)
    @rule(place=PLACES)
    def a_look_ends(self, place: int) -> None:
        delivery, result = self.looks.pop(place % len(self.looks))
        settlement = (
            self._looked(delivery, result)
            if delivery.kind is Kind.WITHDRAW
            else self._searched(delivery, result)
        )
        try:
            self._does(self.store.settle(settlement))
        except IllegalMove:
            return  # a person was quicker
        self._is_replaced(delivery)

    @precondition(lambda self: self.count)
    @rule(seconds=PAUSES, ends=st.lists(ENDS, max_size=3), channel=CHANNEL)
    def work_goes_on(self, seconds: float, ends: Sequence[str], channel: str) -> None:
        """Many of these together come to what single steps reach too rarely."""
        self.time_passes(seconds)
        self.attempts_begin(channel, 2)
        for how in ends:
            if self.under_way:
                self.an_attempt_ends(0, how)
        self.looks_begin(channel, fails=False)
        while self.looks:
            self.a_look_ends(0)

    # -- withdrawing ----------------------------------------------------------------------------

    @precondition(lambda self: self.count)
    @rule(subject=SUBJECT, part=st.sampled_from([(), (), ("force_x",)]))
    def a_person_withdraws(self, subject: str, part: Sequence[str]) -> None:
        withdrawal = Withdrawal(
            subject=subject, reason="found", by="alice", at=self.now, whole=not part
        )
        self._withdraws(WithdrawalOrder(withdrawal=withdrawal, channels=part))

    @precondition(lambda self: self.count)
    @rule(place=PLACES)
    def a_person_withdraws_one_post(self, place: int) -> None:
        posts = [
            each
            for each in self._deliveries()
            if each.kind is not Kind.WITHDRAW and not each.is_edit
        ]
        if posts:
            post = one_of(posts, place)
            withdrawal = Withdrawal(
                subject=post.subject,
                reason="typo",
                by="a",
                at=self.now,
                target=post.id,
                whole=False,
            )
            self._withdraws(WithdrawalOrder(withdrawal=withdrawal))

    @rule(
        subject=SUBJECT,
        source=st.sampled_from(SOURCES),
        of=st.sampled_from([(), (), ("post",)]),
        held=st.sampled_from([False, False, True]),
    )
    def a_recipe_withdraws_and_announces_it(
        self, subject: str, source: str, of: Sequence[str], held: bool
    ) -> None:
        event = self._event(subject, source)
        order = a_delivery(
            event,
            "closing",
            kind=Kind.WITHDRAW,
            channel="",
            content=json.dumps({"reason": "closed", "of": [*of], "channels": []}),
            state=State.HELD if held else State.READY,
            hold=Hold.APPROVAL.value if held else "",
        )
        announcement = self._planned(event, "announcement", CHANNELS[0], State.READY)
        before = self._affected(order)
        self._does(self.store.accept([Arrival(event, [a_run(event)], [order, announcement])]))
        if not held:
            self._was_withdrawn(before)

    @precondition(lambda self: self.withdrawn)
    @rule(place=PLACES)
    def a_withdrawal_is_lifted(self, place: int) -> None:
        """Removals that have not begun are given up with it."""
        live = [
            each for each in self._does(self.store.withdrawals(limit=10**6)) if not each.lifted_at
        ]
        if live:
            number = one_of(live, place).number
            self._does(self.store.lift(number, "bob", self.now))

    @precondition(lambda self: self.withdrawn)
    @rule()
    def what_will_not_end_by_itself_becomes_a_task(self) -> None:
        before = self.now - OUTSTANDING_LIMIT
        for each in self._does(self.store.stuck_removals(CHANNELS, before)):
            self._moves(each.removal, State.HELD, Hold.CANNOT_REMOVE)

    # -- people ---------------------------------------------------------------------------------

    @precondition(lambda self: self.count)
    @rule(place=PLACES, to=st.sampled_from([State.READY, State.CANCELLED, State.DELIVERED]))
    def a_person_decides_about_what_is_held(self, place: int, to: State) -> None:
        held = [each for each in self._deliveries() if each.state is State.HELD]
        if not held:
            return
        delivery = one_of(held, place)
        if not delivery.channel:
            if to is State.READY:
                before = self._affected(delivery)
                self._does(self.store.carry_out(delivery.id, self.now))
                self._was_withdrawn(before)
            return
        if to is not State.DELIVERED:
            self._moves(delivery, to)
        elif delivery.kind is Kind.WITHDRAW:
            self._a_person_removes(delivery)
        elif delivery.hold == Hold.UNKNOWN and (post := self.world.of(delivery.id)):
            receipt = Receipt(post.id, "", None)
            self._settles(delivery, State.DELIVERED, receipt=receipt, reason="confirmed")

    @precondition(lambda self: self.count)
    @rule(place=PLACES, state=st.sampled_from([State.READY, State.UNKNOWN, State.FAILED]))
    def a_person_cancels_or_tries_again(self, place: int, state: State) -> None:
        those = [each for each in self._deliveries() if each.state is state]
        if those:
            target = State.READY if state is State.FAILED else State.CANCELLED
            self._moves(one_of(those, place), target)

    def _a_person_removes(self, removal: Delivery) -> None:
        """Remove a post by hand, on all that is found of it, and confirm that."""
        for post in self.world.posts:
            post.up &= post.delivery != removal.target
        self.world.late = [
            thing for thing in self.world.late if getattr(thing, "id", "") != removal.target
        ]
        self._settles(removal, State.DELIVERED, reason=f"{CONFIRMED}bob")

    def _moves(self, delivery: Delivery, target: State, hold: str = "") -> None:
        try:
            self._does(self.store.move(delivery.id, target, self.now, hold=hold))
        except IllegalMove:
            return
        if target is State.READY and delivery.kind is not Kind.WITHDRAW:
            self.withdrawn.discard(delivery.id)  # the person has decided, and no withdrawal is live
        if target is State.CANCELLED and not hold:
            removal = delivery.kind is Kind.WITHDRAW
            self.decided.add(delivery.target if removal else delivery.id)

    def _settles(self, delivery: Delivery, target: State, **more: Any) -> None:
        settlement = Settlement(
            delivery_id=delivery.id, source=delivery.state, target=target, at=self.now, **more
        )
        self._does(self.store.settle(settlement))

    # -- time, and the process ------------------------------------------------------------------

    @rule(seconds=PAUSES)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.passed += max(1.0, seconds)
        self.world.time_passes()

    @precondition(lambda self: self.count)
    @rule()
    def what_is_late_expires(self) -> None:
        self._does(self.store.expire(self.now))

    @rule(channel=CHANNEL)
    def an_account_works_again(self, channel: str) -> None:
        self._does(self.store.hasten(channel, self.now, 3))

    @precondition(lambda self: self.count)
    @rule(how=ENDS)
    def the_process_is_killed(self, how: str) -> None:
        """Whatever was under way happened or not, and nobody stored it."""
        for delivery in self.under_way:
            if delivery.kind is Kind.WITHDRAW:
                self.world.remove(delivery, self._receipt(delivery), how)
            elif delivery.is_edit:
                self.world.edits(delivery, self._receipt(delivery), how)
            else:
                self.world.publish(delivery, how)
        self._does(self.store.close())
        self._starts()

    @precondition(lambda self: self.count)
    @rule()
    def a_backup_is_taken(self) -> None:
        self.copy.unlink(missing_ok=True)
        back_up(self.path, self.copy, self.now)
        self.decided_in_copy = {*self.decided}

    @precondition(lambda self: self.copy.exists())
    @rule()
    def the_backup_is_restored(self) -> None:
        self._does(self.store.close())
        for file in self.path.parent.glob("bridge.db*"):
            file.unlink()
        shutil.copy(self.copy, self.path)
        self._starts()
        stored = self._does(self.store.withdrawals(limit=10**6))
        known = {each.number for each in stored}
        self.about = {number: about for number, about in self.about.items() if number in known}
        self.decided |= self.decided_in_copy  # what was withdrawn since is not in the backup

    # -- how ------------------------------------------------------------------------------------

    def _starts(self) -> None:
        self.under_way.clear()
        self.looks.clear()
        self.store = self._does(SqliteStore.open(self.path))
        self._does(self.store.recover(self.now, self.now + 1))

    def _does(self, call: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await call

        return self.loop.get_loop().run_until_complete(done())

    def _deliveries(self) -> Sequence[Delivery]:
        listed: Sequence[Delivery] = self._does(self.store.deliveries(DeliveryFilter(limit=10**6)))
        return listed

    def _event(self, subject: str, source: str) -> Any:
        self.count += 1
        return an_event(self.count, subject=subject, source=source, received_at=self.now)

    def _planned(
        self, event: Any, step: str, channel: str, state: State, *, follows: str = "", **more: Any
    ) -> Delivery:
        begins = {"attempts": 1, "begun_at": self.now, "first_begun_at": self.now}
        return a_delivery(
            event,
            step,
            channel=channel,
            state=state,
            follows=follows,
            hold=Hold.APPROVAL.value if state is State.HELD else "",
            publish_by=self.now + DAY,
            **(begins if state is State.SENDING else {}),
            **more,
        )

    def _was_withdrawn(self, about: set[str]) -> None:
        """Note what the newest withdrawal is about."""
        (newest,) = self._does(self.store.withdrawals(limit=1))
        self.about[newest.number] = about
        self.withdrawn |= about
        self.decided -= about

    def _withdraws(self, order: WithdrawalOrder) -> None:
        w = order.withdrawal
        before = {
            each.id
            for each in self._published_or_open()
            if each.subject == w.subject
            and (not order.channels or each.channel in order.channels)
            and (not w.target or each.id == w.target)
        }
        try:
            result = self._does(self.store.withdraw(order))
        except (IllegalMove, NotFound):
            return
        self._was_withdrawn(before)
        about = (*result.cancelled, *result.removing, *result.awaited, *result.tasks)
        self.withdrawn |= {each.id for each in about}

    def _affected(self, order: Delivery) -> set[str]:
        """Return the ids of the deliveries that an order is about."""
        of = json.loads(order.content)["of"]
        return {
            each.id
            for each in self._published_or_open()
            if (each.subject, each.origin) == (order.subject, order.origin)
            and each.run_id != order.run_id
            and (not of or each.step in of or each.kind is Kind.AMEND)
        }

    def _published_or_open(self) -> Sequence[Delivery]:
        """Return what a withdrawal can be about."""
        return [
            each
            for each in self._deliveries()
            if each.kind is not Kind.WITHDRAW
            and (
                each.state in OPEN
                or each.state in (State.DELIVERED, State.WITHDRAWING)
                or each.hold == Hold.UNKNOWN  # a person cancelled it although it may be published
            )
            and (not each.is_edit or each.state in (State.READY, State.HELD, State.PLANNED))
        ]

    def _receipt(self, delivery: Delivery) -> Receipt | None:
        """Return the receipt of the post that a removal or an edit is about."""
        post: Delivery = self._does(self.store.delivery(delivery.target))
        return post.receipt

    def _ends(self, delivery: Delivery, how: str) -> Settlement:
        """Return how an attempt is settled, by its kind."""
        policy, times = RetryPolicy(), {"begun_at": self.now, "now": self.now}
        if delivery.kind is Kind.WITHDRAW:
            receipt = self._receipt(delivery)
            result = self.world.remove(delivery, receipt, how)
            account = ACCOUNT if isinstance(result, AlreadyGone) else ""
            return settle_removal(
                delivery, result, receipt, policy, account=account, rng=self.rng, **times
            )
        before = self._does(self.store.attempts(delivery.id))
        so_far = tried(delivery, before, self.now)
        if delivery.is_edit:
            published = self.world.edits(delivery, self._receipt(delivery), how)
        else:
            published = self.world.publish(delivery, how)
        return settle_send(delivery, published, policy, so_far, rng=self.rng, **times)

    def _is_replaced(self, delivery: Delivery) -> None:
        """Note that the post which a delivery replaces is withdrawn, if it is."""
        if delivery.change == Change.REPLACE:
            target = self._does(self.store.delivery(delivery.target))
            if target.state in (State.WITHDRAWING, State.WITHDRAWN):
                self.withdrawn.add(target.id)

    def _looked(self, removal: Delivery, result: Any) -> Settlement:
        before = self._does(self.store.attempts(removal.id))
        account = ACCOUNT if isinstance(result, Standing) and not result.there else ""
        return settle_look(
            removal,
            result,
            self._receipt(removal),
            before,
            account=account,
            begun_at=self.now,
            now=self.now,
        )

    def _searched(self, delivery: Delivery, result: Any) -> Settlement:
        account: Any = Account()
        channel = Mail() if delivery.channel == MAIL else X()
        settlement = None
        if not delivery.is_edit:
            settlement = settle_unknown(delivery, channel, account, self.now)
        if settlement is not None:
            return settlement
        return settle_search(
            delivery,
            result,
            account,
            RetryPolicy(),
            self._does(self.store.attempts(delivery.id)),
            waited=self.passed - self.ended_at.get(delivery.id, 0.0),
            begun_at=self.now,
            now=self.now,
            rng=self.rng,
        )


@pytest.mark.timeout(600)  # it syncs thousands of transactions to a disk that may be busy
def test_nothing_withdrawn_is_up_and_unlisted_or_sent_again():
    run_state_machine_as_test(
        Withdrawals,
        settings=settings(
            drawn(120),
            stateful_step_count=50,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
