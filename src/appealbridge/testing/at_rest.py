"""
Tells when an event loop is at rest: nothing is under way any more but what waits for a clock.

It looks inside asyncio's selector loop, on Linux. On any other loop it only gives everything that is
ready a number of turns.
"""

from __future__ import annotations

import asyncio
import fcntl
import functools
import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from appealbridge.clock import SystemClock

PATIENCE = 30.0
"""How many real seconds a thread or a watched part may take."""

UNREAD = 0.25
"""After how many real seconds bytes that nobody reads no longer count as on their way."""

SOON = 0.1
"""A timer of the event loop that rings within so many real seconds is waited for; longer ones are time limits."""

QUIET_TURNS = 3
"""How many turns of the loop in a row must bring nothing new."""

SEVERAL = 30
"""After how many looks in vain it rests a while between them."""

A_WHILE = 0.001

BLIND_TURNS = 50
"""How many turns are given on a loop that cannot be looked into."""

_UNCONFIRMED = 0x5411  # Linux's SIOCOUTQ: how many bytes sent the other side has not confirmed
_NONE = b"\0\0\0\0"
_U64 = struct.Struct("Q")
_BYTES_RECEIVED, _BYTES_SENT, _BYTES_SENT_AGAIN, _INFO_SIZE = (
    128,
    200,
    208,
    216,
)  # in struct tcp_info
_REAL = SystemClock()


class Work:
    """What is under way on one event loop, apart from what waits for a clock."""

    def __init__(self) -> None:
        self._watched: list[Callable[[], bool]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard = asyncio.Event()  # a thread has told the loop something
        self._jobs: list[tuple[asyncio.Future[Any], threading.Event, threading.Event]] = []

    def watch(self, busy: Callable[[], bool]) -> None:
        """Count work as under way while `busy()` is true."""
        self._watched.append(busy)

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count the jobs that the loop hands to threads from now on."""
        if loop is self._loop:
            return
        self._loop, self._jobs = loop, []
        if loop not in _FOLLOWERS:
            _FOLLOWERS[loop] = WeakSet()
            _overhear(loop)
        _FOLLOWERS[loop].add(self)

    def begins(
        self, future: asyncio.Future[Any], begun: threading.Event, ended: threading.Event
    ) -> None:
        """Count a job that a thread has been given."""
        self._jobs.append((future, begun, ended))

    def hears(self) -> None:
        """Look again: a thread has told the loop something."""
        self._heard.set()

    async def rests(self, *, regardless: bool = False) -> None:
        """
        Wait in real time until nothing is under way; `regardless` only gives what is ready its turns.

        Raise `TimeoutError` where a thread or a watched part takes too long.
        """
        loop = asyncio.get_running_loop()
        self.follow(loop)
        ready = getattr(loop, "_ready", None)
        selector = getattr(loop, "_selector", None)
        if regardless or ready is None or selector is None:
            for _ in range(BLIND_TURNS):
                await _REAL.sleep(0)
            return
        quiet, begun, moved = 0, _REAL.monotonic(), _REAL.monotonic()
        soon = loop.time() + SOON
        looks = 0
        while quiet < QUIET_TURNS:
            if self._busy():
                if _REAL.monotonic() - begun > PATIENCE:
                    raise TimeoutError(f"a thread or the store did not end within {PATIENCE:g} s")
                self._heard.clear()
                await _REAL.wait(self._heard, PATIENCE)
                quiet, moved = 0, _REAL.monotonic()
                continue
            await _REAL.sleep(0)
            if ready:
                quiet, moved = 0, _REAL.monotonic()
                continue
            quiet += 1
            if quiet < QUIET_TURNS:
                continue
            if _rings_before(soon, loop) or (
                _REAL.monotonic() - moved < UNREAD and _on_their_way(selector)
            ):
                quiet, looks = 0, looks + 1
                # What comes at once is seen at once. What takes longer needs no processor meanwhile.
                await _REAL.sleep(0 if looks < SEVERAL else A_WHILE)

    def _busy(self) -> bool:
        # A job that was cancelled goes on in its thread if it had begun, and otherwise never begins.
        if self._jobs:
            self._jobs = [
                (future, begun, ended)
                for future, begun, ended in self._jobs
                if not future.done() or (begun.is_set() and not ended.is_set())
            ]
        return bool(self._jobs) or any(busy() for busy in self._watched)


_FOLLOWERS: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[Work]] = WeakKeyDictionary()
"""Who counts what is under way on a loop; a loop is overheard once, however many follow it one after another."""


def _overhear(loop: asyncio.AbstractEventLoop) -> None:
    hand_over, call_soon = loop.run_in_executor, loop.call_soon_threadsafe
    followers = _FOLLOWERS[loop]

    @functools.wraps(hand_over)
    def counted(
        executor: Executor | None, function: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        begun, ended = threading.Event(), threading.Event()

        def job() -> Any:
            begun.set()
            try:
                return function(*args)
            finally:
                ended.set()

        future = hand_over(executor, job)
        for follower in followers:
            follower.begins(future, begun, ended)
        return future

    def tell() -> None:
        for follower in followers:
            follower.hears()

    @functools.wraps(call_soon)
    def followed(callback: Callable[..., Any], *args: Any, **more: Any) -> asyncio.Handle:
        handle = call_soon(callback, *args, **more)
        call_soon(tell)
        return handle

    loop.run_in_executor = counted  # type: ignore[method-assign,assignment]
    loop.call_soon_threadsafe = followed  # type: ignore[method-assign,assignment]


def _rings_before(end: float, loop: asyncio.AbstractEventLoop) -> bool:
    """Whether somebody waits for a moment in the loop's own time, and that comes before `end`."""
    timers: Sequence[asyncio.TimerHandle] = getattr(loop, "_scheduled", ())
    # The first of a heap is the earliest, and hardly ever comes before `end`.
    if not timers or timers[0].when() >= end:
        return False
    return any(timer.when() < end and not timer.cancelled() for timer in timers)


def _on_their_way(selector: selectors.BaseSelector) -> bool:
    """Whether a connection is being made, or bytes are between two sockets of this process."""
    # The documented map looks each file up anew, which costs more than all the rest.
    files = list(getattr(selector, "_fd_to_key", selector.get_map()).values())
    if any(file.events & selectors.EVENT_WRITE for file in files):
        return True
    # Linux confirms what arrived up to 40 ms later, so unconfirmed bytes are only a reason to compare.
    return any(_unconfirmed(file.fd) for file in files) and _differ([file.fd for file in files])


def _unconfirmed(file: int) -> bool:
    try:
        return fcntl.ioctl(file, _UNCONFIRMED, _NONE) != _NONE
    except OSError:  # it listens, or is no socket
        return False


def _differ(files: Iterable[int]) -> bool:
    """Whether one end of a connection has sent more than the other end has received."""
    sent: dict[object, int] = {}
    received: dict[object, int] = {}
    for file in files:
        try:
            with socket.socket(fileno=os.dup(file)) as end:
                ends = (end.getsockname(), end.getpeername())
                info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
        except OSError:  # it listens, is closing, or is no socket
            continue
        if len(info) == _INFO_SIZE:
            received[ends[::-1]] = _U64.unpack_from(info, _BYTES_RECEIVED)[0]
            again = _U64.unpack_from(info, _BYTES_SENT_AGAIN)[0]
            sent[ends] = _U64.unpack_from(info, _BYTES_SENT)[0] - again
    return any(received.get(ends, count) < count for ends, count in sent.items())
