"""
What every store guarantees to the engine, as a suite that a store's own tests inherit.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def open_store(self, tmp_path: Path) -> OpenStore:
            return lambda: MyStore.open(tmp_path / "store")

`store/base.py` says what the methods guarantee. `tests/contract/test_store_sqlite.py` tests the default store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from appealbridge.store.base import Store
from tests.store_contract.acceptances import (
    StoreAcceptancesContract,
    StoreDutiesContract,
)
from tests.store_contract.amendments import StoreAmendmentsContract
from tests.store_contract.approvals import StoreApprovalsContract
from tests.store_contract.audit import StoreAuditContract
from tests.store_contract.case import OpenStore
from tests.store_contract.delivery import StoreDeliveryContract
from tests.store_contract.images import StoreImagesContract
from tests.store_contract.intake import StoreIntakeContract
from tests.store_contract.notices import StoreNoticesContract
from tests.store_contract.owners import StoreOwnersContract
from tests.store_contract.paging import StorePagingContract
from tests.store_contract.people import StorePeopleContract
from tests.store_contract.queries import StoreQueriesContract
from tests.store_contract.recent import StoreRecentContract
from tests.store_contract.retention import StoreRetentionContract
from tests.store_contract.run import StoreRunContract
from tests.store_contract.state_changes import StoreStateChangesContract
from tests.store_contract.stops import StoreStopsContract
from tests.store_contract.threads import StoreThreadsContract
from tests.store_contract.waiting import StoreWaitingContract
from tests.store_contract.withdrawals import StoreWithdrawalsContract


class StoreContract(
    StoreIntakeContract,
    StoreDeliveryContract,
    StoreRunContract,
    StoreWaitingContract,
    StoreThreadsContract,
    StoreStateChangesContract,
    StoreQueriesContract,
    StoreOwnersContract,
    StorePagingContract,
    StoreRecentContract,
    StoreRetentionContract,
    StoreNoticesContract,
    StoreWithdrawalsContract,
    StoreAuditContract,
    StoreStopsContract,
    StoreAmendmentsContract,
    StorePeopleContract,
    StoreImagesContract,
    StoreApprovalsContract,
    StoreAcceptancesContract,
    StoreDutiesContract,
):
    """All that `Store` guarantees. A subclass has a fixture `open_store` that opens the same store each time."""

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AsyncIterator[Store]:
        """Provide an empty store."""
        store = await open_store()
        yield store
        await store.close()
