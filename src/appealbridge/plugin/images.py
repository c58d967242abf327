"""The images of a message, and the abilities of channels that publish them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from appealbridge.media import ImageLimits
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import UploadExpired
from appealbridge.plugin.channel import Account, Tools
from appealbridge.plugin.message_images import (
    Illustrated,
    Image,
    ImageRules,
    StoredImage,
    Uploaded,
)
from appealbridge.plugin.published import Standing

__all__ = [
    "AcceptsImages", "Illustrated", "Image", "ImageLimits", "ImageRules", "PublishesUploads", "StoredImage",
    "UploadExpired", "Uploaded", "UploadsImages",
]  # fmt: skip

A = TypeVar("A", bound=Account)


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


AnyUploads = UploadsImages[Any]
