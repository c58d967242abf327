"""What plug-ins may use is kept while the version of the interface stays the same."""

import inspect
from importlib import import_module
from pathlib import Path

from appealbridge.plugin import (
    AcceptsImages,
    Channel,
    Edits,
    Poller,
    PublishesUploads,
    Receiver,
    Removes,
    Tools,
    Trigger,
    UploadsImages,
)
from appealbridge.plugin.http import Http, Reply
from appealbridge.plugin.registry import API_VERSION

PROMISED = Path(__file__).parents[2] / "data" / f"plug-in-interface-{API_VERSION}.txt"
PARTS = ("", ".http", ".text", ".feeds")


def interface():
    """Return what there is, line by line: names, and methods with the names of their arguments."""
    names = ["appealbridge.testing", *(f"appealbridge.plugin{part}" for part in PARTS)]
    lines = {f"{name}.{each}" for name in names for each in import_module(name).__all__}
    for owner in (
        Channel, Removes, Edits, AcceptsImages, UploadsImages, PublishesUploads, Trigger, Poller,
        Receiver, Tools, Http, Reply,
    ):  # fmt: skip
        for name, method in inspect.getmembers(owner, callable):
            if not name.startswith("_"):
                lines |= {
                    f"{owner.__name__}.{name} {each}"
                    for each in inspect.signature(method).parameters
                }
    return lines


def test_nothing_that_was_promised_is_gone():
    """If something must go, raise API_VERSION, keep this file, and say in the change log what authors have to do."""
    assert {*PROMISED.read_text("utf-8").splitlines()} - interface() == set()


def test_what_is_new_is_promised_from_now_on():
    """Add the lines to the file."""
    assert interface() - {*PROMISED.read_text("utf-8").splitlines()} == set()
