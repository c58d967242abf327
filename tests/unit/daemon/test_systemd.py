import contextlib
import os
import socket
import subprocess
import sys

import pytest

from appealbridge.daemon.systemd import Notifier, listening_sockets, notifier, watchdog_seconds


@contextlib.contextmanager
def a_manager(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.settimeout(5)
        door.bind(address)
        yield door


@pytest.fixture(params=["path", "abstract"])
def named(request, tmp_path):
    """The address as the environment spells it, and as the kernel does."""
    if request.param == "path":
        path = str(tmp_path / "notify")
        return path, path
    name = f"appealbridge-test-{os.getpid()}"
    return f"@{name}", f"\0{name}"


def test_the_manager_hears_each_word(named):
    spelt, bound = named
    with a_manager(bound) as door:
        to = notifier({"NOTIFY_SOCKET": spelt})
        to.ready()
        to.reloading(12.5)
        to.alive()
        to.status("4 recipes\nloaded")
        to.stopping()
        messages = [door.recv(4096) for _ in range(5)]
    assert messages == [
        b"READY=1",
        b"RELOADING=1\nMONOTONIC_USEC=12500000",
        b"WATCHDOG=1",
        b"STATUS=4 recipes loaded",
        b"STOPPING=1",
    ]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2"}])
def test_without_a_manager_nothing_is_said(environment, monkeypatch):
    def no_door(*_):
        raise AssertionError("a socket was opened")

    to = notifier(environment)
    monkeypatch.setattr(socket, "socket", no_door)
    to.ready()


def test_a_manager_that_does_not_listen_does_no_harm(tmp_path):
    Notifier(str(tmp_path / "gone")).ready()


def test_a_manager_that_is_slow_does_not_stop_the_daemon(tmp_path):
    with a_manager(str(tmp_path / "notify")) as door:
        to = Notifier(str(tmp_path / "notify"))
        for _ in range(5000):  # far more than the socket's queue takes
            to.alive()
        assert door.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_asked_for_in_microseconds_and_of_one_process(environment, seconds):
    assert watchdog_seconds(environment, pid=7) == seconds


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "8"},
        {"LISTEN_FDS": "many", "LISTEN_PID": "7"},
    ],
)
def test_sockets_meant_for_nobody_or_another_process_are_left_alone(environment):
    assert listening_sockets(environment, pid=7) == ()


def test_a_socket_handed_over_is_ours_and_not_our_children_s():
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(server.fileno(), True)
        handed = os.dup(server.fileno())
        (ours,) = listening_sockets({"LISTEN_FDS": "1", "LISTEN_PID": "7"}, 7, first_fd=handed)
        with ours:
            assert ours.getsockname() == server.getsockname()
            assert not os.get_inheritable(handed)
            assert not ours.getblocking()


def test_the_first_socket_stands_at_descriptor_three():
    program = (
        "import os; from appealbridge.daemon.systemd import listening_sockets;"
        "print(listening_sockets(os.environ, os.getpid())[0].getsockname()[1])"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [
                "/bin/sh",
                "-c",
                'exec 3<&0; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -c "$1"',
                sys.executable,
                program,
            ],
            stdin=server.fileno(),
            capture_output=True,
            timeout=30,
            check=True,
        )
        assert int(done.stdout) == server.getsockname()[1]
