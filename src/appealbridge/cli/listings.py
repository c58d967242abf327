"""Reads listings from the running daemon, or from its store if it does not run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from appealbridge.cli.client import DaemonClient
from appealbridge.cli.common import fail
from appealbridge.cli.output import say
from appealbridge.documents import InvalidDocuments
from appealbridge.model.errors import StoreError


class Stored:
    """Returns the listings of the API, whether or not the daemon runs."""

    def __init__(self, daemon: DaemonClient) -> None:
        self._daemon = daemon

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Return what the API returns."""
        if self._daemon.control is not None:
            return self._daemon.get(path, query)
        if not self._daemon.store.exists():
            fail(f"no store at {self._daemon.store}; start the daemon with: appealbridge run")
        try:
            return asyncio.run(
                self._read(unquote(path), {k: str(v) for k, v in (query or {}).items() if v})
            )
        except (StoreError, ValueError) as error:
            fail(str(error))

    async def _read(self, path: str, query: Mapping[str, str]) -> Any:
        from appealbridge.web import listing
        from appealbridge.web.masking import cleaned

        store = await self._daemon.store.open(read_only=True)
        try:
            answer = await listing.read(store.listings, path, query)
        finally:
            await store.close()
        return cleaned(answer, self._masks())

    def _masks(self) -> Callable[[str], str]:
        """Return a function that masks the settings' secrets in a text; print which secrets are not known."""
        from appealbridge.daemon.assembly import load_plugins, read_settings
        from appealbridge.redact import Redactor

        try:
            settings = read_settings(self._daemon.config, load_plugins(), offline=True)
        except InvalidDocuments:
            say(
                "the settings have problems, so their secrets are not known here, and not masked if an event "
                "quotes them; run: appealbridge check",
                err=True,
            )
            return Redactor().clean
        if settings.missing:
            names = ", ".join(sorted(settings.missing))
            say(
                f"these secrets cannot be read here, and are not masked if an event quotes them: {names}",
                err=True,
            )
        return Redactor(settings.secrets).clean
