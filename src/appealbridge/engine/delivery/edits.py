"""One attempt to edit a published post, or one look at whether an edit has arrived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.gate import Verdict
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.messages import in_thread, message_of
from appealbridge.engine.delivery.sanitize import sanitized_receipt
from appealbridge.engine.holds.stops import Stops
from appealbridge.engine.images.outcome import UploadAttempt
from appealbridge.engine.images.uploads import Uploads, as_uploaded
from appealbridge.engine.time_limit import GaveUp, Over
from appealbridge.model.delivery import OPEN, Delivery, Hold, State
from appealbridge.model.errors import (
    AlreadyGone,
    DeliveryError,
    NotFound,
    Rejected,
    StoreError,
    TryAgain,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value
from appealbridge.plugin.channel import SearchResult
from appealbridge.plugin.images import UploadsImages
from appealbridge.plugin.message_images import Illustrated, Image, gives_images
from appealbridge.plugin.options import Options
from appealbridge.plugin.published import AnyEdits, Edits, Standing

ASK_AGAIN = 60.0
"""After how many seconds an edit is tried again while nobody knows whether its post is published."""

SHOWN = 500
"""How many characters of each text are shown if somebody edited a post by hand."""


@value
class EditedPost:
    """The post that an edit changes, its receipt, and what was last published, `None` if that is no longer stored."""

    number: int
    receipt: Receipt
    last: Options | None


class PostEdits:
    """Edits posts, if what is there is what was last published."""

    def __init__(
        self,
        context: EngineContext,
        failure: Callable[[Exception], DeliveryError],
        uploads: Uploads,
        stops: Stops,
    ) -> None:
        self._stops = stops
        self._store = context.store
        self._clock = context.clock
        self._uploads = uploads
        self._within = context.time_limits.within
        self._failure = failure

    async def edit(
        self, lane: Lane, delivery: Delivery, over: Over
    ) -> Receipt | DeliveryError | Verdict | UploadAttempt:
        """Make one attempt that is stored as begun, or upload one image; return a verdict if a person has to decide."""
        channel = lane.channel
        if not isinstance(channel, Edits):
            return Rejected(f"{lane.name} is on {channel.platform}, which cannot edit")
        try:
            post = await self._seen(lane, channel, delivery)
        except (TryAgain, Rejected) as error:
            post = self._failure(error)
        except Exception as error:  # noqa: BLE001 - nothing is edited yet, whatever a plug-in breaks over
            post = TryAgain(str(self._failure(error)))
        if not isinstance(post, EditedPost):
            return post if isinstance(post, Verdict) else self._result_of(lane, delivery, post)
        result = await self._edited(lane, channel, delivery, post, over)
        if isinstance(result, UploadAttempt | Verdict):
            return result
        return self._result_of(lane, delivery, result)

    def _result_of(
        self, lane: Lane, delivery: Delivery, result: Receipt | DeliveryError
    ) -> Receipt | DeliveryError:
        if isinstance(result, Receipt) and not result.account:
            result = replace(result, account=lane.identity)
        return lane.on_result(result, self._clock.now(), delivery.id)

    async def _edited(
        self, lane: Lane, channel: AnyEdits, delivery: Delivery, post: EditedPost, over: Over
    ) -> Receipt | DeliveryError | UploadAttempt | Verdict:
        try:
            message = await self._with_images(lane, delivery, over)
            if isinstance(message, UploadAttempt | Verdict):
                return message
            images = message.images if isinstance(message, Illustrated) else ()
            tools = self._uploads.tools(lane)
            async with self._uploads.memory_for(lane, images):
                # The look at the post may have taken minutes.
                if (stopped := self._stops.forbids(delivery)) is not None:
                    return stopped
                editing = channel.edit(lane.account, message, post.receipt, delivery, tools)
                return sanitized_receipt(await self._within(lane.channel.time_limit, editing, over))
        except GaveUp as error:
            return Unsure(f"the attempt was ended: {error}; the post may be edited")
        except AlreadyGone as error:
            return Rejected(f"its post, no. {post.number}, is no longer there: {error}")
        except Exception as error:  # noqa: BLE001 - a bug after the edit is Unsure, as for a post
            return self._failure(error)

    async def _with_images(
        self, lane: Lane, delivery: Delivery, over: Over
    ) -> Options | UploadAttempt | Verdict:
        """Return the message with its images; if it says nothing of them, with those of its post as they are."""
        message = await message_of(lane.channel, delivery.content)
        if gives_images(message):
            return await self._uploads.complete(lane, delivery, message, over)
        if not isinstance(lane.channel, UploadsImages) or not isinstance(message, Illustrated):
            return message
        try:
            images = await self._images_of_post(lane, delivery.target)
        except StoreError as error:
            raise TryAgain(f"the images of its post could not be looked up: {error}") from None
        # An edit without them would take them off.
        return message.model_copy(update={"images": images}) if images else message

    async def _images_of_post(self, lane: Lane, target: str) -> tuple[Image, ...]:
        """Return the images that a post has now, with their uploads."""
        uploads = {each.number: each for each in await self._store.uploads(target)}
        if not uploads:
            return ()
        versions = [each.delivery for each in await self._store.versions(target)]
        for version in [*reversed(versions), target]:
            content = (await self._store.delivery(version)).content
            shown = content and await message_of(lane.channel, content)
            if shown and isinstance(shown, Illustrated) and gives_images(shown):
                return tuple(
                    image.model_copy(update={"upload": as_uploaded(uploads[number])})
                    for number, image in enumerate(shown.images, start=1)
                    if number in uploads
                )
        return ()

    async def _seen(
        self, lane: Lane, channel: AnyEdits, delivery: Delivery
    ) -> EditedPost | Receipt | DeliveryError | Verdict:
        """Return the post if it is as last published, its receipt if nothing has to be done, or else why not."""
        post = await self._post(lane, delivery)
        if isinstance(post, Verdict):  # an attempt that has begun fails; it cannot be cancelled
            return Rejected(post.reason)
        if not isinstance(post, EditedPost):
            return post
        standing = await self._look(lane, channel, post, delivery)
        if not standing.there:
            return Rejected(f"its post, no. {post.number}, is no longer there: {standing.seen}")
        message = await message_of(lane.channel, delivery.content)
        has_text = await in_thread(channel.shows, message, standing)
        if has_text and not gives_images(message):
            return post.receipt
        if (
            has_text
            or Hold.EDITED_BY_HAND in delivery.hold.split()
            or await in_thread(_is_ours, channel, post, standing)
        ):
            return post
        return await in_thread(_by_hand, channel, post, standing)

    async def find(self, lane: Lane, delivery: Delivery) -> SearchResult | DeliveryError | Verdict:
        """Look once whether an edit with an unclear outcome has arrived."""
        channel = lane.channel
        if not isinstance(channel, Edits):
            return Rejected(f"{lane.name} is on {channel.platform}, which cannot edit")
        try:
            post = await self._post(lane, delivery)
            if not isinstance(post, EditedPost):
                return post
            message = await message_of(lane.channel, delivery.content)
            standing = await self._look(lane, channel, post, delivery)
        except (TryAgain, Rejected) as error:
            return self._failure(error)
        except Exception as error:  # noqa: BLE001 - a look that breaks has seen nothing
            return TryAgain(str(self._failure(error)))
        seen = lane.http.clean(str(standing.seen).encode(errors="replace").decode())
        if await in_thread(channel.shows, message, standing):
            if gives_images(message) and await in_thread(_is_ours, channel, post, standing):
                # A look does not show which images it has, and a second edit does no harm.
                seen = f"the post has this text, but nobody knows with which images: {seen}"
                return SearchResult(None, sure=True, seen=seen)
            return SearchResult(post.receipt, sure=True, seen=seen)
        if not standing.there:
            return SearchResult(None, sure=False, seen=f"the post is no longer there: {seen}")
        if Hold.EDITED_BY_HAND in delivery.hold.split() or await in_thread(
            _is_ours, channel, post, standing
        ):
            return SearchResult(None, sure=True, seen=f"the post has its former text: {seen}")
        return await in_thread(_by_hand, channel, post, standing)

    async def _post(self, lane: Lane, delivery: Delivery) -> EditedPost | DeliveryError | Verdict:
        try:
            target = await self._store.delivery(delivery.target)
            versions = await self._store.versions(target.id)
            last = target
            if versions and versions[-1].delivery != target.id:
                last = await self._store.delivery(versions[-1].delivery)
        except NotFound:
            return Rejected("the post that it edits is no longer known")
        except StoreError as error:
            return TryAgain(f"the post that it edits could not be looked up: {error}")
        state = f"its post, no. {target.number}, is {target.state.value}"
        if target.state in OPEN:
            return TryAgain(state, after=ASK_AGAIN)
        if target.state in (State.WITHDRAWING, State.WITHDRAWN):
            # Whatever the post says now, it is being removed: there is nothing for a person to find out.
            return Verdict(State.CANCELLED, reason=state)
        if target.state is not State.DELIVERED or target.receipt is None:
            return Rejected(state)
        if target.is_confirmed:
            return Rejected(
                f"its post, no. {target.number}, was confirmed by a person at {target.receipt.url}, and AppealBridge "
                "does not know its id; edit it there by hand"
            )
        content = last.content and await message_of(lane.channel, last.content)
        return EditedPost(target.number, target.receipt, content or None)

    async def _look(
        self, lane: Lane, channel: AnyEdits, post: EditedPost, delivery: Delivery
    ) -> Standing:
        """Look at the post; an unclear answer to a look has changed nothing."""
        look = channel.look(lane.account, post.receipt, delivery, self._uploads.tools(lane))
        try:
            standing = await self._within(lane.channel.time_limit, look)
        except AlreadyGone as error:
            return Standing(there=False, seen=str(error))
        except (GaveUp, Unsure) as error:
            raise TryAgain(f"the post could not be looked at: {error}") from None
        return Standing(bool(standing.there), lane.http.clean(str(standing.text)), standing.seen)


def _is_ours(channel: AnyEdits, post: EditedPost, standing: Standing) -> bool:
    """Return whether what is there is what was last published."""
    return post.last is not None and channel.shows(post.last, standing)


def _by_hand(channel: AnyEdits, post: EditedPost, standing: Standing) -> Verdict:
    published = "its content is no longer stored"
    if post.last is not None:
        published = f'"{_short(channel.shown_text(post.last))}"'
    return Verdict(
        State.HELD,
        Hold.EDITED_BY_HAND,
        f'somebody edited no. {post.number} by hand. There now: "{_short(standing.text)}". Last published '
        f"by AppealBridge: {published}. Release this to put its text there, or cancel it",
    )


def _short(text: str) -> str:
    text = text.encode(errors="replace").decode()
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
