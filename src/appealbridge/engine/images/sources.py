"""Reads the pictures that messages name: from an address, or from a file in the folder of the settings."""

from __future__ import annotations

import errno
from pathlib import Path

from appealbridge.files import read_below
from appealbridge.media import SOURCE_BYTES, ImageRefused
from appealbridge.model.errors import Rejected, TryAgain
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.images import fetch_image
from appealbridge.plugin.offload import FILES, offload

_LARGE = f"it is larger than {SOURCE_BYTES // 1024 // 1024} MB; make it smaller"


class Sources:
    """Reads pictures as they are; `http` connects to nothing that the settings do not allow."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.media_folder: Path | None = None

    async def read(self, source: str) -> bytes:
        """Return a picture. Raise `TryAgain` if it cannot be fetched now, and `Rejected` if it never can."""
        if source.startswith(("http://", "https://")):
            return await self._fetch(source)
        return await self._read_file(source)

    async def _fetch(self, address: str) -> bytes:
        try:
            return await fetch_image(address, self._http)
        except ImageRefused as refused:
            raise Rejected(str(refused)) from None
        except Rejected as error:  # pages are published before their pictures
            raise TryAgain(str(error), status=error.status) from None

    async def _read_file(self, name: str) -> bytes:
        folder = self.media_folder
        if folder is None:
            raise TryAgain("appealbridge.yaml has no media_folder")
        try:
            content = await offload(FILES, read_below, folder, name, SOURCE_BYTES)
        except ValueError as flaw:
            raise Rejected(str(flaw)) from None
        except OSError as error:
            why = "it is a link" if error.errno == errno.ELOOP else error.strerror
            raise TryAgain(f"{folder / name}: {why}") from None
        if len(content) > SOURCE_BYTES:
            raise Rejected(_LARGE)
        return content
