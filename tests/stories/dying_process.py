"""
The daemon as `appealbridge run` starts it, in a process that kills itself at one of its commits.

    python dying_process.py COUNT_FILE NUMBER SIDE CONFIG

It gets SIGKILL right before or right after the commit of that number; with 0, never. Every commit adds a byte to the
count file. The product knows nothing of this: a class that counts makes its connections to SQLite.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from appealbridge.cli.main import main

COUNT_FILE, NUMBER, SIDE, CONFIG = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]

_connect = sqlite3.connect


class Dying(sqlite3.Connection):
    """A connection that kills its process at one of its commits."""

    commits = 0

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Execute, and kill the process if this is the commit for it."""
        if sql != "COMMIT":
            return super().execute(sql, *values)
        self._die("before")
        done = super().execute(sql, *values)
        self._die("after")
        return done

    def executescript(self, script: str) -> sqlite3.Cursor:
        """Execute a script; a migration is one commit."""
        if "COMMIT" not in script:
            return super().executescript(script)
        self._die("before")
        done = super().executescript(script)
        self._die("after")
        return done

    def _die(self, side: str) -> None:
        if side == "before":
            Dying.commits += 1
            with COUNT_FILE.open("ab") as count:
                count.write(b".")
        if Dying.commits == NUMBER and side == SIDE:
            os.kill(os.getpid(), signal.SIGKILL)


def connect(*arguments: Any, uri: bool = False, **more: Any) -> sqlite3.Connection:
    """Connect; connections that only read use a URI and do not count."""
    kind = sqlite3.Connection if uri else Dying
    return _connect(*arguments, uri=uri, factory=kind, **more)


sqlite3.connect = connect  # type: ignore[assignment] # this process only
main(["run", "--config", CONFIG])
