"""A channel and a trigger for AppealBridge, to start your own from."""

from appealbridge.plugin import Registry
from appealbridge_example.channel import Outgoing
from appealbridge_example.trigger import NoticeBoard


def register(registry: Registry) -> None:
    """Register what this package offers."""
    registry.add(Outgoing())
    registry.add(NoticeBoard())
