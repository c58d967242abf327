"""What a reload changes about people, groups and approvals, in words for the admins. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.model.people import Profile, Roster
from appealbridge.recipes.model.book import Book


def changes(before: Roster, after: Roster, old: Book, new: Book) -> Sequence[str]:
    """Return a line for each person, group and approval that differs."""
    lines = [
        _of_person(id_, before.people.get(id_), after.people.get(id_))
        for id_ in sorted({*before.people, *after.people})
        if before.people.get(id_) != after.people.get(id_)
    ]
    lines += [
        f"group {name}: {_listed(before.groups.get(name))} -> {_listed(after.groups.get(name))}"
        for name in sorted({*before.groups, *after.groups})
        if before.groups.get(name) != after.groups.get(name)
    ]
    lines += [
        f"recipe {name}: approval {recipe.approval or 'left out'} -> {new.recipes[name].approval or 'left out'}"
        for name, recipe in sorted(old.recipes.items())
        if name in new.recipes and new.recipes[name].approval != recipe.approval
    ]
    return lines


def _of_person(id_: str, before: Profile | None, after: Profile | None) -> str:
    if before is None or after is None:
        return f"{id_}: {'removed' if after is None else f'added ({_roles(after)})'}"
    parts = []
    if before.roles != after.roles:
        parts.append(f"roles {_roles(before)} -> {_roles(after)}")
    parts += [
        f"another {name}"
        for name in ("name", "email", "uid")
        if getattr(before, name) != getattr(after, name)
    ]
    return f"{id_}: {', '.join(parts)}"


def _roles(person: Profile) -> str:
    return ", ".join(sorted(person.roles)) or "no role"


def _listed(members: Sequence[str] | None) -> str:
    return "none" if members is None else ", ".join(members)
