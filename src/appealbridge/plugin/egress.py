"""
Decides which addresses may be connected to: all public ones, and those inside that the settings allow. Pure.

Only the address of the connection counts, not the name or redirect that led to it. Behind a proxy this address cannot
be seen, so nothing that may be inside is sent through a proxy. Names that are known here are checked before that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr
from yarl import URL

USUAL_PORTS = frozenset({25, 80, 443, 465, 587})
"""The ports of web and mail, which an entry without a port allows."""

_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465}

# A list of our own, because `is_global` of `ipaddress` differs between versions of Python.
_INTERNAL_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
_INTERNAL_NAMES = frozenset(
    {"internal", "intranet", "local", "lan", "localdomain", "corp", "home", "private"}
)
"""Top-level domains that the public internet does not have."""

_PUBLIC_V6 = IPv6Network("2000::/3")
_INTERNAL_V6 = [IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = IPv6Network("64:ff9b::/96")
_NUMBERS = re.compile(
    r"(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,12})(?:\.(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,12})){0,3}"
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")

_Address = IPv4Address | IPv6Address


def is_internal(address: str) -> bool:
    """Return whether an IP address, or one that it is translated to, is not on the public internet."""
    parsed = _parsed(address)
    if parsed is None:
        return True
    if isinstance(parsed, IPv4Address):
        return any(parsed in network for network in _INTERNAL_V4)
    carried = _carried(parsed)
    if carried:
        return any(is_internal(str(address)) for address in carried)
    return parsed not in _PUBLIC_V6 or any(parsed in network for network in _INTERNAL_V6)


def _carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that NAT64, 6to4 or Teredo makes of an IPv6 address."""
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    return address.teredo or ()


def is_address(host: str) -> bool:
    """Return whether a host is an IP address and not a name."""
    return _parsed(host) is not None


@lru_cache(maxsize=1024)  # thousands of feeds may be on a few hosts
def _parsed(text: str) -> _Address | None:
    """Return an IP address, `None` if it is not one. An IPv4 address written as IPv6 becomes IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _host_key(host: str) -> str:
    """Return a host in the form in which hosts are compared."""
    address = _parsed(host)
    return host.lower().rstrip(".") if address is None else str(address)


def _is_this_machine(host: str) -> bool:
    """Return whether a host means this machine, without looking up its name."""
    address = _parsed(host)
    key = _host_key(host)
    return (
        key == "localhost" or key.endswith(".localhost") if address is None else address.is_loopback
    )


def is_loopback_url(url: str) -> bool:
    """Return whether a URL leads to this machine, without looking up its name."""
    return _is_this_machine(_place(url)[0])


def check_host(host: str) -> None:
    """Raise `ValueError` for an IPv4 address in an unusual form, such as 0x7f.1 or 2130706433."""
    plain = _disguised(host)
    if plain:
        raise ValueError(f'"{host}" is the address {plain}; write it as {plain}')


def _disguised(host: str) -> str:
    """Return the IPv4 address that the operating system makes of a host of numbers; empty if it is written as usual."""
    if _parsed(host) is not None or not _NUMBERS.fullmatch(host):
        return ""
    try:
        *first, last = (int(part, _base(part)) for part in host.lower().split("."))
        # The last number stands for all bytes that are left.
        whole = int.from_bytes(bytes(first), "big") << 8 * (4 - len(first))
        return str(IPv4Address(whole + last))
    except ValueError:
        return ""


def _base(number: str) -> int:
    if number.startswith("0x"):
        return 16
    return 8 if number.startswith("0") else 10


@dataclass(frozen=True, slots=True)
class Allowed:
    """
    One entry of `inside:`: a host name or a network inside that may be connected to.

    Without a `port` this is for the ports of web and mail.
    """

    text: str
    where: str | IPv4Network | IPv6Network
    port: int | None = None

    def covers(self, host: str, port: int, address: str) -> bool:
        """Return whether this entry allows a connection to the address of a host."""
        if port != self.port and (self.port is not None or port not in USUAL_PORTS):
            return False
        if isinstance(self.where, str):
            return _host_key(host) == self.where
        parsed = _parsed(address)
        return parsed is not None and parsed in self.where


def allowed(text: str) -> Allowed:
    """Return what an entry of `inside:` means; raise `ValueError` with how to fix it if it is not valid."""
    cure = (
        "write a host, an address or a network, such as news.internal, 10.0.0.5:8080 or 10.1.0.0/16"
    )
    text = text.strip()
    if "://" in text:
        raise ValueError(f"is a web address; {cure}")
    place, port = _split_port(text)
    where = _host_or_network(place, cure)
    if not isinstance(where, str):
        _check_network(place, where)
    return Allowed(text, where, port)


def _host_or_network(place: str, cure: str) -> str | IPv4Network | IPv6Network:
    with suppress(ValueError):
        return ip_network(place, strict=False)
    host = _host_key(ascii_host(place))
    if not host or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError(f"is neither a host nor a network; {cure}")
    check_host(host)
    return host


def _check_network(place: str, network: IPv4Network | IPv6Network) -> None:
    if "/" in place and str(network.network_address) != str(ip_address(place.partition("/")[0])):
        raise ValueError(f"is not the first address of its network; write {network}")
    if network.prefixlen == 0:
        raise ValueError("is every address there is; give the networks that you mean")
    if network.num_addresses == 1 and not is_internal(str(network.network_address)):
        raise ValueError("is a public address, which is allowed anyway; delete it")


def _split_port(text: str) -> tuple[str, int | None]:
    """Return the host and the port; an IPv6 address with a port is in brackets."""
    place, colon, port = text.rpartition(":")
    if text.startswith("["):
        place, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not bracket or (rest and colon != ":"):
            raise ValueError("has no valid address in brackets; write it as [fd00::1]:8080")
    if not colon or (":" in place and not text.startswith("[")):
        return (place if text.startswith("[") else text), None
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise ValueError("has no port after the colon; write it as news.internal:8080")
    return place, int(port)


def ascii_host(host: str) -> str:
    """Return a host name as it is sent to name servers; empty if it is not valid."""
    try:
        return URL.build(scheme="http", host=host.rstrip(".")).raw_host or ""
    except (ValueError, TypeError):
        return ""


@dataclass(frozen=True, slots=True)
class Direct:
    """An entry of `no_proxy:`: a host with all names below it, or a network of addresses."""

    where: str | IPv4Network | IPv6Network

    def covers(self, host: str) -> bool:
        """Return whether a host, as it is written, is reached without the proxy."""
        key = _host_key(host)
        if isinstance(self.where, str):
            return key == self.where or key.endswith(f".{self.where}")
        address = _parsed(key)
        return address is not None and address in self.where


def direct(text: str) -> Direct:
    """Return what an entry of `no_proxy:` means; raise `ValueError` with how to fix it if it is not valid."""
    cure = "write a host or a network, such as example.police.uk or 10.0.0.0/8"
    place = text.strip()
    if "://" in place:
        raise ValueError(f"is a web address; {cure}")
    if _split_port(place)[1] is not None:
        raise ValueError("has a port, but a host is reached directly on every port; delete it")
    return Direct(_host_or_network(place.removeprefix("*").removeprefix("."), cure))


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy for everything outside; `login` is user and password joined by a colon, empty if it needs none."""

    host: str
    port: int
    login: str = field(default="", repr=False)

    def __str__(self) -> str:
        return host_and_port(self.host, self.port)


def proxy_at(address: str) -> Proxy:
    """Return the proxy at an address; raise `ValueError` with how to fix it if it is not valid."""
    cure = "write it as http://proxy.internal:3128"
    try:
        url = URL(address.strip())
        port = url.explicit_port
    except ValueError:
        raise ValueError(f"is not an address; {cure}") from None
    if url.scheme != "http":
        raise ValueError(f"is not an address that begins with http://; {cure}")
    if not url.raw_host or url.raw_path not in ("", "/") or url.query_string or url.fragment:
        raise ValueError(f"has more or less than a host and a port; {cure}")
    if not port:
        raise ValueError(f"has no port; {cure}")
    check_host(url.raw_host)
    login = f"{url.user or ''}:{url.password or ''}" if url.raw_user or url.raw_password else ""
    if not unquote(login).isprintable():
        raise ValueError("has a login with an invisible character; save the secret again")
    return Proxy(url.raw_host, port, login)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """
    The way out: through a `proxy`, except to what is reached `direct`, with the `authorities` that are trusted for TLS.

    These are certificates in PEM, besides those of the system. A route is only equal to itself, so that it is quickly
    compared.
    """

    proxy: Proxy | None = None
    direct: tuple[Direct, ...] = ()
    authorities: str = field(default="", repr=False)


STRAIGHT = Route()


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """
    Which addresses may be connected to.

    `inside` are the entries of the settings. `written` are the hosts, with their ports, that the settings give as IP
    addresses or as localhost: they are allowed as written, but not by another name that leads there. `practice` is the
    host of the practice platforms. With `this_machine` all its ports are allowed, by its address or as localhost. With
    `only_practice` nothing is allowed but the host of the practice platforms. `internal` returns whether an address is
    inside the network.
    """

    inside: tuple[Allowed, ...] = ()
    written: frozenset[tuple[str, int]] = frozenset()
    practice: str = ""
    this_machine: bool = False
    only_practice: bool = False
    internal: Callable[[str], bool] = is_internal
    route: Route = STRAIGHT

    def proxy_for(self, host: str) -> Proxy | None:
        """
        Return the proxy through which a host is reached; `None` if it is connected to directly.

        A proxy looks up names itself, so `allows` never sees where they lead. Therefore whatever is known to be inside,
        or could be, is connected to directly, where `allows` decides.
        """
        route = self.route
        if route.proxy is None or self.only_practice:
            return None
        address = _parsed(host)
        if address is None:
            inside = _is_this_machine(host) or _is_inside_by_name(host) or bool(_disguised(host))
        else:
            inside = self.internal(str(address))
        if inside or _host_key(host) == self.practice or any(d.covers(host) for d in route.direct):
            return None
        return route.proxy

    def allows(self, host: str, port: int, address: str) -> bool:
        """Return whether the address of a host may be connected to."""
        if self.only_practice:
            return self._is_practice(host, address)
        return (
            not self.internal(address)
            or self._is_written(host, port, address)
            or any(entry.covers(host, port, address) for entry in self.inside)
        )

    def publishing(self) -> EgressPolicy:
        """Return the policy for what publishes: in practice mode, the practice platforms and nothing else."""
        return replace(self, only_practice=True) if self.practice else self

    def refusal(self, host: str, port: int, address: str) -> tuple[str, str]:
        """Return why this address is not connected to, and the cure."""
        if not self.only_practice:
            return refusal(host, port, address)
        return (
            f"nothing is sent to {host} in practice mode",
            "let the plug-in's practice() return an address of the practice platforms instead",
        )

    def public_only(self) -> EgressPolicy:
        """Return the policy for addresses that strangers choose: nothing inside is allowed."""
        # What is inside must not be reached through the proxy either, so the route stays.
        return EgressPolicy(internal=self.internal, route=self.route)

    def named_only(self) -> EgressPolicy:
        """
        Return the policy for addresses that come with events: inside, only what `inside` names is allowed.

        Addresses that the settings write out are for their own account or source alone.
        """
        return replace(self, written=frozenset())

    def refuses_written(self, url: str) -> tuple[str, str] | None:
        """Return why a URL is never allowed and how to fix it, `None` if its name must be looked up first."""
        host, port = _place(url)
        address = _parsed(host)
        if address is None and not _is_this_machine(host):
            return None
        shown = "127.0.0.1" if address is None else str(address)
        return None if self.allows(host, port, shown) else self.refusal(host, port, shown)

    def _is_practice(self, host: str, address: str) -> bool:
        if _host_key(host) == self.practice:
            return True
        parsed = _parsed(address)
        both_here = _is_this_machine(self.practice) and _is_this_machine(host)
        return both_here and parsed is not None and parsed.is_loopback

    def _is_written(self, host: str, port: int, address: str) -> bool:
        key = _host_key(host)
        if self.practice and key == self.practice:
            return True
        parsed = _parsed(address)
        here = _is_this_machine(host) and parsed is not None and parsed.is_loopback
        if self.this_machine and here:
            return True
        return (key, port) in self.written and (here or key == str(parsed))


def refusal(host: str, port: int, address: str) -> tuple[str, str]:
    """Return why an address is not allowed, and how to allow it."""
    name = _in_brackets(host)
    entry = _entry(_disguised(host) or name, port)
    leads = f"{name} has the address {address}, which is"
    if _host_key(host) == _host_key(address):
        leads = f"{name}:{port} is"
    return (
        f"{leads} inside your network",
        f'if that is right, add "{entry}" to inside: in appealbridge.yaml',
    )


def host_and_port(host: str, port: int) -> str:
    """Return a host and a port as people write them; an IPv6 address is in brackets."""
    return f"{_in_brackets(host)}:{port}"


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_inside_by_name(host: str) -> bool:
    """Return whether the public internet has no such name."""
    host = host.rstrip(".")
    return "." not in host or host.rpartition(".")[2].lower() in _INTERNAL_NAMES


def entry_for(url: str, policy: EgressPolicy) -> str:
    """Return the entry that a URL needs because its host name is surely inside; empty if it needs none."""
    host, port = _place(url)
    named = host.rstrip(".") and _parsed(host) is None and not _is_this_machine(host)
    if not named or not _is_inside_by_name(host):
        return ""
    if any(not isinstance(entry.where, str) for entry in policy.inside):
        return ""  # its address may be in one of these networks
    covered = any(entry.covers(host, port, "") for entry in policy.inside)
    return "" if covered else _entry(host, port)


def _entry(host: str, port: int) -> str:
    return host if port in USUAL_PORTS else f"{host}:{port}"


def egress_policy(
    inside: Iterable[Allowed],
    values: Iterable[Any],
    practice: str | None,
    *,
    proxy: Proxy | None = None,
    no_proxy: Iterable[Direct] = (),
    authorities: str = "",
) -> EgressPolicy:
    """
    Return the policy of some settings.

    `values` are the options of accounts and sources, `practice` the address of the practice platforms: with these
    nothing is published, so feeds on this machine need no entry.
    """
    inside = tuple(inside)
    places = {_place(text) for value in values for text in _texts(value) if "://" in text}
    return EgressPolicy(
        inside,
        frozenset(
            (_host_key(host), port)
            for host, port in places
            if _parsed(host) is not None or _is_this_machine(host)
        ),
        practice=_host_key(_place(practice)[0]) if practice else "",
        this_machine=bool(practice),
        route=Route(proxy, (*(Direct(entry.where) for entry in inside), *no_proxy), authorities),
    )


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in options, however deep; an address may also be a secret."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner)


def _place(url: str) -> tuple[str, int]:
    """Return a URL's host and port; the host is empty if there is none."""
    try:
        parsed = URL(url)
        return parsed.raw_host or "", parsed.port or _PORTS.get(parsed.scheme, 0)
    except ValueError:
        return "", 0
