"""
The pictures that were uploaded to the practice platforms, and how the wall shows them.

A platform tells what a file is by its content. The bytes are forgotten when the process ends; of what a post shows, its
alt text and its SHA-256 are written down with the post.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.answering import Declined
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.posts import Shelf

KEPT_BYTES = 256 * 1024 * 1024
"""How many bytes of pictures are kept; with more, the oldest are forgotten."""

_BEGINNINGS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
}


@dataclass(slots=True)
class Medium:
    """One uploaded picture; `post` is the id of the post that shows it, empty if none does."""

    platform: str
    account: str
    id: str
    data: bytes
    media_type: str
    uploaded_at: float
    ready_at: float
    alt: str = ""
    post: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the picture as a post has it."""
        return {
            "type": "image",
            "id": self.id,
            "media_type": self.media_type,
            "alt": self.alt,
            "bytes": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "url": f"/media/{self.platform}/{self.id}",
        }


class Media:
    """All uploads of all platforms."""

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock) -> None:
        self._shelf = shelf
        self._faults = faults
        self._clock = clock
        self._by_id: OrderedDict[tuple[str, str], Medium] = OrderedDict()
        self._ever: set[tuple[str, str]] = set()
        self._bytes = 0

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under which the wall shows the pictures."""
        return [web.get(r"/media/{platform:[a-z]+}/{id:[A-Za-z0-9_-]+}", self._show)]

    def add(self, platform: str, account: str, data: bytes, *, alt: str = "") -> Medium:
        """Keep a new upload; the platform may work on it for as long as a fault says."""
        now = self._clock.now()
        slow = self._faults.take(platform, {FaultName.MEDIA_SLOW})
        medium = Medium(
            platform,
            account,
            str(self._shelf.number(platform)),
            data,
            kind_of(data),
            now,
            now + ((slow.seconds or 60.0) if slow is not None else 0.0),
            alt,
        )
        self.keep(medium)
        return medium

    def keep(self, medium: Medium) -> None:
        """Keep a picture, and forget the oldest ones if there are too many."""
        self._by_id[medium.platform, medium.id] = medium
        self._ever.add((medium.platform, medium.id))
        self._bytes += len(medium.data)
        while self._bytes > KEPT_BYTES and len(self._by_id) > 1:
            _, oldest = self._by_id.popitem(last=False)
            self._bytes -= len(oldest.data)

    def attach(self, platform: str, account: str, data: bytes) -> str:
        """Keep a picture that came with its post, and return where the wall finds it."""
        id_ = hashlib.sha256(data).hexdigest()
        if self.live(platform, id_) is None:
            now = self._clock.now()
            self.keep(Medium(platform, account, id_, data, kind_of(data), now, now))
        return f"/media/{platform}/{id_}"

    def of(self, platform: str, account: str, id_: str) -> Medium | None:
        """Return an account's upload that is still there."""
        if self._faults.take(platform, {FaultName.MEDIA_EXPIRED}):
            self.remove(platform, id_)
        medium = self._by_id.get((platform, id_))
        return medium if medium is not None and medium.account == account else None

    def live(self, platform: str, id_: str) -> Medium | None:
        """Return an upload that is still there, whoever made it."""
        return self._by_id.get((platform, id_))

    def is_ready(self, medium: Medium) -> bool:
        """Return whether the platform has finished with an upload."""
        return self._clock.now() >= medium.ready_at

    def remove(self, platform: str, id_: str) -> None:
        """Forget an upload."""
        medium = self._by_id.pop((platform, id_), None)
        if medium is not None:
            self._bytes -= len(medium.data)

    def was_there(self, platform: str, id_: str) -> bool:
        """Return whether an upload ever had this id."""
        return (platform, id_) in self._ever

    def uploads(self, platform: str) -> list[Medium]:
        """Return the uploads of a platform, oldest first."""
        return [medium for (of, _), medium in self._by_id.items() if of == platform]

    def refuses(self, platform: str) -> bool:
        """Return whether a platform refuses the picture of this request, whatever it is."""
        return self._faults.take(platform, {FaultName.MEDIA_REFUSED}) is not None

    async def _show(self, request: web.Request) -> web.StreamResponse:
        medium = self._by_id.get((request.match_info["platform"], request.match_info["id"]))
        if medium is None:
            raise web.HTTPNotFound
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        return web.Response(body=medium.data, content_type=medium.media_type, headers=headers)


def kind_of(data: bytes) -> str:
    """Return a picture's media type by its content, empty if it is none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _BEGINNINGS.items() if data.startswith(start)), "")


async def form_with_file(request: web.Request, field: str) -> tuple[dict[str, str], bytes | None]:
    """Return a form's text fields and the bytes of its file, `None` if it has none."""
    try:
        sent = await request.post()
    except (UnicodeDecodeError, LookupError, ValueError) as error:
        raise Declined(web.Response(status=400, text=f"not a form: {error}")) from None
    file = sent.get(field)
    data = file.file.read() if isinstance(file, web.FileField) else None
    if isinstance(file, bytes | bytearray):
        data = bytes(file)
    return {name: value for name, value in sent.items() if isinstance(value, str)}, data
