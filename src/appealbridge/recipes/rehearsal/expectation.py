"""Matches the posts of a test with what the test expects. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appealbridge.documents import texts_in
from appealbridge.model.delivery import Hold
from appealbridge.plugin.text.normal_form import composed
from appealbridge.recipes.model.schema import NOT_HELD, Expected
from appealbridge.recipes.rehearsal.simulate import SimulatedPost

AFTER, AT, HELD, TEXT_NOT = "after", "at", "held", "text_not"
_BESIDE = frozenset(Expected.model_fields) - {"action", "channel"}

Entry = Mapping[str, Any]
Unit = tuple[SimulatedPost, ...]


def paired(
    entries: Sequence[Entry],
    posts: Sequence[SimulatedPost],
    meets: Callable[[SimulatedPost, Entry], bool],
) -> tuple[list[Entry], list[SimulatedPost]]:
    """
    Return the entries without a post, and the posts without an entry.

    An entry stands for one post, or for all that one step sends to several people, unless it names
    what differs among them.
    """
    units = _units(posts)
    differing = {name for unit in units for name in _differing(unit)}
    own = [entry for entry in entries if differing & entry.keys()]
    singly: list[Unit] = [(post,) for unit in sorted(units, key=len) for post in unit]
    unmet, left = _matched(own, singly, meets)
    rest = [post for (post,) in left]
    others = [entry for entry in entries if not any(entry is other for other in own)]
    several = [
        tuple(post for post in unit if any(post is other for other in rest)) for unit in units
    ]
    unmet_others, unlisted = _matched(others, [unit for unit in several if unit], meets)
    return [*unmet, *unmet_others], [post for unit in unlisted for post in unit]


def _units(posts: Sequence[SimulatedPost]) -> list[Unit]:
    """Return the posts in groups: those of one step at one time together, except the posts of a thread."""
    threads = {post.step for post in posts if post.follows}
    units: dict[Any, list[SimulatedPost]] = {}
    for number, post in enumerate(posts):
        key = number if post.step in threads else (post.step, post.after, post.hold)
        units.setdefault(key, []).append(post)
    return [tuple(unit) for unit in units.values()]


def _differing(unit: Unit) -> set[str]:
    first, *rest = (post.message for post in unit)
    names = {name for entry in rest for name in entry.keys() | first.keys()}
    return {name for name in names if any(entry.get(name) != first.get(name) for entry in rest)}


def _matched(
    entries: Sequence[Entry], units: Sequence[Unit], meets: Callable[[SimulatedPost, Entry], bool]
) -> tuple[list[Entry], list[Unit]]:
    """Match as many entries as possible with a group each; return the entries and groups that are left."""
    fitting = [
        [n for n, unit in enumerate(units) if all(meets(post, entry) for post in unit)]
        for entry in entries
    ]
    matched: dict[int, int] = {}

    def placed(entry: int, seen: set[int]) -> bool:
        for unit in fitting[entry]:
            if unit not in seen:
                seen.add(unit)
                if unit not in matched or placed(matched[unit], seen):
                    matched[unit] = entry
                    return True
        return False

    unmet = [entry for number, entry in enumerate(entries) if not placed(number, set())]
    return unmet, [unit for number, unit in enumerate(units) if number not in matched]


def goes_out(post: SimulatedPost) -> bool:
    """Return whether a message goes out by itself or after its approval."""
    return post.hold in ("", Hold.APPROVAL)


def says_all(post: SimulatedPost, expected: Entry) -> bool:
    """Return whether a post has everything that an entry lists, and nothing that it excludes."""
    never = expected.get(TEXT_NOT, [])
    if any(says(post, text) for text in ([never] if isinstance(never, str) else never)):
        return False
    actual = {**post.message, "action": post.action, "channel": post.channel}
    return all(
        name in actual and fits(actual[name], value)
        for name, value in expected.items()
        if name not in _BESIDE
    )


def held_so(post: SimulatedPost, expected: Entry) -> bool:
    """Return whether a post is held as an entry says; without `held`, whether it goes out."""
    if HELD not in expected:
        return goes_out(post)
    return post.hold == ("" if expected[HELD] == NOT_HELD else expected[HELD])


def says(post: SimulatedPost, pattern: str) -> bool:
    """Return whether a message contains a text, ignoring case; * stands for any words."""
    parts = [_loosely(part) for part in pattern.split("*")]
    return any(_in_order(parts, _loosely(text)) for _, text in texts_in(post.written))


def fits(actual: Any, expected: Any) -> bool:
    """Return whether a value has at least what is wanted; in a text * stands for any words."""
    if isinstance(expected, str):
        pattern = ".*".join(re.escape(part) for part in composed(expected).split("*"))
        return isinstance(actual, str) and bool(re.fullmatch(pattern, composed(actual), re.DOTALL))
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            name in actual and fits(actual[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(fits(value, other) for value, other in zip(actual, expected, strict=True))
        )
    return bool(actual == expected) and isinstance(actual, bool) == isinstance(expected, bool)


def _in_order(parts: Sequence[str], text: str) -> bool:
    begin = 0
    for part in parts:
        start = text.find(part, begin)
        if start < 0:
            return False
        begin = start + len(part)
    return True


def _loosely(text: str) -> str:
    return " ".join(composed(text).casefold().split())
