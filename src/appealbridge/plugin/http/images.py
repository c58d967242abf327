"""Fetches a picture once, within limits, through the guard for all that goes out."""

from __future__ import annotations

import asyncio

from yarl import URL

from appealbridge.media import SOURCE_BYTES, ImageRefused
from appealbridge.model.errors import AddressNotAllowed, Rejected, TryAgain
from appealbridge.plugin.http.client import AnswerTooLong, Http
from appealbridge.plugin.http.redirects import REDIRECTS, redirect_target
from appealbridge.plugin.http.reply import bare

HOPS = 3
SECONDS = 30.0
"""How long all requests for one picture may take."""

_WRITE_IT = "no other server may lead there; give that address itself, and allow it under inside:"

# Without this, some servers send AVIF.
_ACCEPT = "image/jpeg, image/png, image/webp, image/gif;q=0.8, */*;q=0.1"


async def fetch_image(address: str, http: Http) -> bytes:
    """
    Return the file at an address that came with an event.

    Inside the network only what `inside:` names is asked, and nothing that another server redirects to. Raise
    `ImageRefused` for a file that is too large, `AddressNotAllowed`, `Rejected` if there is none, and `TryAgain`.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await _fetched(address, http)
    except TimeoutError:
        raise TryAgain(
            http.clean(f"GET {bare(address)}: not complete after {SECONDS:g} seconds")
        ) from None
    except AnswerTooLong:
        raise ImageRefused(
            f"the picture at {http.clean(bare(address))} is larger than {SOURCE_BYTES // 1024**2} MB",
            "give the address of a smaller one",
        ) from None


async def _fetched(address: str, http: Http) -> bytes:
    here = address
    for _ in range(HOPS + 1):
        # A server that may be asked may name another of its own addresses.
        own = URL(here).authority == URL(address).authority
        get = http.get_named if own else http.get_outside
        try:
            reply = await get(
                here, headers={"Accept": _ACCEPT}, accept=REDIRECTS, limit=SOURCE_BYTES
            )
        except AddressNotAllowed as error:
            if own:
                raise
            reason = f"{bare(address)} redirects to {bare(here)}: {error.reason}"
            raise AddressNotAllowed(http.clean(f"{reason}; {_WRITE_IT}"), reason=reason) from None
        if reply.status not in REDIRECTS:
            return reply.body
        try:
            here = redirect_target(here, reply)
        except ValueError as error:
            raise Rejected(http.clean(str(error))) from None
    raise Rejected(http.clean(f"{bare(address)} redirects more than {HOPS} times in a row"))
