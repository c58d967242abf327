"""
The pictures in the library of the practice WordPress, and their addresses.

The files are forgotten when the process ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from appealbridge.practice.answering import Answering, Declined, answer
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.posts import Shelf
from appealbridge.practice.wordpress.errors import error

KEPT_BYTES = 64 * 1024 * 1024
"""How many bytes of pictures are kept; with more, the oldest are forgotten."""

_LONGEST = 2 * 1024 * 1024
"""The largest file that PHP takes as it is set up."""

_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}


@dataclass(frozen=True, slots=True)
class LibraryPicture:
    """One picture. `slug` ends the address of its page, `file` that of its file."""

    number: int
    owner: str
    slug: str
    file: str
    alt: str
    media_type: str
    data: bytes

    def shown(self, site: str) -> dict[str, Any]:
        """Return the picture as WordPress gives it."""
        return {
            "id": self.number,
            "slug": self.slug,
            "status": "inherit",
            "type": "attachment",
            "alt_text": self.alt,
            "mime_type": self.media_type,
            "source_url": f"{site}/wp-content/uploads/{self.file}",
        }


class PracticeLibrary:
    """All pictures of a site."""

    def __init__(self, shelf: Shelf, name: str, faults: Faults) -> None:
        self._shelf = shelf
        self._faults = faults
        self._name = name
        self._pictures: OrderedDict[int, LibraryPicture] = OrderedDict()

    def get(self, number: int) -> LibraryPicture | None:
        """Return a picture by its number."""
        return self._pictures.get(number)

    def file(self, name: str) -> web.Response | None:
        """Return the file of a picture as readers get it."""
        picture = next((each for each in self._pictures.values() if each.file == name), None)
        if picture is None:
            return None
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return web.Response(body=picture.data, content_type=picture.media_type, headers=headers)

    def find(self, query: Mapping[str, str], site: str, user: str) -> web.Response:
        """List the pictures of a slug, or those with some numbers."""
        if not user:
            raise Declined(_hidden(401))
        numbers = [int(each) for each in query.get("include", "").split(",") if each.isdigit()]
        if numbers and self._faults.take(self._name, {FaultName.MEDIA_EXPIRED}):
            self._pictures.pop(numbers[0], None)
        matching = [
            each.shown(site)
            for each in self._pictures.values()
            if each.slug == query.get("slug", each.slug) and (not numbers or each.number in numbers)
        ]
        return answer(200, matching[: int(query.get("per_page", "10"))])

    async def add(self, request: web.Request, site: str, user: str) -> web.Response:
        """Keep an uploaded file under a free name; decline what PHP or WordPress would."""
        if not user:
            message = "Sorry, you are not allowed to create posts as this user."
            raise Declined(error(401, "rest_cannot_create", message))
        sent = await request.post()
        file = sent.get("file")
        data = file.file.read() if isinstance(file, web.FileField) else b""
        kind = next((kind for start, kind in _TYPES.items() if data.startswith(start)), "")
        if not isinstance(file, web.FileField) or not data:
            raise Declined(error(400, "rest_upload_no_data", "No data supplied."))
        if len(data) > _LONGEST:
            message = "The uploaded file exceeds the upload_max_filesize directive in php.ini."
            raise Declined(error(500, "rest_upload_unknown_error", message))
        if not kind or self._faults.take(self._name, {FaultName.MEDIA_REFUSED}):
            message = "Sorry, you are not allowed to upload this file type."
            raise Declined(error(500, "rest_upload_unknown_error", message))
        stem, _, ending = file.filename.rpartition(".")
        picture = LibraryPicture(
            self._shelf.number(self._name),
            user,
            _free(
                str(sent.get("title") or stem), {each.slug for each in self._pictures.values()}, 2
            ),
            _free(stem, {each.file.rpartition(".")[0] for each in self._pictures.values()}, 1)
            + f".{ending}",
            str(sent.get("alt_text", "")),
            kind,
            data,
        )
        self._pictures[picture.number] = picture
        while sum(len(each.data) for each in self._pictures.values()) > KEPT_BYTES:
            self._pictures.popitem(last=False)
        return answer(201, picture.shown(site))

    def show(self, number: int, site: str, user: str) -> web.Response:
        """Return a picture for editing."""
        picture = self._own(number, user, _hidden)
        return answer(200, picture.shown(site))

    def delete(
        self, number: int, site: str, user: str, *, force: bool, answering: Answering
    ) -> web.Response:
        """Delete a picture for good, or do what an active fault does instead."""
        picture = self._own(number, user, _stored)
        if not force:
            message = "The post does not support trashing. Set 'force=true' to delete."
            raise Declined(error(501, "rest_trash_not_supported", message))
        answering.remove(lambda: self._pictures.pop(number, None))
        return answer(200, {"deleted": True, "previous": picture.shown(site)})

    def _own(self, number: int, user: str, refuse: Any) -> LibraryPicture:
        picture = self._pictures.get(number)
        if picture is None:
            raise Declined(error(404, "rest_post_invalid_id", "Invalid post ID."))
        if picture.owner != user:
            raise Declined(refuse(403 if user else 401))
        return picture


def _free(name: str, used: set[str], number: int) -> str:
    free = name
    while free in used:
        free = f"{name}-{number}"
        number += 1
    return free


def _hidden(status: int) -> web.Response:
    message = "Sorry, you are not allowed to edit posts in this post type."
    return error(status, "rest_forbidden_context", message)


def _stored(status: int) -> web.Response:
    return error(status, "rest_cannot_delete", "Sorry, you are not allowed to delete this post.")
