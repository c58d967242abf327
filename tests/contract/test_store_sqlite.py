"""The default store is held to the contract that every store is held to."""

import pytest

from appealbridge.store.sqlite.store import SqliteStore
from tests.new_store import write_new_store
from tests.store_contract.contract import StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path):
        write_new_store(tmp_path / "bridge.db")
        return lambda: SqliteStore.open(tmp_path / "bridge.db")
