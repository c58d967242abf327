"""The senders: as fast as answers come over some connections, or at a steady rate whatever comes back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from benchmarks.http import Messages


class NotAccepted(RuntimeError):
    """A request was not answered 202; the measurement means nothing."""


class _Sender(Messages):
    """One keep-alive connection with at most one request under way."""

    def __init__(
        self, answered: Callable[[_Sender, bytes], None], lost: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._answered = answered
        self._lost = lost

    def send(self, request: bytes) -> None:
        self.transport.write(request)

    def message(self, whole: bytes) -> None:
        if not whole.startswith(b"HTTP/1.1 202"):
            self._lost(whole.decode("latin-1")[:500])
            return
        self._answered(self, whole)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(f"the connection was lost: {exc}")


class _Run:
    """What all connections of one run share."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.senders: list[_Sender] = []

    async def open(self, port: int, count: int, answered: Callable[[_Sender, bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, sender = await loop.create_connection(
                lambda: _Sender(answered, self.lost), "127.0.0.1", port
            )
            self.senders.append(sender)

    def one_answered(self) -> None:
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)

    def lost(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(NotAccepted(why))

    def close(self) -> None:
        if not self.done.done():
            self.done.cancel()
        with suppress(asyncio.CancelledError, NotAccepted):
            self.done.exception()
        for sender in self.senders:
            sender.transport.abort()


async def flat_out(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, float]:
    """Send every request, each connection its next one upon an answer; return when it began and ended."""
    run = _Run(len(requests))
    waiting = iter(requests)

    def next_one(sender: _Sender, _answer: bytes) -> None:
        run.one_answered()
        request = next(waiting, None)
        if request is not None:
            sender.send(request)

    try:
        await run.open(port, min(connections, len(requests)), next_one)
        began = time.monotonic()
        for sender in run.senders:
            sender.send(next(waiting))
        await run.done
        return began, time.monotonic()
    finally:
        run.close()


async def steadily(
    port: int, requests: Sequence[bytes], connections: int, rate: float
) -> list[float]:
    """Send `rate` requests a second, answered or not; return when each was sent, in monotonic seconds."""
    run = _Run(len(requests))
    sent = [0.0] * len(requests)
    free: deque[_Sender] = deque()
    late: deque[int] = deque()

    def send(number: int) -> None:
        # The time it was due counts: a program that is slow to answer does not get less to do.
        sent[number] = time.monotonic()
        if free:
            free.popleft().send(requests[number])
        else:
            late.append(number)

    def answered(sender: _Sender, _answer: bytes) -> None:
        run.one_answered()
        if late:
            sender.send(requests[late.popleft()])
        else:
            free.append(sender)

    loop = asyncio.get_running_loop()
    try:
        await run.open(port, connections, answered)
        free.extend(run.senders)
        begin = loop.time() + 0.1
        timers = [loop.call_at(begin + n / rate, partial(send, n)) for n in range(len(requests))]
        try:
            await run.done
        finally:
            for timer in timers:
                timer.cancel()
        return sent
    finally:
        run.close()
