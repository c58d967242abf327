"""Where a redirect leads, and whether it may be followed. The address itself is checked when it is connected to."""

from __future__ import annotations

from yarl import URL

from appealbridge.plugin.http.reply import Reply, bare

REDIRECTS = frozenset({301, 302, 303, 307, 308})


def redirect_target(address: str, reply: Reply) -> str:
    """Return the address of a redirect; raise `ValueError` in plain words if it must not be followed."""
    try:
        here = URL(address)
        there = here.join(URL(reply.headers.get("Location", "")))
    except ValueError:
        raise ValueError(f"{bare(address)} redirects to an address that is not valid") from None
    redirect = f"{bare(address)} redirects to {bare(str(there))}"
    if there.scheme not in ("http", "https") or not there.host:
        raise ValueError(f"{redirect}, which is not a web address")
    if there == here:
        raise ValueError(f"{bare(address)} redirects to itself")
    if here.scheme == "https" and there.scheme == "http":
        raise ValueError(
            f"{redirect}, which is not encrypted; if that is right, write that address"
        )
    # A login in an address must come from the settings, not from a redirect.
    return str(there if there.authority == here.authority else there.with_user(None))
