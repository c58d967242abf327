"""The file of a new, empty store, made once: the migrations alone take as long as a whole story with few events."""

import sqlite3
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from appealbridge.files import PRIVATE
from appealbridge.store.sqlite.connections import prepared


@cache
def _content() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        prepared(path).close()
        return path.read_bytes()


def new_store_in_memory() -> sqlite3.Connection:
    """Return a connection to a new store that is in memory alone."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    content = bytearray(_content())
    content[18:20] = b"\1\1"  # a log beside it needs a file
    connection.deserialize(content)
    return connection


def write_new_store(path: Path) -> None:
    """Write the file as `db migrate` does where there is none."""
    path.touch(PRIVATE)
    path.write_bytes(_content())
