"""
The public interface for triggers and channels: what the author of an ordinary one needs.

More is in its parts: `images`, `published` (a post that is published is looked at, removed, edited), `receiver`
(triggers that receive requests), `http`, `text`, `feeds`, `timeline` (finding an account's own posts again),
`timestamps` and `jsonpath`. Nothing else of AppealBridge is for plug-ins.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from appealbridge.model.delivery import Delivery
from appealbridge.model.duration import Duration
from appealbridge.model.errors import (
    AccountRefused,
    DeliveryError,
    LoginExpired,
    Rejected,
    SourceDown,
    TryAgain,
    Unsure,
)
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.appearance import Appearance
from appealbridge.plugin.channel import (
    Account,
    Channel,
    Measure,
    Person,
    Repeat,
    SearchResult,
    Tools,
)
from appealbridge.plugin.offload import in_folder, in_thread
from appealbridge.plugin.options import (
    HTML,
    Address,
    Options,
    PageAddress,
    Secret,
    SecretAddress,
    Threaded,
)
from appealbridge.plugin.registry import API_VERSION, Registry
from appealbridge.plugin.trigger import (
    Basis,
    Item,
    PolledSource,
    Poller,
    PollResult,
    Trigger,
    Weakness,
)

__all__ = [
    "API_VERSION",
    "HTML",
    "Account",
    "AccountRefused",
    "Address",
    "Appearance",
    "Basis",
    "Channel",
    "Delivery",
    "DeliveryError",
    "Duration",
    "Event",
    "EventDraft",
    "Field",
    "Item",
    "LoginExpired",
    "Measure",
    "Options",
    "PageAddress",
    "Person",
    "PollResult",
    "PolledSource",
    "Poller",
    "Receipt",
    "Registry",
    "Rejected",
    "Repeat",
    "SearchResult",
    "Secret",
    "SecretAddress",
    "SourceDown",
    "Threaded",
    "Tools",
    "Trigger",
    "TryAgain",
    "Unsure",
    "Weakness",
    "field_validator",
    "in_folder",
    "in_thread",
    "model_validator",
]  # fmt: skip

MOVED = {
    **dict.fromkeys(
        (
            "AcceptsImages", "Illustrated", "Image", "ImageLimits", "ImageRules", "PublishesUploads", "StoredImage",
            "UploadExpired", "Uploaded", "UploadsImages",
        ),
        "images",
    ),
    **dict.fromkeys(
        ("AlreadyGone", "Edits", "Removes", "Standing", "looking", "page_answers"), "published"
    ),
    **dict.fromkeys(
        ("BODY_BYTES", "PushSource", "Received", "Receiver", "Refused", "Request"), "receiver"
    ),
}  # fmt: skip
"""The names that were here until 0.2.0, and the part where each of them is now."""

# A type checker must not see this function: it would take any misspelt name for one that is here.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a name from its new place, for plug-ins that were written before it moved."""
        if name not in MOVED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        part = f"{__name__}.{MOVED[name]}"
        message = f"{name} is now in {part}; import it from there"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(import_module(part), name)
