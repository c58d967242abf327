"""
How the command line finds the running daemon: a file beside the store, for its owner's eyes only.

It holds the daemon's address and a token made anew at each start. Whoever can read it could read
the store itself, so it opens no door that was shut.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Control:
    """Where the daemon listens (`http://host:port` or `unix:/path`), what opens its API, and its process id."""

    url: str
    token: str
    pid: int


def control_file(store: Path) -> Path:
    """Return where the control file of a store lies."""
    return store.with_name(f"{store.name}.control")


@contextmanager
def announced(store: Path, control: Control) -> Iterator[None]:
    """Keep the control file while the daemon can be reached."""
    file = control_file(store)
    draft = file.with_name(f"{file.name}.{control.pid}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(asdict(control), out)
    draft.replace(file)  # a reader sees the old one or the new one, never half of one
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def read_control(store: Path) -> Control | None:
    """Return how to reach the daemon on this store, `None` where none says that it runs."""
    try:
        told = json.loads(control_file(store).read_text(encoding="utf-8"))
        return Control(str(told["url"]), str(told["token"]), int(told["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
