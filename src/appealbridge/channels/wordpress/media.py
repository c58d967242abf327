"""
Pictures in the library of a WordPress site.

A picture has an address of its own as soon as it is uploaded, so an upload is a publication: it is sought by its name
before it is repeated, and deleted for good with its post.
"""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.channels.wordpress.rest import (
    NO_SUCH_POST,
    WordPressAccount,
    WordPressRest,
    error_of,
    failure,
    open_rest,
    still_answers,
)
from appealbridge.plugin import Delivery, Tools
from appealbridge.plugin.http import Effect, FormFile, Reply
from appealbridge.plugin.images import (
    Image,
    ImageLimits,
    ImageRules,
    PublishesUploads,
    Uploaded,
    UploadExpired,
)
from appealbridge.plugin.published import Standing, looking

_TYPES = {"image/jpeg": "jpg", "image/png": "png"}
_RULES = ImageRules(
    # A larger one gets copies of other sizes, or is more than PHP takes as it is set up.
    limits=ImageLimits(frozenset(_TYPES), max_bytes=2_000_000, max_width=2560, max_height=2560),
    most=10,
    alt_length=1000,
)


class WordPressMedia(PublishesUploads[WordPressAccount]):
    """Uploads pictures into the site's library, finds them by their name and deletes them."""

    def image_rules(self, account: WordPressAccount) -> ImageRules:
        """Return what a site takes as it is usually set up."""
        return _RULES

    async def upload(
        self, account: WordPressAccount, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded:
        """Upload a picture; WordPress makes its address of the file's name, and its slug of the title."""
        media_type = image.rendition.media_type
        rest = await open_rest(account, tools)
        reply = await rest.ask(
            "POST",
            "media",
            Effect.CREATE,
            params={"_fields": "id,source_url"},
            form={"title": name, "alt_text": image.alt},
            file=FormFile(
                "file", f"{name}.{_TYPES[media_type]}", media_type, await tools.data_of(image)
            ),
        )
        with reply.expecting("a picture"):
            return _uploaded(reply.json(), reply)

    async def find_upload(
        self, account: WordPressAccount, image: Image, name: str, delivery: Delivery, tools: Tools
    ) -> Uploaded | None:
        rest = await open_rest(account, tools)
        fields = {"slug": name, "context": "edit", "_fields": "id,source_url"}
        reply = await rest.ask("GET", "media", params=fields)
        with reply.expecting("a list of pictures"):
            pictures = [*reply.json()]
            return _uploaded(pictures[0], reply) if pictures else None

    async def remove_upload(
        self, account: WordPressAccount, upload: Uploaded, delivery: Delivery, tools: Tools
    ) -> str:
        """Delete a picture with all its sizes. Pictures have no trash."""
        rest = await open_rest(account, tools)
        return (await rest.delete(f"media/{upload.id}", "the deleted picture")).message("deleted")

    async def look_upload(
        self, account: WordPressAccount, upload: Uploaded, delivery: Delivery, tools: Tools
    ) -> Standing:
        """Ask for a picture by its id; if there is none, check that its address answers no more."""
        rest = await open_rest(account, tools)
        reply = await rest.ask(
            "GET", f"media/{upload.id}", params={"context": "edit", "_fields": "id"}, accept=(404,)
        )
        if reply.status != 404:
            with reply.expecting("a picture"):
                reply.check_name(reply.at("id"), upload.id)
            return Standing(there=True, seen=reply.message("it is there"))
        if error_of(reply).get("code") != NO_SUCH_POST:
            raise looking(failure)(reply)
        page = f"?attachment_id={upload.id}"
        if await still_answers(account, upload.url, page, tools):
            where = f"it is deleted, but its address still answers; a cache may have to be cleared: {upload.url}"
            return Standing(there=True, seen=reply.message(where))
        return Standing(there=False, seen=reply.message("there is no such picture"))


async def require_pictures(rest: WordPressRest, images: Sequence[Image]) -> None:
    """Raise `UploadExpired` if somebody deleted one of these pictures: WordPress would publish without it."""
    if not images:
        return
    expected = [image.media.id for image in images]
    fields = {"include": ",".join(expected), "per_page": str(len(expected)), "_fields": "id"}
    reply = await rest.ask("GET", "media", params=fields)
    with reply.expecting("a list of pictures"):
        there = {reply.name(picture["id"]) for picture in reply.json()}
    if missing := [id_ for id_ in expected if id_ not in there]:
        raise UploadExpired(reply.message(f"the site has no picture {', '.join(missing)} any more"))


def _uploaded(picture: dict[str, object], reply: Reply) -> Uploaded:
    return Uploaded(reply.name(picture["id"]), reply.web_address(picture.get("source_url")))
