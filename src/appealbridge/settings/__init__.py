"""The daemon's own settings: appealbridge.yaml, the secrets it names, and the lists it includes."""

from appealbridge.settings.load import load_settings, store_of
from appealbridge.settings.result import ChannelSettings, Settings

__all__ = ["ChannelSettings", "Settings", "load_settings", "store_of"]
