"""The possible answers to a blueprint's questions, and their values in the recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appealbridge.blueprints.blueprint import Input
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.model.duration import seconds
from appealbridge.model.mailbox import Mailbox, read_mailboxes
from appealbridge.model.moment import clock
from appealbridge.recipes.model.recipe import NO_APPROVAL
from appealbridge.recipes.parsing.catalogue import Catalogue

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WHERE = {
    "channel": "channels",
    "list": "lists",
    "people": "people",
    "webhook": "webhooks",
    "feed": "feeds",
    "appeal": "appeals",
}
"""Where the settings declare what an answer may name."""


@dataclass(frozen=True, slots=True)
class Offer:
    """
    The possible answers to one question.

    `names` are the answers to choose from, empty if any text is possible. `default` is the answer
    if none is given: `None` if there is no sensible one, empty to leave the option out.
    """

    names: tuple[str, ...] = ()
    default: str | None = None


def offer(question: Input, catalogue: Catalogue) -> Offer:
    """Return the possible answers to a question, by what the settings have."""
    names = _declared(question, catalogue)
    if question.kind == "choice":
        names = tuple(question.choices)
    elif question.kind == "people":
        names = names if question.held else (*names, NO_APPROVAL)
    default = None if question.default is None else str(question.default)
    if question.kind not in ("text", "number", "duration", "time"):
        fitting = default if default in names or not names else None
        fitting = None if question.kind == "people" and fitting == NO_APPROVAL else fitting
        # `approval: none` is never a default, whatever the blueprint proposes.
        only = names[0] if len(names) == 1 and question.kind != "people" else None
        default = fitting if fitting is not None else only
    if default is None and question.optional and (not names or question.kind == "people"):
        default = ""
    return Offer(names, default)


def _declared(question: Input, catalogue: Catalogue) -> tuple[str, ...]:
    match question.kind:
        case "channel":
            accounts = catalogue.channels.items()
            return tuple(
                sorted(n for n, (platform, _) in accounts if platform == question.platform)
            )
        case "list":
            lists = catalogue.lists.items()
            return tuple(sorted(name for name, entries in lists if _are_addresses(entries)))
        case "people":
            return tuple(sorted(catalogue.people))
    trigger = catalogue.registry.triggers.get(question.kind)
    return tuple(sorted(catalogue.sources.get(trigger.section, ()))) if trigger else ()


def _are_addresses(entries: Iterable[Any]) -> bool:
    """Return whether every entry of a list is a mail address, and none a telephone number or a place."""
    texts = [entry if isinstance(entry, str) else "" for entry in entries]
    return bool(texts) and all(isinstance(read, Mailbox) for read in read_mailboxes(*texts))


def understood(question: Input, answer: str, offered: Offer) -> Any:
    """
    Return the value of an answer, `None` if it is left out.

    Raise `ValueError` with what is wrong and how to fix it.
    """
    answer = answer.strip()
    if not answer:
        if question.optional:
            return None
        raise ValueError(needed(question, offered))
    read = _READ.get(question.kind)
    return read(answer) if read else _among(question, answer, offered)


def needed(question: Input, offered: Offer) -> str:
    """Return what is said to somebody who gives no answer where one is needed."""
    return f"an answer is needed; {_example(question, offered)}"


def _example(question: Input, offered: Offer) -> str:
    if offered.names:
        return f"one of {', '.join(offered.names)}"
    if question.kind in _WHERE:
        what = "addresses, or a list of them" if question.kind == "list" else "a name"
        return f"write {what}; nothing fits yet in {_WHERE[question.kind]}: of appealbridge.yaml"
    examples = {
        "text": "any text",
        "duration": "for example 30m",
        "time": "for example 08:00",
        "number": "for example 3",
    }
    return examples.get(question.kind, "write one")


def _among(question: Input, answer: str, offered: Offer) -> Any:
    if question.kind == "list" and "@" in answer:
        return [address.strip() for address in re.split("[,;]", answer) if address.strip()]
    refused = question.held and answer == NO_APPROVAL
    if refused or (offered.names and answer not in offered.names):
        cure = did_you_mean(answer, offered.names, declared=question.kind != "choice")
        cure = cure or "a person has to approve this; declare one under people:"
        raise ValueError(f'unknown answer "{answer}"; {cure}')
    if question.kind == "choice":
        choices = question.choices
        return choices[answer] if isinstance(choices, Mapping) else answer
    if not _NAME.fullmatch(answer):
        raise ValueError(
            f'"{answer}" cannot be a name; use letters, digits, and _ . - between them'
        )
    return f"{{{{ lists.{answer} }}}}" if question.kind == "list" else answer


def _duration(answer: str) -> str:
    seconds(answer)
    return answer


def _time(answer: str) -> str:
    time = clock(answer)
    if time is None:
        raise ValueError(f'"{answer}" is not a time of day; write it as 08:00')
    return time.isoformat("minutes")


def _number(answer: str) -> int:
    try:
        return int(answer)
    except ValueError:
        raise ValueError(f'"{answer}" is not a whole number; write it as 3') from None


_READ: dict[str, Callable[[str], Any]] = {
    "text": str,
    "duration": _duration,
    "time": _time,
    "number": _number,
}
