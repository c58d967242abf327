"""From the `actions:` of a file to compiled steps, in an order in which each comes after all it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from appealbridge.documents import Path, path_text
from appealbridge.documents.check import check_value
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.recipes.fill_templates import template_leaves
from appealbridge.recipes.filler import Filler, chains_of, filler
from appealbridge.recipes.reading import Reading
from appealbridge.recipes.recipe import Step

_LATER_ACTIONS = frozenset(
    ("post", "withdraw", "amend", "reply", "repost", "bluesky_post", "wordpress_post", "sms", "chat",
     "webhook", "notify")
)  # fmt: skip
_LATER_FLOW = ("if", "choose", "delay", "wait_for", "stop", "then", "else")
_LATER_OPTIONS = ("per_channel", "overflow")
_OF_THE_STEP = ("action", "id", "channel", "after", "even_if_failed", "template")


def step_ids(value: Sequence[Any]) -> list[str]:
    """
    Return the id of every entry of `actions:`.

    One without has its action's name, with a number from the second of that name on: `tweet`,
    `tweet_2`. An id that is written is never taken for it.
    """
    entries = [entry if isinstance(entry, dict) else {} for entry in value]
    written = [entry.get("id") for entry in entries]
    taken = {id_ for id_ in written if isinstance(id_, str) and id_}
    ids = []
    for entry, id_ in zip(entries, written, strict=True):
        if not (isinstance(id_, str) and id_):
            action = entry.get("action")
            name = action if isinstance(action, str) and action.isidentifier() else "step"
            spelt = (name if n == 1 else f"{name}_{n}" for n in count(1))
            id_ = next(one for one in spelt if one not in taken)
            taken.add(id_)
        ids.append(id_)
    return ids


def read_actions(reading: Reading, value: Sequence[Any]) -> list[Step]:
    """Return the steps, complaining about those that cannot be understood."""
    ids = step_ids(value)
    first: dict[str, int] = {}
    for number, id_ in enumerate(ids):
        if id_ in first:
            reading.complain(
                ("actions", number, "id"),
                f'the id "{id_}" stands here twice, first at actions[{first[id_]}]',
                "give each step its own",
            )
        first.setdefault(id_, number)
    reading.step_ids = frozenset(ids)
    found = (
        _step(reading, entry, ("actions", number), id_)
        for number, (entry, id_) in enumerate(zip(value, ids, strict=True))
    )
    steps = [step for step in found if step is not None]
    return _in_order(reading, steps) if len(steps) == len(ids) == len(first) else steps


def _step(reading: Reading, value: Any, path: Path, id_: str) -> Step | None:
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
        needs=_needs(reading, value, path, filled) - {id_},
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
        later = next((key for key in _LATER_FLOW if isinstance(value, dict) and key in value), None)
        if later is not None:
            cure = "write the steps one after another, with conditions for the whole recipe"
            reading.complain((*path, later), f'"{later}" is not available yet', cure, key=True)
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


def _needs(
    reading: Reading, value: Mapping[str, Any], path: Path, filled: Filler
) -> frozenset[str]:
    after = value.get("after", [])
    named = [after] if isinstance(after, str) else after
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        reading.complain(
            (*path, "after"), "must be a step's id, or a list of them", "for example blog"
        )
        named = []
    for one in named:
        if one not in reading.step_ids:
            reading.unknown((*path, "after"), "step", one, reading.step_ids)
    return frozenset(named) | _results_in(reading, filled)


def _results_in(reading: Reading, filled: Filler) -> frozenset[str]:
    """Return the steps whose results the options use, directly or by way of variables."""
    needs: set[str] = set()
    seen: set[str] = set()
    chains = [(name, keys) for _, name, keys in chains_of(filled.leaves)]
    while chains:
        name, keys = chains.pop()
        if name == "results" and keys:
            needs.add(str(keys[0]))
        elif name in reading.variables and name not in seen:
            seen.add(name)
            chains += reading.variables[name].chains
    return frozenset(needs & reading.step_ids)


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


def _in_order(reading: Reading, steps: Sequence[Step]) -> list[Step]:
    """Return the steps, each after all it needs, else as written."""
    ordered: list[Step] = []
    done: set[str] = set()
    rest = list(steps)
    while rest:
        step = next((step for step in rest if step.needs & reading.step_ids <= done), None)
        if step is None:
            circle = ", ".join(one.id for one in rest)
            reading.complain(
                ("actions",),
                f"these steps wait for each other: {circle}",
                "let one go first",
                key=True,
            )
            return list(steps)
        ordered.append(step)
        done.add(step.id)
        rest.remove(step)
    return ordered
