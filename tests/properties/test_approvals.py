"""
Whatever people, corrections, crashes, backups and the clock do, in whatever order: nothing goes out that was not
approved as it is, no author approves, nothing passes a stop, no hold drops anything, and the trail verifies.

A machine of hypothesis plays all of them around the real store, with the engine's own `Questions`, `Answers` and
`Stops`. People answer what they have looked at, which may be long out of date.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

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

from appealbridge.channels.facebook.channel import Facebook
from appealbridge.engine.active import ActiveConfiguration, Bound
from appealbridge.engine.approvals.answers import Answers
from appealbridge.engine.approvals.questions import Questions
from appealbridge.engine.delivery.gate import GO, gate
from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.holds.stops import Stops
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.engine.upkeep.expiry import ExpiryTimer
from appealbridge.model.actor import Actor, How
from appealbridge.model.approval import AnswerKind
from appealbridge.model.audit import Act, AuditEntry, Checkpoint, Decision, Verifier
from appealbridge.model.delivery import OPEN, Delivery, Hold, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.people import Profile, Role, Roster
from appealbridge.model.retention import Retention
from appealbridge.model.run import RunState
from appealbridge.recipes.model.book import Book
from appealbridge.store.records import Arrival, DeliveryFilter, Settlement
from appealbridge.store.sqlite.backend import SqliteBackend
from appealbridge.store.sqlite.maintenance import back_up
from tests.properties.folders import new_folder
from tests.properties.machine import one_of
from tests.properties.strategies import drawn
from tests.store_contract.audit import verified
from tests.store_contract.case import NOW, RECEIPT, a_delivery, a_run, an_event
from tests.unit.engine.parts import context_of

CHANNEL = "force_facebook"
PEOPLE = ("anna", "ben", "carol")
PAGES = ("100064500000001", "100064500000002")
SUBJECTS = ("RC-77", "M6")
PLACES = st.integers(0, 9)
WHO = st.sampled_from(PEOPLE)
TEXTS = st.sampled_from(["Aged 13", "Aged 14", "Aged 15", "Found"])
HOUR, DAY = 3600.0, 86_400.0
PAUSES = st.sampled_from([1.0, 21.0, 21.0, 21.0, 601.0, HOUR, DAY + 1, -300.0, -DAY])
ENDS = st.sampled_from(["done", "done", "done", "try again", "unsure"])


class View(NamedTuple):
    """What somebody has looked at, and may answer any time later."""

    delivery: str
    hash: str
    content: Sequence[str]
    page: str


class Approvals(RuleBasedStateMachine):
    """
    The real store and the engine's parts that decide, and what must be true of them.

    `approved` has what was approved of each delivery (the texts of its thread, and the Page) as long as that counts.
    `authors` are those who wrote something of it. `ended` are deliveries that may be in none of the open states.
    """

    @initialize()
    def opens(self) -> None:
        self.folder = new_folder()
        self.backend = SqliteBackend(Path(self.folder.name) / "bridge.db")
        self.loop = asyncio.Runner()
        self.time, self.count, self.page = NOW, 0, PAGES[0]
        self.stopped = False
        self.approved: dict[str, tuple[tuple[str, ...], str]] = {}
        self.plain: set[str] = set()
        self.authors: dict[str, set[str]] = {}
        self.ended: set[str] = set()
        self.sent: dict[str, int] = {}
        self.views: list[View] = []
        self.copy: Any = None
        self.point: Checkpoint | None = None
        self.starts()

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def starts(self) -> None:
        self.under_way: list[Delivery] = []
        self.store = self.does(self.backend.open())
        self.does(self.store.recover(self.time, self.time + 5))
        self.lane = SimpleNamespace(
            name=CHANNEL, stopped=False, eased=False, zone=ZoneInfo("UTC"), wake=asyncio.Event(),
            queued=lambda: None,
        )  # fmt: skip
        lanes = Lanes({CHANNEL: self.lane})
        context = context_of(self.store, self, lanes=lanes, stop_file=self.backend.stop_file())
        self.stops, self.questions = Stops(context), Questions(context)
        self.answers = Answers(context, self.questions, RunQueue(), ExpiryTimer())
        self.does(self.stops.recall())
        self.configures()

    def configures(self) -> None:
        channel = Facebook()
        account = channel.account.model_validate(
            {"page_id": self.page, "credentials": {"page_token": "x"}}
        )
        roles = frozenset({Role.APPROVER, Role.AUTHOR, Role.ADMIN})
        people = [Profile(id=name, name=name, roles=roles) for name in PEOPLE]
        self.lane.account = account
        self.questions.reconfigure(
            ActiveConfiguration(
                book=Book({}),
                hooks={},
                watched={},
                channels={CHANNEL: Bound(CHANNEL, channel, account)},
                zone=ZoneInfo("Europe/London"),
                retention=Retention(),
                roster=Roster({each.id: each for each in people}),
            )
        )

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.does(self.store.close())
            self.loop.close()
            self.folder.cleanup()

    def does(self, call: Any) -> Any:
        async def done() -> Any:
            return await call

        return self.loop.get_loop().run_until_complete(done())

    def tries(self, call: Any) -> Any:
        """Return the result, or `None` if it is refused."""
        try:
            return self.does(call)
        except (IllegalMove, NotFound, ValueError):
            return None

    def all(self, *states: State) -> list[Delivery]:
        which = DeliveryFilter(states=frozenset(states or State), limit=10_000)
        return sorted(self.does(self.store.deliveries(which)), key=lambda each: each.number)

    def thread(self, delivery: Delivery) -> tuple[str, ...]:
        parts = self.does(self.store.thread(delivery.id))
        return (delivery.content, *(part.content for part in parts))

    # -- events and corrections -------------------------------------------------------------------------

    @rule(
        subject=st.sampled_from(SUBJECTS),
        texts=st.lists(TEXTS, min_size=1, max_size=3),
        author=st.sampled_from(["", "", *PEOPLE]),
        corrects=st.booleans(),
        hold=st.sampled_from([*[Hold.APPROVAL] * 4, f"{Hold.APPROVAL} {Hold.BURST}"]),
    )
    def an_event_needs_approval(
        self, subject: str, texts: Sequence[str], author: str, corrects: bool, hold: str
    ) -> None:
        self.count += 1
        event = an_event(self.count, subject=subject, author=author, received_at=self.time)
        first = a_delivery(event, state=State.HELD, hold=hold, corrects=corrects, **says(texts[0]))
        posts = [replace(first, publish_by=self.time + 3 * DAY)]
        for place, text in enumerate(texts[1:], start=2):
            part = a_delivery(
                event, part=f"#{place}", state=State.PLANNED, follows=posts[-1].id, **says(text)
            )
            posts.append(replace(part, publish_by=self.time + 3 * DAY))
        before = {each.id: self.thread(each) for each in self.all(*OPEN) if not each.follows}
        run = a_run(event, state=RunState.PLANNED)
        self.does(self.store.accept([Arrival(event, [run], posts)]))
        new = self.does(self.store.delivery(first.id))
        self.authors[new.id] = {author} - {""}
        if new.state is State.CANCELLED:
            assert corrects
            assert "no. " in new.reason
            self.ended |= {post.id for post in posts}
        expected = tuple(post.content for post in posts)
        says_it = []
        for each in self.all(*OPEN):
            if each.follows:
                continue
            now = self.thread(each)
            says_it += [each] if now == expected and each.subject == subject else []
            if each.id in before and now != before[each.id]:
                assert corrects
                assert each.state is State.HELD
                self.approved.pop(each.id, None)
                self.authors[each.id] |= {author} - {""}
        assert says_it, "the words of an event are nowhere"
        if corrects:
            # What cannot be corrected any more is being sent, or has been tried.
            self.ended |= {each.id for each in self.all(State.CANCELLED) if each.reason}

    @rule(text=TEXTS)
    def an_event_needs_none(self, text: str) -> None:
        self.count += 1
        event = an_event(self.count, received_at=self.time)
        post = a_delivery(event, **says(text))
        run = a_run(event, state=RunState.PLANNED)
        self.does(self.store.accept([Arrival(event, [run], [post])]))
        self.plain.add(post.id)

    # -- people -----------------------------------------------------------------------------------------

    @rule()
    def people_are_asked(self) -> None:
        self.does(self.questions.catch_up())

    @precondition(lambda self: self.count)
    @rule(place=PLACES)
    def somebody_looks(self, place: int) -> None:
        self.does(self.questions.catch_up())
        waiting = [each for each in self.all(State.HELD) if Hold.APPROVAL in each.holds]
        if waiting:
            delivery = one_of(waiting, place)
            (requested,) = self.does(self.questions.about([delivery])) or [None]
            if requested is not None:
                page = dict(requested.newest.account)["page_id"]
                content = self.thread(delivery)
                self.views.append(View(delivery.id, requested.newest.hash, content, str(page)))

    @precondition(lambda self: self.views)
    @rule(place=PLACES, who=WHO, newest=st.booleans(), at=st.sampled_from(["", "", "23:59"]))
    def somebody_approves(self, place: int, who: str, newest: bool, at: str) -> None:
        view = self.views[-1] if newest else one_of(self.views, place)
        delivery = self.tries(
            self.answers.answer(
                view.delivery, view.hash, Actor(who, How.LOG_IN), AnswerKind.APPROVE, at=at
            )
        )
        if delivery is None:
            return
        assert who not in self.authors[self.root(delivery.id)], "the author approved"
        assert (view.content, view.page) == (self.thread(delivery), self.page), "unseen"
        self.approved[delivery.id] = (view.content, view.page)

    @precondition(lambda self: self.count)
    @rule(place=PLACES, who=WHO, at=st.sampled_from(["", "", "", "23:59"]))
    def somebody_looks_and_approves(self, place: int, who: str, at: str) -> None:
        """Otherwise what somebody looked at is nearly always out of date."""
        views = len(self.views)
        self.somebody_looks(place)
        if len(self.views) > views:
            authors = self.authors[self.root(self.views[-1].delivery)]
            allowed = sorted({*PEOPLE} - authors) or [who]
            self.somebody_approves(0, one_of(allowed, place), newest=True, at=at)

    @precondition(lambda self: self.count)
    @rule(seconds=PAUSES, hows=st.lists(ENDS, max_size=4))
    def work_goes_on(self, seconds: float, hows: list[str]) -> None:
        """Many of these together come to what single steps reach too rarely."""
        self.time_passes(seconds)
        self.attempts_begin(3)
        for how in hows:
            if self.under_way:
                self.an_attempt_goes_on(0, how)

    @precondition(lambda self: self.views)
    @rule(place=PLACES, who=WHO, for_good=st.booleans())
    def somebody_rejects_or_asks_for_changes(self, place: int, who: str, for_good: bool) -> None:
        view, actor = one_of(self.views, place), Actor(who, How.LOG_IN)
        kind = AnswerKind.REJECT if for_good else AnswerKind.CHANGES
        answering = self.answers.answer(view.delivery, view.hash, actor, kind, reason="no")
        delivery = self.tries(answering)
        if delivery is not None and for_good:
            self.ends(delivery)

    @precondition(lambda self: self.views)
    @rule(place=PLACES, who=WHO, text=TEXTS, later=st.booleans())
    def somebody_edits(self, place: int, who: str, text: str, later: bool) -> None:
        """Perhaps a later post of a thread."""
        view = self.views[-1] if later else one_of(self.views, place)
        parts = self.does(self.store.thread(view.delivery))
        which = parts[-1].id if parts and later else view.delivery
        actor = Actor(who, How.LOG_IN)
        if self.tries(self.answers.edit(which, view.hash, {"text": text}, actor)):
            self.approved.pop(view.delivery, None)
            self.authors[self.root(view.delivery)].add(who)

    @precondition(lambda self: self.approved)
    @rule(place=PLACES, who=WHO)
    def somebody_takes_an_approval_back(self, place: int, who: str) -> None:
        id_ = one_of(sorted(self.approved), place)
        if self.tries(self.answers.take_back(id_, Actor(who, How.LOG_IN))):
            del self.approved[id_]

    @precondition(lambda self: self.count)
    @rule(place=PLACES, hold=st.sampled_from([Hold.BURST, Hold.UNKNOWN, Hold.STOP]))
    def an_operator_clears_a_hold(self, place: int, hold: str) -> None:
        held = [each for each in self.all(State.HELD) if hold in each.holds]
        if held:
            decision = self.decision(Act.RELEASE)
            clear = self.store.clear_holds(
                one_of(held, place).id, [hold], self.time, decision=decision
            )
            self.tries(clear)

    @precondition(lambda self: self.count)
    @rule(place=PLACES)
    def a_person_cancels(self, place: int) -> None:
        waiting = [each for each in self.all(State.HELD, State.READY) if not each.follows]
        if waiting:
            post = one_of(waiting, place)
            decision = self.decision(Act.CANCEL)
            self.does(self.store.move(post.id, State.CANCELLED, self.time, decision=decision))
            self.ends(post)

    # -- the stop ---------------------------------------------------------------------------------------

    @rule()
    def somebody_stops(self) -> None:
        self.does(self.stops.stop("wrong picture", Actor("anna", How.LOG_IN)))
        self.stopped = True

    @precondition(lambda self: self.stopped)
    @rule()
    def an_operator_lifts_the_stop(self) -> None:
        preview = self.does(self.stops.would_start()).seen
        self.does(self.stops.start(preview, Actor("ben", How.LOG_IN)))
        self.stopped = False

    # -- sending ----------------------------------------------------------------------------------------

    @rule(limit=st.integers(1, 3))
    def attempts_begin(self, limit: int) -> None:
        limit = 1 if self.lane.eased else limit
        claim = self.store.claim(CHANNEL, self.time, limit, notices_only=self.lane.stopped)
        self.under_way += self.does(claim)

    @precondition(lambda self: self.under_way)
    @rule(place=PLACES, how=ENDS)
    def an_attempt_goes_on(self, place: int, how: str) -> None:
        """With the looks at what was approved, and at the stop, directly before the request."""
        delivery = self.under_way.pop(place % len(self.under_way))
        verdict: Any = gate(delivery, self.time)
        if verdict is GO:
            verdict = self.does(self.questions.gate(self.lane, delivery))
        if verdict is GO and self.lane.eased:
            verdict = self.does(self.stops.gate(self.lane, delivery))
        if verdict is GO:
            verdict = self.stops.forbids(delivery) or GO
        ending: dict[str, Any]
        if verdict is not GO:
            ending = {"target": verdict.state, "hold": verdict.hold, "reason": verdict.reason}
            if verdict.state is State.EXPIRED:
                self.ends(delivery)
        else:
            self.check_sending(delivery)
            self.sent[delivery.id] = self.sent.get(delivery.id, 0) + 1
            ending = {
                "done": {"target": State.DELIVERED, "receipt": RECEIPT},
                "try again": {"target": State.READY, "due_at": self.time + 60},
                "unsure": {"target": State.UNKNOWN, "due_at": self.time + 60},
            }[how]
            if how == "done":
                self.ended.add(delivery.id)
        settlement = Settlement(
            delivery_id=delivery.id, source=State.SENDING, at=self.time, **ending
        )
        self.tries(self.store.settle(settlement))

    def check_sending(self, delivery: Delivery) -> None:
        assert not self.stopped, "something passed the stop"
        if delivery.id in self.plain:
            return
        post = delivery
        while post.id not in self.approved and post.follows:
            post = self.does(self.store.delivery(post.follows))
        assert post.id in self.approved, "it is sent without an approval"
        texts, page = self.approved[post.id]
        assert delivery.content in texts, "it is sent with other words"
        assert page == self.page, "it is sent to another Page"

    @precondition(lambda self: self.count)
    @rule(place=PLACES, there=st.booleans())
    def a_search_ends(self, place: int, there: bool) -> None:
        unknown = self.all(State.UNKNOWN)
        if not unknown:
            return
        delivery = one_of(unknown, place)
        ending: dict[str, Any] = {"target": State.HELD, "hold": Hold.UNKNOWN}
        if there and self.sent.get(delivery.id):
            ending = {"target": State.DELIVERED, "receipt": RECEIPT}
            self.ended.add(delivery.id)
        settlement = Settlement(
            delivery_id=delivery.id, source=State.UNKNOWN, at=self.time, **ending
        )
        self.does(self.store.settle(settlement))

    # -- time, reloads, crashes and backups -------------------------------------------------------------

    @rule(seconds=PAUSES)
    def time_passes(self, seconds: float) -> None:
        """And sometimes the clock is set back, which revives nothing."""
        self.time += seconds
        for lapsed in self.does(self.store.lapse(self.time)):
            self.ends(lapsed)
        for late in self.does(self.store.expire(self.time)):
            self.ends(late)

    @rule(page=st.sampled_from(PAGES))
    def the_settings_are_read_again(self, page: str) -> None:
        """Perhaps with another Page."""
        self.page = page
        self.configures()

    @rule()
    def the_daemon_dies_and_starts(self) -> None:
        for delivery in self.under_way:
            self.sent[delivery.id] = self.sent.get(delivery.id, 0) + 1  # nobody knows
        self.does(self.store.close())
        self.starts()

    @rule()
    def a_checkpoint_is_kept(self) -> None:
        self.point = self.does(self.store.checkpoint(self.time)) or self.point

    @precondition(lambda self: self.count and self.copy is None)
    @rule()
    def it_is_backed_up(self) -> None:
        file = Path(self.folder.name) / "copy.db"
        back_up(self.backend.path, file, self.time)
        known = {each.id for each in self.all()}
        authors = {id_: {*some} for id_, some in self.authors.items()}
        self.copy = (file, {*self.ended}, known, authors)

    @precondition(lambda self: self.copy is not None)
    @rule()
    def it_is_restored(self) -> None:
        self.does(self.store.close())
        for file in Path(self.folder.name).glob("bridge.db-*"):
            file.unlink()
        file, self.ended, known, self.authors = self.copy
        shutil.move(file, self.backend.path)
        self.copy, self.point, self.stopped = None, None, True
        self.approved.clear()
        self.views = [view for view in self.views if view.delivery in known]
        self.starts()
        assert self.lane.stopped, "a restored store does not start stopped"

    # -- what must hold ---------------------------------------------------------------------------------

    @invariant()
    def no_hold_drops_anything(self) -> None:
        for each in self.all():
            if each.state not in OPEN and not each.follows and each.state is not State.DELIVERED:
                assert each.id in self.ended, (each.number, each.state, each.reason)

    @invariant()
    def nothing_is_ready_that_was_not_approved(self) -> None:
        for each in self.all(State.READY):
            if each.id in self.plain or each.follows or each.id in self.approved:
                continue
            # After a restore an operator may say that it was not sent; the look before sending still stops it.
            verdict = self.does(self.questions.gate(self.lane, each))
            assert verdict is not GO, each

    @invariant()
    def the_trail_verifies(self) -> None:
        points = (self.point,) if self.point else ()
        assert self.does(verified(self.store, points)).problems == []

    @precondition(lambda self: self.count)
    @rule(place=st.integers(0, 10_000), how=st.sampled_from(["change", "remove", "insert", "cut"]))
    def whoever_forges_the_trail_is_found(self, place: int, how: str) -> None:
        """On a copy of the real trail, with a checkpoint from before."""
        entries: list[AuditEntry] = self.does(self.store.audit(0, 10_000))
        if not entries:
            return
        last = entries[-1]
        checkpoint = Checkpoint(last.seq, last.hash, last.at)
        at = place % len(entries)
        if how == "change":
            entries[at] = replace(entries[at], actor=f"{entries[at].actor}x")
        elif how == "remove":
            del entries[at]
        elif how == "insert":
            entries.insert(at, replace(entries[at], object="delivery 999"))
        else:
            del entries[at:]
        verifier = Verifier([checkpoint])
        for entry in entries:
            verifier.add(entry)
        assert verifier.end(last.seq).problems, how

    # -- how --------------------------------------------------------------------------------------------

    def root(self, id_: str) -> str:
        """Return the id of the first post of a thread. A later one is asked about by itself if its account changed."""
        post: Delivery = self.does(self.store.delivery(id_))
        return self.root(post.follows) if post.follows else post.id

    def ends(self, delivery: Delivery) -> None:
        self.approved.pop(delivery.id, None)
        self.ended.add(delivery.id)

    def decision(self, act: Act) -> Decision:
        return Decision(actor=Actor("ben", How.LOG_IN), act=act, at=self.time, reason="decided")


def says(text: str) -> dict[str, str]:
    content = f'{{"text":"{text}"}}'
    return {
        "channel": CHANNEL,
        "content": content,
        "content_hash": hashlib.sha256(content.encode()).hexdigest(),
    }


@pytest.mark.timeout(600)
def test_nothing_goes_out_that_was_not_approved_as_it_is():
    run_state_machine_as_test(
        Approvals,
        settings=settings(
            drawn(60),
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
