"""Reads and checks `triggers:`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appealbridge.documents import Path, nearest
from appealbridge.documents.diagnostic import REPORT, fault
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import AnyTrigger
from appealbridge.recipes.model.recipe import RecipeTrigger
from appealbridge.recipes.parsing.context import ParsingContext

LATER = frozenset(("schedule", "mailbox", "folder", "cap", "mention", "delivery"))
"""Planned triggers that do not exist yet."""


_SYNONYMS = {
    "rss": "feed",
    "atom": "feed",
    "case": "appeal",
    "appeals": "appeal",
    "hook": "webhook",
}
"""What people write for a trigger."""


def read_triggers(reading: ParsingContext, value: list[Any]) -> list[RecipeTrigger]:
    """Return the triggers that have no mistake."""
    triggers = (_trigger(reading, entry, ("triggers", n)) for n, entry in enumerate(value))
    return [trigger for trigger in triggers if trigger is not None]


def _trigger(reading: ParsingContext, value: Any, path: Path) -> RecipeTrigger | None:
    plugin = _plugin(reading, value, path)
    if plugin is None:
        return None
    name = plugin.name
    written = {key: option for key, option in value.items() if key != "trigger"}
    options, right = reading.check(plugin.options, written, path, plugin.name)
    if options is None:
        options = _as_far_as_right(plugin, right)
    if options is None:
        return None
    try:
        own = plugin.described(options)
        source = plugin.source(options)
        doubts = [*plugin.doubts(options)]
    except Exception as error:  # noqa: BLE001 - what a plug-in breaks over concerns this recipe alone
        reading.complain(path, f'"{name}" cannot read this: {fault(error)}', REPORT, key=True)
        return None
    for doubt in doubts:
        reading.note((*path, *doubt.path), doubt.problem, doubt.cure, key=False)
    if source and own is None:
        _check_declared(reading, plugin, source, written, path)
    if own is not None:
        _check_reached(reading, own, written, path)
    return RecipeTrigger(plugin, options, f"{plugin.name}:{source}" if source else "", own)


def _nameless(reading: ParsingContext, value: Mapping[str, Any], path: Path) -> None:
    """Report an entry without `trigger:`."""
    known = reading.catalogue.registry.triggers
    misspelt = next((key for key in value if nearest(str(key), ["trigger"])), None)
    if misspelt is not None:
        problem = f'"{misspelt}" does not begin an entry'
        reading.complain((*path, misspelt), problem, 'did you mean "trigger"?', key=True)
        return
    other = str(value.get("platform", ""))
    example = other if other in known else next(iter(known), "appeal")
    cure = (
        f"write trigger: {example} instead of platform:"
        if other
        else f"for example trigger: {example}"
    )
    reading.complain(path, '"trigger" is missing', cure, key=True)


def _plugin(reading: ParsingContext, value: Any, path: Path) -> AnyTrigger | None:
    """Return the plug-in that an entry names, or report that there is none."""
    known = reading.catalogue.registry.triggers
    if not isinstance(value, dict) or "trigger" not in value:
        if isinstance(value, list):
            reading.complain(path, "a list inside the list", "leave one dash out")
        else:
            _nameless(reading, value if isinstance(value, dict) else {}, path)
        return None
    name, place = str(value["trigger"]), (*path, "trigger")
    suggestion = _SYNONYMS.get(name.lower(), "")
    if name in known:
        return known[name]
    if name in LATER:
        reading.complain(place, f'trigger "{name}" is not available yet', "delete it")
    elif suggestion in known:
        reading.complain(place, f'unknown trigger "{name}"', f'did you mean "{suggestion}"?')
    else:
        reading.unknown(place, "trigger", name, known)
    return None


def _check_reached(
    reading: ParsingContext, own: Options, written: dict[str, Any], path: Path
) -> None:
    """Report an address inside the network: those who write recipes may not be those who write the settings."""
    egress = reading.catalogue.egress
    for name in written if egress is not None else ():
        address = getattr(own, name, None)
        refused = egress.refuses_written(address) if egress and isinstance(address, str) else None
        if refused is not None:
            reading.complain((*path, name), *refused)


def _as_far_as_right(plugin: AnyTrigger, right: dict[str, Any]) -> Options | None:
    """Return the options without the wrong ones, so that the rest of the recipe can be checked."""
    try:
        options: Options = plugin.options.model_validate(right)
    except Exception:  # noqa: BLE001 - what is missing, or breaks the plug-in, has its own complaint
        return None
    return options


def _check_declared(
    reading: ParsingContext, plugin: AnyTrigger, source: str, written: dict[str, Any], path: Path
) -> None:
    declared = reading.catalogue.sources.get(plugin.section, frozenset())
    if source in declared:
        return
    key = next((key for key, option in written.items() if option == source), None)
    reading.unknown(
        path if key is None else (*path, key),
        f"source in {plugin.section}:",
        source,
        declared,
        f"declare it under {plugin.section}: in appealbridge.yaml",
    )
