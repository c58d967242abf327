"""Connects the command line to the running daemon."""

from __future__ import annotations

import base64
import getpass
import http.client
import json
import os
import socket
import ssl
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from appealbridge.cli.common import fail, needs_settings
from appealbridge.cli.failures import describe_failure
from appealbridge.cli.output import say
from appealbridge.model.errors import AppealBridgeError
from appealbridge.settings.load import mode_of, only_option, store_of
from appealbridge.store.backend import Backend, NotBelieved, not_believed
from appealbridge.store.opening import store_at
from appealbridge.store.records import Control
from appealbridge.terminal import visible

if TYPE_CHECKING:
    from appealbridge.plugin.egress import Proxy

SECONDS = 30.0
"""How long the daemon may take to answer."""

_MOST_ANSWERED = 256 * 1024 * 1024
"""How many bytes an answer may have. A listing has a thousand rows at most, each with its content."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


class NotAMember(AppealBridgeError):
    """The user may not use the daemon's control socket; the message says who may."""


@dataclass(frozen=True, slots=True)
class DaemonClient:
    """The daemon of one store; `control` is `None` if none is running."""

    store: Backend
    control: Control | None
    config: Path | None = None

    @classmethod
    def of(cls, config: Path | None) -> DaemonClient:
        """Find the daemon through its settings; raise `NotAMember` if this user may not use it."""
        store = store_at(store_of(config))
        control_socket = only_option(config, "control_socket").control_socket
        needs_settings(config, store)
        try:
            control = by_socket(control_socket) if control_socket else store.control()
            if control is not None and not _answers(control):
                control = None
        except NotBelieved as error:
            say(describe_failure(error), err=True)
            control = None
        except PermissionError:
            if control_socket is None:
                raise
            message = f"you may not use this daemon; ask to become {_member(Path(control_socket))}"
            raise NotAMember(message) from None
        return cls(store, control, config)

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Return the answer to a GET request; end the command if the daemon refuses."""
        return self._ask("GET", path, query or {})

    def mode(self) -> tuple[str, bool]:
        """
        Return `practice` or `live`, and whether everything is stopped.

        If no daemon runs, the settings and the stop file say so. The mode is empty if the daemon is too old to say.
        """
        if self.control is None:
            return mode_of(self.config), self.store.stop_file().exists()
        try:
            _, answer = _request(self.control, "GET", "/api/v1/mode")
        except (OSError, ValueError):
            return "", False
        if not isinstance(answer, dict):
            return "", False
        mode = answer.get("mode")
        return (mode if mode in ("practice", "live") else ""), bool(answer.get("stopped"))

    def post(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the answer to a POST request with the name of the user; end the command if the daemon refuses."""
        content = None if body is None else json.dumps(body).encode()
        return self._ask("POST", path, {**(query or {}), "by": user()}, content)

    def _ask(
        self, method: str, path: str, query: Mapping[str, object], body: bytes | None = None
    ) -> Any:
        if self.control is None:
            fail(f"no daemon is running on {self.store}; start it with: appealbridge run")
        options = {name: value for name, value in query.items() if value not in (None, "")}
        target = f"/api/v1{path}" + (f"?{urlencode(options)}" if options else "")
        try:
            status, answer = _request(self.control, method, target, body)
        except (OSError, ValueError) as error:
            fail(visible(f"the daemon at {self.control.url} does not answer: {error}"))
        if status >= 400:
            fail("\n".join([visible(str(answer.get("detail", answer))), *_changed(answer)]))
        return answer


def by_socket(path: str) -> Control | None:
    """
    Return how to reach the daemon at its control socket, `None` if there is no socket.

    Raise `NotBelieved` if anybody but the daemon's user, this user and root could have made the socket.
    """
    try:
        file_stat, folder = Path(path).lstat(), Path(path).parent.stat()
    except FileNotFoundError:
        return None
    anybody = folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX
    owners = {0, os.geteuid(), folder.st_uid}
    if anybody or not stat.S_ISSOCK(file_stat.st_mode) or file_stat.st_uid not in owners:
        raise not_believed(Path(path), "may have been made by somebody else")
    return Control(f"unix:{path}", "", 0)


def _changed(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has changed since somebody looked, as the daemon says when it refuses an old hash."""
    for change in answer.get("difference") or ():
        yield f"  changed: {visible(str(change.get('field')))}"
        for which in ("before", "after"):
            text = visible(str(change.get(which)), lines=True)
            yield f"    {which}: " + text.replace("\n", "\n      ")


def user() -> str:
    """Return the name of the person who types, empty if it is not known."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _member(control_socket: Path) -> str:
    """Return in words who may use a control socket: the members of its folder's group."""
    from grp import getgrgid  # not on Windows, where the rest of the command line works

    group = control_socket.parent.stat().st_gid
    try:
        name = getgrgid(group).gr_name
    except KeyError:
        name = str(group)
    return f"a member of the group {name}"


def _answers(control: Control) -> bool:
    """
    Return whether this daemon is running: after a crash its control file is still there.

    Another program may then listen at its address, but does not know its token.
    """
    try:
        return _request(control, "GET", "/api/v1/events?limit=1")[0] not in (401, 404)
    except PermissionError as error:
        message = "no permission to open the daemon's socket"
        raise PermissionError(error.errno, message, control.url) from None
    except (OSError, ValueError):
        return False


def _request(
    control: Control, method: str, path: str, body: bytes | None = None
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {control.token}"}
    status, _, body = _exchange(control.url, method, path, headers, body)
    return status, json.loads(body)


def post_body(
    url: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    proxy: Proxy | None = None,
    authorities: str = "",
) -> tuple[int, Mapping[str, str], bytes]:
    """
    POST to a server at `http://…`, `https://…` or `unix:/…`; return the status, headers and body of its answer.

    It goes through the `proxy`, and certificates of these `authorities` (PEM) are trusted besides those of the system.
    No redirect is followed. Raise `OSError` if no answer comes, and `ValueError` for a header that cannot be sent.
    """
    if proxy is not None and url.startswith("http:"):
        headers = {**headers, **_proxy_login(proxy)}
        return _exchange(f"http://{proxy}", "POST", f"{url}{path}", headers, body)
    connection = _connection(url, proxy, authorities)
    return _exchange(url, "POST", path, headers, body, connection)


def _exchange(
    url: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    connection: http.client.HTTPConnection | None = None,
) -> tuple[int, Mapping[str, str], bytes]:
    connection = _connection(url) if connection is None else connection
    try:
        encoded = {name: value.encode() for name, value in headers.items()}
        connection.request(method, path, body=body, headers=encoded)
        answer = connection.getresponse()
        content = answer.read(_MOST_ANSWERED + 1)
        if len(content) > _MOST_ANSWERED:
            raise ConnectionError(f"its answer is longer than {_MOST_ANSWERED} bytes")
    except http.client.HTTPException as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def _connection(
    url: str, proxy: Proxy | None = None, authorities: str = ""
) -> http.client.HTTPConnection:
    if url.startswith("unix:"):
        return _UnixConnection(url.removeprefix("unix:"))
    where = urlsplit(url)
    host = where.hostname or "127.0.0.1"
    if where.scheme != "https":
        return http.client.HTTPConnection(host, where.port, timeout=SECONDS)
    context = ssl.create_default_context()
    if authorities:
        context.load_verify_locations(cadata=authorities)
    if proxy is None:
        return http.client.HTTPSConnection(host, where.port, timeout=SECONDS, context=context)
    tunnel = http.client.HTTPSConnection(proxy.host, proxy.port, timeout=SECONDS, context=context)
    tunnel.set_tunnel(host, where.port or 443, _proxy_login(proxy))
    return tunnel


def _proxy_login(proxy: Proxy) -> dict[str, str]:
    if not proxy.login:
        return {}
    return {"Proxy-Authorization": f"Basic {base64.b64encode(proxy.login.encode()).decode()}"}
