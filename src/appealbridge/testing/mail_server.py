"""A real SMTP server on this machine that answers what a test tells it to, and keeps what it was handed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from appealbridge.clock import SystemClock
from appealbridge.testing.server import DAWDLE, ENDLESS, HANG_UP, PATIENCE, Spoilt

_REAL = SystemClock()

GREETING, CONTENT, FINAL_DOT = "GREETING", "CONTENT", "."
"""What stands in a script for the moment of connecting, for that when a mail comes, and for its end."""

_REPLIES: Mapping[str, str] = {
    GREETING: "220 mail.example ESMTP",
    "EHLO": "250-mail.example\r\n250-SIZE 1000000\r\n250 AUTH PLAIN LOGIN",
    "AUTH": "235 2.7.0 ok",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    FINAL_DOT: "250 2.0.0 queued",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


class ScriptedMailServer:
    """
    Speaks SMTP as it should, but for what `replies` says instead, by command.

    `server.replies["RCPT"] = "450 4.2.0 greylisted"`; a reply may also be `HANG_UP`, `DAWDLE` or `ENDLESS`.
    What stands under `CONTENT` happens after 354, before the mail is read, and a reply there after its
    first line. `mails` are those whose final dot came, whatever was replied to it; `commands` has every command.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.replies: dict[str, str | Spoilt] = {}
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self.url = ""
        self._open: set[asyncio.StreamWriter] = set()
        self._stopping = asyncio.Event()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, self._host, 0, limit=2**27)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"smtp://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._server.close()
        await self.is_left()

    async def is_handed(self, count: int) -> None:
        """Wait until so many mails have come to their final dot."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.mails) >= count)

    async def is_left(self) -> None:
        """Wait until no connection is open any more."""
        async with asyncio.timeout(PATIENCE):
            while self._open:
                await _REAL.sleep(0.001)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            goes_on = await self._reply(GREETING, reader, writer)
            while goes_on and (line := await reader.readline()):
                command = line.decode("latin-1").strip()
                self.commands.append(command)
                verb = command.partition(" ")[0].upper()
                goes_on = await self._reply(verb, reader, writer)
                if goes_on and verb == "DATA" and str(self._script(verb)).startswith("3"):
                    if CONTENT in self.replies:
                        if isinstance(self.replies[CONTENT], str):
                            await reader.readline()
                        if await self._reply(CONTENT, reader, writer):
                            await reader.read()  # what comes unread would take the reply along
                        return
                    mail = await reader.readuntil(b"\r\n.\r\n")
                    async with self._news:
                        self.mails.append(mail)
                        self._news.notify_all()
                    goes_on = await self._reply(FINAL_DOT, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client went away, which is its right
        finally:
            writer.close()
            self._open.discard(writer)

    async def _reply(
        self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer as scripted; return whether the conversation goes on."""
        reply = self._script(verb)
        if reply is DAWDLE:
            if verb == CONTENT:
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            await _first(self._stopping.wait(), reader.read())
            return False
        if reply is HANG_UP:
            return False
        if reply is ENDLESS:
            while not writer.is_closing():
                writer.write(b"250-and more\r\n" * 1000)
                await writer.drain()
            return False
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
        return verb != "QUIT"

    def _script(self, verb: str) -> str | Spoilt:
        reply = self.replies.get(verb) or _REPLIES.get(verb, "500 what?")
        if isinstance(reply, str) and "{commands}" in reply:
            return reply.format(commands=" ".join(self.commands))
        return reply


async def _first(*waits: object) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
