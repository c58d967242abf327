"""What a store's file is, from its first moment to a clean end."""

import stat

from appealbridge.store.sqlite.store import SqliteStore


async def opened_and_read(path):
    store = await SqliteStore.open(path)
    await store.check()
    assert await store.lanes() == []
    return store


async def test_a_store_and_its_log_are_for_their_owner_alone(tmp_path):
    store = await opened_and_read(tmp_path / "bridge.db")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    await store.close()
    assert set(modes.values()) == {0o600}, modes
    assert {"bridge.db", "bridge.db-wal", "bridge.db-shm"} <= modes.keys()


async def test_a_store_keeps_the_rights_that_somebody_gave_it(tmp_path):
    path = tmp_path / "bridge.db"
    path.touch()
    path.chmod(0o640)
    store = await SqliteStore.open(path)
    await store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_after_a_clean_end_everything_is_in_one_file(tmp_path):
    store = await opened_and_read(tmp_path / "bridge.db")
    await store.close()
    assert {file.name for file in tmp_path.iterdir()} == {"bridge.db", "bridge.db.lock"}
