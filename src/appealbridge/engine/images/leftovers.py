"""Removes what is left of images: uploads of messages that were never published, and pictures that nothing shows."""

from __future__ import annotations

from appealbridge.engine.context import EngineContext
from appealbridge.engine.images.uploads import Uploads, as_uploaded
from appealbridge.model.errors import AlreadyGone, DeliveryError, Rejected, StoreError
from appealbridge.plugin.images import PublishesUploads
from appealbridge.store.records import StoredUpload

EVERY = 60.0
"""Seconds between two rounds."""

MEDIA_EVERY = 3600.0
"""Seconds between two searches for pictures that nothing shows; one that was just stored is left alone as long."""

BATCH = 50


class Leftovers:
    """Looks regularly for what is left."""

    def __init__(self, context: EngineContext, uploads: Uploads) -> None:
        self._context = context
        self._store = context.store
        self._uploads = uploads
        self._media_at = 0.0

    async def run(self) -> None:
        """Remove what is left until cancelled."""
        report = self._context.report
        while True:
            await self._context.clock.sleep(EVERY)
            try:
                for upload in await self._store.leftover_uploads(BATCH):
                    await self._remove(upload)
                now = self._context.clock.now()
                if now >= self._media_at + MEDIA_EVERY:
                    self._media_at = now
                    await self._store.forget_media(now - MEDIA_EVERY)
                report.store_worked("leftovers")
            except StoreError as error:
                report.store_failed(error, "leftovers")

    async def _remove(self, upload: StoredUpload) -> None:
        delivery = await self._store.delivery(upload.delivery_id)
        lane = self._context.lanes.get(delivery.channel)
        if lane is None or not isinstance(lane.channel, PublishesUploads):
            return
        tools = self._uploads.tools(lane)
        within = self._context.time_limits.within
        try:
            removing = lane.channel.remove_upload(
                lane.account, as_uploaded(upload), delivery, tools
            )
            await within(lane.channel.time_limit, removing)
            look = lane.channel.look_upload(lane.account, as_uploaded(upload), delivery, tools)
            if (await within(lane.channel.time_limit, look)).there:
                return  # the next round tries again
        except (AlreadyGone, Rejected):
            pass
        except DeliveryError:
            return  # the next round tries again
        except Exception as error:  # noqa: BLE001 - a plug-in that breaks concerns this upload alone
            self._context.report.broke(f"{lane.name}: remove_upload", error)
            return
        await self._store.forget_upload(upload.delivery_id, upload.number)
