"""
What a channel owes that publishes images: `ImagesContract` if it is `AcceptsImages`, and one more suite for uploads.

    class TestToot(HttpChannelContract, UploadsContract):
        case = ChannelCase(channel=Mastodon(), ..., uploads=UploadsCase(...))

The suites about uploads are for platforms that speak HTTP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from appealbridge.model.errors import (
    AlreadyGone,
    DeliveryError,
    Rejected,
    TryAgain,
    Unsure,
    UploadExpired,
)
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.images import AcceptsImages, PublishesUploads, UploadsImages
from appealbridge.plugin.message_images import (
    MOST_IMAGES,
    Illustrated,
    Image,
    StoredImage,
    Uploaded,
    upload_name,
)
from appealbridge.plugin.published import Edits
from appealbridge.testing.ability_contract import (
    REFUSAL,
    STATUSES,
    believed,
    meaning,
    outcomes_by_status,
)
from appealbridge.testing.channel_case import (
    NOW,
    Answer,
    ChannelCase,
    UploadsCase,
    a_delivery,
    forms_of_the_planted_secret,
)
from appealbridge.testing.server import HANG_UP, HANG_UP_EARLY, TRUNCATE, ScriptedServer

PICTURES = [b"\xff\xd8\xff kestrel " * 9000, b"\xff\xd8\xff heron " * 9]
"""What a case's images consist of; the first is larger than what a connection holds back."""

ALT_TEXTS = ["kestrel", "heron"]


def an_image(channel: Any, account: Any, number: int = 1, *, upload: Uploaded | None = None) -> Any:
    """Return an image as it is handed to a channel, with its upload if it has one."""
    data = PICTURES[number - 1]
    accepted = channel.image_rules(account).limits.media_types
    stored = StoredImage(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type="image/jpeg" if "image/jpeg" in accepted else "image/png",
        width=60,
        height=40,
        size=len(data),
    )
    image = Image(alt=ALT_TEXTS[number - 1], stored=stored)
    return image.model_copy(update={"upload": upload})


class ImagesContract:
    """What a channel owes that accepts images, whatever the platform speaks."""

    case: ClassVar[ChannelCase]
    scheme: ClassVar[str]

    @property
    def channel(self) -> Any:
        """Return the channel, which has the ability."""
        return self.case.channel

    def with_pictures(self, tools: Tools, read: list[str] | None = None) -> Tools:
        """Return tools that have the pictures, and note in `read` which ones were asked for."""
        pictures = {hashlib.sha256(data).hexdigest(): data for data in PICTURES}

        async def stored(sha256: str) -> bytes:
            if read is not None:
                read.append(sha256)
            return pictures[sha256]

        return replace(tools, stored=stored)

    def illustrated(self, account: Any, images: list[Image]) -> Any:
        """Return the case's message with images, without what it cannot have beside them."""
        left_out = self.channel.excludes_images
        options = {name: value for name, value in self.case.message.items() if name not in left_out}
        message = self.channel.message.model_validate(options)
        return message.model_copy(update={"images": tuple(images)})

    def test_its_message_and_its_rules_are_those_of_images(self) -> None:
        """Recipes, check and the preparer rely on them."""
        assert isinstance(self.case.channel, AcceptsImages)
        assert issubclass(self.case.channel.message, Illustrated)
        rules = self.channel.image_rules(self.case.account(f"{self.scheme}://127.0.0.1"))
        assert 1 <= rules.most <= MOST_IMAGES
        assert rules.alt_length >= 100
        fields = self.case.channel.message.model_fields
        assert self.channel.excludes_images <= fields.keys()

    def test_a_message_keeps_what_was_approved_of_its_images_and_no_upload(self) -> None:
        """It is stored before its uploads are made."""
        account = self.case.account(f"{self.scheme}://127.0.0.1")
        image = an_image(self.channel, account, upload=Uploaded("123"))
        message = self.illustrated(account, [image])
        text = message.model_dump_json()
        assert '"upload"' not in text
        stored = self.channel.message.model_validate_json(text)
        assert stored.images == (image.model_copy(update={"upload": None}),)

    async def test_all_images_go_out_with_their_alt_texts(
        self, platform: Any, tools: Tools
    ) -> None:
        """One that uploads nothing reads every picture itself, once."""
        if isinstance(self.channel, UploadsImages):
            return  # the suite for uploads has this
        account = self.case.account(platform.url)
        images = [an_image(self.channel, account, number) for number in (1, 2)]
        read: list[str] = []
        message = self.illustrated(account, images)
        delivery = a_delivery(content=message.model_dump_json(), action=self.channel.action)
        tools = self.with_pictures(tools, read)
        assert (await self.channel.deliver(account, message, delivery, tools)).id
        assert read == [image.rendition.sha256 for image in images]
        sent = b"".join(getattr(platform, "mails", ())) or platform.requests[-1].body
        for alt in ALT_TEXTS:
            assert alt.encode() in sent


class UploadsContract(ImagesContract):
    """What a channel owes that uploads images before the message that shows them."""

    @property
    def uploads(self) -> UploadsCase:
        """Return what the platform answers about uploads."""
        uploads = self.case.uploads
        assert uploads is not None, "give the case `uploads`"
        return uploads

    async def upload(self, platform: ScriptedServer, tools: Tools, number: int = 1) -> Uploaded:
        """Make one attempt to upload an image."""
        account = self.case.account(platform.url)
        image = an_image(self.channel, account, number)
        delivery = a_delivery()
        name = upload_name(delivery.id, number)
        uploaded: Uploaded = await self.channel.upload(
            account, image, name, delivery, self.with_pictures(tools)
        )
        return uploaded

    def message_with_uploads(self, platform: ScriptedServer) -> Any:
        """Return the case's message with two uploaded images."""
        account = self.case.account(platform.url)
        ids = (self.uploads.media, self.uploads.other)
        return self.illustrated(
            account,
            [
                an_image(
                    self.channel,
                    account,
                    number,
                    upload=Uploaded(id_, f"https://pictures.example/{id_}.jpg"),
                )
                for number, id_ in enumerate(ids, start=1)
            ],
        )

    async def publish(self, platform: ScriptedServer, tools: Tools) -> Any:
        """Publish the message with two uploaded images."""
        message = self.message_with_uploads(platform)
        delivery = a_delivery(content=message.model_dump_json(), action=self.channel.action)
        account = self.case.account(platform.url)
        return await self.channel.deliver(account, message, delivery, self.with_pictures(tools))

    async def ask_whether_ready(self, platform: ScriptedServer, tools: Tools) -> bool:
        """Ask once whether the platform has finished with the upload."""
        account = self.case.account(platform.url)
        upload = Uploaded(self.uploads.media, ready=False)
        image = an_image(self.channel, account, upload=upload)
        ready: bool = await self.channel.is_ready(account, image, a_delivery(), tools)
        return ready

    async def every_status_of(
        self,
        platform: ScriptedServer,
        good: tuple[Answer, ...],
        attempt: Callable[[], Awaitable[object]],
    ) -> dict[int, type[BaseException] | None]:
        """Return what comes of an attempt whose first request that counts has each status."""

        def answer(status: int) -> None:
            platform.answers_only((status, good[0][1] if status < 300 else REFUSAL), *good[1:])

        return await outcomes_by_status(answer, attempt)

    # -- uploading ------------------------------------------------------------------------------

    async def test_an_upload_sends_the_picture_and_its_alt_text_and_returns_its_id(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """The bytes are those that were approved. An alt text goes with the post if not with the upload."""
        platform.answers(*self.uploads.uploaded)
        uploaded = await self.upload(platform, tools)
        assert uploaded.id == self.uploads.media
        assert uploaded.ready
        assert uploaded.expires is None or uploaded.expires > NOW
        assert PICTURES[0] in platform.requests[0].body
        platform.answers_only(*self.uploads.before, self.case.receipt)
        assert (await self.publish(platform, tools)).id
        sent = b"".join(request.body for request in platform.requests)
        assert ALT_TEXTS[0].encode() in sent

    async def test_a_message_shows_all_its_uploads_in_their_order(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """It uploads nothing itself."""
        platform.answers(*self.uploads.before, self.case.receipt, *self.uploads.before)
        account, message = self.case.account(platform.url), self.message_with_uploads(platform)
        reverse = message.model_copy(update={"images": message.images[::-1]})
        for each in (message, reverse):
            delivery = a_delivery(content=each.model_dump_json(), action=self.channel.action)
            assert (await self.channel.deliver(account, each, delivery, tools)).id
        assert len(platform.requests) == 2 * (len(self.uploads.before) + 1)
        bodies = [request.body for request in platform.requests if request.method != "GET"]
        for id_ in (self.uploads.media, self.uploads.other):
            assert all(id_.encode() in body for body in bodies)
        assert bodies[0] != bodies[1]

    async def test_no_upload_names_its_delivery_or_what_it_is_about(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """On some platforms everybody sees the name of a file."""
        platform.answers(*self.uploads.uploaded)
        await self.upload(platform, tools)
        delivery = a_delivery()
        for request in platform.requests:
            sent = f"{request.path} {request.query} {request.body!r}"
            assert delivery.id not in sent
            assert delivery.subject not in sent

    @pytest.mark.parametrize(
        "spoilt", [HANG_UP, HANG_UP_EARLY, TRUNCATE], ids=["lost", "half-way", "truncated"]
    )
    async def test_an_upload_without_a_whole_answer_is_unsure_and_can_be_made_again(
        self, platform: ScriptedServer, tools: Tools, spoilt: Any
    ) -> None:
        """The connection ends after the picture, in the middle of it, or in the middle of the answer."""
        platform.answers(spoilt)
        with pytest.raises((Unsure, TryAgain)) as caught:
            await self.upload(platform, tools)
        if isinstance(self.channel, PublishesUploads) and spoilt is not HANG_UP_EARLY:
            assert isinstance(caught.value, Unsure)
        platform.answers_only(*self.uploads.uploaded)
        assert (await self.upload(platform, tools)).id == self.uploads.media

    @pytest.mark.parametrize("body", ["<html>Log in to the network</html>", "", "[]", "{}", "7"])
    async def test_a_good_status_with_something_else_in_it_is_no_upload(
        self, platform: ScriptedServer, tools: Tools, body: str
    ) -> None:
        """Whoever answered, nobody knows what became of the picture."""
        platform.answers((200, body))
        with pytest.raises(Unsure):
            await self.upload(platform, tools)

    async def test_every_status_of_an_upload_means_what_the_table_says(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """One table for all, and only what is special about a platform differs from it."""
        outcomes = await self.every_status_of(
            platform, tuple(self.uploads.uploaded), lambda: self.upload(platform, tools)
        )
        special = {**self.case.special, **self.uploads.special}
        assert outcomes == {status: meaning(status) for status in STATUSES} | special

    async def test_a_refused_picture_fails_for_good_with_the_platforms_words(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """A person reads why, and sends another picture."""
        platform.answers(self.uploads.refused)
        with pytest.raises(Rejected) as caught:
            await self.upload(platform, tools)
        assert self.uploads.refused_because in str(caught.value)

    async def test_no_upload_tells_a_secret(self, platform: ScriptedServer, tools: Tools) -> None:
        """Errors and uploads are stored and shown."""
        platform.answers(lambda request: (400, f"{[*request.headers.items()]} {request.query}"))
        with pytest.raises(DeliveryError) as caught:
            await self.upload(platform, tools)
        text = f"{caught.value} {caught.value!r}"
        assert not [form for form in forms_of_the_planted_secret() if form in text]

    # -- a platform that works on it ------------------------------------------------------------

    async def test_a_platform_that_still_works_on_a_picture_is_asked_again(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """By due time: a question takes one request, and nothing waits in it."""
        if self.uploads.slow is None:
            platform.answers(*self.uploads.uploaded)
            assert (await self.upload(platform, tools)).ready
            return
        platform.answers(self.uploads.slow, *self.uploads.working, *self.uploads.finished)
        assert not (await self.upload(platform, tools)).ready
        assert not await self.ask_whether_ready(platform, tools)
        assert await self.ask_whether_ready(platform, tools)

    async def test_a_picture_that_is_refused_after_all_or_is_gone_is_not_waited_for(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """The one fails, the other is uploaded again."""
        if self.uploads.slow is None:
            return
        platform.answers(*self.uploads.refused_later)
        with pytest.raises(Rejected):
            await self.ask_whether_ready(platform, tools)
        platform.answers(*self.uploads.gone_while_working)
        with pytest.raises(UploadExpired):
            await self.ask_whether_ready(platform, tools)

    # -- an upload that is gone -----------------------------------------------------------------

    async def test_a_post_with_an_upload_that_is_gone_says_so(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """It is certainly not published, and all pictures are uploaded again."""
        platform.answers(*self.uploads.expired)
        with pytest.raises(UploadExpired):
            await self.publish(platform, tools)

    async def test_an_edit_sends_the_pictures_again(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """A platform may take off what an edit leaves out."""
        published = self.case.published
        if not isinstance(self.channel, Edits) or published is None or published.edited is None:
            return
        platform.answers(*self.uploads.before, published.edited)
        account, message = self.case.account(platform.url), self.message_with_uploads(platform)
        await self.channel.edit(account, message, published.receipt, a_delivery(), tools)
        request = platform.requests[-1]
        for id_ in (self.uploads.media, self.uploads.other):
            assert id_.encode() in request.body


class PublishedUploadsContract(UploadsContract):
    """What a channel owes whose uploads others can see although no post shows them."""

    @property
    def stored_upload(self) -> Uploaded:
        """Return the upload as it was stored."""
        return Uploaded(self.uploads.media)

    async def find_upload(self, platform: ScriptedServer, tools: Tools) -> Uploaded | None:
        """Look for the upload by its name."""
        account, delivery = self.case.account(platform.url), a_delivery()
        image, name = an_image(self.channel, account), upload_name(delivery.id, 1)
        uploaded: Uploaded | None = await self.channel.find_upload(
            account, image, name, delivery, tools
        )
        return uploaded

    async def remove_upload(self, platform: ScriptedServer, tools: Tools) -> str:
        """Make one attempt to remove the upload."""
        account = self.case.account(platform.url)
        message: str = await self.channel.remove_upload(
            account, self.stored_upload, a_delivery(), tools
        )
        return message

    async def look_at_upload(self, platform: ScriptedServer, tools: Tools) -> Any:
        """Look at the upload once."""
        account = self.case.account(platform.url)
        return await self.channel.look_upload(account, self.stored_upload, a_delivery(), tools)

    async def test_an_upload_that_is_there_is_found_by_its_name(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """A second one would be seen too. A platform that cannot be searched gives no `found`."""
        if self.uploads.found is None:
            assert await self.find_upload(platform, tools) is None
            return
        platform.answers(*self.uploads.found)
        uploaded = await self.find_upload(platform, tools)
        assert uploaded is not None
        assert uploaded.id == self.uploads.media
        platform.answers(*self.uploads.not_found)
        assert await self.find_upload(platform, tools) is None

    async def test_only_the_platform_itself_can_say_that_there_is_no_such_upload(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """A proxy's error page must lead to no second upload."""
        if self.uploads.found is None:
            return
        wrong = {}
        for status in STATUSES:
            platform.answers((status, "<html>Not found</html>"))
            try:
                wrong[status] = repr(await self.find_upload(platform, tools))
            except DeliveryError:
                continue
        assert wrong == {}

    async def test_a_removed_upload_is_gone_and_one_that_is_not_is_seen(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """The platform may acknowledge a removal, and the picture is still there."""
        platform.answers(self.uploads.removed, *self.uploads.standing)
        assert await self.remove_upload(platform, tools)
        assert self.uploads.media in f"{platform.requests[0].path} {platform.requests[0].query}"
        standing = await self.look_at_upload(platform, tools)
        assert standing.there
        assert standing.seen
        platform.answers(*self.uploads.absent)
        standing = await self.look_at_upload(platform, tools)
        assert not standing.there
        assert standing.seen

    async def test_removing_an_upload_twice_finds_nothing_the_second_time(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Somebody may have removed it by hand."""
        platform.answers(self.uploads.gone)
        with pytest.raises(AlreadyGone):
            await self.remove_upload(platform, tools)

    async def test_only_the_platform_itself_can_say_that_an_upload_is_gone(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """A proxy's error page or a wrong address must never count as a removal."""
        assert await believed(platform, lambda: self.look_at_upload(platform, tools)) == {}

    @pytest.mark.parametrize("spoilt", [HANG_UP, TRUNCATE], ids=["lost", "truncated"])
    async def test_a_removal_of_an_upload_without_a_whole_answer_is_unsure(
        self, platform: ScriptedServer, tools: Tools, spoilt: Any
    ) -> None:
        """It may be done, so a look has to tell."""
        platform.answers(spoilt)
        with pytest.raises(Unsure):
            await self.remove_upload(platform, tools)
