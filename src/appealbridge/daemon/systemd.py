"""Notifies systemd (ready, reloading, alive, stopping), and takes over its sockets."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

FIRST_FD = 3
"""The first file descriptor of the sockets that systemd passes on."""


class Notifier:
    """
    Tells systemd the daemon's state; does nothing without systemd.

    `address` is NOTIFY_SOCKET: a path, or a name in the abstract space after `@`; empty for nobody.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """Report that the daemon accepts work, after a start or a reload."""
        self._tell("READY=1")

    def reloading(self, monotonic: float) -> None:
        """Report that a reload has begun; `monotonic` is the machine's clock, in seconds."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self) -> None:
        """Report that the daemon accepts no more work."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._tell(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """Report that the event loop still runs; due within `watchdog_seconds`."""
        self._tell("WATCHDOG=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            door.setblocking(False)
            try:
                door.sendto(message.encode(), self._address)
            except OSError:
                # If systemd does not listen, appeals must still be published.
                return


def notifier(environment: Mapping[str, str]) -> Notifier:
    """Return the notifier for the systemd named in the environment, or one that does nothing."""
    address = environment.get("NOTIFY_SOCKET", "")
    return Notifier(address if address[:1] in {"/", "@"} else "")


def watchdog_seconds(environment: Mapping[str, str], pid: int) -> float | None:
    """Return within how many seconds `alive` must be called each time, `None` for never."""
    limit = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid) or not limit.isdecimal():
        return None
    return int(limit) / 1_000_000 or None


def listening_sockets(
    environment: Mapping[str, str], pid: int, first_fd: int = FIRST_FD
) -> Sequence[socket.socket]:
    """Return the sockets that systemd listens on for us; the caller owns them. Ask once only."""
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return ()
    sockets = tuple(socket.socket(fileno=first_fd + n) for n in range(int(count)))
    for each in sockets:
        each.set_inheritable(False)
        each.setblocking(False)
    return sockets
