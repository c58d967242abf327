"""
The daemon, which notes each statement and each commit of its writer in a file.

    python -m benchmarks.counting FILE run --config CONFIG
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

from appealbridge.cli.main import main
from appealbridge.store.sqlite import store as sqlite_store

STATEMENT, COMMIT = b"s", b"c"


def count_into(file: Path) -> None:
    """Write a letter for each statement and each commit from now on."""
    target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    prepared = sqlite_store.prepared

    def note(line: str) -> None:
        if not line.startswith("BEGIN"):
            os.write(target, COMMIT if line.startswith("COMMIT") else STATEMENT)

    def counted(path: Path) -> sqlite3.Connection:
        connection = prepared(path)
        connection.set_trace_callback(note)
        return connection

    sqlite_store.prepared = counted


if __name__ == "__main__":
    count_into(Path(sys.argv.pop(1)))
    main()
