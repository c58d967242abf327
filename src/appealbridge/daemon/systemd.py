"""What systemd and the daemon tell each other: ready, reloading, alive, stopping, and sockets handed over."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

FIRST_FD = 3
"""The file descriptor at which systemd begins to hand over sockets."""


class Notifier:
    """
    Tells systemd how the daemon is; silent where nobody listens.

    `address` is NOTIFY_SOCKET: a path, or a name in the abstract space after `@`; empty for nobody.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """Say that work is accepted, after a start or a reload."""
        self._tell("READY=1")

    def reloading(self, monotonic: float) -> None:
        """Say that new recipes and settings are being read; `monotonic` is the machine's own, in seconds."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self) -> None:
        """Say that no new work is accepted any more."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line what `systemctl status` is to show."""
        self._tell(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """Say that the loop still turns; due within `watchdog_seconds`."""
        self._tell("WATCHDOG=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            door.setblocking(False)
            try:
                door.sendto(message.encode(), self._address)
            except OSError:
                # A manager that does not listen is no reason not to publish an appeal.
                return


def notifier(environment: Mapping[str, str]) -> Notifier:
    """Return the way to the manager that the environment names, or to nobody."""
    address = environment.get("NOTIFY_SOCKET", "")
    return Notifier(address if address[:1] in {"/", "@"} else "")


def watchdog_seconds(environment: Mapping[str, str], pid: int) -> float | None:
    """Return within how many seconds `alive` must be said again and again, `None` for never."""
    asked = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid) or not asked.isdecimal():
        return None
    return int(asked) / 1_000_000 or None


def listening_sockets(
    environment: Mapping[str, str], pid: int, first_fd: int = FIRST_FD
) -> Sequence[socket.socket]:
    """Return the sockets that systemd listens on for us; the caller owns them. Ask once only."""
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return ()
    sockets = tuple(socket.socket(fileno=first_fd + n) for n in range(int(count)))
    for one in sockets:
        one.set_inheritable(False)
        one.setblocking(False)
    return sockets
