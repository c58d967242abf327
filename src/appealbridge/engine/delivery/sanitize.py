"""
Between what a channel returns and what the store keeps: short enough, text, and no secret in it. Pure.

A plug-in is handed whatever a platform answers, and not all look at it closely. What the store
could not take would leave an attempt without its outcome for good.
"""

from __future__ import annotations

from collections.abc import Callable

from appealbridge.model.errors import Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult

ID_LIMIT = 500
ADDRESS_LIMIT = 2000


def kept_receipt(receipt: Receipt) -> Receipt:
    """Return a receipt that can be kept; raise `Unsure` where its id is none."""
    name, address, time = receipt.id, receipt.url, receipt.time
    if not name or not _short_text(name, ID_LIMIT):
        raise Unsure(f"the platform took it, but gave no id that could be kept: {name!r:.60}")
    sound = _short_text(address, ADDRESS_LIMIT)
    if sound and (time is None or _moment(time)):
        return receipt
    return Receipt(name, address if sound else "", time if _moment(time) else None)


def kept_look(sought: SearchResult, clean: Callable[[str], str], limit: int) -> SearchResult:
    """Return what a look showed as it can be kept, at most `limit` characters of words; `clean` masks secrets."""
    seen = clean(str(sought.seen).encode("utf-8", "replace").decode())[:limit]
    receipt = None if sought.receipt is None else kept_receipt(sought.receipt)
    return SearchResult(receipt, sure=sought.sure, seen=seen)


def _short_text(text: object, limit: int) -> bool:
    return isinstance(text, str) and len(text) <= limit and text.isprintable()


def _moment(time: object) -> bool:
    # What lies before 1970 or after the year 9999 nobody could print.
    return isinstance(time, float | int) and 0 <= time < 253_402_300_800
