"""Finds the subject that a person copied from a listing, which shortens long ones to their begin and end."""

from __future__ import annotations

from appealbridge.store.base import StoreQueries

MOST = 1000
"""How many of the latest events are looked at."""


def is_shortened(subject: str) -> bool:
    """Return whether a subject looks like one that a listing shortened."""
    begin, dots, end = _parts(subject)
    return bool(dots and begin + end)


async def whole_subject(store: StoreQueries, shortened: str) -> str:
    """
    Return the subject that a listing shortened to `begin…end`; empty if no recent event has such a subject.

    Raise `ValueError` if several have.
    """
    begin, dots, end = _parts(shortened)
    if not (dots and begin + end):
        return ""
    subjects = {
        event.subject
        for event in await store.events(limit=MOST)
        if len(event.subject) >= len(begin + end)
        and event.subject.startswith(begin)
        and event.subject.endswith(end)
    }
    if len(subjects) > 1:
        some = ", ".join(sorted(subjects)[:5])
        raise ValueError(
            f"{len(subjects)} subjects are shortened to {shortened}, such as {some}; give more of it"
        )
    return next(iter(subjects), "")


async def subject_of(store: StoreQueries, subject: str) -> str:
    """Return the subject that a listing is asked for, whole even if it was copied from a shortened one."""
    if not is_shortened(subject) or await store.events(subject=subject, limit=1):
        return subject
    return await whole_subject(store, subject) or subject


async def refuse_shortened(store: StoreQueries, subject: str) -> None:
    """
    Raise `ValueError` with the whole subject if one to act on was copied from a shortened one.

    Older events may have a subject that is shortened to the same, so nothing is done about the one that was found.
    """
    whole = await subject_of(store, subject)
    if whole != subject:
        raise ValueError(f'"{subject}" is a shortened subject; write all of it: {whole}')


def _parts(subject: str) -> tuple[str, str, str]:
    return subject.replace("...", "…").partition("…")
