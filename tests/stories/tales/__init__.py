"""
Tales of a daemon that is killed somewhere on the way: what happens, and how it has to end all the same.

Each is told by those outside: senders, sources, platforms, operators. See `world.py` for how they
go on when the daemon has died.
"""

from tests.stories.tales import care, guards, people, platforms, undisturbed
from tests.stories.tales.tale import TALES, Tale

__all__ = ["TALES", "Tale", "care", "guards", "people", "platforms", "undisturbed"]
