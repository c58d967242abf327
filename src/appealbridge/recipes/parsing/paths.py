"""
Where the entries of `actions:` stand, read off the file before any of them is understood.

A path tells all: which lists stand around an entry, what stands before it, and whether two entries
can ever be done in one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from appealbridge.documents import Path
from appealbridge.recipes.model.entries import FLOW, IN_A_WAY, POST, STEP_LISTS

_BRANCHES = {name for word in ("if", "choose") for name in STEP_LISTS[word]}


def flow_word(entry: Any) -> str | None:
    """Return the word that makes an entry part of the flow, `None` where it publishes or is nothing known."""
    if not isinstance(entry, dict) or "action" in entry:
        return None
    return next((key for key in entry if key in FLOW), None)


def lists_in(entry: Any, path: Path) -> Iterator[tuple[Sequence[Any], Path]]:
    """Yield the lists of entries within an entry, in the order in which they are written."""
    word = flow_word(entry)
    if word is None:
        return
    inside = _ways(entry["choose"], (*path, "choose")) if word == "choose" else ()
    beside = ((entry.get(key), (*path, key)) for key in STEP_LISTS[word] if key != "choose")
    for entries, place in (*inside, *beside):
        if isinstance(entries, list):
            yield entries, place


def _ways(options: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    """Yield what each way of a `choose` does, whatever that is."""
    for number, option in enumerate(options if isinstance(options, list) else ()):
        if isinstance(option, dict):
            for key in IN_A_WAY:
                yield option.get(key), (*path, number, key)


def every_entry(entries: Sequence[Any], path: Path) -> Iterator[tuple[Any, Path]]:
    """Yield every entry of a list and of the lists within it, each with its place."""
    for number, entry in enumerate(entries):
        yield entry, (*path, number)
        for inner, place in lists_in(entry, (*path, number)):
            yield from every_entry(inner, place)


def step_ids(actions: Sequence[Any]) -> dict[Path, str]:
    """
    Return the id of every publishing entry, by its place.

    One without has its action's name, with a number from the second of that name on: `tweet`,
    `tweet_2`. An id that is written is never taken for it.
    """
    steps = [(e, path) for e, path in every_entry(actions, ("actions",)) if flow_word(e) is None]
    written = {path: entry.get("id") for entry, path in steps if isinstance(entry, dict)}
    taken = {id_ for id_ in written.values() if isinstance(id_, str) and id_}
    ids: dict[Path, str] = {}
    for entry, path in steps:
        id_ = written.get(path)
        if not (isinstance(id_, str) and id_):
            id_ = _next_free(entry, taken)
            taken.add(id_)
        ids[path] = id_
    return ids


def _next_free(entry: Any, taken: set[str]) -> str:
    action = entry.get("action") if isinstance(entry, dict) else None
    name = action if isinstance(action, str) and action.isidentifier() else "step"
    return next(free for n in count(1) if (free := name if n == 1 else f"{name}_{n}") not in taken)


def channels_of(entry: Any) -> list[str]:
    """Return the channels that a `post` names, each once; none where the entry is no such thing."""
    to = entry.get("to") if isinstance(entry, dict) and entry.get("action") == POST else None
    listed = [to] if isinstance(to, str) else to if isinstance(to, list) else []
    return list(dict.fromkeys(name for name in listed if isinstance(name, str)))


def part_id(post: str, channel: str) -> str:
    """Return the id of the step that a `post` is on one of its channels."""
    return f"{post}.{channel}"


def posts_in(actions: Sequence[Any], ids: Mapping[Path, str]) -> dict[str, list[str]]:
    """Return the channels of every `post`, by its id."""
    posts: dict[str, list[str]] = {}
    for entry, path in every_entry(actions, ("actions",)):
        if path in ids and (channels := channels_of(entry)):
            posts.setdefault(ids[path], channels)
    return posts


def waits_in(actions: Sequence[Any]) -> list[Path]:
    """Return the places of every `wait_for`."""
    return [p for entry, p in every_entry(actions, ("actions",)) if flow_word(entry) == "wait_for"]


def apart(path: Path, other: Path) -> bool:
    """Return whether two places are in different branches, so that never both are done in one run."""
    at = next((n for n, (a, b) in enumerate(zip(path, other, strict=False)) if a != b), None)
    if at is None or path[0] != "actions" or other[0] != "actions":
        return False
    options = isinstance(path[at], int) and path[at - 1] == "choose"
    return options or (isinstance(path[at], str) and _in_list(path, at) and _in_list(other, at))


def _in_list(path: Path, at: int) -> bool:
    """Return whether a path goes on into a list of entries at this part of it."""
    return path[at] in _BRANCHES and len(path) > at + 1


def stands_before(wait: Path, place: Path) -> bool:
    """Return whether a wait is always over, or never begun, when what stands at a place is done."""
    for part, other in zip(wait, place, strict=False):
        if part != other:
            numbers = isinstance(part, int) and isinstance(other, int) and part < other
            return numbers and not apart(wait, place)
    return len(place) > len(wait) and place[len(wait)] == "on_timeout"


def first_of_each(ids: Mapping[Path, str]) -> dict[str, Path]:
    """Return where each id stands first."""
    firsts: dict[str, Path] = {}
    for path, id_ in ids.items():
        firsts.setdefault(id_, path)
    return firsts
