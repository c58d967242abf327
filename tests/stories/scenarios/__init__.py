"""
Scenarios in which the daemon may be killed at any point: what happens, and the end that they must have all the same.

Senders, sources, platforms and operators act; `dying_world.py` says how they go on after the daemon has died.
"""

from tests.stories.scenarios import (
    corrections,
    guards,
    maintenance,
    people,
    pictures,
    platforms,
    undisturbed,
)
from tests.stories.scenarios.scenario import SCENARIOS, Scenario

__all__ = [
    "SCENARIOS",
    "Scenario",
    "corrections",
    "guards",
    "maintenance",
    "people",
    "pictures",
    "platforms",
    "undisturbed",
]
