"""Uploads the images of a message, each as an attempt of its own, before the message itself is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.gate import Verdict
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.outcome import Tried
from appealbridge.engine.delivery.retry_policies import Policies
from appealbridge.engine.holds.stops import Stops
from appealbridge.engine.images.outcome import (
    LONGEST_WORK,
    MARGIN,
    UploadAttempt,
    settle_upload,
    tried_uploads,
)
from appealbridge.engine.time_limit import GaveUp, Over
from appealbridge.model.attempt import AttemptKind, Outcome
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import (
    DeliveryError,
    NotFound,
    Rejected,
    StoreError,
    TryAgain,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Render, Tools
from appealbridge.plugin.images import AnyUploads, PublishesUploads, UploadsImages
from appealbridge.plugin.message_images import Illustrated, Image, Uploaded, upload_name
from appealbridge.plugin.options import Options
from appealbridge.store.records import Settlement, StoredUpload

IN_FLIGHT = 64 * 1024 * 1024
"""How many bytes of pictures may be in memory for attempts that are under way."""

_COPIES = 3
"""How many times the size of its images a message takes that contains them."""

_ID_LIMIT, _URL_LIMIT = 500, 2000


class ImageMemory:
    """Lets attempts begin only while their pictures fit into the memory that is meant for all of them."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Wait until so many bytes are free, and take them; one that is too large waits for all of them."""
        size = min(size, self._size)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            async with self._changed:
                self._changed.notify_all()


class Uploads:
    """Makes attempts to upload images, and gives messages what was uploaded."""

    def __init__(
        self,
        context: EngineContext,
        policies: Policies,
        failure: Callable[[Exception], DeliveryError],
        render: Render,
        stops: Stops,
    ) -> None:
        self._stops = stops
        self._policies = policies
        self._store = context.store
        self._clock = context.clock
        self._rng = context.rng
        self._within = context.time_limits.within
        self._until_answered = context.until_answered
        self._failure = failure
        self._render = render
        self._memory = ImageMemory(IN_FLIGHT)

    def tools(self, lane: Lane) -> Tools:
        """Return what a channel gets, with the bytes of stored images."""
        return Tools(lane.http, self._clock.now(), self._rng, self._stored, self._render)

    def memory_for(self, lane: Lane, images: Sequence[Image]) -> AbstractAsyncContextManager[None]:
        """Return a context in which a channel may read these images itself, to send them with its message."""
        if not images or isinstance(lane.channel, UploadsImages):
            return nullcontext()
        return self._memory.of(_COPIES * sum(image.rendition.size for image in images))

    async def _stored(self, sha256: str) -> bytes:
        try:
            return await self._store.media(sha256)
        except NotFound:
            raise Rejected("an image of it is not in the store any more") from None
        except StoreError as error:
            raise TryAgain(f"an image of it could not be read: {error}") from None

    async def complete(
        self, lane: Lane, delivery: Delivery, message: Options, over: Over | None
    ) -> Options | UploadAttempt | Verdict:
        """
        Return the message with all its uploads, or how the next upload that it needs ended.

        Return a verdict if it may not be sent any more. Raise `DeliveryError` if it cannot be said what is needed.
        """
        if not isinstance(message, Illustrated) or not message.images:
            return message
        step = await self._step(lane, delivery, message, over)
        if isinstance(step, UploadAttempt):
            return _ended(lane, delivery, step, self._clock.now())
        return step

    async def _step(
        self, lane: Lane, delivery: Delivery, message: Illustrated, over: Over | None
    ) -> Illustrated | UploadAttempt | Verdict:
        channel = lane.channel
        if any(image.stored is None for image in message.images):
            raise Rejected("its images were not prepared; cancel it, and let its event run again")
        if not isinstance(channel, UploadsImages):
            return message
        try:
            known = {upload.number: upload for upload in await self._store.uploads(delivery.id)}
        except StoreError as error:
            raise TryAgain(f"its uploads could not be looked up: {error}") from None
        now = self._clock.now()
        images = []
        for number, image in enumerate(message.images, start=1):
            upload = known.get(number)
            if upload is None or (upload.expires is not None and upload.expires < now + MARGIN):
                return await self._upload(lane, channel, delivery, message, number, over)
            with_upload = image.model_copy(update={"upload": as_uploaded(upload)})
            if not upload.ready:
                return await self._ask(lane, channel, delivery, with_upload, upload, over)
            images.append(with_upload)
        return message.model_copy(update={"images": tuple(images)})

    async def settlement(
        self, lane: Lane, delivery: Delivery, upload: UploadAttempt, begun_at: float, now: float
    ) -> Settlement:
        """Return what an attempt at an upload means for its delivery."""
        policy, so_far = lane.policy, Tried(1, begun_at)
        if isinstance(upload.result, DeliveryError):
            policy, _ = await self._policies.of(delivery, lane, begun_at)
            so_far = tried_uploads(
                await self._until_answered(lambda: self._store.attempts(delivery.id)), begun_at
            )
        return settle_upload(
            delivery, upload, policy, so_far, begun_at=begun_at, now=now, rng=self._rng
        )

    async def publish(
        self, lane: Lane, delivery: Delivery, message: Options, over: Over
    ) -> Receipt | Verdict | UploadAttempt:
        """Upload an image that a message still needs, or publish it; raise what its channel raises."""
        images = message.images if isinstance(message, Illustrated) else ()
        complete = await self.complete(lane, delivery, message, over)
        if isinstance(complete, UploadAttempt | Verdict):
            return complete
        message = complete
        async with self.memory_for(lane, images):
            # Everything may have been stopped while the images were looked up.
            if images and (stopped := self._stops.forbids(delivery)) is not None:
                return stopped
            sending = lane.channel.deliver(lane.account, message, delivery, self.tools(lane))
            return await self._within(lane.channel.time_limit, sending, over)

    async def _upload(
        self,
        lane: Lane,
        channel: AnyUploads,
        delivery: Delivery,
        message: Illustrated,
        number: int,
        over: Over | None,
    ) -> UploadAttempt | Verdict:
        image, count = message.images[number - 1], len(message.images)

        async def attempt() -> Uploaded:
            # A rate limit that a platform has for uploads says nothing about posts.
            tools = replace(self.tools(lane), http=lane.http.reporting_to(lambda _: None))
            name = upload_name(delivery.id, number)
            if isinstance(channel, PublishesUploads) and await self._may_be_there(delivery):
                existing = await channel.find_upload(lane.account, image, name, delivery, tools)
                if existing is not None:
                    return existing
            return await channel.upload(lane.account, image, name, delivery, tools)

        result: StoredUpload | DeliveryError
        try:
            async with self._memory.of(image.rendition.size):
                # On some platforms readers can see an upload.
                if (stopped := self._stops.forbids(delivery)) is not None:
                    return stopped
                uploaded = await self._within(lane.channel.time_limit, attempt(), over)
            result = StoredUpload(
                delivery_id=delivery.id,
                number=number,
                id=str(uploaded.id)[:_ID_LIMIT],
                at=self._clock.now(),
                url=lane.http.clean(str(uploaded.url))[:_URL_LIMIT],
                ready=bool(uploaded.ready),
                expires=uploaded.expires,
                published=isinstance(channel, PublishesUploads),
            )
        except GaveUp as error:
            result = Unsure(f"the upload was ended: {error}")
        except Exception as error:  # noqa: BLE001 - a bug in a plug-in
            result = self._failure(error)
        return UploadAttempt(number, count, result)

    async def _may_be_there(self, delivery: Delivery) -> bool:
        """Return whether an upload of this delivery was begun of which nobody knows how it ended."""
        if delivery.attempts <= 1:
            return False
        attempts = await self._until_answered(lambda: self._store.attempts(delivery.id))
        return any(
            each.kind is AttemptKind.UPLOAD and each.outcome is not Outcome.UPLOADED
            for each in attempts
        )

    async def _ask(
        self,
        lane: Lane,
        channel: AnyUploads,
        delivery: Delivery,
        image: Image,
        upload: StoredUpload,
        over: Over | None,
    ) -> UploadAttempt:
        """Ask whether the platform has finished with an image."""
        result: StoredUpload | DeliveryError
        try:
            asking = channel.is_ready(lane.account, image, delivery, self.tools(lane))
            ready = bool(await self._within(lane.channel.time_limit, asking, over))
            result = replace(upload, ready=ready)
            if not ready and self._clock.now() - upload.at > LONGEST_WORK:
                minutes = LONGEST_WORK / 60
                result = TryAgain(f"the platform still works on it after {minutes:g} minutes")
                return UploadAttempt(upload.number, 0, result, again=True)
        except GaveUp as error:
            result = TryAgain(f"the question was ended: {error}")
        except Exception as error:  # noqa: BLE001 - likewise
            failure = self._failure(error)
            # It was only a question.
            result = TryAgain(str(failure)) if isinstance(failure, Unsure) else failure
        return UploadAttempt(upload.number, 0, result)


def as_uploaded(upload: StoredUpload) -> Uploaded:
    """Return an upload as channels get it."""
    return Uploaded(upload.id, upload.url, upload.ready, upload.expires)


def _ended(lane: Lane, delivery: Delivery, upload: UploadAttempt, now: float) -> UploadAttempt:
    """Let the lane know of an error. That an upload succeeded does not say that the account may publish."""
    if not isinstance(upload.result, DeliveryError):
        return upload
    result = lane.on_result(upload.result, now, delivery.id)
    return replace(upload, result=result) if isinstance(result, DeliveryError) else upload
