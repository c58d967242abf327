"""What only some channels can do, and how the rest of the program tells and says whether a channel can."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from appealbridge.plugin.channel import AnyChannel, Repeat
from appealbridge.plugin.images import AcceptsImages
from appealbridge.plugin.options import Threaded
from appealbridge.plugin.published import Edits, Removes


def limits_of(channel: AnyChannel) -> str:
    """Return what cannot be done with a channel's posts and what happens instead; empty if all can be done."""
    replies = "in_reply_to" in channel.message.model_fields
    limits = []
    if not isinstance(channel, Removes):
        instead = "that becomes a task for a person"
        if channel.recipient:
            instead = "everybody who had it gets a correction, if the recipe has one"
        limits.append(f"withdrawn ({instead})")
    if not isinstance(channel, Edits):
        instead = "a correction is published anew, if the recipe says instead: replace"
        if replies:
            instead = "a correction follows as a reply"
        if channel.recipient:
            instead = "a correction follows below it"
        limits.append(f"edited ({instead})")
    if not channel.can_find and channel.repeat is not Repeat.IDEMPOTENT:
        limits.append("searched (after an unclear answer a person decides)")
    *first, last = limits or [""]
    methods = f"{', '.join(first)} or {last}" if first else last
    return f"{channel.platform} cannot be {methods}" if methods else ""


ABILITIES: Mapping[str, Callable[[AnyChannel], bool]] = {
    "removes": lambda channel: isinstance(channel, Removes),
    "edits": lambda channel: isinstance(channel, Edits),
    "finds": lambda channel: channel.can_find,
    "images": lambda channel: isinstance(channel, AcceptsImages),
    "threads": lambda channel: issubclass(channel.message, Threaded),
}
"""What only some channels can do, in a word each, and how to tell whether a channel can."""
