"""What of a recipe an admin has to accept, who wrote it, and who may accept it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

from appealbridge.model.actor import Actor, How
from appealbridge.model.people import Roster
from appealbridge.recipes.model.recipe import NO_APPROVAL, Recipe

_KNOWN = (How.LOG_IN, How.SOCKET)


def to_accept(recipe: Recipe) -> str:
    """Return what a recipe may do only once it is accepted, as it says so; empty if nothing."""
    says = ["approval: none"] if recipe.approval == NO_APPROVAL else []
    says += ["threat_to_life: true"] if recipe.threat_to_life else []
    return ", ".join(says)


def writers(owners: Collection[int], roster: Roster) -> Sequence[str]:
    """Return the people to whom files belong, by id; root, or `user 1010` for another who is no person."""
    people = {uid: roster.by_uid(uid) for uid in sorted(owners)}
    unknown = {0: "root"}
    return [
        unknown.get(uid, f"user {uid}") if person is None else person.id
        for uid, person in people.items()
    ]


def refusal(actor: Actor, owners: Collection[int], roster: Roster) -> str:
    """Return why somebody may not accept a recipe whose files belong, or belonged, to these users; empty if not."""
    if roster.one_desk:
        return (
            "nobody has a role under people: in appealbridge.yaml, so no recipe has to be accepted"
        )
    if actor.how not in _KNOWN:
        return "only a person who logged in, or who is known on the control socket, may accept it"
    if actor.person in writers(owners, roster):
        owner = roster.shown(actor.person)
        return f"a file of it belongs to {owner}, and nobody accepts what they wrote; ask another admin"
    return ""


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the lines of a difference between two versions of a recipe, part by part: its text, templates and lists.

    Both are as the API tells them. Without a version before, everything was put in.
    """
    old, new = _parts(before), _parts(after)
    for part in dict.fromkeys((*new, *old)):
        was, now = old.get(part, []), new.get(part, [])
        if was == now:
            continue
        yield f"{part}:" if part in new else f"{part}, which is not used any more:"
        lines = [*unified_diff(was, now, lineterm="", n=2)][2:]
        yield from lines if was else lines[1:]


def _parts(content: Mapping[str, Any] | None) -> dict[str, list[str]]:
    if content is None:
        return {}
    return {
        "recipe": content["text"].splitlines(),
        **{f"template {name}": text.splitlines() for name, text in content["templates"].items()},
        **{f"list {name}": [*entries] for name, entries in content["lists"].items()},
    }
