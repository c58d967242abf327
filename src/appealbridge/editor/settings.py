"""The JSON Schema of appealbridge.yaml: the daemon's own keys, and one way to write each account and source."""

from __future__ import annotations

from typing import Any

from appealbridge.editor.models import Schema, of_model
from appealbridge.editor.recipe import DIALECT
from appealbridge.plugin.channel import AnyChannel
from appealbridge.plugin.registry import Registry
from appealbridge.settings.model import DaemonSettings

_NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_NOWHERE = "http://127.0.0.1:8090"


def settings_schema(registry: Registry) -> Schema:
    """Return the JSON Schema of appealbridge.yaml for the plug-ins of a registry."""
    top = of_model(DaemonSettings)
    channels = [*registry.channels.values()]
    sources = {
        trigger.section: _named(of_model(trigger.source_options), f"From where `{name}` comes.")
        for name, trigger in registry.triggers.items()
        if trigger.section
    }
    return {
        "$schema": DIALECT,
        "title": "The settings of AppealBridge",
        **top,
        "description": "Accounts, sources, lists, and the daemon's own settings.",
        "properties": {
            **top["properties"],
            "channels": _named(
                {
                    "type": "object",
                    "required": ["platform"],
                    "oneOf": [_account(channel, _in_practice(channel)) for channel in channels],
                },
                "The accounts, by the names that recipes use.",
                {"force_x": {"platform": "x"}},
            ),
            **sources,
            "lists": _named(
                {
                    "anyOf": [
                        {"type": "array", "items": {"type": "string", "minLength": 1}},
                        {"type": "string"},
                    ]
                },
                "Lists, for example of addresses, written here or in a file with !include. Templates use `lists.NAME`.",
                {"regional_press": ["newsdesk@example.org"]},
            ),
        },
        # Practice mode stands in for credentials, so only without it are they missed.
        "if": {"not": {"required": ["practice"]}},
        "then": {"properties": {"channels": {"additionalProperties": _live(channels)}}},
    }


def _named(entry: Schema, description: str, *examples: Any) -> Schema:
    return {
        "description": description,
        **({"examples": list(examples)} if examples else {}),
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": entry,
    }


def _account(channel: AnyChannel, required: list[str]) -> Schema:
    schema = of_model(channel.account)
    about = schema["description"]
    return {
        "title": channel.platform,
        "description": about,
        "type": "object",
        "properties": {
            "platform": {"const": channel.platform, "description": about},
            **schema["properties"],
        },
        "required": ["platform", *required],
        "additionalProperties": False,
    }


def _required(channel: AnyChannel) -> list[str]:
    return list(of_model(channel.account).get("required", ()))


def _in_practice(channel: AnyChannel) -> list[str]:
    """Return what an account has to say even on the practice platforms."""
    try:
        values = channel.practice("account", {}, _NOWHERE)
    except Exception:  # noqa: BLE001 - `check` says what the plug-in breaks over
        values = {}
    return [name for name in _required(channel) if name not in values]


def _live(channels: list[AnyChannel]) -> Schema:
    return {
        "allOf": [
            {
                "if": {"properties": {"platform": {"const": channel.platform}}},
                "then": {"required": _required(channel)},
            }
            for channel in channels
        ]
    }
