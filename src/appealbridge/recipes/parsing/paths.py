"""
Finds the paths of the entries of `actions:` before they are compiled.

A path shows which lists contain an entry, what comes before it, and whether two entries can both be
done in one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from appealbridge.documents import Path
from appealbridge.recipes.model.entries import FLOW, IN_A_WAY, POST, STEP_LISTS

_BRANCHES = {name for word in ("if", "choose") for name in STEP_LISTS[word]}


def flow_word(entry: Any) -> str | None:
    """Return the first word of an entry that chooses, waits or ends the run; `None` for any other entry."""
    if not isinstance(entry, dict) or "action" in entry:
        return None
    return next((key for key in entry if key in FLOW), None)


def lists_in(entry: Any, path: Path) -> Iterator[tuple[Sequence[Any], Path]]:
    """Yield the lists of entries inside an entry, in the order of the file."""
    word = flow_word(entry)
    if word is None:
        return
    inside = _ways(entry["choose"], (*path, "choose")) if word == "choose" else ()
    beside = ((entry.get(key), (*path, key)) for key in STEP_LISTS[word] if key != "choose")
    for entries, place in (*inside, *beside):
        if isinstance(entries, list):
            yield entries, place


def _ways(options: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    """Yield what is under each branch of a `choose`, whatever that is."""
    for number, option in enumerate(options if isinstance(options, list) else ()):
        if isinstance(option, dict):
            for key in IN_A_WAY:
                yield option.get(key), (*path, number, key)


def every_entry(entries: Sequence[Any], path: Path) -> Iterator[tuple[Any, Path]]:
    """Yield every entry of a list and of the lists inside it, with its path."""
    for number, entry in enumerate(entries):
        yield entry, (*path, number)
        for inner, place in lists_in(entry, (*path, number)):
            yield from every_entry(inner, place)


def step_ids(actions: Sequence[Any]) -> dict[Path, str]:
    """
    Return the id of every publishing entry by its path.

    Without an id it is the name of its action, with a number from the second on: `tweet`,
    `tweet_2`. An id that is written elsewhere is not used for this.
    """
    steps = [(e, path) for e, path in every_entry(actions, ("actions",)) if flow_word(e) is None]
    written = {path: entry.get("id") for entry, path in steps if isinstance(entry, dict)}
    used = {id_ for id_ in written.values() if isinstance(id_, str) and id_}
    ids: dict[Path, str] = {}
    for entry, path in steps:
        id_ = written.get(path)
        if not (isinstance(id_, str) and id_):
            id_ = _next_free(entry, used)
            used.add(id_)
        ids[path] = id_
    return ids


def _next_free(entry: Any, used: set[str]) -> str:
    action = entry.get("action") if isinstance(entry, dict) else None
    name = action if isinstance(action, str) and action.isidentifier() else "step"
    return next(free for n in count(1) if (free := name if n == 1 else f"{name}_{n}") not in used)


def channels_of(entry: Any) -> list[str]:
    """Return the channels of a `post`, each once; empty for any other entry."""
    to = entry.get("to") if isinstance(entry, dict) and entry.get("action") == POST else None
    listed = [to] if isinstance(to, str) else to if isinstance(to, list) else []
    return list(dict.fromkeys(name for name in listed if isinstance(name, str)))


def part_id(post: str, channel: str) -> str:
    """Return the id of the step that publishes a `post` on one of its channels."""
    return f"{post}.{channel}"


def posts_in(actions: Sequence[Any], ids: Mapping[Path, str]) -> dict[str, list[str]]:
    """Return the channels of every `post`, by its id."""
    posts: dict[str, list[str]] = {}
    for entry, path in every_entry(actions, ("actions",)):
        if path in ids and (channels := channels_of(entry)):
            posts.setdefault(ids[path], channels)
    return posts


def waits_in(actions: Sequence[Any]) -> list[Path]:
    """Return the paths of every `wait_for`."""
    return [p for entry, p in every_entry(actions, ("actions",)) if flow_word(entry) == "wait_for"]


def apart(path: Path, other: Path) -> bool:
    """Return whether two paths are in different branches, so that a run never does both."""
    at = next((n for n, (a, b) in enumerate(zip(path, other, strict=False)) if a != b), None)
    if at is None or path[0] != "actions" or other[0] != "actions":
        return False
    options = isinstance(path[at], int) and path[at - 1] == "choose"
    return options or (isinstance(path[at], str) and _in_list(path, at) and _in_list(other, at))


def _in_list(path: Path, at: int) -> bool:
    """Return whether this part of a path leads into a list of entries."""
    return path[at] in _BRANCHES and len(path) > at + 1


def stands_before(wait: Path, place: Path) -> bool:
    """Return whether a wait has ended, or was never begun, whenever the entry at `place` is reached."""
    for part, other in zip(wait, place, strict=False):
        if part != other:
            numbers = isinstance(part, int) and isinstance(other, int) and part < other
            return numbers and not apart(wait, place)
    return len(place) > len(wait) and place[len(wait)] == "on_timeout"


def first_of_each(ids: Mapping[Path, str]) -> dict[str, Path]:
    """Return the first path of each id."""
    firsts: dict[str, Path] = {}
    for path, id_ in ids.items():
        firsts.setdefault(id_, path)
    return firsts
