"""Who is on duty, and is asked first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.context import EngineContext
from appealbridge.engine.people.people import People
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor
from appealbridge.model.approval import ApprovalQuestion
from appealbridge.model.audit import Act
from appealbridge.model.errors import IllegalMove
from appealbridge.model.people import Role
from appealbridge.recipes.planning.approval_policy import chosen_time
from appealbridge.store.base import Store

LONGEST = 86_400.0
"""For how many seconds somebody may be on duty: who forgets to end it must not be asked alone for days."""

MOST = 50
"""About how many questions it is looked whether those on duty may answer them; beyond, everybody is asked."""


class Duties:
    """Takes what people say about being on duty."""

    def __init__(self, context: EngineContext, people: People) -> None:
        self._context = context
        self._people = people

    async def all(self) -> Mapping[str, float]:
        """Return until when people are on duty (Unix seconds), by id, if they still may approve."""
        known = {each.id for each in self._people.roster.having(Role.APPROVER)}
        on_duty = await self._context.store.on_duty(self._context.clock.now())
        return {id_: ends for id_, ends in on_duty.items() if id_ in known}

    async def begin(self, until: str, active: ActiveConfiguration, actor: Actor) -> float:
        """Store that somebody is on duty until a time such as `07:00`; return it. Raise `ValueError` for no such."""
        self._refuse_desk()
        now = self._context.clock.now()
        try:
            ends = chosen_time(until, now, active.zone)
        except ValueError as wrong:
            raise ValueError(f"until{str(wrong).removeprefix('at')}") from None
        if ends > now + LONGEST:
            raise ValueError("until: at most 24 hours from now; say so again tomorrow")
        decision = self._context.decision(
            actor, Act.BEGIN_DUTY, object=f"person {actor.person}", shown={"until": ends}
        )
        await self._context.store.keep_duty(actor.person, ends, decision)
        self._context.report.person(LogEvent.ON_DUTY, actor.person, until=str(int(ends)))
        return ends

    async def end(self, actor: Actor) -> None:
        """Store that somebody is not on duty any more."""
        self._refuse_desk()
        decision = self._context.decision(actor, Act.END_DUTY, object=f"person {actor.person}")
        await self._context.store.keep_duty(actor.person, 0.0, decision)
        self._context.report.person(LogEvent.OFF_DUTY, actor.person)

    def _refuse_desk(self) -> None:
        if self._people.roster.one_desk:
            raise IllegalMove("nobody has a role under people:, so everybody is asked at once")


async def asked_first(
    store: Store,
    active: ActiveConfiguration,
    questions: Sequence[ApprovalQuestion],
    people: Sequence[str],
    now: float,
) -> Sequence[str]:
    """Return those of these people who are on duty, can be told and did not write what is asked; else all of them."""
    on_duty = await store.on_duty(now)
    first = [id_ for id_ in people if id_ in on_duty and _can_be_reached(active, id_)]
    if not first or len(questions) > MOST:
        return people
    wrote: set[str] = set()
    if not active.practice:
        for question in questions:
            wrote |= await writers_of(store, active, question)
    return [id_ for id_ in first if id_ not in wrote] or people


async def writers_of(
    store: Store, active: ActiveConfiguration, question: ApprovalQuestion
) -> set[str]:
    """Return the people who wrote something that a question is about."""
    deliveries = await store.asked_about(question.number)
    revisions = await store.revisions([each.id for each in deliveries])
    named = {name for each in revisions for name in each.authors}
    people = (active.roster.called(name) for name in named)
    return {person.id for person in people if person is not None}


def _can_be_reached(active: ActiveConfiguration, person: str) -> bool:
    return any(active.routing.accounts_for(each) for each in active.routing.people_named([person]))
