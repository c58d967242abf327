"""What every store guarantees for reading all events page by page: none twice, and none left out."""

from __future__ import annotations

from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, RecipeVersion
from tests.store_contract.case import NOW, an_event


class StorePagingContract:
    """Events from the oldest on, and the recipes that were in force."""

    async def test_pages_have_each_event_once_in_the_order_in_which_they_were_stored(
        self, store: Store
    ) -> None:
        """Whatever their own times say."""
        times = {0: NOW, 1: NOW + 2, 2: NOW + 1, 3: NOW + 9, 4: NOW + 3}
        await store.accept([Arrival(an_event(n, received_at=at)) for n, at in times.items()])
        page_before: list[str] = []
        page = await store.page_of_events(NOW + 1, 0, 2)
        while page.events:
            page_before += [event.key for event in page.events]
            if page.number >= page.last:
                break
            page = await store.page_of_events(NOW + 1, page.number, 2)
        assert page_before == ["msg_1", "msg_2", "msg_3", "msg_4"]

    async def test_where_nothing_came_since_there_is_no_page(self, store: Store) -> None:
        """Neither in an empty store nor in one with older events."""
        assert list((await store.page_of_events(NOW, 0, 9)).events) == []
        await store.accept([Arrival(an_event(1))])
        assert list((await store.page_of_events(NOW + 1, 0, 9)).events) == []

    async def test_the_version_that_was_put_in_force_last_is_the_latest(self, store: Store) -> None:
        """Also where it was in force before, and has come back."""
        first, two = (RecipeVersion(version, "roads", version) for version in ("v1", "v2"))
        assert await store.latest_recipe("roads") is None
        await store.keep_recipes([first], NOW)
        await store.keep_recipes([two], NOW + 1)
        assert await store.latest_recipe("roads") == two
        await store.keep_recipes([first], NOW + 2)
        assert await store.latest_recipe("roads") == first
