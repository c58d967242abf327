"""Where pages may be served, and how cookies are kept there: under the public address, or on this machine alone."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from appealbridge.engine.active import ActiveConfiguration

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host")


@dataclass(frozen=True, slots=True)
class PageOrigin:
    """The origin of the pages, as browsers send it, and whether it is reached by TLS."""

    origin: str
    secure: bool

    @property
    def session_cookie(self) -> str:
        """The name of the cookie with the session."""
        return "__Host-appealbridge" if self.secure else "appealbridge-this-machine"

    @property
    def form_cookie(self) -> str:
        """The name of the cookie that belongs to the forms of somebody who is not logged in."""
        return f"{self.session_cookie}-form"

    def set_cookie(self, answer: web.StreamResponse, name: str, value: str) -> None:
        """Set a cookie that ends with the browser, and that no script and no other site can use."""
        answer.set_cookie(name, value, path="/", httponly=True, samesite="Lax", secure=self.secure)

    def del_cookie(self, answer: web.StreamResponse, name: str) -> None:
        """Delete a cookie."""
        answer.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=self.secure)


def origin_of(request: web.Request, active: ActiveConfiguration) -> PageOrigin | str:
    """
    Return where a request for a page came to, or why there is none.

    With an `https` public address, pages are served under that name alone. Without one, they are served to this
    machine alone, under a name of its own: any other name may be somebody's who leads a browser here.
    """
    host = request.headers.get(hdrs.HOST, "").lower()
    public = urlsplit(active.public_url)
    if public.scheme == "https":
        if host in (public.netloc.lower(), f"{public.netloc.lower()}:443"):
            return PageOrigin(f"https://{public.netloc.lower()}", secure=True)
        return f"the pages are at {active.public_url}; the web server in front must pass the Host header on"
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    trusted = name == "localhost" or _is_loopback(name.strip("[]"))
    if not trusted or not is_local(request) or any(each in request.headers for each in _FORWARDED):
        return (
            "people can log in only from this machine until the settings say public_url: https://…"
        )
    return PageOrigin(f"http://{host}", secure=False)


def is_local(request: web.Request) -> bool:
    """Return whether a request comes from this machine, perhaps from a web server that runs here."""
    return not request.remote or _is_loopback(request.remote)


def address_of(request: web.Request) -> str:
    """Return the address of whoever asks, as a web server on this machine names it in its last entry."""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    if forwarded and is_local(request):
        return forwarded[:64]
    return request.remote or "this machine"


def safe_target(target: str) -> str:
    """Return a path of ours to go on to; `/` for everything that could lead to another site."""
    plain = target.isascii() and target.isprintable() and "\\" not in target and " " not in target
    if not plain or len(target) > 500 or not target.startswith("/") or target.startswith("//"):
        return "/"
    return target


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
