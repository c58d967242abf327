"""The settings: appealbridge.yaml, the secrets that it names, and the lists that it includes."""

from appealbridge.settings.load import (
    address_here,
    checkpoints_of,
    control_socket_of,
    load_settings,
    mode_of,
    public_url_of,
    store_of,
    zone_of,
)
from appealbridge.settings.result import ChannelSettings, Settings

__all__ = [
    "ChannelSettings",
    "Settings",
    "address_here",
    "checkpoints_of",
    "control_socket_of",
    "load_settings",
    "mode_of",
    "public_url_of",
    "store_of",
    "zone_of",
]
