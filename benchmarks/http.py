"""Just enough HTTP/1.1 to count messages, far cheaper than any library."""

from __future__ import annotations

import asyncio
import re
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Messages(asyncio.Protocol):
    """Cuts what arrives into whole messages and hands each to `message`."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on every message that is complete; keep the rest."""
        data = self._waiting + data if self._waiting else data
        while data:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                break
            length = _LENGTH.search(data, 0, head + 2)
            end = head + 4 + (int(length[1]) if length else 0)
            if len(data) < end:
                break
            self.message(data[:end])
            data = data[end:]
        self._waiting = data

    def message(self, whole: bytes) -> None:
        """Deal with one message."""
        raise NotImplementedError
