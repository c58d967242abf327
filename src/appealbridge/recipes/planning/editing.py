"""Changes a planned message by hand, within the rules of its channel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from appealbridge.documents.validation import explain
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.options import Options

NOT_EDITED = frozenset({"to", "in_reply_to", "thread"})
"""The options of a message that nobody edits: whom it goes to, and posts that are deliveries of their own."""


def edited(content: str, changes: Mapping[str, Any], channel: AnyChannel, account: Account) -> str:
    """
    Return a message (canonical JSON) with changes; raise `ValueError` if the platform would not accept it.

    `changes` are options of the message, such as `text`.
    """
    if wrong := NOT_EDITED & changes.keys():
        raise ValueError(
            f"{', '.join(sorted(wrong))}: this cannot be edited; reject the delivery instead"
        )
    whole = {**orjson.loads(content), **changes}
    try:
        message: Options = channel.message.model_validate(whole)
    except ValidationError as failure:
        where, reason = explain(failure, whole)[0]
        raise ValueError(f"{'.'.join(map(str, where))}: {reason}") from None
    for name, text in changes.items():
        if isinstance(text, str) and (flaw := channel.flaw(name, text)):
            raise ValueError(f"{name}: {flaw}")
    measure = channel.measure(account, message)
    if measure is not None and not measure.fits:
        raise ValueError(
            f"{measure.field}: {measure.count} {measure.unit}, but this account allows {measure.limit}; shorten it"
        )
    return orjson.dumps(message.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()
