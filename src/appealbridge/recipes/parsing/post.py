"""Turns an `action: post` into a step for each of its channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appealbridge.documents import Path, Problem
from appealbridge.documents.diagnostic import did_you_mean, meant_by, nearest
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.recipes.model.entries import AMEND, POST, AmendEntry, OneChannel, PostEntry
from appealbridge.recipes.model.step import Overflow, Step
from appealbridge.recipes.model.synonyms import OPTIONS
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.message import (
    MessageEntry,
    check_overflow,
    compiled_options,
    complaints_about,
    measured,
    step_of,
)
from appealbridge.recipes.parsing.needs import needs_of, results_in
from appealbridge.recipes.parsing.options import Filler, joined
from appealbridge.recipes.parsing.paths import channels_of, part_id
from appealbridge.recipes.parsing.template_files import from_template

_OF_ONE = OneChannel.names()


@dataclass(frozen=True, slots=True)
class PostTarget:
    """
    One channel of a post.

    `own` is what `per_channel` says of it, `right` the valid part of that, `options` its options of
    the action.
    """

    name: str
    plugin: AnyChannel
    account: Account
    own: Mapping[str, Any]
    right: Mapping[str, Any]
    options: Mapping[str, Any]
    path: Path

    def takes(self, option: str) -> bool:
        """Return whether its messages have an option."""
        return option in self.plugin.message.model_fields


def read_post(
    reading: ParsingContext, value: Mapping[str, Any], path: Path, id_: str
) -> Sequence[Step | None]:
    """Return a step for each channel, `None` for those that have a mistake."""
    right, options = reading.own(PostEntry, value, path)
    targets = targets_of(reading, right, path)
    lost: list[Step | None] = [None] * (len(channels_of(value)) - len(targets))
    return [*lost, *steps_for(reading, PostEntry, right, options, path, id_, targets)] or [None]


def steps_for(
    reading: ParsingContext,
    entry: type[PostEntry | AmendEntry],
    right: Mapping[str, Any],
    options: dict[str, Any],
    path: Path,
    id_: str,
    targets: Sequence[PostTarget],
) -> Sequence[Step | None]:
    """Return a step for each of these channels, `None` for those that have a mistake."""
    known, explained = _understood(reading, entry, options, targets, path)
    shared = compiled_options(reading, [target.plugin for target in targets], known, path)
    after = needs_of(reading, right, path, ()) - {id_}
    steps: list[Step | None] = []
    reported: set[Problem] = set()
    for target in targets:
        message_entry = _wanted(reading, entry, target, known, shared, path, right)
        in_own = "overflow" in target.own
        check_overflow(
            reading,
            message_entry,
            (*(target.path if in_own else path), "overflow"),
            "write overflow: shorten, or leave it out"
            if in_own
            else f"write overflow: shorten under per_channel, for {target.name}",
        )
        problems = [
            _for_one(problem, target)
            for problem in complaints_about(reading, message_entry)
            if problem.problem not in explained
        ]
        # What is wrong for all is said once.
        reading.problems += [problem for problem in problems if problem not in reported]
        reported.update(problems)
        step = step_of(
            reading,
            message_entry,
            id_=part_id(id_, target.name),
            path=path,
            needs=after | results_in(reading, message_entry.chains),
            even_if_failed=right.get("even_if_failed", False),
            group=id_,
        )
        steps.append(step if problems else measured(reading, step, message_entry))
    return steps


def targets_of(reading: ParsingContext, right: Mapping[str, Any], path: Path) -> list[PostTarget]:
    """Return the channels of a `post` that exist, each with its own options."""
    accounts = reading.catalogue.channels
    to = right.get("to")
    names = channels_of(right)
    own = _per_channel(reading, right, path, names)
    targets = []
    for name in names:
        place = (*path, "to", to.index(name)) if isinstance(to, list) else (*path, "to")
        if "{{" in name:
            cure = "write their names here, so that each can be checked"
            reading.complain(place, "channels cannot come from a template", cure)
        elif "," in name:
            cure = f"write them as one: [{', '.join(part.strip() for part in name.split(','))}]"
            reading.complain(place, "several channels are a list", cure)
        elif name not in accounts:
            hint = "declare it under channels: in appealbridge.yaml"
            reading.unknown(place, "channel", name, accounts, hint)
        else:
            platform, account = accounts[name]
            plugin = reading.catalogue.registry.channels[platform]
            own_options = own.get(name, {})
            below = (*path, "per_channel", name) if name in own else path
            good, options = reading.own(OneChannel, own_options, below)
            targets.append(PostTarget(name, plugin, account, own_options, good, options, below))
    return targets


def _per_channel(
    reading: ParsingContext, value: Mapping[str, Any], path: Path, names: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    options: dict[str, Mapping[str, Any]] = {}
    for name, own in value.get("per_channel", {}).items():
        if name in names:
            options[name] = own
        else:
            message = f'"{name}" is not among the channels of this post'
            cure = did_you_mean(str(name), names, declared=True)
            reading.complain((*path, "per_channel", name), message, cure, key=True)
    return options


def _understood(
    reading: ParsingContext,
    entry: type[PostEntry | AmendEntry],
    options: Mapping[str, Any],
    targets: Sequence[PostTarget],
    path: Path,
) -> tuple[dict[str, Any], set[str]]:
    """
    Return the shared options that every channel takes, and report the others.

    Also return the messages about missing options that the reported ones were meant for.
    """
    known: dict[str, Any] = {}
    explained: set[str] = set()
    all_fields = [set(target.plugin.message.model_fields) for target in targets]
    shared = set.intersection(*all_fields) if all_fields else set()
    for key, option in options.items():
        lacking = [target for target in targets if not target.takes(key)]
        if not lacking:
            known[key] = option
            continue
        action = POST if entry is PostEntry else AMEND
        message = f'unknown option "{key}" for "{action}"'
        taking = [target.name for target in targets if target.takes(key)]
        cure = meant_by(key, {*entry.names(), *shared}, OPTIONS)
        if taking:
            message = f'{", ".join(target.name for target in lacking)} cannot take "{key}"'
            cure = f"write it under per_channel, for {' and '.join(taking)}"
        reading.complain((*path, key), message, cure, key=True)
        explained.add(f'"{key if taking else nearest(key, shared)}" is missing')
    return known, explained


def _wanted(
    reading: ParsingContext,
    entry: type[PostEntry | AmendEntry],
    target: PostTarget,
    shared: Mapping[str, Any],
    compiled: Mapping[str, Filler],
    path: Path,
    right: Mapping[str, Any],
) -> MessageEntry:
    own, own_options = target.own, target.options
    from_files = {"text", "html"} if "template" in own else set()
    shared_only = {key: shared[key] for key in shared if key not in own and key not in from_files}
    parts = {key: compiled[key] for key in shared_only}
    parts |= compiled_options(reading, [target.plugin], own_options, target.path)
    parts |= from_template(reading, target.plugin, own, target.right, target.path)
    return MessageEntry(
        plugin=target.plugin,
        channel=target.name,
        account=target.account,
        path=target.path,
        written={**shared_only, **own_options},
        filled=joined(parts),
        places={key: (*path, key) for key in shared_only} if target.own else {},
        beside=_OF_ONE if target.own else entry.names(),
        overflow=Overflow({**right, **target.right}.get("overflow", Overflow.FAIL)),
    )


def _for_one(problem: Problem, target: PostTarget) -> Problem:
    """Name the channel in a message about a missing option."""
    if target.own or not problem.problem.endswith(" is missing"):
        return problem
    cure = f"write it under per_channel, for {target.name}"
    return replace(problem, problem=f"{problem.problem} for {target.name}", cure=cure)
