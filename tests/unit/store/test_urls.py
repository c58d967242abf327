"""A store is opened by its URL."""

import subprocess
import sys

import pytest

from appealbridge.model.errors import StoreError
from appealbridge.store.opening import store_at
from tests.store_contract.case import an_arrival


async def test_a_sqlite_url_opens_the_file(tmp_path):
    url = f"sqlite://{tmp_path}/bridge.db"
    backend = store_at(url)
    assert (str(backend), backend.exists()) == (f"{tmp_path}/bridge.db", False)
    store = await store_at(url).open()
    await store.accept([an_arrival(1)])
    await store.close()
    assert backend.exists()
    reader = await store_at(url).open(read_only=True)
    assert len(await reader.events()) == 1
    await reader.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://db/bridge", "postgresql is not available yet"),
        ("mysql://db/bridge", "not the URL of a store"),
        ("sqlite://bridge.db", "not the URL of a store"),
        ("/var/lib/bridge.db", "not the URL of a store"),
    ],
)
async def test_another_scheme_is_an_error_that_says_what_to_use(url, message):
    with pytest.raises(StoreError, match=f"{message}.*use sqlite:///PATH"):
        await store_at(url).open()


def test_asking_where_the_daemon_is_loads_no_database():
    """Most commands need nothing else of the store, and begin without delay."""
    asks = "import sys; from appealbridge.store.opening import store_at; store_at('sqlite:///x/y.db').control()"
    subprocess.run(
        [sys.executable, "-c", f"{asks}; assert 'sqlite3' not in sys.modules"], check=True
    )
