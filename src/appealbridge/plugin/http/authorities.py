"""
Reads the certificate authorities that the system trusts when the first connection needs them.

aiohttp reads them when it is imported, twice. If they are one file that takes 45 ms of each start and 2 MiB, and
most starts are for commands and for hours in which nothing is published. So this module is the first to import it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _unread() -> Iterator[None]:
    """Let contexts be made without authorities; they trust nobody until some are loaded."""
    read = ssl.SSLContext.set_default_verify_paths
    ssl.SSLContext.set_default_verify_paths = lambda self: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        ssl.SSLContext.set_default_verify_paths = read  # type: ignore[method-assign]


with _unread():
    from aiohttp import connector


class SystemTrust(ssl.SSLContext):
    """Trusts the authorities of the system. Whoever has a thread calls `read` before the first connection."""

    complete = False

    def read(self) -> None:
        """Load the authorities, unless that was done."""
        if not self.complete:
            self.load_default_certs()
            self.complete = True

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a connection of an event loop."""
        self.read()
        return super().wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Begin a connection of a socket."""
        self.read()
        return super().wrap_socket(*args, **kwargs)


# A change of class keeps all that `ssl.create_default_context` has set.
connector._SSL_CONTEXT_VERIFIED.__class__ = SystemTrust  # noqa: SLF001
