"""The default store is held to the contract that every store is held to."""

import pytest

from appealbridge.store.sqlite import SqliteStore
from appealbridge.testing.store_contract import StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path):
        return lambda: SqliteStore.open(tmp_path / "bridge.db")
