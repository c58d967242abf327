"""
The public interface for triggers and channels: what each of them needs.

More is in `plugin.http`, `plugin.text`, `plugin.feeds`, `plugin.timeline` (finding an account's own posts
again) and `plugin.timestamps`. Nothing else of AppealBridge is for plug-ins.
"""

from pydantic import Field, field_validator, model_validator

from appealbridge.media import ImageLimits
from appealbridge.model.delivery import Delivery
from appealbridge.model.duration import Duration
from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    LoginExpired,
    Refused,
    Rejected,
    SourceDown,
    TryAgain,
    Unsure,
    UploadExpired,
)
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.abilities import (
    AcceptsImages,
    Edits,
    PublishesUploads,
    Removes,
    Standing,
    UploadsImages,
    looking,
    page_answers,
)
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
from appealbridge.plugin.images import Illustrated, Image, ImageRules, StoredImage, Uploaded
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
    BODY_BYTES,
    Basis,
    Item,
    PolledSource,
    Poller,
    PollResult,
    PushSource,
    Received,
    Receiver,
    Request,
    Trigger,
    Weakness,
)

__all__ = [
    "API_VERSION",
    "BODY_BYTES",
    "HTML",
    "AcceptsImages",
    "Account",
    "AccountRefused",
    "Address",
    "AlreadyGone",
    "Appearance",
    "Basis",
    "Channel",
    "Delivery",
    "DeliveryError",
    "Duration",
    "Edits",
    "Event",
    "EventDraft",
    "Field",
    "Illustrated",
    "Image",
    "ImageLimits",
    "ImageRules",
    "Item",
    "LoginExpired",
    "Measure",
    "Options",
    "PageAddress",
    "Person",
    "PollResult",
    "PolledSource",
    "Poller",
    "PublishesUploads",
    "PushSource",
    "Receipt",
    "Received",
    "Receiver",
    "Refused",
    "Registry",
    "Rejected",
    "Removes",
    "Repeat",
    "Request",
    "SearchResult",
    "Secret",
    "SecretAddress",
    "SourceDown",
    "Standing",
    "StoredImage",
    "Threaded",
    "Tools",
    "Trigger",
    "TryAgain",
    "Unsure",
    "UploadExpired",
    "Uploaded",
    "UploadsImages",
    "Weakness",
    "field_validator",
    "in_folder",
    "in_thread",
    "looking",
    "model_validator",
    "page_answers",
]  # fmt: skip
