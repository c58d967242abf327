"""One publishing step as the program understands it: checked, compiled, and never changing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.options import Options
from appealbridge.recipes.templates.scope import Scope


class Overflow(StrEnum):
    """What is done with a text that is too long for its channel."""

    FAIL = "fail"
    SHORTEN = "shorten"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class Step:
    """
    One entry of `actions:`, or one channel of a `post`; it becomes one delivery or several.

    `path` is its place in the file (`actions[2]`), and `places` are those of options that stand
    elsewhere. `channel` is the account's name and `account` its settings. `group` is the id of the
    `post` that it is a part of, empty where it is none. `fill` returns its options filled for one
    event or raises `RenderError`. `fixed` is the finished message where no event can change it.
    `count` is how its channel counts a text, and `overflow` what is done with one that is too long.
    `marked` says that it marks values that may be shortened; `parts` write one option each, and
    `own_words` are names that stand for the recipe's own words.
    `needs` are the ids of the steps whose results it uses or that it stands `after`;
    `even_if_failed` lets it go on where one of them failed. `lists` are the lists of the settings
    that it reads: the option, the list's name, and whether it is taken as it is.
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
    own_words: frozenset[str] = frozenset()
    marked: bool = False
    group: str = ""
    places: Mapping[str, str] = field(default_factory=dict, repr=False)
    lists: frozenset[tuple[str, str, bool]] = frozenset()

    def place(self, option: str) -> str:
        """Return where an option stands in the file."""
        return self.places.get(option, f"{self.path}.{option}")
