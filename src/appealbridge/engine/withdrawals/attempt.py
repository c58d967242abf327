"""One attempt to remove a post, or one look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.images.uploads import as_uploaded
from appealbridge.engine.time_limit import GaveUp
from appealbridge.engine.withdrawals.outcome import (
    settle_impossible,
    settle_look,
    settle_removal,
)
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    NotFound,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.images import PublishesUploads
from appealbridge.plugin.published import Removes, Standing
from appealbridge.store.records import Settlement

T = TypeVar("T")

THROTTLED = 60.0
"""After how many seconds the next removal begins if the platform says that there were too many, and no time."""


class Removals:
    """Makes the attempts and looks of removals, and returns how each is settled and how many seconds it took."""

    def __init__(
        self, context: EngineContext, failure: Callable[[Exception], DeliveryError]
    ) -> None:
        self._store = context.store
        self._clock = context.clock
        self._rng = context.rng
        self._within = context.time_limits.within
        self._until_answered = context.until_answered
        self._failure = failure

    async def remove(self, lane: Lane, removal: Delivery) -> tuple[Settlement, float]:
        """Make one attempt that is stored as begun."""
        begun_at = self._clock.now()
        post = await self._post(removal)
        receipt = None if post is None else post.receipt
        result = await self._removed(lane, removal, post)
        if isinstance(result, TryAgain):
            result = self._about_the_account(lane, removal, result)
        account = await self._account(lane) if isinstance(result, AlreadyGone) else ""
        now = self._clock.now()
        settlement = settle_removal(
            removal, result, receipt, lane.policy,
            account=account, begun_at=begun_at, now=now, rng=self._rng,
        )  # fmt: skip
        return settlement, now - begun_at

    async def look(self, lane: Lane, removal: Delivery) -> tuple[Settlement, float]:
        """Look once whether the post is gone."""
        begun_at = self._clock.now()
        post = await self._post(removal)
        receipt = None if post is None else post.receipt
        if cannot := _cannot(lane, post):
            return settle_impossible(removal, cannot, receipt, now=begun_at), 0.0
        result = await self._seen(lane, removal, receipt)
        before = await self._until_answered(lambda: self._store.attempts(removal.id))
        absent = isinstance(result, Standing) and not result.there
        account = await self._account(lane) if absent else ""
        now = self._clock.now()
        settlement = settle_look(
            removal, result, receipt, before, account=account, begun_at=begun_at, now=now
        )
        return settlement, now - begun_at

    async def _removed(
        self, lane: Lane, removal: Delivery, post: Delivery | None
    ) -> str | DeliveryError:
        channel, cannot = lane.channel, _cannot(lane, post)
        receipt = None if post is None else post.receipt
        if cannot or receipt is None or not isinstance(channel, Removes):
            return Rejected(cannot)
        try:
            removing = channel.remove(lane.account, receipt, removal, self._tools(lane))
            answer = await self._within(lane.channel.time_limit, removing)
        except GaveUp as error:
            return Unsure(f"the attempt was ended: {error}")
        except AlreadyGone as error:
            # The post may be gone since an attempt of which its images were left.
            failure = self._failure(error)
            left = await self._remove_uploads(lane, removal)
            return left or failure
        except Exception as error:  # noqa: BLE001 - a plug-in that breaks may have removed the post
            return self._failure(error)
        left = await self._remove_uploads(lane, removal)
        return left or lane.http.clean(str(answer).encode(errors="replace").decode())

    async def _remove_uploads(self, lane: Lane, removal: Delivery) -> DeliveryError | None:
        """Remove what can be seen without the post; return the first failure."""
        channel = lane.channel
        if not isinstance(channel, PublishesUploads):
            return None
        for upload in await self._until_answered(lambda: self._store.uploads(removal.target)):
            try:
                removing = channel.remove_upload(
                    lane.account, as_uploaded(upload), removal, self._tools(lane)
                )
                await self._within(lane.channel.time_limit, removing)
            except AlreadyGone:
                continue
            except GaveUp as error:
                return Unsure(f"the attempt was ended: {error}")
            except Exception as error:  # noqa: BLE001 - a plug-in that breaks may have removed it
                return self._failure(error)
        return None

    async def _seen(
        self, lane: Lane, removal: Delivery, receipt: Receipt | None
    ) -> Standing | DeliveryError:
        channel = lane.channel
        if receipt is None or not isinstance(channel, Removes):
            return TryAgain("it cannot be looked at")
        try:
            look = channel.look(lane.account, receipt, removal, self._tools(lane))
            standing = await self._within(lane.channel.time_limit, look)
            if not standing.there:
                standing = await self._upload_left(lane, removal) or standing
            seen = lane.http.clean(str(standing.seen).encode(errors="replace").decode())
            return Standing(bool(standing.there), "", seen)
        except GaveUp as error:
            return TryAgain(f"the look was ended: {error}")
        except Exception as error:  # noqa: BLE001 - a look that breaks has seen nothing
            return self._failure(error)

    async def _upload_left(self, lane: Lane, removal: Delivery) -> Standing | None:
        """Return what a look showed of an upload that is still there, `None` if none is."""
        channel = lane.channel
        if not isinstance(channel, PublishesUploads):
            return None
        for upload in await self._until_answered(lambda: self._store.uploads(removal.target)):
            look = channel.look_upload(
                lane.account, as_uploaded(upload), removal, self._tools(lane)
            )
            standing = await self._within(lane.channel.time_limit, look)
            if standing.there:
                return Standing(there=True, seen=f"image {upload.number}: {standing.seen}")
        return None

    def _about_the_account(
        self, lane: Lane, removal: Delivery, error: TryAgain
    ) -> str | DeliveryError:
        """Let the lane know of a login or an account in trouble; a limit on removing stops only removals."""
        now = self._clock.now()
        if error.throttled or error.after:
            lane.removes_at = now + min(error.after or THROTTLED, lane.policy.most)
            return error
        if isinstance(error, AccountRefused) and not error.sure:
            return error  # a login that may not remove this post may publish others
        result = lane.on_result(error, now, removal.id)
        return error if isinstance(result, Receipt) else result

    async def _account(self, lane: Lane) -> str:
        """Return who the credentials belong to now, empty if nobody knows."""
        try:
            checking = lane.channel.check(lane.account, self._tools(lane))
            return str(await self._within(lane.channel.time_limit, checking))
        except Exception:  # noqa: BLE001 - then nobody knows, and a person has to look
            return ""

    async def _post(self, removal: Delivery) -> Delivery | None:
        async def post() -> Delivery | None:
            try:
                return await self._store.delivery(removal.target)
            except NotFound:
                return None

        return await self._until_answered(post)

    def _tools(self, lane: Lane) -> Tools:
        return Tools(lane.http, self._clock.now(), self._rng)


def _cannot(lane: Lane, post: Delivery | None) -> str:
    """Return why a post can neither be removed nor looked at; empty if it can."""
    if post is None or post.receipt is None:
        return "nobody knows where its post is"
    if not isinstance(lane.channel, Removes):
        return f"nothing on {lane.name} ({lane.channel.platform}) can be taken back by AppealBridge"
    if post.is_confirmed:
        return "a person confirmed the post by its address, and AppealBridge does not know its id"
    return ""
