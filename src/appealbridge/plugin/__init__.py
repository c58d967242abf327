"""The public door: everything that a trigger or a channel may use, and nothing else of ours."""

from pydantic import Field, SecretStr, field_validator, model_validator

from appealbridge.model.appeal import Appeal, AppealImage, AppealStatus
from appealbridge.model.delivery import Delivery
from appealbridge.model.duration import Duration
from appealbridge.model.errors import (
    DeliveryError,
    LoginExpired,
    Refused,
    Rejected,
    SourceDown,
    TryAgain,
    Unsure,
)
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import (
    Account,
    Channel,
    Measure,
    Repeat,
    Sought,
    Tools,
    WhenUnsure,
)
from appealbridge.plugin.http import Effect, Http, Reply, excerpt, failure
from appealbridge.plugin.options import Options, Secret
from appealbridge.plugin.registry import Registry
from appealbridge.plugin.trigger import (
    Item,
    Look,
    PolledSource,
    Poller,
    Receiver,
    Request,
    Trigger,
)

__all__ = [
    "Account",
    "Appeal",
    "AppealImage",
    "AppealStatus",
    "Channel",
    "Delivery",
    "DeliveryError",
    "Duration",
    "Effect",
    "Event",
    "EventDraft",
    "Field",
    "Http",
    "Item",
    "LoginExpired",
    "Look",
    "Measure",
    "Options",
    "PolledSource",
    "Poller",
    "Receipt",
    "Receiver",
    "Refused",
    "Registry",
    "Rejected",
    "Repeat",
    "Reply",
    "Request",
    "Secret",
    "SecretStr",
    "Sought",
    "SourceDown",
    "Tools",
    "Trigger",
    "TryAgain",
    "Unsure",
    "WhenUnsure",
    "excerpt",
    "failure",
    "field_validator",
    "model_validator",
]
