"""`appealbridge db`: what it prints, what it refuses, and its exit status."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.store.sqlite import schema
from appealbridge.store.sqlite.connections import StoreLock, open_writer
from appealbridge.store.sqlite.store import SqliteStore
from tests.store_contract.case import an_arrival


@pytest.fixture
def store(tmp_path):
    return tmp_path / "bridge.db"


@pytest.fixture
def db(tmp_path, store):
    """Runs `appealbridge db` on a store with one event."""
    config = tmp_path / "appealbridge.yaml"
    config.write_text("store: sqlite:///./bridge.db\n")

    async def fill():
        opened = await SqliteStore.open(store)
        await opened.accept([an_arrival(1)])
        await opened.close()

    asyncio.run(fill())

    def run(*arguments):
        return CliRunner().invoke(main, ["db", *arguments, "--config", str(config)])

    return run


def test_a_backup_is_told_in_a_sentence(db, tmp_path):
    done = db("backup", str(tmp_path / "copy.db"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path / 'copy.db'}: a complete, checked copy of ")


def test_a_backup_is_told_to_programs(db, tmp_path):
    copy = tmp_path / "copy.db"
    output = json.loads(db("backup", str(copy), "--json").stdout)
    assert (output["file"], output["bytes"]) == (str(copy), copy.stat().st_size)


def test_a_backup_over_an_existing_file_fails(db, store):
    done = db("backup", str(store))
    assert done.exit_code == 1
    assert "exists already" in done.stderr


@pytest.mark.parametrize("arguments", [["backup"], ["restore"], ["vacuum", "now"]])
def test_wrong_use_is_2(db, arguments):
    assert db(*arguments).exit_code == 2


def test_a_vacuum_says_what_it_freed(db, store):
    output = json.loads(db("vacuum", "--json").stdout)
    assert output["bytes"] == store.stat().st_size
    assert db("vacuum").stdout.endswith(" left\n")


def test_while_a_daemon_works_the_store_is_left_alone(db, store):
    lock = StoreLock(store)
    lock.take()
    try:
        for command in ("vacuum", "migrate"):
            done = db(command)
            assert done.exit_code == 1
            assert "stop it first" in done.stderr
    finally:
        lock.release()


def test_a_store_is_brought_up_to_date(db, store):
    store.unlink()
    connection = open_writer(store)
    schema.migrate(connection, store, schema.MIGRATIONS[:1])
    connection.close()
    requested = db("migrate", "--check")
    assert requested.exit_code == 1
    assert "db migrate" in requested.stdout
    assert db("migrate").stdout.endswith(f"from version 1 to {len(schema.MIGRATIONS)}\n")
    requested = db("migrate", "--check", "--json")
    assert requested.exit_code == 0
    assert json.loads(requested.stdout) == {
        "store": str(store), "from": len(schema.MIGRATIONS), "to": len(schema.MIGRATIONS), "changed": False,
    }  # fmt: skip


def test_a_check_makes_no_store(db, store):
    store.unlink()
    assert db("migrate", "--check").exit_code == 1
    assert not store.exists()
    assert "created" in db("migrate").stdout


def test_settings_that_cannot_be_read_are_told_with_their_place(db, tmp_path):
    (tmp_path / "appealbridge.yaml").write_text("store: [\n")
    done = db("vacuum")
    assert done.exit_code == 1
    assert "appealbridge.yaml:" in done.stderr
