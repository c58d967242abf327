"""What every store guarantees about images: prepared once, kept while a message shows them, and then gone."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from appealbridge.model.amendment import Amends, Change, Instead
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, Hold, Images, Kind, State
from appealbridge.model.errors import NotFound
from appealbridge.model.run import RunState
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Arrival,
    Over,
    Preparation,
    Rendered,
    Settlement,
    StoredUpload,
)
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    OpenStore,
    an_arrival,
    begun,
    ended,
)
from tests.store_contract.withdrawals import SUBJECT, a_withdrawal, published, state_of

DATA = b"\x89PNG a picture"
SHA = hashlib.sha256(DATA).hexdigest()
FINAL = '{"images":[{"alt":"A coat","stored":{}}],"text":"corrected"}'
SOON = NOW + 10


def illustrated(number: int, **more: Any) -> Arrival:
    """Return an event with one delivery whose images are to be prepared."""
    attributes = {"state": State.PLANNED, "images": Images.REQUIRED, "subject": SUBJECT}
    return an_arrival(number, **attributes | more)


def rendered(delivery: Delivery, number: int = 1, **more: Any) -> Rendered:
    """Return the rendition of an image of a delivery."""
    attributes: dict[str, Any] = {
        "delivery_id": delivery.id,
        "number": number,
        "source": f"https://pictures.example/{number}.png",
        "limits": "image/png",
        "sha256": SHA,
        "media_type": "image/png",
        "width": 60,
        "height": 40,
        "size": len(DATA),
        "uploads": True,
    }
    return Rendered(**attributes | more)


def the_end(delivery: Delivery, target: State = State.READY, **more: Any) -> Preparation:
    """Return the end of a delivery's preparation."""
    return Preparation(
        delivery_id=delivery.id,
        content=FINAL,
        content_hash="ab" * 32,
        target=target,
        at=SOON,
        **more,
    )


async def planned(store: Store, number: int = 1, **more: Any) -> Delivery:
    """Store a delivery that waits for its images."""
    arrival = illustrated(number, **more)
    await store.accept([arrival])
    return await store.delivery(arrival.deliveries[0].id)


async def prepared(store: Store, number: int = 1, **more: Any) -> Delivery:
    """Store a delivery with one image, which is prepared."""
    delivery = await planned(store, number, **more)
    await store.keep_media(SHA, DATA, NOW)
    await store.keep_images([rendered(delivery)])
    done = await store.prepared(the_end(delivery))
    assert done is not None
    return done


def uploaded(
    delivery: Delivery, id_: str, number: int = 1, *, published: bool = True
) -> Settlement:
    """Return the settlement of an attempt that uploaded an image."""
    attempt = Attempt(
        delivery.id, delivery.attempts, AttemptKind.UPLOAD, SOON, SOON, Outcome.UPLOADED, "image"
    )
    return Settlement(
        delivery_id=delivery.id,
        source=State.SENDING,
        target=State.READY,
        at=SOON,
        attempt=attempt,
        due_at=SOON,
        upload=StoredUpload(
            delivery_id=delivery.id, number=number, id=id_, at=SOON, published=published
        ),
    )


async def uploads(store: Store, delivery: Delivery) -> list[str]:
    """Return the ids of what a platform has of a delivery's images."""
    return [upload.id for upload in await store.uploads(delivery.id)]


async def leftovers(store: Store) -> list[str]:
    """Return the ids of the uploads that are to be removed."""
    return [upload.id for upload in await store.leftover_uploads(99)]


async def uploads_one(store: Store, delivery: Delivery, id_: str, number: int = 1) -> Delivery:
    """Begin an attempt that uploads an image; return the delivery as it is then."""
    (claimed,) = await store.claim(CHANNEL, SOON + 50, 1)
    assert claimed.id == delivery.id
    await store.settle(uploaded(claimed, id_, number))
    return await store.delivery(delivery.id)


class StoreImagesContract:
    """The preparation of images, their bytes, and their uploads."""

    # -- the bytes ------------------------------------------------------------------------------

    async def test_bytes_are_kept_once_however_often_they_are_put(self, store: Store) -> None:
        """Two messages, and two processes of the same message, may bring the same picture."""
        await asyncio.gather(*(store.keep_media(SHA, DATA, NOW + n) for n in range(3)))
        assert await store.media(SHA) == DATA
        assert await store.forget_media(NOW + 2) == 0, "it was put again at that time"
        assert await store.forget_media(NOW + 3) == 1
        with pytest.raises(NotFound):
            await store.media(SHA)

    async def test_unknown_bytes_are_not_found(self, store: Store) -> None:
        """Whether any were ever stored or not."""
        with pytest.raises(NotFound):
            await store.media(SHA)
        await store.keep_media(SHA, DATA, NOW)
        with pytest.raises(NotFound):
            await store.media("0" * 64)

    async def test_bytes_survive_the_end_of_the_process(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """They are durable before anything refers to them."""
        await store.keep_media(SHA, DATA, NOW)
        await store.close()
        again = await open_store()
        try:
            assert await again.media(SHA) == DATA
        finally:
            await again.close()

    async def test_bytes_stay_as_long_as_one_message_that_has_its_content_shows_them(
        self, store: Store
    ) -> None:
        """They go with the last one, and not before."""
        first, second = illustrated(1), illustrated(2)
        for arrival in (first, second):
            (delivery,) = arrival.deliveries
            event, run = arrival.event, replace(arrival.runs[0], state=RunState.PLANNED)
            await store.accept([Arrival(event, [run], [delivery])])
            await store.keep_media(SHA, DATA, NOW)
            await store.keep_images([rendered(delivery)])
            await store.prepared(the_end(delivery))
        assert await store.forget_media(NOW + 9_999) == 0
        for arrival, left in ((first, 0), (second, 1)):
            await store.move(arrival.deliveries[0].id, State.CANCELLED, NOW + 20)
            # An open delivery keeps everything about its subject.
            pruned = await store.empty(Over(NOW + 9_999))
            assert await store.forget_media(NOW + 9_999) == left
            assert bool(pruned.events) == bool(left)
        with pytest.raises(NotFound):
            await store.media(SHA)

    # -- the preparation ------------------------------------------------------------------------

    async def test_what_waits_for_its_images_is_not_sent(self, store: Store) -> None:
        """It is listed as unprepared until then, and becomes what it is prepared for."""
        delivery = await planned(store)
        assert await store.claim(CHANNEL, NOW + 99, 9) == []
        (waiting,) = await store.unprepared(NOW, 9)
        assert (waiting.delivery.id, waiting.required, waiting.tries) == (delivery.id, True, 0)
        await store.keep_images([rendered(delivery)])
        done = await store.prepared(the_end(delivery))
        assert done is not None
        assert (done.state, done.content, done.content_hash) == (State.READY, FINAL, "ab" * 32)
        assert await store.unprepared(NOW + 99, 9) == []
        assert await store.next_preparation() is None
        assert [claimed.id for claimed in await store.claim(CHANNEL, NOW + 99, 9)] == [delivery.id]

    async def test_it_is_held_with_the_hold_that_it_was_planned_with(self, store: Store) -> None:
        """Whoever approves it sees its images."""
        delivery = await planned(store, hold=Hold.APPROVAL)
        done = await store.prepared(the_end(delivery, State.HELD, hold=Hold.APPROVAL))
        assert done is not None
        assert (done.state, done.hold) == (State.HELD, Hold.APPROVAL)

    async def test_a_postponed_preparation_says_why_and_when_it_is_due(self, store: Store) -> None:
        """People read the reason; the engine the number of tries, and when the first one was."""
        delivery = await planned(store)
        await store.postpone(delivery.id, NOW + 60, "404", NOW + 1)
        await store.postpone(delivery.id, NOW + 90, "404 again", NOW + 61)
        assert (await store.delivery(delivery.id)).reason == "404 again"
        assert await store.unprepared(NOW + 89, 9) == []
        assert await store.next_preparation() == NOW + 90
        (waiting,) = await store.unprepared(NOW + 90, 9)
        assert (waiting.tries, waiting.first_at) == (2, NOW + 1)

    async def test_a_preparation_is_due_again_if_a_person_retries_what_failed(
        self, store: Store
    ) -> None:
        """It would otherwise be sent without its images."""
        delivery = await planned(store)
        await store.prepared(the_end(delivery, State.FAILED, reason="no picture"))
        assert await store.unprepared(NOW + 9_999, 9) == []
        again = await store.move(delivery.id, State.READY, NOW + 30)
        assert again.state is State.PLANNED
        assert len(await store.unprepared(NOW + 30, 9)) == 1

    @pytest.mark.parametrize("first", ["prepared", "other"])
    @pytest.mark.parametrize("other", ["cancel", "withdraw", "expire"])
    async def test_what_ends_while_it_is_prepared_is_not_sent(
        self, store: Store, other: str, first: str
    ) -> None:
        """Whichever of the two is stored first."""
        delivery = await planned(store, publish_by=NOW + 5)
        others = {
            "cancel": lambda: store.move(delivery.id, State.CANCELLED, SOON),
            "withdraw": lambda: store.withdraw(a_withdrawal()),
            "expire": lambda: store.expire(SOON),
        }
        pair = [store.prepared(the_end(delivery)), others[other]()]
        if first == "other":
            pair.reverse()
        await asyncio.gather(*pair)
        assert await store.claim(CHANNEL, NOW + 999, 9) == []
        assert await store.unprepared(NOW + 999, 9) == []
        assert await state_of(store, delivery) in (State.CANCELLED, State.EXPIRED)

    async def test_a_crash_in_the_middle_loses_no_rendition_and_no_preparation(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """What another delivery of the run needs is not fetched again."""
        delivery = await planned(store)
        await store.keep_media(SHA, DATA, NOW)
        await store.keep_images([rendered(delivery)])
        await store.close()
        again = await open_store()
        try:
            await again.recover(NOW + 20, NOW + 21)
            assert len(await again.unprepared(NOW + 20, 9)) == 1
            (row,) = await again.images_of_run(delivery.run_id)
            assert row == rendered(delivery)
            assert await again.images(delivery.id) == [row]
        finally:
            await again.close()

    # -- uploads --------------------------------------------------------------------------------

    async def test_an_upload_is_stored_with_its_attempt_and_the_next_one_is_due(
        self, store: Store
    ) -> None:
        """Between the two its deadline, a withdrawal and a stop count."""
        delivery = await prepared(store)
        after = await uploads_one(store, delivery, "m1")
        assert after.state is State.READY
        assert await uploads(store, delivery) == ["m1"]
        assert [each.kind for each in await store.attempts(delivery.id)] == [AttemptKind.UPLOAD]
        (claimed,) = await store.claim(CHANNEL, SOON, 9)
        await store.settle(ended(claimed, State.READY, due_at=SOON, uploads_expired=True))
        assert await uploads(store, delivery) == []

    async def test_an_upload_that_was_interrupted_goes_on_and_is_not_searched_for(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """Nothing was published; after the last upload, a post may have been."""
        delivery = await prepared(store)
        await store.claim(CHANNEL, SOON, 9)
        await store.close()
        again = await open_store()
        try:
            await again.recover(SOON + 1, SOON + 30)
            assert await state_of(again, delivery) is State.READY
            await uploads_one(again, delivery, "m1")
            await again.claim(CHANNEL, SOON + 60, 9)
        finally:
            await again.close()
        last = await open_store()
        try:
            await last.recover(SOON + 61, SOON + 90)
            assert await state_of(last, delivery) is State.UNKNOWN
        finally:
            await last.close()

    async def test_published_uploads_of_what_ends_unpublished_are_left_over(
        self, store: Store
    ) -> None:
        """Until they are forgotten; those that a post shows are not."""
        delivery = await prepared(store)
        await uploads_one(store, delivery, "m1")
        assert await leftovers(store) == []
        await store.move(delivery.id, State.CANCELLED, SOON + 1)
        assert await leftovers(store) == ["m1"]
        await store.forget_upload(delivery.id, 1)
        assert await leftovers(store) == []
        shown = await prepared(store, 2)
        after = await uploads_one(store, shown, "m2")
        (claimed,) = await store.claim(CHANNEL, SOON + 60, 9)
        await store.settle(ended(claimed, State.DELIVERED, at=SOON + 61))
        assert (await leftovers(store), await uploads(store, after)) == ([], ["m2"])

    # -- amendments -----------------------------------------------------------------------------

    async def test_an_edit_with_images_is_prepared_first_and_then_gives_its_uploads_to_its_post(
        self, store: Store
    ) -> None:
        """So a withdrawal finds what the post shows now; what it no longer shows is left over."""
        post = await prepared(store)
        await uploads_one(store, post, "old")
        (claimed,) = await store.claim(CHANNEL, SOON + 20, 9)
        await store.settle(ended(claimed, State.DELIVERED, at=SOON + 21))
        edit = await planned(store, 2, **amending())
        assert (edit.change, edit.state, edit.target) == (Change.EDIT, State.PLANNED, post.id)
        await store.keep_images([rendered(edit)])
        await store.prepared(the_end(edit))
        await uploads_one(store, edit, "new")
        (claimed,) = await store.claim(CHANNEL, SOON + 60, 9)
        await store.settle(ended(claimed, State.DELIVERED, at=SOON + 61))
        assert await uploads(store, post) == ["new"]
        assert await leftovers(store) == ["old"]

    async def test_every_copy_of_an_amendment_is_prepared(self, store: Store) -> None:
        """One for each post that it edits."""
        for number in (1, 2):
            await published(store, number)
        await planned(store, 3, **amending())
        waiting = await store.unprepared(NOW + 99, 9)
        assert len({each.delivery.target for each in waiting}) == 2

    @pytest.mark.parametrize("last", ["post", "image"])
    async def test_a_reply_with_images_waits_for_them_and_for_its_post(
        self, store: Store, last: str
    ) -> None:
        """Whichever comes last."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        reply = await planned(store, 2, **amending(edits=False))
        assert (reply.change, reply.follows) == (Change.FOLLOW_UP, sending.id)
        ends = [
            lambda: store.prepared(the_end(reply)),
            lambda: store.settle(ended(sending, State.DELIVERED, at=SOON)),
        ]
        if last == "image":
            ends.reverse()
        await ends[0]()
        assert await state_of(store, reply) is State.PLANNED
        assert await store.claim(CHANNEL, NOW + 99, 9) == []
        await ends[1]()
        assert await state_of(store, reply) is State.READY

    async def test_a_reply_whose_post_failed_while_its_images_were_prepared_is_not_sent(
        self, store: Store
    ) -> None:
        """It would reply to nothing."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        reply = await planned(store, 2, **amending(edits=False))
        await store.settle(ended(sending, State.FAILED, at=SOON))
        await store.prepared(the_end(reply))
        assert await state_of(store, reply) is State.CANCELLED

    async def test_an_amendment_without_images_keeps_those_of_the_waiting_post_that_it_supersedes(
        self, store: Store
    ) -> None:
        """As an edit does; an empty list takes them off."""
        waits = await prepared(store)
        new = await amends_what_waits(store, 2, '{"text":"aged 14"}')
        assert json.loads(new.content) == {**json.loads(FINAL), "text": "aged 14"}
        assert (new.state, new.change, new.target) == (State.READY, Change.REPLACE, waits.id)
        assert [each.sha256 for each in await store.images(new.id)] == [SHA]
        none = await amends_what_waits(store, 3, '{"images":[],"text":"aged 15"}')
        assert (json.loads(none.content)["images"], await store.images(none.id)) == ([], [])

    async def test_images_of_a_superseded_post_that_are_not_prepared_yet_are_prepared_for_the_new_one(
        self, store: Store
    ) -> None:
        """Otherwise it would go out without them."""
        images = [{"url": "https://pictures.example/1.png"}]
        await planned(store, content=json.dumps({"images": images, "text": "aged 13"}))
        new = await amends_what_waits(store, 2, '{"text":"aged 14"}')
        assert json.loads(new.content) == {"images": images, "text": "aged 14"}
        assert new.state is State.PLANNED
        (waiting,) = await store.unprepared(NOW + 99, 9)
        assert waiting.delivery.id == new.id
        await store.prepared(the_end(new))
        assert await state_of(store, new) is State.READY


async def amends_what_waits(store: Store, number: int, content: str) -> Delivery:
    """Store an amendment without images to prepare, and return what became of it."""
    arrival = an_arrival(number, subject=SUBJECT, content=content, **amending())
    await store.accept([arrival])
    return await store.delivery(arrival.deliveries[0].id)


def amending(*, edits: bool = True) -> dict[str, Any]:
    """Return what a delivery has that amends the step `tweet`."""
    amends = Amends("tweet", edits, Instead.FOLLOW_UP)
    return {"kind": Kind.AMEND, "amends": amends, "step": "amend"}
