"""The images of a message: what a recipe says of them, what is stored, and what an account accepts."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from appealbridge.media.values import ImageLimits
from appealbridge.model.value import value
from appealbridge.plugin.options import Options

MOST_IMAGES = 20
"""How many images a message may name. A channel publishes the first ones, as many as its platform accepts."""

ALT_LIMIT = 10_000
"""The longest alt text on any channel, in characters."""


@value
class Uploaded:
    """
    An image on its platform.

    `id` is the platform's id of it, `url` its public address if it has one. It can be used until `expires` (Unix
    seconds UTC), `None` if it does not expire. If it is not `ready`, the platform still works on it.
    """

    id: str
    url: str = ""
    ready: bool = True
    expires: float | None = None


class StoredImage(Options):
    """The rendition of an image as it is stored and sent: what its SHA-256 (in hex) belongs to."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Its SHA-256.", examples=["0" * 64])
    media_type: str = Field(description="Its media type.", examples=["image/jpeg"])
    width: int = Field(description="Its width in pixels.", examples=[1200])
    height: int = Field(description="Its height in pixels.", examples=[800])
    size: int = Field(description="Its size in bytes.", examples=[250000])


def _is_empty(value: str) -> bool:
    return not value


class Image(Options):
    """
    One image of a message.

    A recipe gives `url` or `file`, and `alt`. Once its rendition is stored, there is `stored` instead of these two; a
    delivery is sent only then. `upload` is set when an image with an upload is handed to `deliver` or `edit`; it is
    never stored with the message, so that what was approved stays the same.
    """

    url: str = Field(
        "",
        exclude_if=_is_empty,
        max_length=2000,
        pattern=r"^(https?://[^\s]+)?$",
        description="The picture's address.",
        examples=["{{ appeal.images[0].url }}"],
    )
    file: str = Field(
        "",
        exclude_if=_is_empty,
        max_length=500,
        description="The picture's file in the `media_folder` of appealbridge.yaml; never a template.",
        examples=["badge.png"],
    )
    alt: str = Field(
        "",
        max_length=ALT_LIMIT,
        description="What the picture shows, for people who cannot see it.",
        examples=["{{ appeal.images[0].alt }}"],
    )
    stored: SkipJsonSchema[StoredImage | None] = Field(
        None,
        exclude_if=lambda stored: stored is None,
        description="Its stored rendition.",
        examples=[None],
    )
    upload: SkipJsonSchema[Uploaded | None] = Field(
        None, exclude=True, description="Its upload.", examples=[None]
    )

    @model_validator(mode="after")
    def _one_source(self) -> Image:
        if self.stored is None and bool(self.url) == bool(self.file):
            both = "has both url: and file:; leave one out"
            raise ValueError(both if self.url else "has no picture; give it url: or file:")
        return self

    @property
    def rendition(self) -> StoredImage:
        """Return the stored rendition; every image of a message that is sent has one."""
        if self.stored is None:
            raise ValueError("this image has no stored rendition yet")
        return self.stored

    @property
    def media(self) -> Uploaded:
        """Return the upload; every image of a message has one if its channel is `UploadsImages`."""
        if self.upload is None:
            raise ValueError("this image is not uploaded yet")
        return self.upload


class Illustrated(Options):
    """The options of a message with images. Inherited by the message of a channel that is `AcceptsImages`."""

    images: Annotated[
        tuple[Image, ...],
        Field(
            max_length=MOST_IMAGES,
            # What has no images is stored as it was before there were any.
            exclude_if=lambda images: not images,
            description="The pictures, each with its alt text. One template that gives such a list will do as well.",
            examples=[
                [{"url": "{{ appeal.images[0].url }}", "alt": "{{ appeal.images[0].alt }}"}],
                "{{ appeal.images }}",
            ],
        ),
    ] = ()

    def upload_ids(self) -> list[str]:
        """Return the platform's ids of the uploaded images, in their order."""
        return [image.media.id for image in self.images]


def gives_images(message: Options) -> bool:
    """Return whether a message says which images it has, although there may be none. An edit leaves them otherwise."""
    return isinstance(message, Illustrated) and "images" in message.model_fields_set


@value
class ImageRules:
    """
    What an account accepts: at most `most` images in a message, each within `limits`.

    An alt text has at most `alt_length` characters, as `len` counts. Of a message that replies to another one of a
    thread, this is asked too; only the first has images.
    """

    limits: ImageLimits
    most: int
    alt_length: int


def upload_name(delivery_id: str, number: int) -> str:
    """
    Return the name under which an image of a delivery is uploaded: the same in every attempt, and telling nothing.

    `number` is its place in the message, beginning with 1.
    """
    return hashlib.sha256(f"{delivery_id} {number}".encode()).hexdigest()[:24]
