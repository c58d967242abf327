"""Real servers take minutes to install, so their tests run only in `make test-real`."""

import pytest

from tests.real.servers import HERE


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("real")
