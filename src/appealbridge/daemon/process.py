"""
The daemon as a process: signals, systemd, changed files, and a time limit for stopping.

The daemon itself is `Bridge` in `bridge.py`, which a test can start too; this file needs a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

try:
    from uvloop import new_event_loop
except ImportError:  # not on Windows
    from asyncio import new_event_loop  # type: ignore[assignment]

from appealbridge.daemon.bridge import Bridge
from appealbridge.daemon.systemd import watchdog_seconds
from appealbridge.daemon.watcher import changes, there
from appealbridge.logs import LogEvent
from appealbridge.model.errors import AppealBridgeError
from appealbridge.plugin.offload import FILES, offload

GRACE_SECONDS = 5.0
"""How long after its time limit a stop may take before the process is ended anyway."""

THERE_SECONDS = 2.0
"""How often to check whether a folder to watch has appeared."""

WATCH_AGAIN_SECONDS = 60.0
"""How long to wait before trying again to watch folders."""


WALL_SECONDS = 2.0
"""How often to tell the page of the practice platforms what is held."""


class Process:
    """Runs one daemon until it is stopped."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._read_at_first = self._folders()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP reloads recipes and settings."""
        async with self._bridge:
            await self._until_signalled()

    async def _until_signalled(self) -> None:
        stop, again = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        loop.add_signal_handler(signal.SIGHUP, again.set)
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(self._reload_when(again)),
                tasks.create_task(self._reload_when_saved()),
                tasks.create_task(self._tell_the_wall()),
            ]
            watchdog = watchdog_seconds(os.environ, os.getpid())
            if watchdog is not None:
                beside.append(tasks.create_task(self._say_alive(watchdog / 2)))
            self._bridge.systemd.ready()
            await stop.wait()
            self._end_anyway()
            for task in beside:
                task.cancel()

    def _end_anyway(self) -> None:
        """Make sure that the process ends, even if a thread or a plug-in never does."""
        log = self._bridge.log

        def end() -> None:
            log.error(LogEvent.STOP_OVERDUE, within=within)
            log.output.flush()
            os._exit(1)

        within = self._bridge.assembly.settings.daemon.shutdown_within + GRACE_SECONDS
        timer = threading.Timer(within, end)
        timer.daemon = True
        timer.start()

    async def _reload_when(self, again: asyncio.Event) -> None:
        while True:
            await again.wait()
            again.clear()
            await self._take_new("SIGHUP")

    async def _reload_when_saved(self) -> None:
        """Reload recipes and templates when they are saved, while `watch` is on."""
        known = self._read_at_first
        while True:
            folders = await offload(FILES, self._folders)
            if folders.items() - known.items():  # it came meanwhile, and with it perhaps recipes
                await self._take_new("saved file")
            known = folders
            if folders:
                try:
                    await self._watch(folders)
                except OSError as error:
                    self._bridge.log.warning(LogEvent.NOT_WATCHED, reason=str(error))
                    await self._bridge.clock.sleep(WATCH_AGAIN_SECONDS)
            await self._bridge.clock.sleep(THERE_SECONDS)

    def _folders(self) -> dict[Path, tuple[int, int]]:
        settings = self._bridge.assembly.settings
        return there((settings.recipes, settings.templates)) if settings.daemon.watch else {}

    async def _watch(self, folders: Mapping[Path, object]) -> None:
        """Reload what is saved in these folders, until there are others to watch."""
        self._bridge.log.info(LogEvent.WATCHING, folders=", ".join(map(str, folders)))
        async for changed in changes(folders):
            if changed:
                self._bridge.log.info(LogEvent.CHANGED, files=", ".join(changed[:5]))
                await self._take_new("saved file")
            if await offload(FILES, self._folders) != folders:
                return

    async def _take_new(self, cause: str) -> None:
        try:
            await self._bridge.reload(cause=cause)
        except (AppealBridgeError, OSError) as error:
            self._bridge.log.error(LogEvent.RELOAD_REFUSED, reason=str(error))

    async def _tell_the_wall(self) -> None:
        while True:
            await self._bridge.tell_the_wall()
            await self._bridge.clock.sleep(WALL_SECONDS)

    async def _say_alive(self, every: float) -> None:
        while True:
            self._bridge.systemd.alive()
            await self._bridge.clock.sleep(every)


def run_daemon(config: Path | None) -> None:
    """
    Run the daemon until it is stopped; raise `InvalidDocuments` if its settings have problems.

    Garbage collection is off when this is called, and on from then on.
    """
    _open_many()
    bridge = Bridge(config)
    gc.freeze()
    gc.enable()
    # Some hundred objects are alive for each event that waits for its commit, and a burst of events is
    # no reason to collect garbage.
    gc.set_threshold(25_000, 10, 10)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        try:
            runner.run(Process(bridge).run())
        except BaseExceptionGroup as died:
            # One part that cannot go on ends them all; systemd restarts the daemon, and the store
            # knows where it was.
            cause = _only(died)
            if isinstance(cause, AppealBridgeError | OSError):
                raise cause from None
            bridge.log.error(LogEvent.PART_DIED, error=died)
            raise AppealBridgeError("a part of the daemon died; its log says which") from None


def _open_many() -> None:
    """Allow as many open files and connections as the system permits; the usual 1,024 are too few for many senders."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _only(error: BaseException) -> BaseException:
    """Return the only error in nested groups, or the group if there are several."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
