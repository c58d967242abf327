"""
Sends notices to people about what went wrong or waits for them, as the store has it.

A notice is an event with one run and a delivery for each person. It is stored in the transaction that marks its
news as told, so people are told once even after a crash, and it is sent like every other delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.approvals.duties import asked_first
from appealbridge.engine.approvals.questions import ESCALATED, REMINDED, Questions
from appealbridge.engine.context import EngineContext
from appealbridge.engine.notices.build import Group, Notice, arrival, group_of
from appealbridge.engine.notices.question_news import QuestionNews
from appealbridge.engine.notices.wording import SHOWN, notice_text
from appealbridge.model.attempt import Outcome
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import IllegalMove, NotFound, StoreError
from appealbridge.model.ids import event_id
from appealbridge.model.notice import NOTICE, TO_ADMINS, Alarm, Trouble
from appealbridge.model.people import Role
from appealbridge.plugin.channel import Person
from appealbridge.recipes.model.recipe import NO_APPROVAL, Recipe
from appealbridge.recipes.planning.approval_policy import approvers
from appealbridge.store.records import DeliveryFilter, News, NewsSort

COLLECT = 300.0
"""For how many seconds similar news is collected for people who have just had a notice."""

BREATH = 1.0
"""The least number of seconds between two searches for news, however much goes wrong."""

SOON = 5.0
"""Seconds until AppealBridge checks again a notice that should go by another account."""

MOST = 2000
"""The largest number of items in one notice."""

COLLECT_QUESTIONS = 30.0
"""The same for what waits for approval: nothing is published before people know of it."""

ATTEMPTS = 3
"""How often a notice with an unclear outcome is sent: twice is better than never."""

_WAITING = frozenset({State.READY, State.SENDING})


class Notices:
    """Sends notices."""

    def __init__(self, context: EngineContext, questions: Questions) -> None:
        self._context = context
        self._question_news = QuestionNews(context, questions)
        self._store = context.store
        self._clock = context.clock
        self._report = context.report
        self._lanes = context.lanes
        self._alarms = context.alarms
        self._active: ActiveConfiguration | None = None
        self._not_before: dict[Group, float] = {}

    def reconfigure(self, active: ActiveConfiguration) -> None:
        """Use the people and accounts of a new configuration."""
        self._active = active
        self._alarms.news.set()

    async def tell_former_admins(
        self, before: ActiveConfiguration, active: ActiveConfiguration, message: str
    ) -> None:
        """
        Tell those what a reload changed who were admins before it and are no longer told as admins.

        They get it at their address of before: whoever takes the settings over must not silence them.
        """
        admins = {each.id: each.email for each in active.roster.having(Role.ADMIN)}
        former = [
            before.routing.people[each.id]
            for each in before.roster.having(Role.ADMIN)
            if admins.get(each.id) != each.email and each.id in before.routing.people
        ]
        if not former:
            return
        message = self._context.clean(message)
        now = self._clock.now()
        news = News(kind=Alarm.PEOPLE, number=0, at=now, reason=message)
        title, text = notice_text(Alarm.PEOPLE, "", [news], 1, active.zone)
        notice = Notice(id=self._new_id(), kind=Alarm.PEOPLE, title=title, text=text, people=former)
        try:
            await self._store_notice(active, notice, [])
        except StoreError as error:
            self._report.store_failed(error, "notices")

    async def run(self) -> None:
        """Send notices about new events until cancelled."""
        while True:
            self._alarms.news.clear()
            pause: float | None = 0.0
            try:
                if self._active is not None:
                    pause = await self._round(self._active)
                self._report.store_worked("notices")
            except StoreError as error:
                self._report.store_failed(error, "notices")
            except Exception as error:  # noqa: BLE001 - an error over one piece of news must not end this loop
                self._report.broke("notices", error)
                pause = COLLECT
            if pause != 0.0:
                await self._clock.wait(self._alarms.news, pause)
            await self._clock.sleep(BREATH)

    async def _round(self, active: ActiveConfiguration) -> float | None:
        """Send the notices due now; return in how many seconds the next ones are due, `None` if nothing waits."""
        await self._alarms.store_late()
        groups: dict[Group, list[NewsSort]] = {}
        for sort in await self._store.news():
            if sort.recipe == NOTICE:
                await self._resend(active, sort)
            else:
                people = await self._people(active, sort)
                group = group_of(sort, people, active.routing)
                groups.setdefault(group, []).append(sort)
        left = await self._reroute(active)
        now = self._clock.monotonic()
        for group, sorts in groups.items():
            if self._not_before.get(group, now) <= now:
                await self._tell(active, group, sorts)
                pause = COLLECT_QUESTIONS if group.kind == Trouble.APPROVAL else COLLECT
                self._not_before[group] = now + pause
        self._not_before = {g: at for g, at in self._not_before.items() if at > now}
        waits = [self._not_before[group] - now for group in groups if group in self._not_before]
        return min([*waits, SOON] if left else waits, default=None)

    async def _people(self, active: ActiveConfiguration, sort: NewsSort) -> tuple[str, ...]:
        """
        Return the people to tell: those of the recipe in force, else of its stored version, else `notices.to`.

        About a delivery that waits for approval, those who may approve it are told.
        """
        recipe = active.book.recipes.get(sort.recipe) or active.book.off.get(sort.recipe)
        if recipe is None and sort.recipe:
            try:
                recipe = await self._context.recipes.version(sort.recipe, sort.version)
            except NotFound:
                recipe = None
        routing = active.routing
        named: tuple[str, ...]
        if sort.kind == Alarm.CHECKPOINTED:
            named = tuple(active.checkpoints_to)
            known = bool(routing.people_named(named))
        elif sort.kind in TO_ADMINS:
            named = tuple(each.id for each in active.roster.having(Role.ADMIN))
            known = any(map(routing.accounts_for, routing.people_named(named)))
        elif recipe is not None and sort.kind == Trouble.APPROVAL:
            named = await self._approvers(active, recipe)
            known = any(map(routing.accounts_for, routing.people_named(named)))
        else:
            named = () if recipe is None else tuple(recipe.on_failure)
            known = bool(routing.people_named(named))
        return named if known else tuple(routing.to)

    async def _approvers(self, active: ActiveConfiguration, recipe: Recipe) -> tuple[str, ...]:
        """Return who is asked about a recipe's deliveries; at one desk whoever `approval` names."""
        if active.roster.one_desk:
            return (recipe.approval,)
        policy = "" if recipe.approval == NO_APPROVAL else recipe.approval
        names = [policy]
        questions = [
            each for each in await self._store.questions(limit=MOST) if _runs(recipe, each.run_id)
        ]
        level = max((each.level for each in questions), default=0)
        if level >= ESCALATED:
            names += active.approvals.escalate_to
        ids: Sequence[str] = [
            *dict.fromkeys(each.id for name in names for each in approvers(name, active.roster))
        ]
        if level < REMINDED:
            ids = await asked_first(self._store, active, questions, ids, self._clock.now())
        return tuple(ids)

    async def _tell(self, active: ActiveConfiguration, group: Group, sorts: list[NewsSort]) -> None:
        news = sorted(await self._store.news_of(sorts, MOST), key=attrgetter("number"))
        if not news:
            return
        recipients = active.routing.people_named(group.people)
        if group.kind == Trouble.APPROVAL:
            await self._ask(active, group, news, recipients)
            return
        title, text = notice_text(group.kind, group.channel, news, len(news), active.zone)
        notice = Notice(
            id=self._new_id(),
            kind=group.kind,
            title=title,
            text=text,
            people=recipients,
            without=group.without,
            of=[item.number for item in news],
        )
        await self._store_notice(active, notice, news)

    async def _ask(
        self,
        active: ActiveConfiguration,
        group: Group,
        news: Sequence[News],
        recipients: Sequence[Person],
    ) -> None:
        """Ask people for an approval; what they wrote themselves is worded otherwise than for others."""
        *first, last = await self._question_news.worded(active, news[:SHOWN], len(news), recipients)
        for each in (*first, last):
            title, text = notice_text(group.kind, "", news, len(news), active.zone, each.shown)
            notice = Notice(
                id=self._new_id(),
                kind=group.kind,
                title=each.title or title,
                text=text,
                people=each.people,
                of=[item.number for item in news],
            )
            # After a crash in between, some are asked twice rather than others never.
            await self._store_notice(active, notice, news if each is last else [])

    async def _store_notice(
        self, active: ActiveConfiguration, notice: Notice, news: Sequence[News]
    ) -> None:
        """Store a notice in the transaction that marks its news as told, and let it go out."""
        if not notice.people:
            await self._store.tell(news)
            if notice.kind != Trouble.APPROVAL:  # nothing is wrong with that
                why = "nobody is named who should be told"
                self._report.nobody_told(notice.kind, notice.title, why)
            return
        stored = arrival(notice, active.routing, self._works, self._clock.now())
        if not await self._store.tell(news, stored):
            return
        for delivery in stored.deliveries:
            self._lanes.queued(delivery)
        self._report.noticed(notice.kind, notice.title, stored.deliveries)
        reached = {delivery.step for delivery in stored.deliveries}
        if unreached := {person.name for person in notice.people} - reached:
            names = ", ".join(sorted(unreached))
            self._report.nobody_told(notice.kind, notice.title, f"no account can reach {names}")

    async def _resend(self, active: ActiveConfiguration, sort: NewsSort) -> None:
        """Send notices that did not arrive again, or by another account."""
        for item in await self._store.news_of([sort], MOST):
            delivery = await self._store.delivery(str(item.number))
            if not (sort.kind == Trouble.UNKNOWN and await self._send_again(delivery)):
                await self._by_another_way(active, [item], delivery)

    async def _send_again(self, delivery: Delivery) -> bool:
        """Send a notice that may have arrived once more; return false after `ATTEMPTS`."""
        attempts = await self._store.attempts(delivery.id)
        if sum(attempt.outcome is Outcome.UNSURE for attempt in attempts) >= ATTEMPTS:
            return False
        try:
            await self._store.move(delivery.id, State.READY, self._clock.now())
        except IllegalMove:
            return False
        self._lanes.queued(delivery)
        return True

    async def _reroute(self, active: ActiveConfiguration) -> bool:
        """Send notices that wait for an account in trouble by one that works; return whether some are left."""
        left = False
        for account in active.routing.accounts:
            if account in self._lanes and not self._works(account):
                which = DeliveryFilter(states=_WAITING, channel=account, recipe=NOTICE)
                for delivery in await self._store.deliveries(which):
                    left |= not await self._rerouted(active, delivery)
        return left

    async def _rerouted(self, active: ActiveConfiguration, delivery: Delivery) -> bool:
        people = active.routing.people_named([delivery.step])
        accounts = [
            account
            for each in people
            for account in active.routing.accounts_for(each, [delivery.channel])
        ]
        if not any(map(self._works, accounts)):
            return True
        if delivery.state is State.SENDING:
            return False
        await self._by_another_way(active, [], delivery)
        reason = f"sent by another account, because {delivery.channel} is in trouble"
        now = self._clock.now()
        try:
            await self._store.move(delivery.id, State.CANCELLED, now, reason=reason)
        except IllegalMove:
            return False  # an attempt has begun meanwhile, and may not succeed
        return True

    async def _by_another_way(
        self, active: ActiveConfiguration, news: Sequence[News], delivery: Delivery
    ) -> None:
        """Send a notice by another account than the one that failed, trying each account once."""
        before = await self._store.event(delivery.event_id)
        data = before.data or {}
        notice = Notice(
            id=self._new_id(),
            kind=before.type,
            title=data.get("title", ""),
            text=data.get("text", ""),
            people=active.routing.people_named([delivery.step]) if data else (),
            without=(*data.get("without", ()), delivery.channel),
            of=data.get("of", ()),
            instead_of=delivery.id,
        )
        await self._store_notice(active, notice, news)

    def _new_id(self) -> str:
        return event_id(self._clock.now(), self._context.rng.getrandbits(35))

    def _works(self, channel: str) -> bool:
        lane = self._lanes.get(channel)
        return lane is not None and lane.health.works


def _runs(recipe: Recipe, run_id: str) -> bool:
    """Return whether a run, perhaps one of a replay, is of a recipe."""
    name = run_id.partition(".")[2]
    return name == recipe.name or name.startswith(f"{recipe.name}~")
