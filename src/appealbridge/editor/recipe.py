"""The JSON Schema of a recipe, made from the registered plug-ins and the models of the language."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from appealbridge.editor.models import Schema, of_entry, of_model, or_one, or_template
from appealbridge.plugin.abilities import limits_of
from appealbridge.plugin.channel import AnyChannel, Channel
from appealbridge.plugin.registry import Registry
from appealbridge.plugin.trigger import AnyTrigger
from appealbridge.recipes.conditions.schema import CONDITIONS
from appealbridge.recipes.model.base import Entry
from appealbridge.recipes.model.entries import AMEND, FLOW, POST, AmendEntry, PostEntry, StepEntry
from appealbridge.recipes.model.recipe import NO_APPROVAL
from appealbridge.recipes.model.schema import Shape
from appealbridge.recipes.model.withdraw import ACTION, actions_of
from appealbridge.recipes.parsing.catalogue import Catalogue

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def recipe_schema(registry: Registry, known: Catalogue | None = None) -> Schema:
    """
    Return the JSON Schema of a recipe for the plug-ins of a registry.

    With the catalogue an editor also proposes the accounts, sources, lists and people that are declared.
    """
    own = known or Catalogue(registry)
    top = of_model(Shape)
    parts = top["properties"]
    parts["conditions"] = or_one(parts["conditions"])
    parts["triggers"]["items"] = {"$ref": "#/$defs/trigger"}
    parts["actions"]["items"] = {"$ref": "#/$defs/step"}
    parts["approval"] = proposing(parts["approval"], [NO_APPROVAL, *own.people])
    parts["on_failure"]["anyOf"] = [
        {"type": "array", "items": proposing({"type": "string"}, own.people)},
        proposing({"type": "string"}, own.people),
    ]
    test = parts["tests"]["items"]["properties"]
    for name in ("expect", "expect_at_least"):
        _expect(registry, own, test[name]["items"])
    return {
        "$schema": DIALECT,
        "title": "A recipe of AppealBridge",
        **top,
        "description": "What to wait for, and what to publish then.",
        "$defs": {
            "trigger": {
                "description": "What is waited for.",
                "type": "object",
                "oneOf": [_trigger(trigger, own) for trigger in registry.triggers.values()],
            },
            "step": {
                "description": "What is done.",
                "type": "object",
                "oneOf": [
                    *(_step(action, own) for action in actions_of(registry).values()),
                    _post(registry, own),
                    _amend(registry),
                    *map(of_entry, FLOW.values()),
                ],
            },
            "condition": {
                "description": "What else must be true of the event.",
                "anyOf": [_TEMPLATE, *map(_condition, CONDITIONS.values())],
            },
        },
    }


def _condition(model: type[Entry]) -> Schema:
    schema = of_entry(model)
    options = schema["properties"]
    schema["properties"] = {
        n: option if n == "between" else or_one(option) for n, option in options.items()
    }
    return schema


def _trigger(trigger: AnyTrigger, known: Catalogue) -> Schema:
    schema = of_model(trigger.options)
    options = {name: or_one(option) for name, option in schema["properties"].items()}
    reference = reference_of(trigger)
    if reference:
        declared = known.sources.get(trigger.section, ())
        options[reference] = proposing(options[reference], declared)
    return _object(
        "trigger", trigger.name, _about(trigger), {}, options, schema.get("required", ())
    )


def _step(channel: AnyChannel, known: Catalogue) -> Schema:
    schema = of_model(channel.message)
    options = {name: or_template(option) for name, option in schema["properties"].items()}
    required = list(schema.get("required", ()))
    beside = of_model(StepEntry)["properties"]
    if {"text", "html"} <= options.keys():
        required = [name for name in required if name not in ("text", "html")]
    else:
        del beside["template"]
    if channel is ACTION:
        del beside["channel"], beside["overflow"]
        return _object("action", channel.action, _about(channel), beside, options, required)
    beside["channel"] = proposing(
        beside["channel"],
        [name for name, (on, _) in known.channels.items() if on == channel.platform],
    )
    _propose_lists(options, known)
    return _object("action", channel.action, _about(channel), beside, options, required)


def _post(registry: Registry, known: Catalogue) -> Schema:
    """Return the schema of a `post`: the options of all channels, and of each."""
    schema = of_model(PostEntry)
    account = proposing({"type": "string"}, known.channels)
    to = [account, {"type": "array", "items": account, "minItems": 1}]
    schema["properties"]["to"]["anyOf"] = to
    return _several(POST, schema, _options([*registry.actions.values()]), "to")


def _amend(registry: Registry) -> Schema:
    """Return the schema of an `amend`: the options of all channels but the recipients, and of each."""
    schema = of_model(AmendEntry)
    channels = [*registry.actions.values()]
    to = {channel.recipient for channel in channels}
    options = {name: option for name, option in _options(channels).items() if name not in to}
    return _several(AMEND, schema, options, "of")


def _several(action: str, schema: Schema, options: Schema, required: str) -> Schema:
    """Return the schema of an entry for several channels, with these options for all and for each."""
    beside = schema["properties"]
    own = beside["per_channel"]["additionalProperties"]
    own["properties"] = {**options, **own["properties"]}
    shared = {name: option for name, option in options.items() if name not in beside}
    return _object("action", action, schema["description"], beside, shared, [required])


def _options(channels: list[AnyChannel]) -> dict[str, Schema]:
    """Return the options of all messages; options with the same name keep only what is true of each."""
    options: dict[str, Schema] = {}
    for channel in channels:
        for name, option in of_model(channel.message)["properties"].items():
            known = options.setdefault(name, or_template(option))
            if known != or_template(option):
                shown = ("description", "examples")
                options[name] = {key: known[key] for key in shown if key in known}
    return options


def _propose_lists(options: dict[str, Schema], known: Catalogue) -> None:
    """Propose the declared lists where an example shows one."""
    for name, option in options.items():
        if any("lists." in str(example) for example in option.get("examples", ())):
            lists = [f"{{{{ lists.{list_} }}}}" for list_ in known.lists]
            options[name] = {**option, "examples": lists or option["examples"]}


def _object(
    key: str, name: str, about: str, beside: Schema, options: Schema, required: Any
) -> Schema:
    return {
        "title": name,
        "description": about,
        "type": "object",
        "properties": {**beside, **options, key: {"const": name, "description": about}},
        "required": [key, *required],
        "additionalProperties": False,
    }


def _about(plugin: object) -> str:
    """Return what a plug-in says of itself in its file, or else in its class, and what a channel cannot do."""
    file = inspect.getmodule(type(plugin))
    docstring = getattr(file, "__doc__", None) or type(plugin).__doc__ or ""
    about = docstring.strip().partition("\n")[0]
    limits = limits_of(plugin) if isinstance(plugin, Channel) and plugin is not ACTION else ""
    return f"{about} Note: {limits}." if limits else about


_TEMPLATE: Schema = {
    "title": "template",
    "description": "A template. The condition holds unless the result is empty, false or no.",
    "examples": ["{{ appeal.kind == 'missing' }}"],
    "type": "string",
    "pattern": r"\{\{|\{%",
}


def _expect(registry: Registry, known: Catalogue, expected: Schema) -> None:
    """Return the parts of a message that a test may expect: those of any action."""
    parts = expected["properties"]
    parts["action"] = {
        "description": parts["action"]["description"],
        "enum": [*actions_of(registry), AMEND],
    }
    parts["channel"] = proposing(parts["channel"], known.channels)
    for channel in actions_of(registry).values():
        for name, option in of_model(channel.message)["properties"].items():
            description = f"What `{name}` must be; * stands for any words. {option['description']}"
            shown = option.get("examples", ["*"])
            parts.setdefault(name, {"description": description, "examples": shown})
    expected["additionalProperties"] = False


def proposing(schema: Schema, names: Iterable[str]) -> Schema:
    """
    Return a text's schema with names to propose first.

    Any other text stays valid: a name that was declared a minute ago must not be reported.
    """
    known = sorted(names)
    if not known:
        return schema
    about = {key: value for key, value in schema.items() if key == "description"}
    rest = {key: value for key, value in schema.items() if key not in ("description", "examples")}
    return {**about, "anyOf": [{"enum": known}, rest]}


def reference_of(trigger: AnyTrigger) -> str:
    """Return the option with which a recipe names a source of the settings; empty if there is none."""
    if not trigger.section:
        return ""
    fields = trigger.options.model_fields
    needed = dict.fromkeys((name for name, field in fields.items() if field.is_required()), "")
    for name in fields:
        options = trigger.options.model_construct(**{**needed, name: "a name"})
        if trigger.source(options) == "a name" and trigger.described(options) is None:
            return str(name)
    return ""
