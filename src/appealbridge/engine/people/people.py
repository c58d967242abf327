"""The people in force: who there is, who may log in, and what a reload changes about them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.context import EngineContext
from appealbridge.engine.people.changes import changes
from appealbridge.engine.people.invitations import Invitations
from appealbridge.engine.people.log_ins import LogIns
from appealbridge.engine.people.tokens import Tokens
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import Act
from appealbridge.model.notice import Alarm
from appealbridge.model.people import Role, Roster

LISTED = 20
"""How many changes a notice lists."""

RECORDED = 1000
"""How many changes an entry of the audit trail lists."""


class People:
    """Keeps the people of the settings in the store; `log_ins`, `invitations` and `tokens` prove who somebody is."""

    def __init__(
        self, context: EngineContext, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self.roster = Roster()
        """Everybody in the settings, without those whose id belonged to somebody else before."""

        def roster() -> Roster:
            return self.roster

        self.log_ins = LogIns(self._store, self._clock, roster, random_bytes)
        self.invitations = Invitations(self._store, self._clock, roster, random_bytes, self.log_ins)
        self.tokens = Tokens(self._store, self._clock, random_bytes)

    async def used_before(self, roster: Roster) -> Sequence[str]:
        """Return the ids that belong to people who were removed; nobody may have them again."""
        if roster.one_desk:
            return []
        known = await self._store.people()
        return [id_ for id_ in roster.people if id_ in known and known[id_].removed_at is not None]

    async def reconfigure(
        self,
        before: ActiveConfiguration | None,
        active: ActiveConfiguration,
        actor: Actor | None = None,
        cause: str = "",
    ) -> str:
        """
        Put the people of a configuration in force, and give the first admin a code; return what admins are told.

        `actor` asked for the reload; if nobody did, `cause` says why it was made, such as `saved file`.
        """
        roster = active.roster
        if barred := await self.used_before(roster):
            # Only at a start, which must not fail over this: a reload is refused.
            names = ", ".join(barred)
            message = f"{names}: removed earlier, and an id is never used again; choose another id"
            await self._context.alarms.raise_alarm(Alarm.PEOPLE, message=message)
            usable = {id_: each for id_, each in roster.people.items() if id_ not in barred}
            roster = Roster(usable, roster.groups)
        lines: Sequence[str] = ()
        decision = None
        if before is not None:
            lines = changes(before.roster, active.roster, before.book, active.book)
        if lines:
            shown = {"changes": lines[:RECORDED], "more": max(0, len(lines) - RECORDED)}
            decision = self._context.decision(
                actor or Actor("", How.DAEMON),
                Act.CHANGE_PEOPLE,
                object="people",
                shown=shown | ({"cause": cause} if cause else {}),
            )
        self.roster = roster
        if not roster.one_desk:
            await self._store.keep_people(roster.people, self._clock.now(), decision)
            if first := await self.invitations.first(anew=before is None):
                person, code = first
                self._context.report.warning(
                    LogEvent.FIRST_CODE, person=person.id, code=code, valid_for="24h"
                )
        elif decision is not None:
            await self._store.record(decision)
        # Where nobody is admin there is nobody to tell; the trail has it all the same.
        rosters = [roster, *([] if before is None else [before.roster])]
        if not any(each.having(Role.ADMIN) for each in rosters):
            return ""
        return await self._changed(lines)

    async def was_reset(self, person: str, actor: Actor) -> None:
        """Tell the admins that somebody's password was taken away."""
        message = f"{person}, by {actor or 'somebody'}: password and second factor were taken away"
        await self._context.alarms.raise_alarm(Alarm.RESET, message=message)
        self._context.report.person(LogEvent.PERSON_RESET, person, actor)

    async def _changed(self, lines: Sequence[str]) -> str:
        """Tell the admins what a reload has changed, and return it; empty if it is nothing."""
        if not lines:
            return ""
        more = f"; and {len(lines) - LISTED} more" if len(lines) > LISTED else ""
        message = "; ".join(lines[:LISTED]) + more
        await self._context.alarms.raise_alarm(Alarm.PEOPLE, message=message)
        return message
