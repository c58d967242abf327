"""The platform at the far end: answers every post as Mastodon does, and notes when each event came."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import orjson

from benchmarks.http import Messages

_EVENT = re.compile(rb"evt-(\d{8})")
_PICTURE = re.compile(rb"GET /picture/evt-(\d{8})")


def _answer(value: object) -> bytes:
    content = orjson.dumps(value)
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    )


_ACCOUNT = {
    "id": "1",
    "username": "bench",
    "acct": "bench",
    "url": "https://mastodon.example/@bench",
}
_STATUS = _answer(
    {
        "id": "115600000000000001",
        "created_at": "2026-11-22T12:00:00.000Z",
        "in_reply_to_id": None,
        "sensitive": False,
        "spoiler_text": "",
        "visibility": "public",
        "language": "en",
        "uri": "https://mastodon.example/users/bench/statuses/115600000000000001",
        "url": "https://mastodon.example/@bench/115600000000000001",
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "content": "<p>Collision on the A38 (M) at Park Circus</p>",
        "account": _ACCOUNT,
        "media_attachments": [],
        "mentions": [],
        "tags": [],
        "emojis": [],
    }
)
_OTHER = _answer(_ACCOUNT)
_NO_NEWS = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"


class Sink:
    """Counts events as they arrive. `arrived[n]` is when event n came first, in monotonic seconds."""

    def __init__(self) -> None:
        self.arrived: dict[int, float] = {}
        self.repeats = 0
        self._wanted = 0
        self._all = asyncio.Event()
        self._posts_wanted = 0
        self._counted = asyncio.Event()
        self.pictures: Mapping[str, bytes] = {}
        """By the number of an event; one without a number is for all others."""
        self._given = 0
        self._pictures_wanted = 0
        self._gave = asyncio.Event()
        self.held_bytes = 0
        """Of uploads that are not answered."""
        self._held: list[asyncio.Transport] | None = None

    async def __aenter__(self) -> Self:
        """Open the door on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Post(self), "127.0.0.1", 0, backlog=1024)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the door."""
        self._server.close()

    @property
    def posts(self) -> int:
        """How many posts have come, repeats included."""
        return len(self.arrived) + self.repeats

    def forget(self) -> None:
        """Begin a new count."""
        self.arrived, self.repeats = {}, 0

    async def counts(self, posts: int) -> None:
        """Wait until `posts` posts have come, repeats included."""
        self._posts_wanted = posts
        self._counted.clear()
        if self.posts < posts:
            await self._counted.wait()

    async def has(self, count: int) -> None:
        """Wait until `count` different events have come."""
        self._wanted = count
        self._all.clear()
        if len(self.arrived) < count:
            await self._all.wait()

    def hold_uploads(self) -> None:
        """Answer no upload until `answer_uploads`."""
        self._held = []
        self.held_bytes = 0

    def answer_uploads(self) -> None:
        """Answer uploads, also those that wait."""
        held, self._held = self._held or [], None
        for transport in held:
            if not transport.is_closing():
                transport.write(_STATUS)

    def upload(self, size: int, transport: asyncio.Transport) -> None:
        """Answer an upload, now or later."""
        if self._held is None:
            transport.write(_STATUS)
        else:
            self.held_bytes += size
            self._held.append(transport)

    def forget_pictures(self) -> None:
        """Begin a new count of the pictures that were fetched."""
        self._given = 0

    async def gave(self, count: int) -> None:
        """Wait until so many pictures have been fetched."""
        self._pictures_wanted = count
        self._gave.clear()
        if self._given < count:
            await self._gave.wait()

    def picture(self, number: str) -> bytes:
        """Return an answer with the picture of an event."""
        self._given += 1
        if self._given == self._pictures_wanted:
            self._gave.set()
        content = self.pictures.get(number) or self.pictures[""]
        return b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b" % (
            len(content),
            content,
        )

    def take(self, number: int) -> None:
        """Note one event."""
        if number in self.arrived:
            self.repeats += 1
        else:
            self.arrived[number] = time.monotonic()
            if len(self.arrived) == self._wanted:
                self._all.set()
        if self.posts == self._posts_wanted:
            self._counted.set()


class _Post(Messages):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def message(self, whole: bytes) -> None:
        if request := _PICTURE.match(whole):
            self.transport.write(self._sink.picture(request[1].decode()))
            return
        if whole.startswith(b"GET /feed/"):
            self.transport.write(_NO_NEWS)
            return
        if not whole.startswith(b"POST"):
            self.transport.write(_OTHER)
            return
        if whole.startswith(b"POST /api/v2/media"):
            self._sink.upload(len(whole), self.transport)
            return
        self.transport.write(_STATUS)
        event = _EVENT.search(whole)
        if event is not None:
            self._sink.take(int(event[1]))
