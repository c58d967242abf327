"""`action: post`, as a JSON Schema tells of it: what all channels take, and what one of them is to have."""

from __future__ import annotations

from appealbridge.editor.models import Schema, of_model, or_template
from appealbridge.editor.names import Names, proposing
from appealbridge.editor.words import OF_THE_STEP, word
from appealbridge.plugin.channel import AnyChannel
from appealbridge.plugin.registry import Registry
from appealbridge.recipes.parsing.paths import POST

_ABOUT = "Publish on many channels at once."
_BESIDE = ("id", "after", "even_if_failed", "overflow")
_OF_ONE = ("overflow", "template")


def post(registry: Registry, names: Names) -> Schema:
    """Return the schema of a `post` for the channels of a registry."""
    account = proposing({"type": "string"}, names.accounts())
    options = _options([*registry.actions.values()])
    own = {**options, **{name: OF_THE_STEP[name] for name in _OF_ONE}}
    return {
        "title": POST,
        "description": _ABOUT,
        "type": "object",
        "properties": {
            "action": {"const": POST, "description": _ABOUT},
            "to": word(
                "The channels, by their names in appealbridge.yaml.",
                ["force_x", "force_facebook"],
                anyOf=[account, {"type": "array", "items": account, "minItems": 1}],
            ),
            **{name: OF_THE_STEP[name] for name in _BESIDE},
            "per_channel": word(
                "Different or additional options for one channel.",
                {"force_x": {"text": "{{ headline | shorten(200) }}"}},
                type="object",
                additionalProperties={
                    "type": "object",
                    "properties": own,
                    "additionalProperties": False,
                },
            ),
            **{name: option for name, option in options.items() if name != "to"},
        },
        "required": ["action", "to"],
        "additionalProperties": False,
    }


def _options(channels: list[AnyChannel]) -> dict[str, Schema]:
    """Return the options of all messages; of those that have one name, only what is true of each."""
    found: dict[str, Schema] = {}
    for channel in channels:
        for name, option in of_model(channel.message)["properties"].items():
            known = found.setdefault(name, or_template(option))
            if known != or_template(option):
                told = ("description", "examples")
                found[name] = {key: known[key] for key in told if key in known}
    return found
