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
from appealbridge.testing.store.delivery import StoreDeliveryContract
from appealbridge.testing.store.following import StoreFollowingContract
from appealbridge.testing.store.intake import StoreIntakeContract
from appealbridge.testing.store.looking import StoreLookingContract
from appealbridge.testing.store.moving import StoreMovingContract
from appealbridge.testing.store.paging import StorePagingContract
from appealbridge.testing.store.recalling import StoreRecallingContract
from appealbridge.testing.store.retention import StoreRetentionContract
from appealbridge.testing.store.run import StoreRunContract
from appealbridge.testing.store.telling import StoreTellingContract
from appealbridge.testing.store.waiting import StoreWaitingContract
from appealbridge.testing.store_case import OpenStore


class StoreContract(
    StoreIntakeContract,
    StoreDeliveryContract,
    StoreRunContract,
    StoreWaitingContract,
    StoreFollowingContract,
    StoreMovingContract,
    StoreLookingContract,
    StorePagingContract,
    StoreRecallingContract,
    StoreRetentionContract,
    StoreTellingContract,
):
    """All promises of `Store`. A subclass has a fixture `open_store` that opens the same store each time."""

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AsyncIterator[Store]:
        """Hand out a store with nothing in it."""
        store = await open_store()
        yield store
        await store.close()
