"""Publishing steps as the program uses them: checked, compiled, and never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from appealbridge.model.amendment import Amends
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.options import Options
from appealbridge.recipes.templates.scope import Scope


class Overflow(StrEnum):
    """What to do with a text that is too long for its channel."""

    FAIL = "fail"
    SHORTEN = "shorten"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class Step:
    """
    One entry of `actions:`, or one channel of a `post`; it becomes one delivery or several.

    `path` is its path in the file (`actions[2]`), and `places` has the paths of options that are
    elsewhere. `channel` is the account's name and `account` its settings. `group` is the id of its
    `post`, empty if it is not part of one. `fill` returns its options filled for an event or raises
    `RenderError`. `fixed` is the message if it is the same for every event. `count` is how its
    channel counts a text, and `overflow` what to do with a text that is too long. `marked` says
    that it marks values for shortening; `parts` fill one option each, and `own_names` are names
    with the recipe's own words. `needs` are the ids of the steps whose results it uses or that are
    in its `after`; with `even_if_failed` it goes on if one of them failed. `lists` are the lists of
    the settings that it reads: the option, the list's name, and whether it is used without a
    filter. `amends` is what a correction corrects, `None` for all other steps.
    """

    id: str
    path: str
    action: str
    plugin: AnyChannel
    channel: str
    account: Account
    needs: frozenset[str]
    even_if_failed: bool
    fill: Callable[[Scope], Any] = field(repr=False)
    fixed: Options | None = field(default=None, repr=False)
    count: Callable[[str], int] | None = field(default=None, repr=False)
    overflow: Overflow = Overflow.FAIL
    parts: Mapping[str, Callable[[Scope], Any]] = field(default_factory=dict, repr=False)
    own_names: frozenset[str] = frozenset()
    marked: bool = False
    group: str = ""
    places: Mapping[str, str] = field(default_factory=dict, repr=False)
    lists: frozenset[tuple[str, str, bool]] = frozenset()
    amends: Amends | None = None

    def place(self, option: str) -> str:
        """Return the path of an option in the file."""
        return self.places.get(option, f"{self.path}.{option}")
