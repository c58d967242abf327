"""
How many examples the property tests draw: few in every run, five times as many in `make torture`, and fifty times with

    make test ARGS="tests/properties --hypothesis-profile=long --timeout=0"

And how slow each poll of a source is in the stories, which must not matter:

    make test ARGS="tests/stories --slow-polls=0.3"

And where tests write: in memory, where there is room for it. The daemon waits for the disk at every commit, and a
story does little else. Only a machine that loses its power could tell the difference, and no test can do that.
"""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
_ROOM = 4 * 1024**3
"""How many bytes the tests of one run may need together."""


def _write_in_memory() -> None:
    """Let `tmp_path` be in memory, unless somebody says where it is to be."""
    if not os.access(_IN_MEMORY, os.W_OK):
        return
    place = os.statvfs(_IN_MEMORY)
    if place.f_bavail * place.f_frsize >= _ROOM and not place.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))


_write_in_memory()


def pytest_addoption(parser):
    parser.addoption(
        "--slow-polls",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how many real seconds longer each poll of a feed or a folder takes in the stories",
    )


def pytest_xdist_auto_num_workers():
    """Run more tests at once than there are cores: many wait for sockets and processes."""
    return len(os.sched_getaffinity(0)) * 2


def pytest_collection_finish():
    """Never look for garbage among all the collected tests: that takes half a second each time."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the longest test, so that no core ends up waiting for it alone."""
    items.sort(key=lambda item: item.path.name != "test_short.py")


# The machine may be busy: no example is wrong because it took long.
settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("torture", settings.get_profile("default"), max_examples=500)
settings.register_profile("long", settings.get_profile("default"), max_examples=5000)
settings.load_profile("default")
