"""How long to wait after wrong passwords: longer each time, for an account and for an address, never for good. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

ACCOUNT_FREE, ADDRESS_FREE = 3, 20
"""How many wrong attempts cost no time. At one address there may be a whole press office."""

LONGEST = 60.0
"""The longest delay in seconds. With more, a stranger could keep somebody out."""

FORGOTTEN = 3600.0
"""After so many seconds without a wrong attempt, all is forgotten."""

MOST = 10_000
"""How many accounts, and how many addresses, are remembered; the oldest are forgotten first."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until: float = 0.0
    last: float = 0.0


@dataclass(slots=True)
class _Table:
    free: int
    failures: OrderedDict[str, _Failures] = field(default_factory=OrderedDict)

    def wait(self, key: str, now: float) -> float:
        entry = self.failures.get(key)
        if entry is not None and now - entry.last > FORGOTTEN:
            del self.failures[key]
            return 0.0
        return 0.0 if entry is None else max(0.0, entry.until - now)

    def failed(self, key: str, now: float) -> None:
        entry = self.failures.setdefault(key, _Failures())
        self.failures.move_to_end(key)
        entry.count, entry.last = entry.count + 1, now
        beyond = entry.count - self.free
        if beyond > 0:
            entry.until = now + min(LONGEST, 2.0 ** min(beyond - 1, 10))
        while len(self.failures) > MOST:
            self.failures.popitem(last=False)

    def not_failed(self, key: str) -> None:
        entry = self.failures.get(key)
        if entry is not None:
            entry.count, entry.until = max(0, entry.count - 1), 0.0


class Delays:
    """
    Remembers wrong attempts. Times are seconds that never jump.

    Where a person has logged in before, from the same address, wrong attempts of others do not delay them.
    """

    def __init__(self) -> None:
        self._accounts = _Table(ACCOUNT_FREE)
        self._addresses = _Table(ADDRESS_FREE)
        self._proven: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, account: str, address: str, now: float) -> float:
        """
        Return in how many seconds an attempt may be made; 0 counts this one, as wrong until `succeeded` is called.

        So a thousand attempts at once are not a thousand free ones.
        """
        address = _network(address)
        wait = self._addresses.wait(address, now)
        if (account, address) not in self._proven:
            wait = max(wait, self._accounts.wait(account, now))
        if wait > 0:
            return wait
        self._accounts.failed(account, now)
        self._addresses.failed(address, now)
        return 0.0

    def succeeded(self, account: str, address: str) -> None:
        """Forget the wrong attempts at an account; those of an address only lose this one."""
        address = _network(address)
        self._accounts.failures.pop(account, None)
        self._addresses.not_failed(address)
        self._proven[account, address] = None
        self._proven.move_to_end((account, address))
        while len(self._proven) > MOST:
            self._proven.popitem(last=False)


def _network(address: str) -> str:
    """Return what one attacker has: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Address(int(ip) >> 64 << 64))
    return str(ip)
