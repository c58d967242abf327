"""
Makes what a channel returns fit to be stored: short, only text, and without secrets. Pure.

A plug-in passes on whatever a platform replies. If the store refused it, the attempt would never have an outcome.
"""

from __future__ import annotations

from collections.abc import Callable

from appealbridge.model.errors import Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult

ID_LIMIT = 500
ADDRESS_LIMIT = 2000


def sanitized_receipt(receipt: Receipt) -> Receipt:
    """Return a receipt that can be stored; raise `Unsure` if its id cannot."""
    name, address, time, account = receipt.id, receipt.url, receipt.time, receipt.account
    if not name or not _short_text(name, ID_LIMIT):
        raise Unsure(f"the platform accepted it, but its id cannot be stored: {name!r:.60}")
    sound, named = _short_text(address, ADDRESS_LIMIT), _short_text(account, ID_LIMIT)
    if sound and named and (time is None or _moment(time)):
        return receipt
    return Receipt(
        name,
        address if sound else "",
        time if _moment(time) else None,
        # Not cut: only the whole name says which account a post belongs to.
        account if named else "",
    )


def sanitized_search(result: SearchResult, clean: Callable[[str], str], limit: int) -> SearchResult:
    """Return a search result that can be stored, with at most `limit` characters in `seen`; `clean` masks secrets."""
    seen = clean(str(result.seen).encode("utf-8", "replace").decode())[:limit]
    receipt = None if result.receipt is None else sanitized_receipt(result.receipt)
    return SearchResult(receipt, sure=result.sure, seen=seen)


def _short_text(text: object, limit: int) -> bool:
    return isinstance(text, str) and len(text) <= limit and text.isprintable()


def _moment(time: object) -> bool:
    # A time before 1970 or after the year 9999 cannot be printed.
    return isinstance(time, float | int) and 0 <= time < 253_402_300_800
