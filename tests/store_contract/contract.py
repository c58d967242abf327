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
from tests.store_contract.delivery import StoreDeliveryContract
from tests.store_contract.following import StoreFollowingContract
from tests.store_contract.intake import StoreIntakeContract
from tests.store_contract.looking import StoreLookingContract
from tests.store_contract.moving import StoreMovingContract
from tests.store_contract.paging import StorePagingContract
from tests.store_contract.recalling import StoreRecallingContract
from tests.store_contract.retention import StoreRetentionContract
from tests.store_contract.run import StoreRunContract
from tests.store_contract.telling import StoreTellingContract
from tests.store_contract.waiting import StoreWaitingContract


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
