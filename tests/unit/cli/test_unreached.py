"""`test`, `preview` and `backtest` reach nobody: a process that may not connect to anything does not mind."""

import pytest

from tests import forking
from tests.unit.cli.test_backtest import folder

__all__ = ["folder"]

PROGRAM = """
import sys
from appealbridge.cli.main import main

def refuse(what, given):
    if what in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"):
        raise SystemExit(f"{what} {given}")

sys.addaudithook(refuse)
main(sys.argv[1:])
"""
TESTS = """
tests:
  - { name: one, event: { type: closed, data: { road: M6 } }, expect: [{ text: M6 is closed }] }
"""


def run(*arguments):
    return forking.run("-c", PROGRAM, *map(str, arguments))


@pytest.mark.parametrize("command", ["test", "preview", "backtest"])
def test_no_channel_can_be_reached_from(command, folder):
    recipe = folder / "recipes" / "roads.yaml"
    recipe.write_text(recipe.read_text() + TESTS)
    result = run(command, recipe, "--config", folder / "appealbridge.yaml")
    assert (result.returncode, b"socket." in result.stderr) == (0, False), result
    assert result.stdout


def test_what_does_reach_out_is_caught(folder, monkeypatch):
    monkeypatch.setenv("APPEALBRIDGE_SECRET_DESK", "whsec_" + "QUJD" * 8)
    result = run("channels", "check", "--config", folder / "appealbridge.yaml")
    assert result.returncode != 0
    assert b"socket." in result.stderr + result.stdout
