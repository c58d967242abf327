"""
How many examples the property tests draw: few in every run, fifty times as many with

    make test ARGS="tests/properties --hypothesis-profile=long --timeout=0"

And how slow each poll of a source is in the stories, which must not matter:

    make test ARGS="tests/stories --slow-polls=0.3"
"""

import pytest
from hypothesis import HealthCheck, settings


def pytest_addoption(parser):
    parser.addoption(
        "--slow-polls",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how many real seconds longer each poll of a feed or a folder takes in the stories",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the longest test, so that no core ends up waiting for it alone."""
    items.sort(key=lambda item: item.path.name != "test_short.py")


# The machine may be busy: no example is wrong because it took long.
settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", settings.get_profile("default"), max_examples=5000)
settings.load_profile("default")
