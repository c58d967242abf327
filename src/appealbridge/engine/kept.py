"""
Between what a channel returns and what the store keeps: short enough, text, and no secret in it. Pure.

A plug-in is handed whatever a platform answers, and not all look at it closely. What the store
could not take would leave an attempt without its outcome for good.
"""

from __future__ import annotations

from collections.abc import Callable

from appealbridge.model.errors import Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Sought

ID_LIMIT = 500
ADDRESS_LIMIT = 2000


def kept_receipt(receipt: Receipt) -> Receipt:
    """Return a receipt that can be kept; raise `Unsure` where its id is none."""
    if not _short_text(receipt.id, ID_LIMIT) or not receipt.id:
        raise Unsure(f"the platform took it, but gave no id that could be kept: {receipt.id!r:.60}")
    address = receipt.url if _short_text(receipt.url, ADDRESS_LIMIT) else ""
    time = receipt.time if _moment(receipt.time) else None
    same = address is receipt.url and time is receipt.time
    return receipt if same else Receipt(receipt.id, address, time)


def kept_look(sought: Sought, clean: Callable[[str], str], limit: int) -> Sought:
    """Return what a look showed as it can be kept, at most `limit` characters of words; `clean` masks secrets."""
    seen = clean(str(sought.seen).encode("utf-8", "replace").decode())[:limit]
    receipt = None if sought.receipt is None else kept_receipt(sought.receipt)
    return Sought(receipt, sure=sought.sure, seen=seen)


def _short_text(text: object, limit: int) -> bool:
    return isinstance(text, str) and len(text) <= limit and text.isprintable()


def _moment(time: object) -> bool:
    # What lies before 1970 or after the year 9999 nobody could print.
    return isinstance(time, float | int) and 0 <= time < 253_402_300_800
