"""Asks questions on a terminal, with the possible answers, until each answer is valid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from appealbridge.cli.output import Part, answer_to, say, styled, wrapped

if TYPE_CHECKING:
    from appealbridge.blueprints.answers import Offer
    from appealbridge.blueprints.blueprint import Blueprint, Input

LEAVE_OUT = "-"
"""What people type to leave out an optional answer."""


def introduce(blueprint: Blueprint) -> None:
    """Print what a blueprint is for, before its questions."""
    say()
    say(styled(blueprint.head.name, "bold"))
    wrapped(blueprint.head.description)


def ask_which(blueprints: Sequence[Blueprint]) -> Blueprint:
    """Ask which of several blueprints is wanted."""
    longest = max(len(blueprint.name) for blueprint in blueprints)
    for number, blueprint in enumerate(blueprints, 1):
        say(
            f"{number:3}  ",
            styled(blueprint.name.ljust(longest), "bold"),
            f"  {blueprint.head.name}",
        )
    known = [blueprint.name for blueprint in blueprints]

    def chosen(answer: str) -> Blueprint:
        name = _by_number(answer, known)
        if not name:
            raise ValueError("an answer is needed; give a number or a name from the list")
        if name not in known:
            raise ValueError(f"{answer!r} is not in the list; give a number or a name from it")
        return blueprints[known.index(name)]

    answer: Blueprint = _prompt("Which blueprint", chosen, None)
    return answer


def ask(question: Input, offered: Offer, position: str) -> Any:
    """Ask one question; return the value of its answer, `None` if it is left out."""
    from appealbridge.blueprints.answers import needed, understood

    say()
    say(styled(position, "dim"), "  ", styled(question.description, "bold"))
    choices = [(str(number), name) for number, name in enumerate(offered.names, 1)]
    if question.optional:
        choices.append((LEAVE_OUT, "leave it out"))
    if choices:
        listed: list[Part] = []
        for typed, name in choices:
            listed += ["   " if listed else "     ", styled(typed, "cyan"), f" {name}"]
        say(*listed)
    default = LEAVE_OUT if offered.default == "" else offered.default

    def value(answer: str) -> Any:
        # Enter must not leave out what nobody said should be left out.
        if not answer.strip() and default is None:
            left_out = f", or {LEAVE_OUT} to leave it out" if question.optional else ""
            raise ValueError(needed(question, offered) + left_out)
        if answer.strip() == LEAVE_OUT and question.optional:
            return understood(question, "", offered)
        return understood(question, _by_number(answer, offered.names), offered)

    return _prompt("    ", value, default)


def _by_number(answer: str, names: Sequence[str]) -> str:
    answer = answer.strip()
    if answer not in names and answer.isdecimal() and 1 <= int(answer) <= len(names):
        return names[int(answer) - 1]
    return answer


def _prompt(text: str, value: Callable[[str], Any], default: str | None) -> Any:
    """Ask until the answer is valid."""
    while True:
        answer = answer_to(text, default)
        try:
            return value(answer)
        except ValueError as error:
            problem, _, cure = str(error).partition("; ")
            say(styled(f"     {problem}" + (f" ({cure})" if cure else ""), "red"))
