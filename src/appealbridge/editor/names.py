"""The names that one installation has declared, as an editor may propose them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appealbridge.editor.models import Schema
from appealbridge.plugin.trigger import AnyTrigger
from appealbridge.recipes.parsing.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Names:
    """
    What appealbridge.yaml declares: names only.

    `channels` are the accounts' names by platform, `sources` those of webhooks, feeds and the like
    by section, `lists` the lists' names, `people` those of people and groups.
    """

    channels: Mapping[str, Iterable[str]] = field(default_factory=dict)
    sources: Mapping[str, Iterable[str]] = field(default_factory=dict)
    lists: Iterable[str] = ()
    people: Iterable[str] = ()

    def accounts(self) -> list[str]:
        """Return the names of all channels."""
        return [name for of_one in self.channels.values() for name in of_one]


def names_of(catalogue: Catalogue) -> Names:
    """Return the names that the settings declare."""
    channels: dict[str, list[str]] = {}
    for name, (platform, _) in catalogue.channels.items():
        channels.setdefault(platform, []).append(name)
    return Names(channels, catalogue.sources, catalogue.lists, catalogue.people)


def proposing(schema: Schema, names: Iterable[str]) -> Schema:
    """
    Return a text's schema with names to propose first.

    Any other text stays valid: a name that was declared a minute ago must not be called wrong.
    """
    known = sorted(names)
    if not known:
        return schema
    about = {key: value for key, value in schema.items() if key == "description"}
    rest = {key: value for key, value in schema.items() if key not in ("description", "examples")}
    return {**about, "anyOf": [{"enum": known}, rest]}


def reference_of(trigger: AnyTrigger) -> str:
    """Return the option in which a recipe names a source of the settings; empty where it has none."""
    if not trigger.section:
        return ""
    fields = trigger.options.model_fields
    needed = dict.fromkeys((name for name, one in fields.items() if one.is_required()), "")
    for name in fields:
        options = trigger.options.model_construct(**{**needed, name: "a name"})
        if trigger.source(options) == "a name" and trigger.described(options) is None:
            return str(name)
    return ""
