"""What plug-ins may use is kept while the version of the interface stays the same."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from appealbridge import plugin
from appealbridge.plugin import Channel, Poller, Tools, Trigger
from appealbridge.plugin.http import Http, Reply
from appealbridge.plugin.images import AcceptsImages, PublishesUploads, UploadsImages
from appealbridge.plugin.published import Edits, Removes
from appealbridge.plugin.receiver import Receiver
from appealbridge.plugin.registry import API_VERSION

PROMISED = Path(__file__).parents[2] / "data" / f"plug-in-interface-{API_VERSION}.txt"
PARTS = ("", ".images", ".published", ".receiver", ".http", ".text", ".feeds")


def interface():
    """Return what there is, line by line: names, and methods with the names of their arguments."""
    names = ["appealbridge.testing", *(f"appealbridge.plugin{part}" for part in PARTS)]
    lines = {f"{name}.{each}" for name in names for each in import_module(name).__all__}
    lines |= {f"appealbridge.plugin.{name}" for name in plugin.MOVED}
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


@pytest.mark.parametrize(("name", "part"), plugin.MOVED.items())
def test_a_name_that_moved_still_works_at_its_earlier_place_and_says_its_new_one(name, part):
    new_place = f"appealbridge.plugin.{part}"
    with pytest.warns(
        DeprecationWarning, match=rf"^{name} is now in {new_place}; import it from there$"
    ) as warned:
        earlier = getattr(plugin, name)
    assert earlier is getattr(import_module(new_place), name)
    assert warned[0].filename == __file__


def test_an_earlier_place_can_be_imported_from():
    with pytest.warns(DeprecationWarning, match=r"appealbridge\.plugin\.published"):
        from appealbridge.plugin import Removes as Earlier
    assert Earlier is Removes


def test_a_name_that_never_was_here_is_an_error():
    with pytest.raises(AttributeError, match="Remover"):
        getattr(plugin, "Remover")  # noqa: B009 - mypy would find it


def test_importing_everything_gives_what_is_listed_and_no_name_that_moved():
    names = {}
    exec("from appealbridge.plugin import *", names)  # noqa: S102 - it is no statement of a function
    assert {*names} - {"__builtins__"} == {*plugin.__all__}
    assert not {*plugin.MOVED} & {*plugin.__all__}


def test_the_top_of_the_interface_has_about_forty_names():
    """What only few authors need is in one of its parts (decision 82)."""
    assert len(plugin.__all__) <= 45
