"""
Turns an options model into the part of a JSON Schema that describes it.

Pydantic's schemas are right and hard to read: references, titles made from names, `null` beside
every optional value. An editor shows a schema to people, so these are removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from appealbridge.model.duration import PATTERN
from appealbridge.recipes.model.base import TEMPLATE, Entry

Schema = dict[str, Any]
"""A JSON Schema or a part of one, as JSON has it."""

_LENGTHS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_ABOUT = ("description", "examples", "default", "deprecated")
_NARROW = ("enum", "const", "pattern", "maxLength", "format")
_NOISE = ("title", "discriminator", "$defs", "writeOnly", "format", "gt", "ge", "lt", "le")


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with defaults as a person would write them."""

    def encode_default(self, dft: Any) -> Any:
        """Return a default as JSON; none for a whole section, because its parts have their own."""
        if isinstance(dft, BaseModel):
            return None
        try:
            return super().encode_default(dft)
        except Exception:  # noqa: BLE001 - pydantic says no more of it, and a default is only a hint
            return str(dft)


def of_entry(model: type[Entry]) -> Schema:
    """Return the schema of an entry of the language, with the option that it is known by as its title."""
    return {"title": model.names()[0], **of_model(model)}


def of_model(model: type[BaseModel]) -> Schema:
    """Return the schema of a mapping with the model's fields, with no reference in it."""
    whole = model.model_json_schema(schema_generator=_Generator)
    schema = _plain(whole, whole.get("$defs", {}), ())
    for described in (schema, *schema.get("properties", {}).values()):
        described.setdefault("description", "")  # a plug-in may have left it out
    return schema


def _plain(node: Mapping[str, Any], defs: Mapping[str, Any], inside: tuple[str, ...]) -> Schema:
    """Return a node without noise; `inside` are the references that lead here."""
    named = str(node.get("$ref", "")).rpartition("/")[2]
    if named in inside or "part" in node:
        return {"$ref": f"#/$defs/{node['part']}"} if "part" in node else {}
    if "model" in node:
        return of_model(node["model"])
    if named:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**defs[named], **beside}, defs, (*inside, named))
    plain = {key: value for key, value in node.items() if key not in _NOISE}
    if "properties" in plain:
        named_parts = plain["properties"].items()
        plain["properties"] = {name: _plain(part, defs, inside) for name, part in named_parts}
    for key in ("items", "additionalProperties"):
        if isinstance(plain.get(key), dict):
            plain[key] = _plain(plain[key], defs, inside)
    entries = [_plain(part, defs, inside) for part in plain.pop("prefixItems", ())]
    if entries:
        plain["items"] = entries[0] if entries.count(entries[0]) == len(entries) else {}
    for key in plain.keys() & {"anyOf", "oneOf"}:
        _choose(plain, [_plain(part, defs, inside) for part in plain.pop(key)])
    if plain.get("pattern") == PATTERN:
        _set_length(plain)
    _set_default(plain)
    return _by_name(plain) if "!secret" in str(plain.get("examples", "")) else plain


def _by_name(schema: Schema) -> Schema:
    """
    Propose `!secret NAME` as it must be written.

    An editor puts an example that begins with `!` in quotes, which makes it ordinary text; a
    snippet is inserted as it is.
    """
    shown = schema.pop("examples")
    if schema.get("type") == "string":
        name = shown[0].removeprefix("!secret ")
        schema["description"] += f" Written `!secret {name}`."
        schema["defaultSnippets"] = [{"label": f"!secret {name}", "body": f"!secret ${{1:{name}}}"}]
    elif "items" in schema:
        schema["items"] = _by_name({"description": "One.", **schema["items"], "examples": shown[0]})
    return schema


def _choose(schema: Schema, several: list[Schema]) -> None:
    """Put alternatives into a node, without `null`."""
    several = [branch for branch in several if branch != {"type": "null"}]
    if len(several) == 1:
        for key, value in several[0].items():
            schema.setdefault(key, value)
    else:
        schema["anyOf"] = several


def _set_default(schema: Schema) -> None:
    default = schema.get("default")
    if default is None or default in ("", [], {}) or isinstance(default, dict):
        schema.pop("default", None)


def _set_length(schema: Schema) -> None:
    """Write a length of time as people do; a text schema cannot express its limits."""
    for bound in ("exclusiveMinimum", "minimum", "maximum"):
        schema.pop(bound, None)
    if isinstance(schema.get("default"), (int, float)):
        schema["default"] = _length(schema["default"])


def _length(seconds: float) -> str:
    unit, size = next(((u, s) for u, s in _LENGTHS if seconds % s == 0), ("s", 1))
    return f"{seconds / size:g}{unit}"


def or_template(schema: Schema) -> Schema:
    """Return the schema of the same value where each part may be a template instead."""
    inner = _templates_inside(schema)
    if takes_any_text(inner):
        return inner
    if "anyOf" in inner:
        return {**inner, "anyOf": [*map(_templates_inside, inner["anyOf"]), TEMPLATE]}
    about = {key: inner.pop(key) for key in _ABOUT if key in inner}
    return {**about, "anyOf": [inner, TEMPLATE]}


def or_one(schema: Schema) -> Schema:
    """Return the schema of a list of words that may be written as one word."""
    if schema.get("type") != "array" or "items" not in schema:
        return schema
    about = {key: value for key, value in schema.items() if key in _ABOUT}
    rest = {key: value for key, value in schema.items() if key not in _ABOUT}
    return {**about, "anyOf": [rest, schema["items"]]}


def _templates_inside(schema: Schema) -> Schema:
    inner = dict(schema)
    if "properties" in inner:
        inner["properties"] = {n: or_template(option) for n, option in inner["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(inner.get(key), dict):
            inner[key] = or_template(inner[key])
    return inner


def takes_any_text(schema: Mapping[str, Any]) -> bool:
    """Return whether every non-empty text is valid, so that a template is too."""
    if "anyOf" in schema:
        return any(map(takes_any_text, schema["anyOf"]))
    if schema.keys() & set(_NARROW):
        return False
    kinds = schema.get("type", "string")
    return "string" in ([kinds] if isinstance(kinds, str) else kinds)
