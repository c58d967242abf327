import os
import signal
import subprocess
import sys

import pytest

from appealbridge.model.errors import StoreError, StoreLocked
from appealbridge.store.sqlite.connections import StoreLock
from appealbridge.store.sqlite.store import SqliteStore

HOLDER = """
import sys, time
from pathlib import Path
from appealbridge.store.sqlite.connections import StoreLock
StoreLock(Path(sys.argv[1])).take()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(path):
    """Another process that works on the store."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


async def test_a_second_daemon_is_refused_and_told_whom_to_stop(path, holder):
    with pytest.raises(StoreLocked, match=f"process {holder.pid} uses this store"):
        await SqliteStore.open(path)


async def test_a_killed_holder_holds_nothing(path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    store = await SqliteStore.open(path)
    await store.check()
    await store.close()


async def test_one_process_is_no_exception(path, store):
    with pytest.raises(StoreLocked, match=str(os.getpid())):
        await SqliteStore.open(path)
    await store.check()


async def test_a_closed_store_is_free(path, store):
    await store.close()
    again = await SqliteStore.open(path)
    await again.close()


async def test_a_store_that_cannot_be_opened_is_free(path):
    path.write_bytes(b"not a database " * 99)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a SQLite file"):
            await SqliteStore.open(path)


async def test_reading_needs_no_lock(path, store):
    reader = await SqliteStore.open(path, read_only=True)
    assert await reader.events() == []
    await reader.close()


def test_a_missing_folder_is_told_with_its_cure(tmp_path):
    with pytest.raises(StoreError, match="make the folder"):
        StoreLock(tmp_path / "nowhere" / "bridge.db").take()


def test_letting_go_twice_is_harmless(path):
    lock = StoreLock(path)
    lock.take()
    lock.release()
    lock.release()
    lock.take()
    lock.release()
