"""Reads addresses and files in the settings: where to listen, and where the store is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from appealbridge.plugin.egress import Allowed, Direct, allowed, direct, proxy_at
from appealbridge.settings.filling import PLACEHOLDER

T = TypeVar("T")

_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Listen:
    """
    Where to listen: `address` is host and port, `path` a Unix socket's; neither means systemd's socket.

    Port 0 means any free port.
    """

    address: tuple[str, int] | None = None
    path: str | None = None


def _wrong(problem: str, cure: str) -> PydanticCustomError:
    # A message template of pydantic's own would try to fill in braces.
    return PydanticCustomError("place", "{problem}", {"problem": problem, "cure": cure})


_LISTEN_CURE = "write host:port, such as 127.0.0.1:8080, or unix:/path, or systemd"


def listen(value: Any) -> Listen:
    """Return what `host:port`, `unix:/path` or `systemd` means."""
    if isinstance(value, Listen):
        return value
    if not isinstance(value, str):
        raise _wrong("is not an address to listen on", _LISTEN_CURE)
    if value == "systemd":
        return Listen()
    if value.startswith("unix:"):
        path = value.removeprefix("unix:")
        if not path.startswith("/") or len(path.encode()) > 100:
            raise _wrong("must be an absolute path of at most 100 bytes after unix:", _LISTEN_CURE)
        return Listen(path=path)
    host, colon, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65535 or not host:
        raise _wrong("is not an address to listen on", _LISTEN_CURE)
    if ":" in host and not bracketed:
        raise _wrong(
            "is not an address to listen on", f"put the IPv6 address in brackets: [{host}]:{port}"
        )
    return Listen(address=(host[1:-1] if bracketed else host, int(port)))


ListenText = Annotated[
    Listen, PlainValidator(listen), PlainSerializer(str), WithJsonSchema({"type": "string"})
]


_MODE = re.compile(r"0?([67][0-7]{2})")


def socket_mode(value: Any) -> str:
    """Return the permissions of a socket, given in octal as for `chmod`."""
    match = _MODE.fullmatch(str(value)) if isinstance(value, str | int) else None
    if match is None:
        raise _wrong("is not a set of permissions", 'write it as for chmod, for example "0660"')
    return f"0{match[1]}"


SocketMode = Annotated[str, BeforeValidator(socket_mode)]


def store_path(text: str) -> str:
    """
    Return the file for a store's address.

    After `sqlite:///` a path is whole, whether its first slash is written again or not; only a bare
    file name, `./` and `../` lie beside the settings file.
    """
    if text.startswith(("postgresql:", "postgres:")):
        raise _wrong("a store in PostgreSQL is not available yet", "use sqlite:///PATH")
    rest = text.removeprefix("sqlite:///")
    if rest == text or not rest.strip("/") or rest.endswith("/") or "\0" in rest:
        raise _wrong(
            "is not the address of a store",
            "write sqlite:///var/lib/appealbridge/bridge.db, or another path",
        )
    beside = "/" not in rest or rest.startswith(("./", "../"))
    return rest if beside or rest.startswith("/") else f"/{rest}"


def web_address(value: str) -> str:
    """Return an http(s) address without its last slash."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise _wrong("is not a web address", "write it as https://bridge.example.police.uk")
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(web_address)]


def _practice_address(value: Any) -> str:
    """Return the address of the practice platforms; people try `yes` first."""
    try:
        return web_address(value if isinstance(value, str) else "")
    except ValueError:
        cure = f"write practice: {PRACTICE}, where `appealbridge sandbox` runs"
        raise _wrong("is not the address of the practice platforms", cure) from None


PRACTICE = "http://127.0.0.1:8090"
"""Where the practice platforms usually run."""
PracticeAddress = Annotated[str, BeforeValidator(_practice_address)]


def _read_by(read: Callable[[str], T]) -> PlainValidator:
    def validated(value: Any) -> T:
        try:
            return read(value if isinstance(value, str) else "")
        except ValueError as error:
            raise _as_problem(error) from None

    return PlainValidator(validated)


def _proxy(value: str | SecretStr | None) -> str | SecretStr | None:
    secret = isinstance(value, SecretStr)
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if text is None or value == PLACEHOLDER:
        return None
    try:
        proxy = proxy_at(text)
    except ValueError as error:
        raise _as_problem(error) from None
    if proxy.login and not secret:
        cure = "put the whole address into a secret, write !secret proxy, and have the password changed"
        raise _wrong("has a password, which must not be written here", cure)
    return value


def _as_problem(error: ValueError) -> PydanticCustomError:
    problem, _, cure = str(error).partition("; ")
    return _wrong(problem, cure)


AllowedText = Annotated[
    Allowed, _read_by(allowed), PlainSerializer(str), WithJsonSchema({"type": "string"})
]
"""An address inside the network to which AppealBridge may connect."""

DirectText = Annotated[
    Direct, _read_by(direct), PlainSerializer(str), WithJsonSchema({"type": "string"})
]
"""A host or network that is reached without the proxy."""

ProxyAddress = Annotated[
    str | SecretStr | None, AfterValidator(_proxy), WithJsonSchema({"type": "string"})
]
"""The address of a proxy, which may be a secret."""
