"""One publishing entry of `actions:`, from the file to a compiled step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from appealbridge.documents import Path, path_text
from appealbridge.documents.check import check_value
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.recipes.fill_templates import template_leaves
from appealbridge.recipes.filler import Filler, chains_of, filler
from appealbridge.recipes.read_needs import needs_of
from appealbridge.recipes.reading import Reading
from appealbridge.recipes.step import Step
from appealbridge.recipes.syntax import Chain

_LATER_ACTIONS = frozenset(
    ("post", "withdraw", "amend", "reply", "repost", "bluesky_post", "wordpress_post", "sms", "chat",
     "webhook", "notify")
)  # fmt: skip
_LATER_OPTIONS = ("per_channel", "overflow")
_OF_THE_STEP = ("action", "id", "channel", "after", "even_if_failed", "template")
_BESIDE = {
    "then": "if",
    "else": "if",
    "default": "choose",
    "timeout": "wait_for",
    "on_timeout": "wait_for",
}
"""Words that mean nothing alone, and what has to stand beside them."""


def read_step(reading: Reading, value: Any, path: Path, id_: str) -> Step | None:
    """Return a publishing entry as a step, complaining about what cannot be understood."""
    plugin = _plugin(reading, value, path)
    if plugin is None:
        return None
    _check_own(reading, value, path)
    channel = _channel(reading, plugin, value, path)
    options = {key: option for key, option in value.items() if key not in _OF_THE_STEP}
    for key in _LATER_OPTIONS:
        if key in options:
            reading.complain(
                (*path, key), f'"{key}" is not available yet', "leave it out", key=True
            )
            del options[key]
    filled = filler(options, path, reading.compiled)
    filled = template_leaves(reading, plugin, value, path, filled)
    placeholders = {key: "{{ … }}" for key in filled.literal if key not in options}
    _, problems = check_value(
        reading.document,
        path,
        {**options, **placeholders},
        plugin.message,
        skip_templates=True,
        owner=plugin.action,
        beside=_OF_THE_STEP,
    )
    reading.problems += problems
    if channel is None:
        return None
    name, account = channel
    step = Step(
        id=id_,
        path=path_text(path),
        action=plugin.action,
        plugin=plugin,
        channel=name,
        account=account,
        needs=needs_of(reading, value, path, _chains(filled)) - {id_},
        even_if_failed=value.get("even_if_failed") is True,
        fill=filled.fill,
        count=_counter(plugin, account),
    )
    return step if problems else _measured(reading, step, filled, path)


def _counter(plugin: AnyChannel, account: Account) -> Callable[[str], int] | None:
    """Return how a channel counts a text, for filters that cut one."""

    def count(text: str) -> int:
        measure = plugin.measure(account, plugin.message.model_construct(text=text))
        return len(text) if measure is None else measure.count

    return count if "text" in plugin.message.model_fields else None


def _plugin(reading: Reading, value: Any, path: Path) -> AnyChannel | None:
    known = reading.catalogue.registry.actions
    example = f"for example action: {next(iter(known), 'tweet')}"
    if not isinstance(value, dict) or "action" not in value:
        lost = next((key for key in _BESIDE if isinstance(value, dict) and key in value), None)
        if lost is not None:
            cure = "put both into one entry, under one dash"
            reading.complain(
                (*path, lost), f'"{lost}" needs "{_BESIDE[lost]}" beside it', cure, key=True
            )
        else:
            reading.complain(path, '"action" is missing', example, key=True)
        return None
    name = str(value["action"])
    plugin = known.get(name)
    if plugin is None and name in _LATER_ACTIONS:
        cure = f"use {', '.join(sorted(known))}"
        reading.complain((*path, "action"), f'action "{name}" is not available yet', cure)
    elif plugin is None:
        reading.unknown((*path, "action"), "action", name, known)
    return plugin


def _check_own(reading: Reading, value: Mapping[str, Any], path: Path) -> None:
    if not isinstance(value.get("even_if_failed", False), bool):
        reading.complain(
            (*path, "even_if_failed"), "must be true or false", "leave it out for false"
        )
    written = value.get("id", "x")
    if not isinstance(written, str) or not written.isidentifier():
        cure = "use letters, digits and _, so that results.<id> can name it"
        reading.complain((*path, "id"), f'the id "{written}" is no name', cure)


def _channel(
    reading: Reading, plugin: AnyChannel, value: Mapping[str, Any], path: Path
) -> tuple[str, Account] | None:
    accounts = reading.catalogue.channels
    fitting = {
        n: account for n, (platform, account) in accounts.items() if platform == plugin.platform
    }
    declare = f"declare one under channels: in appealbridge.yaml, with platform: {plugin.platform}"
    if "channel" not in value:
        if len(fitting) == 1:
            return next(iter(fitting.items()))
        several = f"there are {', '.join(sorted(fitting))}: say which" if fitting else declare
        what = (
            '"channel" is missing' if fitting else f"no account on {plugin.platform} to publish on"
        )
        reading.complain(path, what, several, key=True)
        return None
    name = str(value["channel"])
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


def _chains(filled: Filler) -> list[Chain]:
    return [(name, keys) for _, name, keys in chains_of(filled.leaves)]


def _measured(reading: Reading, step: Step, filled: Filler, path: Path) -> Step:
    """Keep the message that no event can change, and complain about one whose fixed words never fit."""
    message, _ = check_value(reading.document, path, filled.literal, step.plugin.message)
    if message is None:
        return step
    measure = step.plugin.measure(step.account, message)
    if measure is not None and not measure.fits:
        alone = "" if filled.constant else "its fixed words alone are "
        reading.complain(
            (*path, measure.field),
            f"{alone}{measure.count} {measure.unit}, and {step.channel} takes {measure.limit}",
            "make it shorter",
        )
    return replace(step, fixed=message) if filled.constant else step
