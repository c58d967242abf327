"""
What only some channels can do: publish images, and change or remove a post after it is published.

A channel has an ability if it inherits its class. `isinstance(channel, Removes)` is the only test of it: for the
engine, the documentation, the editor's schema and the contract suites alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    Rejected,
    TryAgain,
)
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value
from appealbridge.plugin.channel import Account, AnyChannel, Repeat, Tools
from appealbridge.plugin.http.reply import ABOUT_THE_ACCOUNT, PAGE_SAYS_NO, Effect, Reply
from appealbridge.plugin.images import Image, ImageRules, Uploaded
from appealbridge.plugin.options import Options, Threaded
from appealbridge.plugin.recognition import canonical


@value
class Standing:
    """
    What a look at one post showed.

    `there` says whether readers can still see it. `text` is its text as they see it, empty where the platform does not
    give it. `seen` says for people what was asked and what came.
    """

    there: bool
    text: str = ""
    seen: str = ""


A = TypeVar("A", bound=Account)
M = TypeVar("M", bound=Options)


class Looks(ABC, Generic[A]):
    """The ability to look at one post, which every other ability here needs."""

    @abstractmethod
    async def look(
        self, account: A, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Standing:
        """
        Look whether the post of a receipt is there, and with which text.

        Return that it is not there only if the platform says so in its own words; a page of a proxy does not. Raise
        `TryAgain`, `Unsure`, `LoginExpired` or `AccountRefused` if it could not be seen: `looking` makes these of all
        other answers.
        """


class Removes(Looks[A]):
    """
    The ability to remove a post.

    A removal is one attempt, as `deliver` is. It is believed only when a later `look` shows that it happened.
    """

    @abstractmethod
    async def remove(self, account: A, receipt: Receipt, delivery: Delivery, tools: Tools) -> str:
        """
        Remove the post of a receipt and return what the platform said.

        Raise `AlreadyGone` if it is not there, `Rejected` if it can never be removed, `Unsure` if nobody knows, and
        otherwise what `deliver` raises. `tools.http.change` does so for all HTTP statuses.
        """


class Edits(Looks[A], Generic[A, M]):
    """The ability to give a published post another text. Its address stays the same."""

    @abstractmethod
    async def edit(
        self, account: A, message: M, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """
        Replace the post of a receipt by a message and return its receipt.

        Send the whole message, because a platform may drop what an edit leaves out. Raise what `remove` raises.
        """

    def shows(self, message: M, standing: Standing) -> bool:
        """
        Return whether a message is what stands there, apart from what platforms change in texts.

        If it is not what was last published, somebody edited the post by hand.
        """
        return standing.there and canonical(self.shown_text(message)) == canonical(standing.text)

    def shown_text(self, message: M) -> str:
        """Return the text that readers see of a message, to compare with that of a `Standing`."""
        return str(
            getattr(message, "text", "")
        )  # the usual name; a channel with another overrides this


class AcceptsImages(ABC, Generic[A]):
    """
    The ability to publish images. The channel's message inherits `Illustrated`.

    `deliver` and `edit` get a message whose images are stored, as many as the account takes, with alt texts that fit.
    `tools.data_of(image)` returns the bytes to send. A channel that uploads images first is `UploadsImages`.
    """

    excludes_images: ClassVar[frozenset[str]] = frozenset()
    """Options of the message that cannot be used together with images."""

    @abstractmethod
    def image_rules(self, account: A) -> ImageRules:
        """Return how many images this account takes, and which."""


class UploadsImages(AcceptsImages[A]):
    """
    The ability to upload images before the message that shows them.

    Each upload is an attempt of its own, which the engine stores before and after. `deliver` and `edit` get a message
    in which each image has its upload as `image.media`. If the platform no longer has one of them, they raise
    `UploadExpired`; the engine then uploads the images again.
    """

    @abstractmethod
    async def upload(
        self, account: A, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded:
        """
        Upload one image with its alt text and return the platform's id of it. Make one attempt, as `deliver` does.

        `name` is the same in all attempts at this upload, and tells nothing of the image. Raise what `deliver` raises.
        After `Unsure` the image is uploaded again, because nobody can see what no post shows.
        """

    async def is_ready(self, account: A, image: Image, delivery: Delivery, tools: Tools) -> bool:
        """
        Return whether the platform has finished its work on an upload that was not ready. This is asked by due time.

        Raise `Rejected` if it refuses the image after all.
        """
        del account, image, delivery, tools
        return True


class PublishesUploads(UploadsImages[A]):
    """
    The ability to find and remove uploads, where others can see an upload although no post shows it.

    An upload is sought by its name before it is repeated. When its delivery is withdrawn or ends unpublished, it is
    removed, and looked for until it is gone.
    """

    async def find_upload(
        self, account: A, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded | None:
        """Return the upload with this name, `None` if there is certainly none; raise what `find` raises."""
        del account, image, name, delivery, tools
        return None

    @abstractmethod
    async def remove_upload(
        self, account: A, upload: Uploaded, delivery: Delivery, tools: Tools
    ) -> str:
        """Remove an upload for good and return what the platform said; raise what `Removes.remove` raises."""

    @abstractmethod
    async def look_upload(
        self, account: A, upload: Uploaded, delivery: Delivery, tools: Tools
    ) -> Standing:
        """Look whether an upload is still there, at its address too if it has one, as `Looks.look` does for a post."""


def looking(failure: Callable[[Reply], DeliveryError]) -> Callable[[Reply], DeliveryError]:
    """
    Return what an answer to a `look` means if `failure` says what it means to other requests.

    A refusal to show a post does not say that it is gone, so the account is at fault or it is tried again.
    """

    def meaning(reply: Reply) -> DeliveryError:
        error = failure(reply)
        if not isinstance(error, Rejected | AlreadyGone):
            return error
        if reply.status in ABOUT_THE_ACCOUNT:
            return AccountRefused(str(error), sure=False, status=reply.status)
        return TryAgain(str(error), status=reply.status)

    return meaning


async def page_answers(tools: Tools, address: str) -> bool:
    """
    Return whether readers still get something at the address of a post or upload that was removed.

    A cache in front of a site may show it for hours after its API says that it is gone.
    """
    reply = await tools.http.request(
        "HEAD", address, Effect.READ, accept=PAGE_SAYS_NO, failure=looking(Reply.failure)
    )
    return reply.status < 300


def limits_of(channel: AnyChannel) -> str:
    """Return what cannot be done with a channel's posts and what happens instead; empty if all can be done."""
    replies = "in_reply_to" in channel.message.model_fields
    limits = []
    if not isinstance(channel, Removes):
        instead = "that becomes a task for a person"
        if channel.recipient:
            instead = "everybody who had it gets a correction, if the recipe has one"
        limits.append(f"withdrawn ({instead})")
    if not isinstance(channel, Edits):
        instead = "a correction is published anew, if the recipe says instead: replace"
        if replies:
            instead = "a correction follows as a reply"
        if channel.recipient:
            instead = "a correction follows below it"
        limits.append(f"edited ({instead})")
    if not channel.can_find and channel.repeat is not Repeat.IDEMPOTENT:
        limits.append("searched (after an unclear answer a person decides)")
    *first, last = limits or [""]
    methods = f"{', '.join(first)} or {last}" if first else last
    return f"{channel.platform} cannot be {methods}" if methods else ""


ABILITIES: Mapping[str, Callable[[AnyChannel], bool]] = {
    "removes": lambda channel: isinstance(channel, Removes),
    "edits": lambda channel: isinstance(channel, Edits),
    "finds": lambda channel: channel.can_find,
    "images": lambda channel: isinstance(channel, AcceptsImages),
    "threads": lambda channel: issubclass(channel.message, Threaded),
}
"""What only some channels can do, in a word each, and how to tell whether a channel can."""

AnyImages = AcceptsImages[Any]
AnyUploads = UploadsImages[Any]
AnyRemoves = Removes[Any]
AnyEdits = Edits[Any, Any]
