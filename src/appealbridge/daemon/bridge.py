"""
Builds the daemon's parts, runs them in one task group, and stops them in reverse order within a time limit.

    async with Bridge(config) as bridge:
        bridge.url
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from appealbridge import __version__
from appealbridge.clock import Clock, SystemClock
from appealbridge.daemon.assembly import Assembly, Known, assemble, refused, taken
from appealbridge.daemon.systemd import Notifier, listening_sockets, notifier
from appealbridge.documents import InvalidDocuments, Problem, unexpected
from appealbridge.engine.context import EngineContext
from appealbridge.engine.engine import Engine
from appealbridge.engine.report import Report
from appealbridge.files import socket_at
from appealbridge.logs import Level, Log, LogEvent, libraries, standard_log
from appealbridge.metrics import Metrics
from appealbridge.model.actor import Actor
from appealbridge.model.audit import Act, Checkpoint
from appealbridge.model.delivery import State
from appealbridge.model.errors import StoreError
from appealbridge.plugin.egress import EgressPolicy
from appealbridge.plugin.feeds.fetch import read_at_once
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.logins import Logins
from appealbridge.plugin.http.reply import Effect
from appealbridge.plugin.http.resolver import Lookup, Resolver
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.offload import FILES, PLATFORM_NAMES, SOURCE_NAMES, Pool, offload
from appealbridge.redact import Redactor, without_queries
from appealbridge.settings.load import DEFAULT
from appealbridge.store.checkpoints import append_checkpoint
from appealbridge.store.opening import store_at
from appealbridge.store.records import Control, DeliveryFilter, Space
from appealbridge.triggers.webhook.signature import decoy
from appealbridge.web.hooks import Webhooks
from appealbridge.web.refusals import Refusals
from appealbridge.web.server import application, control_application, serve

MOST_HELD = 20
"""How many held deliveries the page of the practice platforms is told of."""


class Bridge:
    """
    The whole daemon as a context manager, which tests can start too.

    `config` is the settings file, `None` for the default one. `url` is known inside. `lookup` asks name servers.
    """

    def __init__(
        self,
        config: Path | None = None,
        *,
        assembly: Assembly | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        log: Log | None = None,
        systemd: Notifier | None = None,
        space: Callable[[], Space] | None = None,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        self.config = config
        self.assembly = assembly or assemble(config)
        self.clock = clock or SystemClock()
        self._secrets = set(self.assembly.secrets())
        self.log = log or standard_log(
            self.clock.now,
            level=Level[self.assembly.settings.daemon.log.level.upper()],
            form=self.assembly.settings.daemon.log.format,
            clean=self._clean,
        )
        self.metrics = Metrics()
        self.token = secrets.token_urlsafe(32)
        self._secrets.add(self.token)
        self.redactor = Redactor(self._secrets)
        self._egress = self.assembly.egress
        self.url = ""
        self._rng = rng or random.Random()  # noqa: S311 - jitter and ids, nothing that has to be secret
        self.systemd = systemd or notifier(os.environ)
        self._space = space
        self._lookup = lookup
        self._stack = AsyncExitStack()
        self._reloading = asyncio.Lock()
        self._known = Known.of(self.assembly)

    async def __aenter__(self) -> Bridge:
        """Start everything; if one part cannot start, stop those before it."""
        settings = self.assembly.settings
        async with AsyncExitStack() as stack:
            stack.enter_context(libraries(self.log))
            read_at_once(settings.daemon.feeds_at_once)
            backend = store_at(settings.store)
            mode = self.assembly.active.mode
            self.log.info(LogEvent.STARTING, version=__version__, mode=mode, store=str(backend))
            if settings.file is None:
                reason = "no webhook, source or channel is declared; name the file with --config, or make it"
                self.log.warning(LogEvent.NO_SETTINGS, file=str(DEFAULT.absolute()), reason=reason)
            self._say_recipes()
            store = await backend.open(on_commit=self.metrics.committed)
            stack.push_async_callback(store.close)
            await store.adopt_mode(mode)
            http = await stack.enter_async_context(
                self._network(
                    PLATFORM_NAMES, lambda: self._egress.publishing(), Logins(backend.logins())
                )
            )
            self._http = http
            source_http = await stack.enter_async_context(
                self._network(SOURCE_NAMES, lambda: self._egress)
            )
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self.engine = Engine(
                EngineContext(
                    store=store,
                    clock=self.clock,
                    rng=self._rng,
                    report=Report(self.log, self.metrics),
                    tasks=tasks,
                    http=http,
                    source_http=source_http,
                    clean=self._clean,
                    free_space=self._space or backend.space,
                    stop_file=backend.stop_file(),
                    keep_checkpoint=self._keep_checkpoint,
                )
            )
            stack.push_async_callback(self._stop_engine)
            await self.engine.start(self.assembly.active, self.assembly.catalogue)
            self.url = await stack.enter_async_context(self._served())
            await stack.enter_async_context(self._controlled())
            stack.enter_context(backend.announced(Control(self.url, self.token, os.getpid())))
            self._stack = stack.pop_all()
        self.log.info(LogEvent.READY, url=self.url)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Accept nothing more, finish current work within the time limit, and release everything."""
        self.systemd.stopping()
        self.log.info(LogEvent.STOPPING)
        try:
            return await self._stack.__aexit__(kind, error, trace)
        finally:
            self.log.info(LogEvent.STOPPED)
            self.log.output.flush()

    async def tell_the_wall(self) -> None:
        """In practice mode, tell the page of the practice platforms what is held; that is no matter if it fails."""
        practice = self.assembly.settings.daemon.practice
        if practice is None:
            return
        with suppress(Exception):  # whatever goes wrong here must not stop the daemon
            filter_ = DeliveryFilter(states=frozenset({State.HELD}), limit=MOST_HELD + 1)
            held = await self.engine.store.listings.deliveries(filter_)
            rows = [
                {
                    "number": each.number,
                    "channel": each.channel[:300],
                    "about": self._clean(each.subject)[:300],
                    "why": each.hold[:300],
                }
                for each in held[:MOST_HELD]
            ]
            report = {"held": rows, "more": len(held) > MOST_HELD}
            address = f"{practice.rstrip('/')}/held"
            await self._http.request("PUT", address, Effect.READ, json=report)

    async def reload(self, actor: Actor | None = None, cause: str = "") -> dict[str, Any]:
        """
        Load new recipes and settings as a whole; if the settings have problems, nothing changes.

        Return the report of `taken`. If a person asked for it (`actor`), the report is about everything since the
        last time that a person asked, because most recipes are loaded as soon as they are saved. Without an `actor`,
        `cause` says for the audit trail why it is made.
        """
        async with self._reloading:
            self.systemd.reloading(self.clock.monotonic())
            try:
                return await self._load(actor, cause)
            finally:
                self.systemd.ready()

    async def _load(self, actor: Actor | None, cause: str) -> dict[str, Any]:
        try:
            assembly = await offload(
                FILES, assemble, self.config, before=self.assembly.book.recipes
            )
        except Exception as error:  # noqa: BLE001 - whatever a file makes us raise, the configuration in force stays
            if not isinstance(error, InvalidDocuments):
                error = InvalidDocuments([unexpected("the settings", error, secret=True)])
            return self._refuse(error.problems)
        file = str(assembly.settings.file or DEFAULT)
        if names := await self.engine.people.used_before(assembly.settings.roster):
            cure = "choose another id; nobody else gets one that was used"
            wrong = [f"people.{name}: was removed earlier" for name in names]
            return self._refuse([Problem(file, 0, 0, "", problem, cure) for problem in wrong])
        if assembly.active.mode != self.assembly.active.mode:
            try:
                await self.engine.store.adopt_mode(assembly.active.mode)
            except StoreError as error:
                problem, _, cure = str(error).partition(". ")
                return self._refuse([Problem(file, 0, 0, "practice", problem, cure)])
        # The old secrets may still be in an answer to an earlier request.
        self._secrets |= set(assembly.secrets())
        self.redactor = Redactor(self._secrets)
        self._egress = assembly.egress
        read_at_once(assembly.settings.daemon.feeds_at_once)
        await self.engine.reconfigure(assembly.active, assembly.catalogue, actor, cause)
        before, self.assembly = Known.of(self.assembly), assembly
        self._say_recipes()
        if actor is not None:
            before, self._known = self._known, Known.of(assembly)
        report = taken(before, assembly)
        if actor is not None:
            summary = {"summary": report["summary"]}
            decision = self.engine.context.decision(
                actor, Act.RELOAD, object="settings", shown=summary
            )
            await self.engine.store.record(decision)
        self.log.info(LogEvent.RELOADED, summary=report["summary"])
        return report

    def _refuse(self, problems: Sequence[Problem]) -> dict[str, Any]:
        """Log why nothing was changed; return the report of it."""
        reason = "\n\n".join(each.text() for each in problems)
        self.log.error(LogEvent.RELOAD_REFUSED, reason=reason)
        return refused(problems)

    @asynccontextmanager
    async def _network(
        self, names: Pool, policy: Callable[[], EgressPolicy], logins: Logins | None = None
    ) -> AsyncIterator[Http]:
        """Return an HTTP client with its own connections, and its own threads for name lookups."""
        async with open_session(
            agent=f"AppealBridge/{__version__}",
            policy=policy,
            resolver=Resolver(names, self._lookup),
        ) as session:
            yield Http(session, self._clean, now=self.clock.now, logins=logins)

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[str]:
        settings = self.assembly.settings
        refusals = Refusals(self.engine.report, self.clock.monotonic)
        app = application(self.engine, self.metrics, self.token, self.reload)
        webhooks = Webhooks(self.engine, refusals, decoy())
        handed = list(listening_sockets(os.environ, os.getpid()))
        listen = settings.daemon.listen
        if not handed and listen.address is None and listen.path is None:
            raise OSError(
                "listen: systemd, but systemd handed over no socket; start appealbridge.socket, or say host:port"
            )
        with ExitStack() as own:
            if listen.path is not None and not handed:
                mode = int(settings.daemon.socket_mode, 8)
                handed = [own.enter_context(socket_at(Path(listen.path), mode))]
            async with serve(
                app,
                webhooks=webhooks,
                address=listen.address,
                sock=handed[0] if handed else None,
                stop_within=settings.daemon.shutdown_within / 2,
                refused=refusals,
            ) as url:
                yield url

    @asynccontextmanager
    async def _controlled(self) -> AsyncIterator[None]:
        """Serve the API on the control socket, if there is one: its permissions say who may use it."""
        settings = self.assembly.settings
        if settings.daemon.control_socket is None:
            yield
            return
        app = control_application(self.engine, self.reload)
        mode = int(settings.daemon.control_mode, 8)
        refusals = Refusals(self.engine.report, self.clock.monotonic)
        with socket_at(Path(settings.daemon.control_socket), mode) as sock:
            async with serve(
                app, sock=sock, stop_within=settings.daemon.shutdown_within / 2, refused=refusals
            ):
                yield

    async def _stop_engine(self) -> None:
        within = self.assembly.settings.daemon.shutdown_within / 2
        if not await self.engine.stop(within):
            self.log.warning(LogEvent.STOP_OVERDUE, within=within)

    def _say_recipes(self) -> None:
        for weak in self.assembly.settings.weaknesses:
            self.log.warning(
                LogEvent.SETTING_UNSAFE, setting=weak.path, reason=f"{weak.problem}; {weak.cure}"
            )
        book = self.assembly.book
        for problem in self.assembly.faults:
            self.log.error(LogEvent.PLUGIN_BUG, where=problem.file, reason=problem.text())
        self.metrics.recipes(len(book.recipes), len(book.quarantined), len(book.off))
        self.log.info(LogEvent.RECIPES_LOADED, recipes=len(book.recipes), off=len(book.off))
        if not book.loaded and not book.quarantined:
            folder = str(self.assembly.settings.recipes)
            self.log.warning(LogEvent.NO_RECIPES, folder=folder, reason="so nothing is published")
        for problem in self.assembly.wrong_lists:
            self.log.error(LogEvent.LIST_WRONG, reason=problem.text())
        for file, problems in book.quarantined.items():
            reason = "\n\n".join(_without_keys(problem).text() for problem in problems)
            self.log.error(LogEvent.RECIPE_QUARANTINED, file=file, reason=reason)

    def _keep_checkpoint(self, point: Checkpoint) -> None:
        append_checkpoint(self.assembly.settings.checkpoints, point)

    def _clean(self, text: str) -> str:
        return self.redactor.clean(text)


def _without_keys(problem: Problem) -> Problem:
    """Return a problem without keys in addresses, because more people read the log than the recipes."""
    line, text = without_queries(problem.source_line), without_queries(problem.problem)
    return replace(problem, source_line=line, problem=text)
