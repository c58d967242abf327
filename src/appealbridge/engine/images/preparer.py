"""
Prepares the images of planned deliveries: fetches each picture once for a run, and makes each channel's rendition.

Only then is it known what will be sent. So the delivery gets its final content, and is held or sent.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.backoff import next_due
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.messages import message_of
from appealbridge.engine.delivery.retry_policies import Policies
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.images.rendering import (
    RenditionKey,
    RequiredRendition,
    content_of,
    described,
    with_renditions,
)
from appealbridge.engine.images.sources import Sources
from appealbridge.engine.intake.disk_space import DiskSpace
from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.engine.supervise import repeat
from appealbridge.media.renderer import Renderer
from appealbridge.media.values import ImageLimits, ImageRefused, RendererUnavailable, Rendition
from appealbridge.model.delivery import Delivery, Hold, State, with_hold
from appealbridge.model.errors import DeliveryError, NotFound, Rejected, StoreError, TryAgain
from appealbridge.plugin.images import AcceptsImages, UploadsImages
from appealbridge.plugin.message_images import Illustrated, StoredImage
from appealbridge.store.records import Preparation, Rendered, Settlement, Unprepared

AT_ONCE = 3
"""How many runs are prepared at the same time. Each has one picture of up to 20 MB in memory."""

BATCH = 200
"""How many deliveries are read from the store at once."""

THUMBNAIL = ImageLimits(frozenset({"image/jpeg"}), 60_000, max_width=320, max_height=320)
"""What people are shown of an image, for a first look."""

OPTIONAL_TRIES = 3
"""How often a picture is tried without which the message may go out."""

_NO_ACCOUNT = 60.0
_FULL = 30.0


@dataclass(slots=True)
class _Illustration:
    """A delivery of a run that is being prepared: its lane, its message, and the renditions that it needs."""

    waiting: Unprepared
    lane: Lane
    message: Illustrated
    required: Sequence[RequiredRendition]


@dataclass(slots=True)
class _Renditions:
    """The renditions that a run has by now, and why others could not be made: for now, or ever."""

    renditions: dict[RenditionKey, StoredImage] = field(default_factory=dict)
    failed: dict[RenditionKey, str] = field(default_factory=dict)
    for_good: set[RenditionKey] = field(default_factory=set)
    after: float | None = None


class Preparer(OutcomeListener):
    """Prepares deliveries with images, one run after the other, a few at the same time."""

    def __init__(
        self,
        context: EngineContext,
        outcomes: OutcomeListener,
        guard: Guard,
        disk_space: DiskSpace,
    ) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self._outcomes = outcomes
        self._guard = guard
        self._disk_space = disk_space
        self._policies = Policies(context)
        self.sources = Sources(context.source_http)
        self._renderer = Renderer()
        self._wake = context.to_prepare
        self._runs: dict[str, asyncio.Task[None]] = {}

    def on_waiting(self, delivery: Delivery) -> None:
        """Begin at once if a delivery is to be prepared."""
        if delivery.state is State.PLANNED and (delivery.images or not delivery.follows):
            self._wake.set()

    async def shown(self, delivery_id: str, number: int, *, small: bool) -> Rendition:
        """Return an image of a delivery, perhaps a small one; raise `NotFound` or `StoreError`."""
        delivery = await self._store.delivery(delivery_id)
        for each in await self._store.images(delivery.id):
            if each.number == number:
                data = await self._store.media(each.sha256)
                whole = Rendition(data, each.media_type, each.width, each.height, each.sha256)
                try:
                    return await self._renderer.render(data, THUMBNAIL) if small else whole
                except (ImageRefused, RendererUnavailable):
                    return whole
        raise NotFound(f"delivery {delivery.number}: it has no image {number}, or not yet")

    async def render(self, data: bytes, limits: ImageLimits) -> Rendition:
        """Return a picture that a channel fetched itself, within these limits; raise `Rejected` or `TryAgain`."""
        try:
            return await self._renderer.render(data, limits)
        except ImageRefused as refusal:
            raise Rejected(str(refusal)) from None
        except RendererUnavailable as error:
            raise TryAgain(str(error)) from None

    async def run(self) -> None:
        """Prepare what is due until cancelled."""
        try:
            await repeat(self._context, "images", self._begin, self._wake)
        finally:
            for task in self._runs.values():
                task.cancel()
            if self._runs:
                await asyncio.wait(self._runs.values())
            self._renderer.close()
            self._renderer = Renderer()

    async def _begin(self) -> float | None:
        """Begin with the runs that are due, as far as there is room; return when others are due."""
        if self._disk_space.why:
            return self._clock.now() + _FULL
        by_run: dict[str, list[Unprepared]] = {}
        for waiting in await self._store.unprepared(self._clock.now(), BATCH):
            by_run.setdefault(waiting.delivery.run_id, []).append(waiting)
        for run_id, some in by_run.items():
            if len(self._runs) < AT_ONCE and run_id not in self._runs:
                task = self._context.tasks.create_task(self._prepare(run_id, some))
                self._runs[run_id] = task
        return None if self._runs else await self._store.next_preparation()

    async def _prepare(self, run_id: str, waiting: Sequence[Unprepared]) -> None:
        report = self._context.report
        try:
            await self._prepare_run(run_id, waiting)
        except StoreError as error:
            report.store_failed(error, "images")
            await self._clock.sleep(1.0)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the others
            report.broke("images", error)
            await self._give_up(waiting, error)
        finally:
            self._runs.pop(run_id, None)
            self._wake.set()

    async def _give_up(self, waiting: Sequence[Unprepared], error: Exception) -> None:
        last = traceback.format_exception_only(error)[-1].strip()
        for each in waiting:
            try:
                await self._end(
                    each.delivery, State.FAILED, reason=f"a fault of this program: {last}"
                )
            except Exception as worse:  # noqa: BLE001 - it stays planned, and is tried again
                self._context.report.broke("images", worse)
                await self._clock.sleep(_FULL)

    async def _prepare_run(self, run_id: str, waiting: Sequence[Unprepared]) -> None:
        jobs = [job for each in waiting if (job := await self._job(each)) is not None]
        done = _Renditions()
        for row in await self._store.images_of_run(run_id):
            stored = StoredImage.model_validate(row, from_attributes=True)
            done.renditions[row.source, row.limits] = stored
        required = [each for job in jobs for each in job.required]
        for source in dict.fromkeys(each.source for each in required):
            open_ = {
                each.key: each
                for each in required
                if each.source == source and each.key not in done.renditions
            }
            if open_:
                await self._render(source, list(open_.values()), done)
                # At once: what another delivery of this run needs is then not fetched again after a crash.
                await self._keep(jobs, done)
        for job in jobs:
            await self._finish(job, done)

    async def _job(self, waiting: Unprepared) -> _Illustration | None:
        delivery = waiting.delivery
        lane = self._context.lanes.get(delivery.channel)
        now = self._clock.now()
        if lane is None:
            reason = "its account is no longer in appealbridge.yaml"
            await self._store.postpone(delivery.id, now + _NO_ACCOUNT, reason, now)
            return None
        try:
            message = await message_of(lane.channel, delivery.content)
        except ValidationError:
            message = None
        if not isinstance(message, Illustrated) or not isinstance(lane.channel, AcceptsImages):
            reason = (
                f"{lane.name} no longer accepts what was planned for it; was its platform changed?"
            )
            await self._end(delivery, State.FAILED, reason=reason)
            return None
        limits = lane.channel.image_rules(lane.account).limits
        required = [
            RequiredRendition(number, image, limits)
            for number, image in enumerate(message.images, start=1)
        ]
        return _Illustration(waiting, lane, message, required)

    async def _render(
        self, source: str, required: Sequence[RequiredRendition], done: _Renditions
    ) -> None:
        """Make the renditions of one picture."""
        try:
            data = await self.sources.read(source)
        except DeliveryError as error:
            why = str(error)[:500]  # short enough for a list
            done.failed |= dict.fromkeys((each.key for each in required), why)
            if isinstance(error, Rejected):
                done.for_good |= {each.key for each in required}
            elif isinstance(error, TryAgain) and error.after:
                done.after = max(error.after, done.after or 0.0)
            return
        for each in required:
            try:
                rendition = await self._renderer.render(data, each.limits)
            except ImageRefused as refusal:
                done.failed[each.key] = str(refusal)
                done.for_good.add(each.key)
                continue
            except RendererUnavailable as error:
                done.failed[each.key] = str(error)
                continue
            await self._store.keep_media(rendition.sha256, rendition.data, self._clock.now())
            done.renditions[each.key] = StoredImage(
                sha256=rendition.sha256, media_type=rendition.media_type, width=rendition.width,
                height=rendition.height, size=len(rendition.data),
            )  # fmt: skip

    async def _keep(self, jobs: Sequence[_Illustration], done: _Renditions) -> None:
        rows = []
        for job in jobs:
            number = 0
            for each in job.required:
                if (stored := done.renditions.get(each.key)) is None:
                    continue
                number += 1
                source, limits = each.key
                rows.append(
                    Rendered(
                        delivery_id=job.waiting.delivery.id,
                        number=number,
                        source=source,
                        limits=limits,
                        uploads=isinstance(job.lane.channel, UploadsImages),
                        **stored.model_dump(),
                    )
                )
        await self._store.keep_images(rows)

    async def _finish(self, job: _Illustration, done: _Renditions) -> None:
        """Let a delivery go on with its images, or without those that it can do without; otherwise try again later."""
        waiting, delivery = job.waiting, job.waiting.delivery
        missing = {each.key for each in job.required} - done.renditions.keys()
        why = described({rendition: done.failed[rendition] for rendition in missing}, job.required)
        for_good = missing & done.for_good
        if missing and waiting.required and for_good:
            await self._end(delivery, State.FAILED, reason=why)
            return
        if missing - for_good and (waiting.required or waiting.tries + 1 < OPTIONAL_TRIES):
            await self._later(job, why, done.after)
            return
        message = with_renditions(job.message, job.required, done.renditions)
        await self._keep([job], done)
        await self._go_on(delivery, message, f"it goes out without {why}" if missing else "")

    async def _later(self, job: _Illustration, why: str, after: float | None) -> None:
        waiting, now = job.waiting, self._clock.now()
        policy, _ = await self._policies.of(waiting.delivery, job.lane, now)
        due = next_due(
            policy,
            attempts=waiting.tries + 1,
            first_begun_at=now if waiting.first_at is None else waiting.first_at,
            now=now,
            after=after,
            rng=self._context.rng,
        )
        if due is None:
            await self._end(waiting.delivery, State.FAILED, reason=f"gave up; {why}")
            return
        await self._store.postpone(waiting.delivery.id, due, f"it waits for {why}", now)

    async def _go_on(self, delivery: Delivery, message: Illustrated, note: str) -> None:
        content, digest = content_of(message)
        planned = replace(delivery, content=content, content_hash=digest)
        hold, reasons = (
            delivery.hold,
            [delivery.reason] if delivery.hold and delivery.reason else [],
        )
        if same := await self._guard.repeats_text(planned, self._clock.now()):
            if hold in ("", Hold.BURST, Hold.APPROVAL, Hold.ACCEPTANCE):
                hold = with_hold("" if hold == Hold.BURST else hold, Hold.SAME_TEXT)
            reasons.append(same)
        reasons += [note] if note else []
        await self._end(
            planned,
            State.HELD if hold else State.READY,
            hold=hold,
            reason="; ".join(reasons),
            made_from=delivery.content_hash,
        )

    async def _end(
        self,
        delivery: Delivery,
        target: State,
        *,
        hold: str = "",
        reason: str = "",
        made_from: str = "",
    ) -> None:
        now = self._clock.now()
        preparation = Preparation(
            delivery_id=delivery.id,
            content=delivery.content,
            content_hash=delivery.content_hash,
            target=target,
            at=now,
            hold=hold,
            reason=reason[:2000],
            made_from=made_from or delivery.content_hash,
        )
        prepared = await self._store.prepared(preparation)
        if prepared is None:
            return  # it was cancelled, withdrawn, corrected or too late meanwhile
        if prepared.state is State.FAILED:
            settlement = Settlement(
                delivery_id=prepared.id,
                source=State.PLANNED,
                target=State.FAILED,
                at=now,
                reason=prepared.reason,
            )
            self._outcomes.on_result(Result(delivery, settlement, 0.0))
            return
        self._outcomes.on_waiting(prepared)
        if prepared.state is State.HELD:
            self._outcomes.on_held([prepared])
