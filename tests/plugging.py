"""A small plug-in as a third party would write it, and how a test installs it."""

from __future__ import annotations

import sys
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


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Install a plug-in with this code, as pip would."""
    package = folder / "sms-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: sms\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[appealbridge.channels]\nsms = sms_plug_in:register\n"
    )
    (folder / "sms_plug_in.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "sms_plug_in", raising=False)
