"""Checks the names of event fields against those that the recipe's triggers can produce."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appealbridge.documents.diagnostic import did_you_mean, nearest
from appealbridge.recipes.model.recipe import RecipeTrigger
from appealbridge.recipes.model.synonyms import FIELDS
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.templates.scope import ATTRIBUTES, EventView
from appealbridge.recipes.templates.syntax import Chain, Malformed, chain_text

Names = frozenset[str] | None
"""Names of fields: a dot before a field inside another, `*` if there may be others; `None` if unknown."""

OTHERS = "*"
_METHODS = frozenset(("items", "keys", "values", "get"))
_EVENT = frozenset(ATTRIBUTES[EventView])
_NEAR = 0.8
"""How similar a name must be to a known one to count as misspelt, if other names are possible too."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a recipe's events: `data` of any event, `appeal` of one about an appeal (empty: none is)."""

    data: Names = None
    appeal: Names = None


def fields_of(catalogue: Catalogue, triggers: Sequence[RecipeTrigger]) -> Fields:
    """Return the fields of all events that a recipe's triggers accept."""
    by_name: dict[str, list[Names]] = {}
    for trigger in triggers:
        for source in sources_of(catalogue, trigger):
            names = trigger.plugin.fields(trigger.options, source)
            by_name.setdefault(trigger.plugin.name, []).append(names)
    all_of_them = [names for some in by_name.values() for names in some]
    about = by_name.pop("appeal", [])
    # A webhook may send events about appeals too; a source whose fields are all known does not.
    closed = all(
        names is not None and OTHERS not in names for some in by_name.values() for names in some
    )
    return Fields(_together(all_of_them), _together(about) if closed and triggers else None)


def types_of(triggers: Sequence[RecipeTrigger]) -> Names:
    """Return the types of all events that these triggers can make, whatever their options; `None` if not known."""
    return _together(trigger.plugin.every_type for trigger in triggers) if triggers else None


def sources_of(catalogue: Catalogue, trigger: RecipeTrigger) -> Iterable[Any]:
    """Return the settings of each source of a trigger, `None` for one that is not declared."""
    if trigger.own is not None:
        return [trigger.own]
    if trigger.source:
        return [catalogue.declared.get(trigger.source)]
    prefix = f"{trigger.plugin.name}:"
    every = [source for name, source in catalogue.declared.items() if name.startswith(prefix)]
    return every or [None]


def _together(several: Iterable[Names]) -> Names:
    union: set[str] = set()
    for names in several:
        if names is None:
            return None
        union |= names
    return frozenset(union)


def flaw_in(chain: Chain, fields: Fields) -> Malformed | None:
    """Return what is wrong with a chain that begins with `event`, `appeal` or `now`, `None` if nothing is."""
    name, keys = chain
    if name == "appeal" and fields.appeal == frozenset():
        message = "no event of these triggers is about an appeal"
        return Malformed(message, "what was sent is in event.data", name)
    if name == "appeal":
        return _in_data(keys, fields.appeal)
    if name == "event":
        return _in_event(keys, fields)
    return _in_value(keys, datetime, "a time") if name == "now" else None


_PAYLOADS = (("event", "data"), ("json",), ("payload_json",), ("data",))
"""Where another tool's `trigger` has what was sent."""


def of_another_tool(chain: Chain) -> str:
    """Return what to write for Home Assistant's `trigger.json.road`; empty for any other name."""
    name, keys = chain
    if name != "trigger":
        return ""
    before = next((p for p in _PAYLOADS if keys[: len(p)] == p), None)
    inside = keys[len(before) :] if before is not None else ()
    if not inside:
        return "what was sent is in event.data, and its type in event.type"
    return f"write {{{{ {chain_text(('event', ('data', *inside)))} }}}}"


def where_else(name: str, fields: Fields, known: Iterable[str]) -> str:
    """Return where an unknown name may be found; empty if it is more like a known name."""
    if name in ("data", "subject", "type"):
        return f'did you mean "event.{name}"?'
    if name == "loop":
        return "it exists only inside {% for … %}"
    if nearest(name, known) is not None:
        return ""
    inside = {field for field in fields.data or () if "." not in field} - {OTHERS}
    near = nearest(name, inside)
    near = FIELDS.get(name.lower()) if near is None else near
    if near is not None and near in inside:
        return f'did you mean "{_data(fields)}.{near}"?'
    if fields.data is not None and OTHERS not in fields.data:
        return ""
    return f"what was sent is in event.data.{name}, names of your own stand under variables:"


def _data(fields: Fields) -> str:
    """Return how a template names the data: `appeal` if every event is about one."""
    return "appeal" if fields.appeal and fields.appeal == fields.data else "event.data"


def _in_event(keys: Sequence[str | int], fields: Fields) -> Malformed | None:
    if not keys:
        return None
    first = keys[0]
    if first == "data":
        return _in_data(keys[1:], fields.data)
    if first in _EVENT:
        return _in_value(keys[1:], str, "a text")
    inside = {field for field in fields.data or () if "." not in field}
    near = None if first in inside else nearest(str(first), _EVENT)
    cure = f'did you mean "{near}"?' if near else f"what was sent is in {_data(fields)}.{first}"
    return _unknown("part of an event", first, cure)


def _in_value(keys: Sequence[str | int], kind: type, noun: str) -> Malformed | None:
    known = ATTRIBUTES[kind]
    if not keys or isinstance(keys[0], int) or keys[0] in known:
        return None
    return _unknown(f"part of {noun}", keys[0], did_you_mean(keys[0], known))


def _in_data(keys: Sequence[str | int], names: Names) -> Malformed | None:
    if names is None:
        return None
    before = ""
    for key in keys:
        if isinstance(key, int):
            continue
        here = {name.removeprefix(before) for name in names if name.startswith(before)}
        known = {name for name in here if "." not in name} - {OTHERS}
        if not known or key in _METHODS:
            return None
        if key not in known:
            return _unknown_field(key, known, others=OTHERS in here)
        before += f"{key}."
    return None


def _unknown_field(key: str, known: Collection[str], *, others: bool) -> Malformed | None:
    suggestion = FIELDS.get(key.lower(), "")
    # A sender may well have a field of its own called `link`, but nobody writes two headlines.
    if suggestion in known and (not others or suggestion == "title"):
        return _unknown("field", key, f'did you mean "{suggestion}"?')
    if not others:
        return _unknown("field", key, did_you_mean(key, known))
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=_NEAR)
    # A sender's `link` beside our `links` is no mistake.
    if not near or f"{near[0]}s" == key or f"{key}s" == near[0]:
        return None
    return _unknown("field", key, f'did you mean "{near[0]}"?')


def _unknown(what: str, name: Any, cure: str) -> Malformed:
    return Malformed(f'unknown {what} "{name}"', cure, str(name))
