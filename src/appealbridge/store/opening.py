"""Finds the store of a URL: `sqlite:///PATH`."""

from __future__ import annotations

from pathlib import Path

from appealbridge.model.errors import StoreError
from appealbridge.store.backend import Backend


def exists(url: str) -> bool:
    """Return whether there is a store, without loading what works with it."""
    scheme, _, path = url.partition("://")
    return Path(path).exists() if scheme == "sqlite" else store_at(url).exists()


def store_at(url: str) -> Backend:
    """Return the store of a URL; raise `StoreError` if there is none of that kind."""
    scheme, _, path = url.partition("://")
    if scheme == "sqlite" and Path(path).is_absolute():
        from appealbridge.store.sqlite.backend import SqliteBackend

        return SqliteBackend(Path(path))
    if scheme in ("postgresql", "postgres"):
        raise StoreError("postgresql is not available yet; use sqlite:///PATH")
    raise StoreError(f"{url}: this is not the URL of a store; use sqlite:///PATH")
