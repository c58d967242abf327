"""Whatever the machine puts in the way of a command: a sentence with a cure, and no traceback."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from appealbridge.store.records import Control
from appealbridge.store.sqlite.connections import prepared
from appealbridge.store.sqlite.control import announced, control_file
from tests import forking

NOBODY = 65534
ROOT = os.geteuid() == 0
SETTINGS = """
practice: http://127.0.0.1:9
channels: { force_x: { platform: x } }
webhooks: { desk: { secrets: [!secret desk] } }
"""
RECIPE = """
triggers: [{ trigger: webhook, webhook_id: desk }]
actions: [{ action: tweet, channel: force_x, text: Hello }]
approval: none
tests: [{ name: a, event: { type: a }, expect: [{ text: Hello }] }]
"""
READING = [
    "deliveries", "deliveries --json", "runs", "trace 1", "backtest road", "db backup copy.db",
    "db vacuum", "db migrate", "db migrate --check",
]  # fmt: skip
COMMANDS = [
    *READING, "release 1", "retry 1", "cancel 1", "confirm 1", "channels", "channels check", "reload",
    "check", "test", "preview road", "run",
    "new road-closed --input x=force_x --input webhook=desk --output new.yaml",
]  # fmt: skip

EACH = """
import ctypes, json, os, sys

if os.geteuid() == 0:  # `as_anybody` is about what is begun later; this is about the process itself
    library, version, rights = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    for capability in (0, 1, 2, 3):
        library.prctl(24, capability, 0, 0, 0)
    assert library.capget(version, rights) == 0
    rights[0] &= ~0b1111
    rights[1] &= ~0b1111
    assert library.capset(version, rights) == 0

from click.testing import CliRunner
from appealbridge.cli.main import main
config, *commands = sys.argv[1:]
for command in commands:
    done = CliRunner().invoke(main, [*command.split(), "--config", config])
    odd = None if isinstance(done.exception, SystemExit | None) else repr(done.exception)
    print(json.dumps([command, done.exit_code, done.stdout, done.stderr, odd]), flush=True)
"""


class Done(NamedTuple):
    """How one command ended."""

    command: str
    status: int
    stdout: str
    stderr: str
    odd: str | None

    @property
    def printed(self):
        return self.stderr or self.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An installation."""
    monkeypatch.delenv("APPEALBRIDGE_CONFIG", raising=False)
    place = tmp_path / "installed"
    (place / "recipes").mkdir(parents=True)
    (place / "secrets").mkdir()
    (place / "secrets" / "desk").write_text("whsec_" + "QUJD" * 8)
    (place / "appealbridge.yaml").write_text(SETTINGS)
    (place / "recipes" / "road.yaml").write_text(RECIPE)
    prepared(place / "appealbridge.db").close()
    yield place
    place.chmod(0o700)
    for path in place.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


def as_anybody():
    """Have root be somebody whom the rights of files concern, once a program is begun."""
    for capability in (0, 1, 2, 3):  # chown, dac_override, dac_read_search, fowner
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def belongs_to_another(*paths: Path, others=0o0):
    """Let files be somebody else's, who gives these rights to others."""
    for path in paths:
        if ROOT:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
            path.chmod(0o700 | others)
        else:
            path.chmod(others * 0o111)


def python(folder, *arguments, **more):
    values = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "80"}
    values |= more.pop("env", {})
    return subprocess.run(
        [sys.executable, *arguments], env=values, cwd=folder.parent, check=False, timeout=100,
        stdin=subprocess.DEVNULL, preexec_fn=as_anybody if ROOT else None, **more,
    )  # fmt: skip


def each(folder, commands):
    """Have somebody type these commands, and return how each ended."""
    values = {
        name: value for name, value in os.environ.items() if forking.READ_AT_START.match(name)
    }
    done = forking.run(
        *("-c", EACH, str(folder / "appealbridge.yaml"), *commands),
        folder=folder.parent,
        environment={**values, "PATH": "/usr/bin:/bin", "COLUMNS": "80"},
    )
    ended = [Done(*json.loads(line)) for line in done.stdout.splitlines()]
    assert [each.command for each in ended] == commands, done.stderr.decode()
    return ended


def in_a_sentence(ended, *arguments):
    """Every command ended by saying what is wrong, in a few lines."""
    for done in ended:
        assert done.odd is None, done
        assert "Traceback" not in done.printed, done
        assert done.status in (1, 2), done
        assert done.printed.strip(), done
        assert len(done.printed) < 1500, done
        for word in arguments:
            assert word in done.printed.lower(), done


def test_who_may_not_see_the_folder_is_told(folder):
    belongs_to_another(folder)
    in_a_sentence(each(folder, COMMANDS), "permission denied")


def test_who_may_not_read_the_settings_is_told(folder):
    belongs_to_another(folder / "appealbridge.yaml")
    in_a_sentence(each(folder, COMMANDS), "permission denied", "run this as the user that")


def test_who_may_not_read_the_store_is_told(folder):
    belongs_to_another(folder / "appealbridge.db", folder / "secrets")
    in_a_sentence(each(folder, READING))


def test_who_may_not_read_the_control_file_is_told_whom_to_be(folder):
    with announced(folder / "appealbridge.db", Control("http://127.0.0.1:9", "t", os.getpid())):
        belongs_to_another(control_file(folder / "appealbridge.db"))
        ended = each(folder, ["deliveries", "release 1", "reload", "channels", "trace 1"])
    in_a_sentence(
        ended, "permission denied", "run this as the user that the daemon runs as, or as root"
    )


def test_who_may_read_all_and_write_nothing_is_told(folder):
    belongs_to_another(folder, *folder.rglob("*"), others=0o5)
    for done in each(folder, COMMANDS):
        assert done.odd is None, done
        if done.status:
            in_a_sentence([done])


@pytest.mark.parametrize("what", ["a folder", "no text", "too long"])
def test_settings_that_are_none_are_told(folder, what):
    config = folder / "appealbridge.yaml"
    config.unlink()
    if what == "a folder":
        config.mkdir()
    elif what == "no text":
        config.write_bytes(b"\xff\xfe\0")
    else:
        with config.open("wb") as file:
            file.truncate(1 << 36)
    in_a_sentence(each(folder, COMMANDS))


@pytest.mark.parametrize("what", ["nothing", "a folder", "no store", "a broken link"])
def test_a_store_that_is_none_is_told(folder, what):
    store = folder / "appealbridge.db"
    for file in folder.glob("appealbridge.db*"):
        file.unlink()
    if what == "a folder":
        store.mkdir()
    elif what == "no store":
        store.write_bytes(b"no database" * 999)
    elif what == "a broken link":
        store.symlink_to(folder / "nowhere" / "a.db")
    makes_one = ("db migrate",) if what == "nothing" else ()
    in_a_sentence(each(folder, [each for each in READING if each not in makes_one]))


def test_a_place_that_cannot_be_written_is_told(folder):
    result = "new road-closed --input x=force_x --input webhook=desk"
    commands = [
        "db backup /proc/copy.db", "schema recipe --output /proc/a.json", "schema --output /proc/a",
        f"{result} --output /proc/a.yaml",
    ]  # fmt: skip
    in_a_sentence(each(folder, commands), "/proc/")


@pytest.mark.parametrize("command", ["check", "deliveries", "preview road"])
def test_no_home_and_the_plainest_locale_are_no_matter(folder, command):
    arguments = [
        "-m",
        "appealbridge",
        *command.split(),
        "--config",
        str(folder / "appealbridge.yaml"),
    ]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = python(folder, *arguments, env=plain, capture_output=True)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0, done


def test_what_the_locale_has_no_letters_for_is_spelt_out(folder):
    (folder / "recipes" / "road.yaml").write_text(RECIPE.replace("Hello", "Café 😀"))
    arguments = [
        "-m",
        "appealbridge",
        "preview",
        "road",
        "--config",
        str(folder / "appealbridge.yaml"),
    ]
    done = python(folder, *arguments, env={"PYTHONIOENCODING": "latin-1"}, capture_output=True)
    assert done.returncode == 0
    assert r"Café \U0001f600" in done.stdout.decode("latin-1")


@pytest.mark.parametrize("command", ["check", "deliveries", "schema recipe"])
def test_a_reader_who_goes_away_is_no_matter(folder, command):
    arguments = [
        "-m",
        "appealbridge",
        *command.split(),
        "--config",
        str(folder / "appealbridge.yaml"),
    ]
    reading, writing = os.pipe()
    os.close(reading)
    done = python(folder, *arguments, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1)


def test_a_fault_of_the_program_is_told_with_what_to_report(folder):
    code = (
        "import appealbridge.daemon.assembly as assembly\n"
        "def broken(*_, **__): raise KeyError('\\x1b[2J')\n"
        "assembly.assemble = broken\n"
        "from appealbridge.cli.main import main\n"
        "main(['test'])"
    )
    done = python(folder, "-c", code, capture_output=True, text=True)
    assert done.returncode == 1
    first, *rest = done.stderr.splitlines()
    assert first.startswith("appealbridge: this is a fault in AppealBridge; please report it")
    assert "Traceback" in rest[0]
    assert "\x1b" not in done.stderr
