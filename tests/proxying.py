"""A real HTTP proxy on this machine. It leads names to where a test says, and remembers what it was requests."""

import asyncio
import base64

from appealbridge.clock import SystemClock
from appealbridge.testing.server import PATIENCE


class PracticeProxy:
    """
    Connects (CONNECT), and passes on requests for http.

    `places` maps `host:port` to where it really is. `login` is what it wants. `answer` is said instead of connecting.
    `requests` are the first lines of requests, `heads` their heads.
    """

    def __init__(self, places=None, *, login="", answer=b"", host="127.0.0.1"):
        self.places = places or {}
        self.login = login
        self.answer = answer
        self.heads = []
        self._host = host
        self._tasks = set()

    @property
    def requests(self):
        return [head.partition("\r\n")[0] for head in self.heads]

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._talk, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://{self._host}:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        async with asyncio.timeout(PATIENCE):
            while self._tasks:
                await SystemClock().sleep(0.001)

    async def _talk(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._tasks.discard(asyncio.current_task())

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        method, target, _ = head.partition("\r\n")[0].split(" ")
        expected = (
            f"Proxy-Authorization: Basic {base64.b64encode(self.login.encode()).decode()}\r\n"
        )
        answer = self.answer
        if self.login and expected not in head:
            answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        if answer:
            writer.write(answer)
            await writer.drain()
            await reader.read()  # until the client leaves
            return
        place = target if method == "CONNECT" else target.removeprefix("http://").partition("/")[0]
        host, _, port = self.places.get(place, "127.0.0.1:1").rpartition(":")
        inner, out = await asyncio.open_connection(host, int(port))
        try:
            if method == "CONNECT":
                # With the first words of the server, which must not be lost.
                early = await inner.read(100) if self.places.get("greets") else b""
                writer.write(
                    b"HTTP/1.1 200 Connection established\r\nVia: practice\r\n\r\n" + early
                )
            else:
                lines = [line for line in head.split("\r\n") if not line.startswith("Proxy-")]
                lines[0] = lines[0].replace(f"http://{place}", "")
                out.write("\r\n".join(lines).encode())
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, out))
                group.create_task(_copy(inner, writer))
        finally:
            out.close()


async def _copy(source, target):
    while part := await source.read(65536):
        target.write(part)
        await target.drain()
    target.close()
