import pytest

from appealbridge.store.sqlite.store import SqliteStore
from tests.new_store import write_new_store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bridge.db"


@pytest.fixture
def commits():
    """What the store says of its commits: (seconds, transactions)."""
    return []


@pytest.fixture
async def store(path, commits):
    write_new_store(path)
    store = await SqliteStore.open(path, on_commit=lambda *arguments: commits.append(arguments))
    yield store
    await store.close()
