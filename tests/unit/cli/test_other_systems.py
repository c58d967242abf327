"""Recipes are written on Windows and macOS too: these commands need nothing of the daemon, and nothing of Linux."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.clock import SystemClock
from appealbridge.files import open_handle
from appealbridge.model.event import Event
from appealbridge.model.ids import event_id
from appealbridge.store.records import Arrival
from appealbridge.store.sqlite.store import SqliteStore

ROOT = Path(__file__).parents[3]
WITHOUT = """
import importlib.abc, json, os, socket, sys

class Missing(importlib.abc.MetaPathFinder):
    names = {"uvloop", "fcntl", "grp", "pwd", "resource", "termios", "tty", "pty"}

    def find_spec(self, name, path=None, target=None):
        if name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}")

for name in Missing.names:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
pair, unix = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda: pair(unix)  # Windows has this function, in its own way
del socket.AF_UNIX
for name in (
    "geteuid", "getuid", "fchmod", "fchown", "statvfs", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY",
):
    delattr(os, name)
from appealbridge.cli.main import main
try:
    main()
finally:
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""
OF_THE_DAEMON = (
    "appealbridge.engine", "appealbridge.web", "appealbridge.practice", "appealbridge.demo", "appealbridge.daemon",
    "appealbridge.store.sqlite", "aiohttp.web", "uvloop", "sqlite3", "prometheus_client", "watchfiles",
)  # fmt: skip
VALUES = {
    "appealbridge.engine",
    "appealbridge.engine.active",
    "appealbridge.daemon",
    "appealbridge.daemon.assembly",
}
"""What reads the files, and the value that it makes of them."""


@pytest.fixture
def folder(tmp_path):
    """The example settings and the recipes that come with the program."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    text = (ROOT / "examples" / "appealbridge.yaml").read_text("utf-8")
    (tmp_path / "appealbridge.yaml").write_text(text.replace("../recipes", "recipes"), "utf-8")
    return tmp_path


def elsewhere(folder, *arguments, status=0):
    """Run a command where there is neither uvloop nor anything of Unix; return what it prints and loads."""
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    modules = json.loads((folder / "modules.json").read_text())
    return ran.stdout, {
        name
        for name in modules
        if name not in VALUES and name.startswith(OF_THE_DAEMON)
    }  # fmt: skip


COMMANDS = {
    ("check",): "0 errors",
    ("test",): "0 failed",
    ("preview", "new-appeal"): "on force_x",
    ("schema", "--output", "schemas"): "wrote schemas",
    ("completion", "bash"): "_appealbridge_completion",
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_for_recipes_loads_nothing_of_the_daemon_and_runs_without_unix(folder, arguments):
    printed, loaded = elsewhere(folder, *arguments)
    assert COMMANDS[arguments] in printed
    assert loaded == set()


def test_a_recipe_is_made_from_a_blueprint_without_unix(folder):
    values = ["--input", "x=force_x", "--output", "mine.yaml"]
    printed, loaded = elsewhere(folder, "new", "road-closed", *values, status=0)
    assert "0 failed" in printed
    assert (folder / "mine.yaml").read_text("utf-8").startswith("#")
    assert loaded == set()


def test_a_mistake_is_told_without_unix(folder):
    (folder / "recipes" / "wrong.yaml").write_text("alias: x\ntriger: []\n")
    printed, loaded = elsewhere(folder, "check", status=1)
    assert 'unknown option "triger"' in printed
    assert loaded == set()


async def test_a_draft_is_backtested_without_unix(folder):
    now = SystemClock().now()
    store = await SqliteStore.open(folder / "bridge.db")
    event = Event(event_id(now, 1), "appeals:site", "new", "A1", "k", now, {}, received_at=now)
    await store.accept([Arrival(event)])
    await store.close()
    settings = folder / "appealbridge.yaml"
    lines = settings.read_text("utf-8").splitlines()
    stored = [line for line in lines if not line.startswith("store:")]
    settings.write_text("\n".join(["store: sqlite:///bridge.db", *stored]), "utf-8")
    printed, loaded = elsewhere(folder, "backtest", "new-appeal")
    assert "1 events of the last 30d" in printed
    assert not [name for name in loaded if not name.startswith(("appealbridge.store", "sqlite3"))]


@pytest.mark.parametrize("message", [["run"], ["demo"], ["sandbox"]])
def test_what_needs_linux_says_so_on_windows(monkeypatch, message):
    monkeypatch.setattr("sys.platform", "win32")
    ran = CliRunner().invoke(main, message)
    assert ran.exit_code == 2
    assert "this runs on Linux and macOS only; on Windows you can write recipes" in ran.output


def test_a_file_is_opened_as_bytes_where_that_must_be_said(monkeypatch, tmp_path):
    """Windows would otherwise change line ends, so that a recipe had another version there."""
    opened = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "O_BINARY", 0x8000, raising=False)
        patch.setattr(os, "open", lambda path, flags, mode: opened.append(flags))
        open_handle(tmp_path / "a", os.O_RDONLY)
    assert opened[0] & 0x8000
