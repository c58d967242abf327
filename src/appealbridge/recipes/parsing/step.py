"""Compiles one publishing entry of `actions:` into a step."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from appealbridge.documents import Path, nearest
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.recipes.model.entries import AMEND, BESIDE, FLOW, POST, StepEntry
from appealbridge.recipes.model.step import Overflow, Step
from appealbridge.recipes.model.synonyms import ACTIONS, ENTRIES
from appealbridge.recipes.model.withdraw import ACTION, WITHDRAW, actions_of
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.message import (
    MessageEntry,
    check_overflow,
    compiled_options,
    complaints_about,
    measured,
    step_of,
)
from appealbridge.recipes.parsing.needs import needs_of
from appealbridge.recipes.parsing.options import joined
from appealbridge.recipes.parsing.published import check_withdraw, with_mail_channels
from appealbridge.recipes.parsing.template_files import from_template

_LATER_ACTIONS = frozenset(
    ("reply", "repost", "sms", "chat",
     "webhook", "notify")
)  # fmt: skip
OF_THE_STEP = StepEntry.names()


def read_step(reading: ParsingContext, value: Any, path: Path, id_: str) -> Step | None:
    """Return the step of a publishing entry, `None` if it has a mistake."""
    plugin = _plugin(reading, value, path)
    if plugin is None:
        return None
    right, options = reading.own(StepEntry, value, path)
    channel = _channel(reading, plugin, value, right, path)
    for key in options.keys() & FLOW.keys():
        cure = "put it under its own dash, and move this entry into its list or after it"
        message = f'"{key}" needs an entry of its own'
        reading.complain((*path, key), message, cure, key=True)
        del options[key]
    if plugin is ACTION:
        options = with_mail_channels(reading, options)
    compiled = compiled_options(reading, [plugin], options, path)
    filled = joined(compiled | from_template(reading, plugin, value, right, path))
    overflow = Overflow(right.get("overflow", Overflow.FAIL))
    name, account = channel or ("", Account())
    message_entry = MessageEntry(
        plugin, name, account, path, options, filled, {}, OF_THE_STEP, overflow
    )
    problems = complaints_about(reading, message_entry)
    reading.problems += problems
    if plugin is ACTION:
        check_withdraw(reading, options, path)
    if channel is None:
        return None
    check_overflow(
        reading, message_entry, (*path, "overflow"), "write overflow: shorten, or leave it out"
    )
    needs = needs_of(reading, right, path, message_entry.chains) - {id_}
    even_if_failed = right.get("even_if_failed", False)
    step = step_of(
        reading, message_entry, id_=id_, path=path, needs=needs, even_if_failed=even_if_failed
    )
    return step if problems else measured(reading, step, message_entry)


def _plugin(reading: ParsingContext, value: Any, path: Path) -> AnyChannel | None:
    known = actions_of(reading.catalogue.registry)
    example = f"for example action: {next(iter(known), 'tweet')}, or {', '.join(FLOW)}"
    if not isinstance(value, dict) or "action" not in value:
        lost = next((key for key in BESIDE if isinstance(value, dict) and key in value), None)
        suggestion = _meant(value, known) if isinstance(value, dict) else None
        if suggestion is not None:
            reading.complain((*path, suggestion[0]), *suggestion[1:], key=True)
        elif lost is not None:
            cure = "put both into one entry, under one dash"
            reading.complain(
                (*path, lost), f'"{lost}" needs "{BESIDE[lost]}" beside it', cure, key=True
            )
        else:
            reading.complain(path, '"action" is missing', example, key=True)
        return None
    name = str(value["action"])
    plugin = known.get(name)
    if plugin is None and name in _LATER_ACTIONS and not reading.catalogue.registry.broken:
        cure = ACTIONS.get(name) or f"use {', '.join(sorted({*known, AMEND, POST}))}"
        reading.complain((*path, "action"), f'action "{name}" is not available yet', cure)
    elif plugin is None:
        _unknown_action(reading, name, (*path, "action"))
    return plugin


def _unknown_action(reading: ParsingContext, name: str, path: Path) -> None:
    """Report an unknown action; a platform's name means the action of that platform."""
    registry = reading.catalogue.registry
    actions = {plugin.platform: action for action, plugin in registry.actions.items()}
    cure = actions.get(name.lower(), ACTIONS.get(name.lower(), ""))
    known = {*actions_of(registry), AMEND, POST}
    if cure in known:
        cure = f'did you mean "{cure}"?'
    # A plug-in that cannot be loaded may have this action.
    if " " in cure and not registry.broken:
        reading.complain(path, f'unknown action "{name}"', cure)
    else:
        reading.unknown(path, "action", name, known)


def _meant(value: Mapping[str, Any], known: Container[str]) -> tuple[str, str, str] | None:
    """Return a key that was probably meant to begin the entry, with problem and cure."""
    for key in value:
        if key in ENTRIES:
            cure = ENTRIES[key]
            cure = cure if " " in cure else f'did you mean "{cure}"?'
            if key == "service":
                cure = _service(str(value[key]), known) or cure
            return key, f'"{key}" does not begin an entry', cure
        if key in known or key in _LATER_ACTIONS:
            return (
                key,
                f'"{key}" does not begin an entry',
                f"write action: {key}, and its options below",
            )
        near = nearest(key, ("action", *FLOW))
        if key not in BESIDE and near is not None:
            return key, f'"{key}" does not begin an entry', f'did you mean "{near}"?'
    return None


def _service(name: str, known: Container[str]) -> str:
    """Return what to write for Home Assistant's `service: notify.twitter`; empty if that is not clear."""
    word = name.rpartition(".")[2].lower()
    suggestion = word if word in known else ACTIONS.get(word, "")
    return f"write action: {suggestion}, and text: below it" if suggestion in known else ""


def _channel(
    reading: ParsingContext,
    plugin: AnyChannel,
    value: Mapping[str, Any],
    right: Mapping[str, Any],
    path: Path,
) -> tuple[str, Account] | None:
    if plugin is ACTION:
        if "channel" in value:
            reading.complain(
                (*path, "channel"),
                f'"{WITHDRAW}" has no channel',
                "write channels:, with a list",
                key=True,
            )
            return None
        return "", Account()
    accounts = reading.catalogue.channels
    fitting = {
        n: account for n, (platform, account) in accounts.items() if platform == plugin.platform
    }
    declare = f"declare one under channels: in appealbridge.yaml, with platform: {plugin.platform}"
    if "channel" not in value:
        if any(nearest(str(key), ["channel"]) for key in value):
            return None  # the misspelt option is reported
        if len(fitting) == 1:
            return next(iter(fitting.items()))
        several = f"there are {', '.join(sorted(fitting))}: name one" if fitting else declare
        what = (
            '"channel" is missing' if fitting else f"no account on {plugin.platform} to publish on"
        )
        reading.complain(path, what, several, key=True)
        return None
    name = right.get("channel")
    if name is None:
        return None
    if name in fitting:
        return name, fitting[name]
    if name in accounts:
        reading.complain(
            (*path, "channel"),
            f'"{name}" is an account on {accounts[name][0]}, not on {plugin.platform}',
            f"use {' or '.join(sorted(fitting))}" if fitting else declare,
        )
    else:
        reading.unknown((*path, "channel"), "channel", name, fitting, declare)
    return None
