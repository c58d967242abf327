"""A way to a server on which an answer gets lost: what was asked for is done, and nobody hears of it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}
)


class Losing:
    """
    Passes every request on to the server at `target`, and its answer back.

    `lose("putRecord")` loses the answer to the next request that changes something and whose address contains this.
    `passed` are the methods and addresses of all requests that the server answered, and the status of the answer.
    """

    def __init__(self, target: str) -> None:
        self.passed: list[tuple[str, str, int]] = []
        self.lost: list[str] = []
        self.url = ""
        self._target = target
        self._wanted: list[str] = []

    def lose(self, part: str, count: int = 1) -> None:
        """Lose the answers to the next `count` such requests."""
        self._wanted += [part] * count

    def requests_for(self, part: str) -> list[int]:
        """Return the statuses of the answers to requests whose address contains this."""
        return [status for _, path, status in self.passed if part in path]

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.ServerRunner(web.Server(self._pass_on), shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP | {"host"}
        }
        async with self._session.request(
            request.method,
            f"{self._target}{request.path_qs}",
            headers=headers,
            data=await request.read() or None,
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
        self.passed.append((request.method, request.path_qs, answer.status))
        lost = next((part for part in self._wanted if part in request.path), None)
        if lost is not None and request.method != "GET":
            self._wanted.remove(lost)
            self.lost.append(request.path)
            if request.transport is not None:
                request.transport.abort()
        stored = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        if "Content-Encoding" in answer.headers:
            stored["Content-Encoding"] = answer.headers["Content-Encoding"]
        return web.Response(status=answer.status, body=body, headers=stored)
