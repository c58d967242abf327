"""
Holds what recipes publish without approval until an admin who did not write them has accepted that version.

In practice mode, and where the settings give nobody a role, nothing has to be accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from appealbridge.engine.active import ActiveConfiguration, Configured
from appealbridge.engine.context import EngineContext
from appealbridge.engine.intake.batch import AcceptanceStage, Batch
from appealbridge.engine.outcomes import OutcomeListener
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.engine.supervise import repeat
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor
from appealbridge.model.approval import SHORTEST_HASH, RecipeAcceptance, RecipeContent
from appealbridge.model.audit import Act
from appealbridge.model.delivery import OPEN, Delivery, Hold, Kind, with_hold
from appealbridge.model.errors import IllegalMove, NotFound, StaleRevision
from appealbridge.model.notice import Alarm
from appealbridge.model.value import value
from appealbridge.recipes.model.recipe import NO_APPROVAL, Recipe
from appealbridge.recipes.planning.acceptance_policy import refusal, to_accept, writers

LISTED = 20
"""How many recipes a notice lists."""


@value(kw_only=True)
class RecipeState:
    """
    A version of a recipe, and whether somebody has to accept it; `why` says what it wants to do without approval.

    `in_force` is false for an earlier version that only holds something. `writers` are the people to whom its files
    belong; root, or `user 1010` for somebody else who is no person of the settings. `waiting` is how many deliveries
    wait for its acceptance. `accepted` is its acceptance, `None` if it has none.
    """

    name: str
    version: str
    in_force: bool
    why: str
    writers: Sequence[str]
    waiting: int
    accepted: RecipeAcceptance | None


class RecipeAcceptances(Configured, OutcomeListener):
    """Knows which versions of recipes are accepted, and takes the acceptances of admins."""

    def __init__(self, context: EngineContext, outcomes: OutcomeListener, queue: RunQueue) -> None:
        self._context = context
        self._store = context.store
        self._outcomes = outcomes
        self._queue = queue
        self._accepted: dict[str, RecipeAcceptance] = {}
        self._noted: dict[str, frozenset[int]] = {}
        self._wake = asyncio.Event()

    @property
    def enforced(self) -> bool:
        """Whether recipes have to be accepted at all."""
        return not (self.active.practice or self.active.roster.one_desk)

    def counts(self, version: str) -> bool:
        """Return whether a version may do what only an accepted one may."""
        return version in self._accepted or not self.enforced

    async def reconfigure(self, active: ActiveConfiguration) -> None:
        """Use other recipes and people, before anything is planned with them; tell admins what they have to accept."""
        if self._active is None:
            await self._read()
        self._active = active
        self._wake.set()
        if active.roster.one_desk:
            return
        concerned = [each for each in active.book.recipes.values() if to_accept(each)]
        owners = {
            each.version: each.owners
            for each in concerned
            if not each.owners <= self._noted.get(each.version, frozenset())
        }
        new = await self._store.note_owners(owners, self._context.clock.now()) if owners else ()
        self._noted |= {
            version: self._noted.get(version, frozenset()) | uids
            for version, uids in owners.items()
        }
        fresh = [
            each for each in concerned if each.version in new and not self.counts(each.version)
        ]
        if fresh:
            lines = [f"{each.name} says {to_accept(each)}" for each in fresh[:LISTED]]
            more = f"; and {len(fresh) - LISTED} more" if len(fresh) > LISTED else ""
            message = "; ".join(lines) + more
            await self._context.alarms.raise_alarm(Alarm.TO_ACCEPT, message=message)

    def held(self, delivery: Delivery, recipe: Recipe, version: str) -> Delivery:
        """Return a new delivery, held if a version of a recipe planned it that has to be accepted first."""
        if (
            recipe.approval != NO_APPROVAL
            or delivery.follows
            or delivery.kind is Kind.WITHDRAW
            or self.counts(recipe.version)
        ):
            return delivery
        reason = delivery.reason or f"no admin has accepted recipe {recipe.name} as it is now"
        if recipe.version == version:
            hold = with_hold(delivery.hold, Hold.ACCEPTANCE)
            return replace(delivery, hold=hold, reason=reason)
        # A run that began with an accepted version, whose lists were changed since: no acceptance would fit it.
        both = (Hold.BURST, Hold.SAME_TEXT, Hold.ALT_TEXT)
        more = [each for each in delivery.hold.split() if each in both]
        return replace(delivery, hold=with_hold(" ".join(more[:1]), Hold.APPROVAL), reason=reason)

    def on_held(self, deliveries: Sequence[Delivery]) -> None:
        """Look whether they may go after all: their recipe may have been accepted while they were planned."""
        if any(Hold.ACCEPTANCE in each.hold.split() for each in deliveries):
            self._wake.set()

    async def run(self) -> None:
        """Let go what waits for the acceptance of an accepted version, until cancelled."""
        await repeat(self._context, "acceptances", self._let_go, self._wake)

    async def states(self) -> Sequence[RecipeState]:
        """Return every recipe that does something without approval, and each version for which something waits."""
        active = self.active
        recipes = {
            (each.name, each.version): each
            for each in active.book.loaded.values()
            if to_accept(each)
        }
        waiting = await self._store.waiting_for_acceptance()
        for name, version in waiting.keys() - recipes.keys():
            try:
                recipes[name, version] = await self._context.recipes.version(name, version)
            except NotFound:
                continue
        owners = await self._store.owners([version for _, version in recipes])
        return [
            RecipeState(
                name=name,
                version=version,
                in_force=name in active.book.loaded and active.book.loaded[name].version == version,
                why=to_accept(recipe),
                writers=writers(owners.get(version, frozenset()) | recipe.owners, active.roster),
                waiting=waiting.get((name, version), 0),
                accepted=self._accepted.get(version),
            )
            for (name, version), recipe in sorted(recipes.items())
        ]

    async def content(self, name: str, version: str = "") -> tuple[Recipe, RecipeContent]:
        """Return a recipe and what of it has to be accepted; raise `NotFound`, or `StaleRevision` for another hash."""
        recipe = self.active.book.loaded.get(name)
        if version and (recipe is None or not _is_hash_of(version, recipe.version)):
            recipe = await self._earlier(name, version) or recipe
        if recipe is None:
            raise NotFound(f"recipe {name}: no recipe of this name is in force")
        if version and not _is_hash_of(version, recipe.version):
            raise StaleRevision(
                f"recipe {name}: this is not what is in force now, which is version {recipe.version}; look at it "
                f"again: appealbridge recipes show {name}"
            )
        lists = {each: [*map(str, recipe.lists[each])] for each in recipe.used_lists}
        return recipe, RecipeContent(text=recipe.text, templates=recipe.templates, lists=lists)

    async def accept(self, name: str, version: str, actor: Actor) -> RecipeAcceptance:
        """
        Accept a version of a recipe: what waits for that goes out, unless something else holds it.

        `version` is the hash of what the admin was shown, or its first characters. Raise `NotFound`, `StaleRevision`,
        or `IllegalMove` if this person may not accept it or nobody has to.
        """
        if len(version) < SHORTEST_HASH:
            raise ValueError(
                f"hash: give at least {SHORTEST_HASH} characters of the version that you have seen"
            )
        recipe, content = await self.content(name, version)
        if not to_accept(recipe):
            raise IllegalMove(f"recipe {name}: it does nothing that has to be accepted")
        owners = (await self._store.owners([recipe.version])).get(recipe.version, frozenset())
        owners |= recipe.owners
        if why := refusal(actor, owners, self.active.roster):
            raise IllegalMove(f"recipe {name}: {why}")
        waiting = await self._store.waiting_for_acceptance()
        decision = self._context.decision(
            actor,
            Act.ACCEPT,
            object=f"recipe {name}",
            content_hash=recipe.version,
            shown={
                "says": to_accept(recipe),
                "written_by": [*writers(owners, self.active.roster)],
                "waiting": waiting.get((name, recipe.version), 0),
            },
        )
        acceptance = RecipeAcceptance(
            version=recipe.version, recipe=name, person=actor.person, at=decision.at
        )
        await self._store.accept_recipe(acceptance, content, decision)
        self._accepted[recipe.version] = acceptance
        self._context.report.info(
            LogEvent.RECIPE_ACCEPTED, recipe=name, version=recipe.version, by=str(actor)
        )
        await self._let_go()
        for lane in self._context.lanes.values() if recipe.threat_to_life else ():
            lane.retry_now = True  # it need not wait for the end of quiet hours
            lane.wake.set()
        return acceptance

    async def _earlier(self, name: str, version: str) -> Recipe | None:
        """Return an earlier version for which something waits, if all of it is as it was."""
        for recipe, full in await self._store.waiting_for_acceptance():
            if recipe == name and _is_hash_of(version, full):
                earlier = await self._context.recipes.version(name, full)
                if earlier.version != full:
                    raise IllegalMove(
                        f"recipe {name}: the lists that version {full} used have changed since, so nobody can accept "
                        "it any more; cancel what waits for it"
                    )
                return earlier
        return None

    async def _read(self) -> None:
        """Learn from the store what is accepted."""
        after = ""
        while page := await self._store.acceptances(after):
            self._accepted.update((each.version, each) for each in page)
            after = page[-1].version

    async def _let_go(self) -> None:
        shown = self.active.roster.shown
        while cleared := await self._store.clear_accepted(self._context.clock.now(), name_of=shown):
            for delivery in cleared:
                self._outcomes.on_waiting(delivery)
                if delivery.state not in OPEN:
                    self._queue.ended(delivery)
            self._context.alarms.news.set()


class HoldUnaccepted(AcceptanceStage):
    """A stage: holds what recipes have planned that nobody has accepted."""

    def __init__(self, acceptances: RecipeAcceptances) -> None:
        self._acceptances = acceptances

    async def run(self, batch: Batch) -> None:
        """Hold it, if anything has to be accepted at all."""
        if not self._acceptances.enforced:
            return
        held, recipes = self._acceptances.held, batch.book.recipes
        batch.arrivals = [
            replace(
                arrival,
                deliveries=[
                    held(each, recipes[each.recipe], recipes[each.recipe].version)
                    for each in arrival.deliveries
                ],
            )
            if arrival.deliveries
            else arrival
            for arrival in batch.arrivals
        ]


def _is_hash_of(hash_: str, version: str) -> bool:
    return len(hash_) >= SHORTEST_HASH and version.startswith(hash_.lower())
