"""
What every store owes to the engine, as a suite that a store's own tests inherit.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def open_store(self, tmp_path: Path) -> OpenStore:
            return lambda: MyStore.open(tmp_path / "store")

The promises stand in `store/base.py`. `tests/contract/test_store_sqlite.py` holds the default
store to them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from appealbridge.store.base import Store
from tests.store_contract.case import OpenStore
from tests.store_contract.deliveries import StoreDeliveriesContract
from tests.store_contract.events import StoreEventsContract
from tests.store_contract.notices import StoreNoticesContract
from tests.store_contract.pages import StorePagesContract
from tests.store_contract.queries import StoreQueriesContract
from tests.store_contract.recent import StoreRecentContract
from tests.store_contract.retention import StoreRetentionContract
from tests.store_contract.runs import StoreRunsContract
from tests.store_contract.threads import StoreThreadsContract
from tests.store_contract.transitions import StoreTransitionsContract
from tests.store_contract.waiting_runs import StoreWaitingRunsContract


class StoreContract(
    StoreEventsContract,
    StoreDeliveriesContract,
    StoreRunsContract,
    StoreWaitingRunsContract,
    StoreThreadsContract,
    StoreTransitionsContract,
    StoreQueriesContract,
    StorePagesContract,
    StoreRecentContract,
    StoreRetentionContract,
    StoreNoticesContract,
):
    """All promises of `Store`. A subclass has a fixture `open_store` that opens the same store each time."""

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AsyncIterator[Store]:
        """Hand out a store with nothing in it."""
        store = await open_store()
        yield store
        await store.close()
