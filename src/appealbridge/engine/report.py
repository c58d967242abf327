"""What the engine says while it works: one log line and one count for each outcome."""

from __future__ import annotations

from typing import Protocol

from appealbridge.engine.lane import Lane
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import AppealBridgeError
from appealbridge.store.base import Settlement
