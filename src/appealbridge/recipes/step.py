"""One publishing step as the program understands it: checked, compiled, and never changing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.options import Options
from appealbridge.recipes.scope import Scope


@dataclass(frozen=True, slots=True)
class Step:
    """
    One entry of `actions:`, which becomes one delivery or several on one channel.

    `path` is its place in the file (`actions[2]`), `channel` the account's name and `account` its
    settings. `fill` returns its options filled for one event or raises `RenderError`. `fixed` is the
    finished message where no event can change it. `count` is how its channel counts a text. `needs`
    are the ids of the steps whose results it uses or that it stands `after`; `even_if_failed` lets
    it go on where one of them failed.
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
