"""Files and sockets of ours: nobody's link is followed, the rights are ours, and what lives is left alone."""

import os
import socket
import stat

import pytest

from appealbridge.cli.client import by_socket
from appealbridge.files import SHARED, read_file, socket_at, write_file
from appealbridge.model.errors import StoreError
from appealbridge.practice.journal import Journal, StateUnusable
from appealbridge.store.backend import NotBelieved
from appealbridge.store.records import Control
from appealbridge.store.sqlite.connections import StoreLock, prepared
from appealbridge.store.sqlite.control import announced, control_file, read_control
from appealbridge.store.sqlite.maintenance import back_up
from tests import forking

CONTROL = Control("http://127.0.0.1:8080", "token", 7)
NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request):
    """Whatever the umask of who starts the daemon."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def victim(tmp_path):
    """A file of ours that a link leads to."""
    file = tmp_path / "victim"
    file.write_text("precious")
    return file


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


# -- what is written ------------------------------------------------------------------------------


def test_a_file_is_written_whole_in_the_place_of_a_link(tmp_path, victim):
    file = tmp_path / "file"
    file.symlink_to(victim)
    write_file(file, b"new", 0o600)
    assert (file.read_bytes(), mode(file), file.is_symlink()) == (b"new", 0o600, False)
    assert victim.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "victim"]


def test_a_draft_that_is_a_link_is_not_written_through(tmp_path, victim):
    (tmp_path / f".file.part-{os.getpid()}").symlink_to(victim)
    write_file(tmp_path / "file", b"new")
    assert victim.read_text() == "precious"


def test_a_file_has_the_rights_that_are_asked_for(tmp_path, umask):
    write_file(tmp_path / "file", b"x", 0o640)
    assert mode(tmp_path / "file") == 0o640
    write_file(tmp_path / "file", b"y")
    assert mode(tmp_path / "file") == 0o640
    write_file(tmp_path / "other", b"y")
    assert mode(tmp_path / "other") == SHARED


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    file = tmp_path / "file"
    file.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_file(file, b"x")
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("what", ["pipe", "folder", "nothing", "NUL"])
def test_what_is_no_file_is_not_waited_for(tmp_path, what):
    path = tmp_path / ("a\0b" if what == "NUL" else "a")
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - each has words of its own
        read_file(path)


# -- the control file -----------------------------------------------------------------------------


def test_the_control_file_is_for_its_owner_alone(tmp_path, umask):
    with announced(tmp_path / "a.db", CONTROL):
        assert mode(control_file(tmp_path / "a.db")) == 0o600
        assert read_control(tmp_path / "a.db") == CONTROL


def test_the_control_file_follows_no_link(tmp_path, victim):
    store = tmp_path / "a.db"
    control_file(store).symlink_to(victim)
    with announced(store, CONTROL):
        assert not control_file(store).is_symlink()
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("rights", [0o620, 0o602, 0o666])
def test_a_control_file_that_others_may_write_is_not_believed(tmp_path, rights):
    with announced(tmp_path / "a.db", CONTROL):
        control_file(tmp_path / "a.db").chmod(rights)
        with pytest.raises(NotBelieved):
            read_control(tmp_path / "a.db")


def test_a_control_file_that_is_a_link_is_not_believed(tmp_path, victim):
    control_file(tmp_path / "a.db").symlink_to(victim)
    with pytest.raises(NotBelieved):
        read_control(tmp_path / "a.db")


@AS_ROOT
def test_a_control_file_is_believed_of_the_stores_owner_and_of_nobody_else(tmp_path):
    store = tmp_path / "a.db"
    store.touch()
    with announced(store, CONTROL):
        os.chown(control_file(store), NOBODY, NOBODY)
        with pytest.raises(NotBelieved):
            read_control(store)
        os.chown(store, NOBODY, NOBODY)
        assert read_control(store) == CONTROL


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"url": 1}', "[" * 9999, '{"url":"a","token":"b","pid":"c"}']
)
def test_a_control_file_of_other_words_tells_of_no_daemon(tmp_path, text):
    write_file(control_file(tmp_path / "a.db"), text.encode(), 0o600)
    assert read_control(tmp_path / "a.db") is None


# -- the control socket ---------------------------------------------------------------------------


def test_a_socket_of_the_folders_owner_is_the_daemons(tmp_path):
    with socket_at(tmp_path / "s", 0o660):
        assert by_socket(f"{tmp_path}/s") == Control(f"unix:{tmp_path}/s", "", 0)


def test_without_a_socket_no_daemon_is_running(tmp_path):
    assert by_socket(f"{tmp_path}/s") is None
    assert by_socket(f"{tmp_path}/nowhere/s") is None


def test_what_is_no_socket_is_not_believed(tmp_path):
    (tmp_path / "s").touch()
    with pytest.raises(NotBelieved):
        by_socket(f"{tmp_path}/s")


def test_a_socket_in_a_folder_of_everybodys_is_not_believed(tmp_path):
    with socket_at(tmp_path / "s", 0o660):
        tmp_path.chmod(0o777)
        with pytest.raises(NotBelieved):
            by_socket(f"{tmp_path}/s")


@AS_ROOT
def test_a_socket_of_somebody_else_is_not_believed(tmp_path):
    with socket_at(tmp_path / "s", 0o660):
        os.chown(tmp_path / "s", NOBODY, NOBODY)
        with pytest.raises(NotBelieved):
            by_socket(f"{tmp_path}/s")


# -- the store, its lock, its backup, the practice platforms' state -----------------------------


def test_a_new_store_is_for_its_owner_alone(tmp_path, umask):
    prepared(tmp_path / "a.db").close()
    assert mode(tmp_path / "a.db") == 0o600


def test_what_everybody_may_read_of_a_store_is_taken_back(tmp_path):
    prepared(tmp_path / "a.db").close()
    (tmp_path / "a.db").chmod(0o644)
    prepared(tmp_path / "a.db").close()
    assert mode(tmp_path / "a.db") == 0o640


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_what_lies_beside_the_store_follows_no_link(tmp_path, victim, ending):
    prepared(tmp_path / "a.db").close()
    (tmp_path / f"a.db{ending}").symlink_to(victim)
    try:
        connection = prepared(tmp_path / "a.db")
    except StoreError:
        pass
    else:
        connection.close()
    assert victim.read_text() == "precious"


@AS_ROOT
def test_a_store_that_is_somebody_elses_link_is_not_opened(tmp_path, victim):
    (tmp_path / "a.db").symlink_to(tmp_path / "elsewhere.db")
    os.chown(tmp_path / "a.db", NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(StoreError, match="another user"):
        prepared(tmp_path / "a.db")
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_store_that_an_administrator_has_linked_is_opened(tmp_path):
    (tmp_path / "a.db").symlink_to(tmp_path / "elsewhere.db")
    prepared(tmp_path / "a.db").close()
    assert (tmp_path / "elsewhere.db").exists()


def test_the_lock_follows_no_link(tmp_path, victim):
    (tmp_path / "a.db.lock").symlink_to(victim)
    with pytest.raises(StoreError):
        StoreLock(tmp_path / "a.db").take()
    assert victim.read_text() == "precious"


def test_the_lock_is_not_written_into_a_file_of_another_name(tmp_path, victim):
    (tmp_path / "a.db.lock").hardlink_to(victim)
    with pytest.raises(StoreError):
        StoreLock(tmp_path / "a.db").take()
    assert victim.read_text() == "precious"


@AS_ROOT
def test_the_lock_that_root_makes_belongs_to_whom_the_folder_belongs(tmp_path):
    os.chown(tmp_path, NOBODY, NOBODY)
    lock = StoreLock(tmp_path / "a.db")
    lock.take()
    lock.release()
    assert (tmp_path / "a.db.lock").stat().st_uid == NOBODY


def test_a_backup_is_for_its_owner_alone(tmp_path, umask):
    prepared(tmp_path / "a.db").close()
    back_up(tmp_path / "a.db", tmp_path / "copy.db", 0.0)
    assert mode(tmp_path / "copy.db") == 0o600


def test_a_backup_is_not_written_through_a_link(tmp_path, victim):
    prepared(tmp_path / "a.db").close()
    (tmp_path / "copy.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(StoreError, match="exists already"):
        back_up(tmp_path / "a.db", tmp_path / "copy.db", 0.0)
    (tmp_path / f"other.db.part-{os.getpid()}").symlink_to(victim)
    back_up(tmp_path / "a.db", tmp_path / "other.db", 0.0)
    assert victim.read_text() == "precious"


def test_the_state_of_the_practice_platforms_follows_no_link(tmp_path, victim):
    (tmp_path / "state").symlink_to(victim)
    with pytest.raises(StateUnusable):
        Journal(tmp_path / "state")
    assert victim.read_text() == "precious"


# -- the socket -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rights", [0o600, 0o660, 0o666])
def test_a_socket_has_the_rights_that_are_asked_for_and_goes_in_the_end(tmp_path, umask, rights):
    with socket_at(tmp_path / "http.sock", rights):
        assert mode(tmp_path / "http.sock") == rights
    assert not (tmp_path / "http.sock").exists()


def test_a_dead_socket_of_ours_is_replaced(tmp_path):
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with socket_at(path, 0o600) as bound:
        bound.listen()
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect(str(path))


def test_a_living_socket_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(OSError, match="another program listens there"), socket_at(path, 0o600):
            pass
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect(str(path))


@pytest.mark.parametrize("what", ["file", "link", "folder"])
def test_what_is_no_socket_is_left_alone(tmp_path, victim, what):
    path = tmp_path / "http.sock"
    if what == "file":
        path.write_text("precious")
    elif what == "link":
        path.symlink_to(victim)
    else:
        path.mkdir()
    with pytest.raises(OSError, match="another file is in its place"), socket_at(path, 0o600):
        pass
    assert path.is_dir() or path.read_text() == "precious"


def test_no_socket_is_made_where_everybody_may_put_another_in_its_place(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(OSError, match="everyone can write"), socket_at(tmp_path / "a.sock", 0o600):
        pass
    tmp_path.chmod(0o1777)  # as /tmp is
    with socket_at(tmp_path / "a.sock", 0o600):
        pass


def test_one_that_another_has_put_in_its_place_is_left_there(tmp_path):
    path = tmp_path / "http.sock"
    with socket_at(path, 0o600):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


# -- what commands write --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["schema --output {}/made", "schema recipe --output {}/made/recipe.schema.json"]
)
def test_a_schema_is_not_written_through_a_link(tmp_path, victim, command):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "recipe.schema.json").symlink_to(victim)
    arguments = ("-m", "appealbridge", *command.format(tmp_path).split())
    done = forking.run(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "precious"
    assert b"schema" in (tmp_path / "made" / "recipe.schema.json").read_bytes()
