"""What acts around the daemon: senders who send again, platforms with faults, and an operator."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from appealbridge.clock import SystemClock
from tests.stories.processes import Platforms
from tests.torture.keeper import Keeper
from tests.torture.script import AGAIN, CLOSING, LIFTED, number_in, stream, trouble, withdrawals
from tests.torture.tally import Posts, has_key_of, is_copy, is_up, sorted_posts

SENDERS = 16
"""How many requests are under way at once at most."""

WITHDRAWN_AFTER = (3.0, 20.0)
"""How many seconds after its event a subject is withdrawn at most: while it is published, or later."""

REPEATED = 0.05
"""The share of the events that is sent again although it was accepted."""

_real = SystemClock()


class Senders:
    """
    Send every event until it is accepted, with the same webhook-id and a new signature each time.

    `accepted` maps the event's number to the id in the answer. `answers` counts the statuses, with 0 for no answer.
    `broken` are promises that an answer broke. `withdrawn` are the subjects that a person or an event has withdrawn,
    `lifted` those of which a person has lifted a withdrawal at some time.
    """

    def __init__(self, keeper: Keeper, events: Sequence[Mapping[str, str]], seed: int) -> None:
        self.accepted: dict[int, str] = {}
        self.answers: Counter[int] = Counter()
        self.broken: list[str] = []
        self._keeper = keeper
        self._events = events
        self._seed = seed
        self.withdrawn: set[str] = set()
        self.lifted: set[str] = set()
        self._withdraws = withdrawals(seed, events)
        self._places = asyncio.Semaphore(SENDERS)

    async def send(self, number: int) -> None:
        """Send one event until it is accepted, and now and then once more; perhaps withdraw its subject."""
        rng = stream(self._seed, f"sender {number}")
        event = self._events[number]
        async with self._places:
            await self._until_accepted(number, rng)
            if rng.random() < REPEATED:
                await self._until_accepted(number, rng)
            if event["type"] == CLOSING:
                self.withdrawn.add(event["subject"])
        if number in self._withdraws:
            await _real.sleep(rng.uniform(0.0, rng.choice(WITHDRAWN_AFTER)))
            await self._withdraw(event["subject"], rng)
            if rng.random() < LIFTED:
                await _real.sleep(rng.uniform(0.0, rng.choice(WITHDRAWN_AFTER)))
                await self._lift(event["subject"], rng)
                if rng.random() < AGAIN:
                    await self._withdraw(event["subject"], rng)

    async def _until_accepted(self, number: int, rng: random.Random) -> None:
        while True:
            status, answer = await self._keeper.receives(
                f"msg_{self._seed}_{number}", self._events[number]
            )
            self.answers[status] += 1
            if status in (200, 202):
                break
            await _real.sleep(rng.uniform(0.05, 0.3))
        first = self.accepted.get(number)
        if first is not None and (status, answer["event"]) != (200, first):
            self.broken.append(f"T{number:05d} was {first}, a repeat of it {status} {answer}")
        self.accepted.setdefault(number, answer["event"])

    async def _withdraw(self, subject: str, rng: random.Random) -> None:
        await self._surely("POST", f"/subjects/{subject}/withdraw", rng, reason="found safe")
        self.withdrawn.add(subject)

    async def _lift(self, subject: str, rng: random.Random) -> None:
        """Lift all withdrawals of a subject."""
        self.lifted.add(subject)
        for each in await self._surely("GET", "/withdrawals", rng, subject=subject):
            if each["whole_subject"] and not each["lifted_at"]:
                # Another sender, or an attempt without an answer, may have lifted it meanwhile.
                await self._surely("POST", f"/withdrawals/{each['number']}/lift", rng, also=409)

    async def _surely(
        self, method: str, path: str, rng: random.Random, *, also: int = 200, **query: str
    ) -> Any:
        """Call the API again and again until it answers; return the answer."""
        while True:
            status, result = await self._keeper.request(method, path, **query)
            if status in (200, also):
                return result
            if status not in (0, 503, 507):
                self.broken.append(f"{method} {path}: {status} {result}")
                return []
            await _real.sleep(rng.uniform(0.05, 0.3))


async def troubles(there: Platforms, seed: int, mean: float) -> None:
    """Switch faults of a platform on again and again, until cancelled."""
    rng = stream(seed, "troubles")
    while True:
        next_ = trouble(rng, mean)
        await _real.sleep(next_.pause)
        await there.fault(next_.platform, next_.fault, **next_.bounds)


class Person:
    """
    The operator: settles deliveries that are held because it is not known whether they went out.

    Those that are on the platform are confirmed, the others are released, also where somebody else has edited a post.
    Of a withdrawn post that may be published it is confirmed that it is not there; the other removals that nobody but a
    person can make are left as they are, for they must stay listed. `needed_approval` maps them to their channels.
    `broken` are things that an operator must never see.
    """

    def __init__(self, keeper: Keeper, there: Platforms) -> None:
        self.needed_approval: dict[str, str] = {}
        self.broken: list[str] = []
        self._keeper = keeper
        self._there = there

    async def look(self) -> int:
        """Settle what is held; return how many there were."""
        status, held = await self._keeper.request("GET", "/deliveries", state="held", limit="1000")
        if status != 200 or not held:
            return 0
        posts = sorted_posts(await self._there.posts(""))
        for delivery in held:
            if delivery["hold"] == "cannot_remove":
                await self._confirm_absence(delivery, posts)
                continue
            if delivery["hold"] not in ("unknown", "edited_by_hand"):
                self.broken.append(f"{delivery['id']} is held for {delivery['hold']!r}")
                continue
            self.needed_approval[delivery["id"]] = delivery["channel"]
            await self._settle(delivery, posts)
        return len(held)

    async def _settle(self, delivery: Mapping[str, Any], posts: Posts) -> None:
        number = number_in(str(delivery["content"]))
        earlier = None
        if delivery["change"] == "follow_up":
            status, target = await self._keeper.request("GET", f"/deliveries/{delivery['target']}")
            if status != 200:
                return  # whoever does not know what it replies to decides nothing
            receipt = target.get("receipt") or {}
            # Of a post that a person confirmed, the receipt has the address.
            earlier = receipt.get("id", "").rpartition("/")[2] or None
        # Nothing else is a reply here: no text of these is long enough for a thread.
        there = [
            post
            for post in posts.get((delivery["channel"], number or 0), ())
            if (post.get("in_reply_to") or None) == earlier
        ]
        id_ = str(delivery["id"])
        candidates = [post for post in there if not post.get("client_key") or has_key_of(post, id_)]
        if any(post.get("client_key") for post in candidates):
            # A search may have given this post to another copy with the same text; then this is one of theirs.
            candidates += [post for post in there if post not in candidates and is_copy(post, id_)]
        path = f"/deliveries/{id_}"
        if delivery["hold"] == "unknown":
            # Copies of a correction have the same text, and each is another post: the daemon refuses what is another's.
            for post in candidates:
                url = f"https://practice.example/{post['id']}"
                status, _ = await self._keeper.request("POST", f"{path}/confirm", url=url)
                if status != 409:
                    return  # It is done, or no answer came.
        status, _ = await self._keeper.request("POST", f"{path}/release")
        if status == 409:  # its subject is withdrawn, so it is never sent
            await self._keeper.request("POST", f"{path}/cancel", reason="it is not there")

    async def _confirm_absence(self, removal: Mapping[str, Any], posts: Posts) -> None:
        status, post = await self._keeper.request("GET", f"/deliveries/{removal['target']}")
        if status != 200 or post["state"] != "held":
            return
        place = (post["channel"], number_in(str(post["content"])))
        if not any(is_up(each) for each in posts.get(place, ())):
            await self._keeper.request("POST", f"/deliveries/{removal['id']}/confirm")

    async def watch(self, rng: random.Random, mean: float) -> None:
        """Settle what is held now and then, until cancelled."""
        while True:
            await _real.sleep(rng.uniform(0.5, 1.5) * mean)
            await self.look()
