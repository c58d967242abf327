"""
Runs blocking work in threads. Each kind of work has its own pool, so that one that hangs does not delay the others.

The program can end while threads are still at work, for example if a network share does not answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

from appealbridge.model.errors import TryAgain

P = ParamSpec("P")
R = TypeVar("R")

IDLE_SECONDS = 60.0
"""How many seconds a thread waits for work before it ends."""


class _Job(NamedTuple):
    future: Future[Any]
    call: Callable[[], Any]
    key: str


class Pool(Executor):
    """At most `threads` threads, started when needed; the number may be changed at any time."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.threads = threads
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._started = 0
        self._idle = 0
        self._keys: set[str] = set()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Call the function in a thread; return a future for its result."""
        return self._submit(partial(fn, *args, **kwargs), "")

    def only_once(self, key: str) -> Executor:
        """
        Return this pool for work that must not run twice at the same time with one key.

        A caller can give up work that hangs, but its thread is only free when it ends. Raise `TryAgain` if the last
        work with this key has not ended.
        """
        return _OnlyOnce(self, key)

    def _submit(self, call: Callable[[], R], key: str) -> Future[R]:
        future: Future[R] = Future()
        with self._changed:
            if key in self._keys:
                raise TryAgain(f"{key} has not yet finished an earlier call")
            if self._idle <= len(self._jobs) and self._started < self.threads:
                # It waits for the lock, so it begins once it is counted. If it cannot start, nothing is.
                threading.Thread(target=self._work, name=self.name, daemon=True).start()
                self._started += 1
                self._idle += 1
            if key:
                self._keys.add(key)
            self._jobs.append(_Job(future, call, key))
            self._changed.notify()
        return future

    def _work(self) -> None:
        while (job := self._next()) is not None:
            started = job.future.set_running_or_notify_cancel()
            try:
                finish = partial(job.future.set_result, job.call() if started else None)
            except BaseException as error:  # noqa: BLE001 - the caller gets it, and the thread goes on
                finish = partial(job.future.set_exception, error)
            with self._changed:
                # Before the result is set: the caller may have more work, for which this thread is free.
                self._idle += 1
                self._keys.discard(job.key)
            if started:
                finish()
            del job, finish  # an idle thread would keep their contents in memory

    def _next(self) -> _Job | None:
        with self._changed:
            ready = self._started <= self.threads and self._changed.wait_for(
                lambda: self._jobs, IDLE_SECONDS
            )
            self._idle -= 1
            if ready:
                return self._jobs.popleft()
            self._started -= 1
            return None


class _OnlyOnce(Executor):
    def __init__(self, pool: Pool, key: str) -> None:
        self._pool = pool
        self._key = key

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        return self._pool._submit(partial(fn, *args, **kwargs), self._key)  # noqa: SLF001


PLATFORM_NAMES = Pool("platform-names", 8)
SOURCE_NAMES = Pool("source-names", 8)
"""For looking up host names, for channels and for sources."""

AUTHORITIES = Pool("authorities", 1)
"""For reading which certificate authorities the system trusts."""

FOLDERS = Pool("folders", 16)
"""For reading folders of case files, which may be on network shares."""

FILES = Pool("files", 3)
"""For reading settings, recipes, and the free space on the store's disk."""

ANSWERS = Pool("answers", 2)
"""For masking secrets in long answers of the API."""

PLUGINS = Pool("plugins", 4)
"""For third-party plug-ins."""


async def offload(
    pool: Executor, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Return what the function returns, or raise what it raises, without blocking the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, partial(function, *args, **kwargs))


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what slow work of a plug-in returns, or raise what it raises. It must not touch shared objects."""
    return await offload(PLUGINS, function, *args, **kwargs)


async def in_folder(
    folder: object, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """
    As `in_thread`, for work that reads a folder, which may be on a network share that does not answer.

    Raise `TryAgain` if an earlier reading of this folder has not ended.
    """
    return await offload(FOLDERS.only_once(str(folder)), function, *args, **kwargs)
