"""Reads what recipes say about earlier posts: `amend` becomes a step for each channel, `withdraw` is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from appealbridge.documents import Path
from appealbridge.documents.validation import is_filled_in
from appealbridge.model.amendment import Amends, Instead
from appealbridge.plugin.channel import AnyChannel
from appealbridge.plugin.published import Edits, Removes
from appealbridge.recipes.model.entries import AMEND, POST, AmendEntry
from appealbridge.recipes.model.recipe import RecipeTrigger
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.model.withdraw import WITHDRAW
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.field_names import sources_of
from appealbridge.recipes.parsing.paths import apart, channels_of, part_id
from appealbridge.recipes.parsing.post import PostTarget, steps_for, targets_of

SOMEBODY = "recipient@example.org"
"""Stands for the recipient of each mail that is amended, until the store knows them."""

CORRECTION, CHANNELS = "correction", "channels"


def read_amend(
    reading: ParsingContext, value: Mapping[str, Any], path: Path, id_: str
) -> Sequence[Step | None]:
    """Return a step for each channel, `None` for those that have a mistake."""
    right, options = reading.own(AmendEntry, value, path)
    of = right.get("of")
    if of is None:
        return [None]
    if of not in reading.steps or reading.steps[of] == path:
        others = [step for step in reading.steps if channels_at(reading, step)]
        reading.unknown((*path, "of"), "step", of, others)
        return [None]
    names = channels_at(reading, of)
    if not names:
        if not published_at(reading, of):  # otherwise, what is wrong there is reported there
            message = f'"{of}" publishes nothing that can be amended'
            reading.complain((*path, "of"), message, "name a step that does")
        return [None]
    targets = targets_of(reading, {**right, "action": POST, "to": names}, path)
    targets = [_to_the_same(reading, target, options, path) for target in targets]
    instead = Instead(right.get("instead", Instead.FOLLOW_UP))
    steps = steps_for(reading, AmendEntry, right, options, path, id_, targets)
    for target in targets:
        _say_limits(reading, target, instead, path)
    several = reading.posts.get(of)
    needs = _needs(reading, of, path)
    return [
        step and _amending(step, of, instead, id_, needs, several=several is not None)
        for step in steps
    ]


def channels_at(reading: ParsingContext, step: str) -> list[str]:
    """Return the accounts on which a step publishes, as far as they are right."""
    accounts = reading.catalogue.channels
    entry = published_at(reading, step)
    if not entry:
        return []
    if entry.get("action") == POST:
        return [name for name in channels_of(entry) if name in accounts]
    plugin = reading.catalogue.registry.actions[entry["action"]]
    fitting = [name for name, (platform, _) in accounts.items() if platform == plugin.platform]
    named = entry.get("channel")
    if named is None:
        return fitting if len(fitting) == 1 else []
    return [named] if named in fitting else []


def published_at(reading: ParsingContext, step: str) -> Mapping[str, Any]:
    """Return the entry of a step that publishes, empty for any other."""
    entry = reduce(lambda inside, key: inside[key], reading.steps[step], reading.document.value)
    action = entry.get("action") if isinstance(entry, dict) else None
    return entry if action == POST or action in reading.catalogue.registry.actions else {}


def _to_the_same(
    reading: ParsingContext, target: PostTarget, options: dict[str, Any], path: Path
) -> PostTarget:
    """Leave the recipients of mails to those of the mails that are amended."""
    name = target.plugin.recipient
    if not name:
        return target
    for place, written in ((path, options), (target.path, target.options)):
        if name in written:
            cure = "leave it out: whoever had the first message gets this one"
            reading.complain((*place, name), f'"{AMEND}" has no "{name}"', cure, key=True)
    options.pop(name, None)
    return replace(target, options={**target.options, name: SOMEBODY})


def _needs(reading: ParsingContext, of: str, path: Path) -> frozenset[str]:
    """Return the amended step if it is done before in the same run."""
    order = [*reading.steps.values()]
    place = reading.steps[of]
    before = order.index(place) < order.index(path)
    return frozenset({of} if before and not apart(path, place) else ())


def _amending(
    step: Step, of: str, instead: Instead, id_: str, needs: frozenset[str], *, several: bool
) -> Step:
    amends = Amends(
        of=part_id(of, step.channel) if several else of,
        edits=isinstance(step.plugin, Edits),
        instead=instead,
        keeps=(step.plugin.recipient,) if step.plugin.recipient else (),
    )
    step = replace(step, action=AMEND, amends=amends, needs=step.needs | needs)
    return step if several else replace(step, id=id_, group="")


def _say_limits(reading: ParsingContext, target: PostTarget, instead: Instead, path: Path) -> None:
    """Say what happens on a channel that cannot edit."""
    plugin: AnyChannel = target.plugin
    if isinstance(plugin, Edits):
        return
    message = f"{target.name} is on {plugin.platform}, which cannot edit"
    if instead is Instead.FOLLOW_UP and not target.takes("in_reply_to"):
        cure = "write instead: replace, or instead: nothing"
        reading.complain((*path, "of"), f"{message} or reply", cure)
        return
    form = "a mail below the first one" if plugin.recipient else "a reply"
    outcome = {
        Instead.FOLLOW_UP: (
            f"this text follows as {form}; to change that, write `instead: replace` or `instead: nothing`"
        ),
        Instead.REPLACE: "this text is published anew, and then the earlier post is withdrawn",
        Instead.NOTHING: "the earlier post stays as it is there",
    }[instead]
    if instead is Instead.REPLACE and not isinstance(plugin, Removes):
        outcome = f"this text is sent anew, and the earlier one stays: nothing can be withdrawn on {plugin.platform}"
    reading.note((*path, "of"), message, outcome, key=False)


def with_mail_channels(reading: ParsingContext, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a withdrawal, whose correction names the accounts that it is for."""
    correction = options.get(CORRECTION)
    if not isinstance(correction, dict) or correction.get(CHANNELS):
        return {**options}
    return {**options, CORRECTION: {**correction, CHANNELS: _mail_accounts(reading)}}


def check_withdraw(reading: ParsingContext, options: Mapping[str, Any], path: Path) -> None:
    """Report steps and channels that do not exist, and note the channels on which nothing can be removed."""
    known = {"of": ("step", reading.steps), CHANNELS: ("channel", reading.catalogue.channels)}
    for option, (what, names) in known.items():
        _check(reading, options.get(option, []), (*path, option), what, names)
    correction = options.get(CORRECTION)
    if isinstance(correction, dict):
        place = (*path, CORRECTION, CHANNELS)
        _check(reading, correction.get(CHANNELS, []), place, "channel", _mail_accounts(reading))
        if not correction.get(CHANNELS):
            message, cure = "no account of the settings sends mail", "leave the correction out"
            reading.complain((*path, CORRECTION), message, cure, key=True)
    _note_what_stays(reading, options, path)


def _check(
    reading: ParsingContext, written: Any, path: Path, what: str, names: Iterable[str]
) -> None:
    for number, name in enumerate([written] if isinstance(written, str) else written):
        if isinstance(name, str) and is_filled_in(name):
            continue
        if name not in names:
            place = path if isinstance(written, str) else (*path, number)
            reading.unknown(place, what, str(name), names)


def _note_what_stays(reading: ParsingContext, options: Mapping[str, Any], path: Path) -> None:
    of, only = (_listed(options.get(name, [])) for name in ("of", CHANNELS))
    steps = [step for step in (of or reading.steps) if step in reading.steps]
    names = dict.fromkeys(name for step in steps for name in channels_at(reading, step))
    corrected = (options.get(CORRECTION) or {}).get(CHANNELS, ())
    for name in names:
        plugin = _plugin(reading, name)
        if (only and name not in only) or isinstance(plugin, Removes):
            continue
        message = f"nothing can be withdrawn on {name}, which is on {plugin.platform}; it becomes a task for a person"
        cure = "everybody who had it gets the correction"
        if name not in corrected:
            cure = "a correction: with subject: and text: is sent to everybody who had it"
            if not plugin.recipient:
                cure = ""
        reading.note((*path, "action"), message, cure, key=False)


def note_no_limit(
    reading: ParsingContext, triggers: Sequence[RecipeTrigger], steps: Sequence[Step]
) -> None:
    """Note which sources of a recipe that withdraws may take down everything by mistake."""
    if all(step.action != WITHDRAW for step in steps):
        return
    for number, trigger in enumerate(triggers):
        sources = sources_of(reading.catalogue, trigger)
        if any(source is not None and getattr(source, "burst", 1) is None for source in sources):
            message = "this source has no burst: if it closes every case by mistake, every post is taken down"
            cure = "give it a burst in appealbridge.yaml, for example { events: 20, within: 10m }"
            reading.note(("triggers", number), message, cure, key=False)


def _mail_accounts(reading: ParsingContext) -> list[str]:
    accounts = reading.catalogue.channels
    return [
        name
        for name in accounts
        if (plugin := _plugin(reading, name)).recipient and not isinstance(plugin, Removes)
    ]


def _plugin(reading: ParsingContext, name: str) -> AnyChannel:
    return reading.catalogue.registry.channels[reading.catalogue.channels[name][0]]


def _listed(written: Any) -> list[Any]:
    return [written] if isinstance(written, str) else list(written or ())
