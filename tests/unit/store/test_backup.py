"""A copy of a store at work: whole, of one moment, and aware that it is one."""

import asyncio
import hashlib
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from appealbridge.model.attempt import Outcome
from appealbridge.model.delivery import State
from appealbridge.model.errors import NotFound, StoreError
from appealbridge.model.withdrawal import RESTORED
from appealbridge.store.records import DeliveryFilter
from appealbridge.store.sqlite import maintenance
from appealbridge.store.sqlite.images.media import IN_BACKUP
from appealbridge.store.sqlite.maintenance import back_up
from appealbridge.store.sqlite.store import SqliteStore
from tests.store_contract.case import CHANNEL, NOW, an_arrival, begun, ended
from tests.store_contract.images import illustrated, rendered


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "copies" / "monday.db"


@pytest.fixture(autouse=True)
def _folder(copy):
    copy.parent.mkdir()


async def test_a_backup_of_a_live_store_is_restored_and_goes_on(path, store, copy, tmp_path):
    delivered = await begun(store, an_arrival(1))
    await store.settle(ended(delivered, State.DELIVERED))
    await store.accept([an_arrival(2, state=State.HELD)])
    assert back_up(path, copy, NOW) == copy.stat().st_size
    await store.accept([an_arrival(3)])

    restored = tmp_path / "restored.db"
    shutil.copy(copy, restored)
    again = await SqliteStore.open(restored)
    try:
        assert await again.recover(NOW, NOW) == 0
        states = [delivery.state for delivery in await again.deliveries(DeliveryFilter())]
        assert states == [State.HELD, State.DELIVERED]
        (repeat,) = await again.accept([an_arrival(1)])
        assert repeat.repeat
        await again.accept([an_arrival(3)])
    finally:
        await again.close()


async def test_what_was_about_to_go_out_may_have_gone_out_since(path, store, copy):
    """Sent again by the restored store, it would be published twice; so it is looked for first."""
    await store.accept([an_arrival(1), an_arrival(2, due_at=NOW + 60)])
    await begun(store, an_arrival(3, channel="force_facebook"))
    back_up(path, copy, NOW + 5)
    restored = await SqliteStore.open(copy)
    try:
        assert await restored.recover(NOW + 900, NOW + 930) == 3
        listed = await restored.deliveries(DeliveryFilter())
        assert {row.state for row in listed} == {State.UNKNOWN}
        # Also what was being sent then: whatever a search does not find may have been withdrawn since.
        assert {row.reason for row in listed} == {RESTORED}
        (attempt,) = await restored.attempts(listed[0].id)
        assert attempt.outcome is Outcome.UNSURE
        assert {row.due_at for row in listed} == {NOW + 930}
        assert listed[-1].first_begun_at == NOW + 5
        assert "backup" in listed[-1].reason
        assert await restored.recover(NOW + 900, NOW + 930) == 0  # it is a store like any other now
        assert await restored.claim(CHANNEL, NOW + 999, 9) == []
    finally:
        await restored.close()
    assert await store.claim(CHANNEL, NOW + 60, 9)  # and the first one never noticed


async def test_events_come_in_while_a_backup_is_under_way(path, store, copy, monkeypatch):
    """And the copy is of one moment, although they are written between its steps."""
    await store.accept([an_arrival(n) for n in range(50)])
    monkeypatch.setattr(maintenance, "STEP", 1)
    loop = asyncio.get_running_loop()
    done = []

    def progress(copied, total):
        done.append((copied, total))
        more = store.accept([an_arrival(100 + len(done))])
        asyncio.run_coroutine_threadsafe(more, loop).result(5)

    await asyncio.to_thread(back_up, path, copy, NOW, progress)
    assert len(done) > 5
    assert done[-1][0] == done[-1][1]
    assert len(await store.events(limit=999)) == 50 + len(done)
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone() == (50,)


async def test_a_backup_overwrites_nothing(path, store, copy):
    copy.write_text("dear to somebody")
    with pytest.raises(StoreError, match="exists already"):
        back_up(path, copy, NOW)
    assert copy.read_text() == "dear to somebody"


async def test_a_backup_is_one_file_that_only_its_owner_reads(path, store, copy):
    back_up(path, copy, NOW)
    assert [*copy.parent.iterdir()] == [copy]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


async def test_a_backup_of_a_backup_is_one(path, store, copy):
    await store.accept([an_arrival(1)])
    back_up(path, copy, NOW)
    second = copy.with_name("tuesday.db")
    back_up(copy, second, NOW + 9)
    restored = await SqliteStore.open(second)
    assert await restored.recover(NOW, NOW) == 1
    await restored.close()


async def test_a_backup_that_is_not_whole_is_none(path, store, copy):
    await store.accept([an_arrival(n) for n in range(200)])
    await store.close()
    with path.open("r+b") as damaged:
        damaged.seek(3 * 4096 + 100)
        damaged.write(b"\xff" * 20_000)
    with pytest.raises(StoreError, match="damaged"):
        back_up(path, copy, NOW)
    assert [*copy.parent.iterdir()] == []


async def test_a_backup_that_cannot_be_written_says_where(path, store, copy):
    with pytest.raises(StoreError, match=r"nowhere.*choose a folder"):
        back_up(path, copy.parent / "nowhere" / "x.db", NOW)


def test_without_a_store_there_is_no_backup(path, copy):
    with pytest.raises(StoreError, match="no store here"):
        back_up(path, copy, NOW)
    assert not path.exists()


def test_another_programs_file_is_not_backed_up(path, copy):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(StoreError, match="another program's"):
        back_up(path, copy, NOW)


async def test_a_backup_is_one_file_with_the_pictures_that_its_messages_show(
    path, store, copy, tmp_path
):
    shown, other = (b"picture %d" % n for n in (1, 2))
    for data in (shown, other):
        await store.keep_media(hashlib.sha256(data).hexdigest(), data, NOW)
    arrival = illustrated(1)
    (delivery,) = arrival.deliveries
    await store.accept([arrival])
    digest = hashlib.sha256(shown).hexdigest()
    await store.keep_images([rendered(delivery, sha256=digest)])
    back_up(path, copy, NOW)
    assert [file.name for file in copy.parent.iterdir()] == [copy.name]

    restored = tmp_path / "restored.db"
    shutil.copy(copy, restored)
    again = await SqliteStore.open(restored)
    try:
        assert await again.media(digest) == shown
        with pytest.raises(NotFound):
            await again.media(hashlib.sha256(other).hexdigest())
    finally:
        await again.close()
    with closing(sqlite3.connect(restored)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema")]
        assert IN_BACKUP not in tables, "the pictures are in the file beside it, and not twice"
