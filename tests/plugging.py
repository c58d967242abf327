"""A small plug-in as a third party would write it, how it comes to be installed, and an environment of its author."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path

import pytest

PLUG_IN = """
from appealbridge.plugin import (
    Account, Channel, Field, Measure, Options, Receipt, Repeat, field_validator,
)

class Gateway(Account):
    url: str = Field("http://127.0.0.1:9", description="Where.", examples=["http://a"])

class Text(Options):
    text: str = Field(description="What.", examples=["Hello"])

class Sms(Channel[Gateway, Text]):
    platform = "sms"
    action = "sms"
    account = Gateway
    message = Text
    repeat = Repeat.NEITHER

    async def deliver(self, account, message, delivery, tools):
        return Receipt("1")

    def practice(self, name, options, address):
        return {"url": address}

def register(registry):
    registry.add(Sms())
"""
"""A channel called `sms` that sends nothing anywhere."""


def installed(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    groups: Iterable[str] = ("appealbridge.plugins.v1",),
) -> None:
    """Have a plug-in of this code be there, as if pip had installed it, offered in these groups."""
    package = folder / "sms-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: sms\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "\n".join(f"[{group}]\nsms = sms_plug_in:register" for group in groups)
    )
    (folder / "sms_plug_in.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "sms_plug_in", raising=False)


APPEALBRIDGE = """#!{python}
from appealbridge.cli.main import main
main()
"""


class Environment:
    """
    A fresh virtual environment in a folder, with AppealBridge and pytest in it as if pip had installed them.

    They come from the environment of these tests, since a test must not need a network.
    """

    def __init__(self, folder: Path) -> None:
        venv.EnvBuilder(symlinks=True).create(folder)
        self.bin = folder / "bin"
        self.python = self.bin / "python"
        (packages,) = folder.glob("lib/python*/site-packages")
        ours = sysconfig.get_path("purelib")
        (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        command = self.bin / "appealbridge"
        command.write_text(APPEALBRIDGE.format(python=self.python))
        command.chmod(0o755)
        pip = self.bin / "pip"
        options = "--no-deps --no-build-isolation --disable-pip-version-check --quiet"
        pip.write_text(f'#!/bin/sh\n"{self.python}" -m pip "$@" {options}\n')
        pip.chmod(0o755)

    def run(self, *command: str, folder: Path, status: int = 0) -> str:
        """Run one of its commands in a folder; return what it printed."""
        done = subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=100,
            check=False,
        )
        text = done.stdout.decode()
        assert done.returncode == status, text
        return text
