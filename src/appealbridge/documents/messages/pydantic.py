"""Turns pydantic's errors into messages in plain words, and says how to fix them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.documents.scalars import plain

_KINDS = {
    "string_type": "text",
    "string_sub_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping of names to values",
    "mapping_type": "a mapping of names to values",
    "model_type": "a mapping of names to values",
    "model_attributes_type": "a mapping of names to values",
    "dataclass_type": "a mapping of names to values",
    "none_required": "nothing",
    "duration": "a length of time",
    "url_parsing": "an address",
    "url_type": "an address",
}
"""Errors about the type of a value, and the type that is needed."""

_SENTENCES = {
    "string_too_short": "must not be shorter than {min_length} characters",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "too_short": "has too few entries; at least {min_length} needed",
    "too_long": "has too many entries; at most {max_length} allowed",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": "must be a finite number",
    "value_error": "{error}",
    "assertion_error": "{error}",
    "url_scheme": "must begin with {expected_schemes}",
    "path_type": "must be a path",
    "path_not_file": "is not a file",
    "path_not_directory": "is not a folder",
    "bytes_type": "must be text",
    "date_parsing": "is not a date",
    "date_from_datetime_parsing": "is not a date",
    "datetime_parsing": "is not a date and time",
    "time_parsing": "is not a time of day",
    "callable_type": "must be a function",
    "string_unicode": "must be text",
    "int_parsing_size": "is too large a number",
    "recursion_loop": "contains itself",
    "frozen_field": "cannot be changed",
    "ip_any_address": "is not an IP address",
    "ip_any_network": "is not a network",
}

BY_VALIDATORS = ("value_error", "assertion_error")
_CHOICES = ("literal_error", "enum")


def sentence(errors: Sequence[ErrorDetails]) -> str:
    """Return what is wrong with one value; several errors come from a union of which no branch fits."""
    kinds = list(dict.fromkeys(_KINDS[e["type"]] for e in errors if e["type"] in _KINDS))
    error = next((e for e in errors if e["type"] not in _KINDS), None)
    if error is None:
        empty = ", but is empty" if errors[0]["input"] is None else ""
        return f"must be {' or '.join(kinds)}{empty}"
    context: dict[str, Any] = error.get("ctx") or {}
    if error["type"] in _CHOICES:
        return f"unknown value{_shown(error['input'])}"
    if error["type"] in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "must not be empty"
    if str(context.get("pattern", "")).startswith(("^https?://", "^(https?://")):
        return "must be an address that begins with https://"
    if error["type"] in _SENTENCES:
        return _SENTENCES[error["type"]].format_map(context)
    return error["msg"][:1].lower() + error["msg"][1:]


def cure(
    errors: Sequence[ErrorDetails], field: FieldInfo | None, above: FieldInfo | None = None
) -> str:
    """
    Return how to fix a value: the error's own cure, the nearest choice, or an example.

    `above` is the field of a mapping with free names, if the value is one of its values.
    """
    error = errors[0]
    context: dict[str, Any] = error.get("ctx") or {}
    own_cure = context.get("cure") or getattr(context.get("error"), "cure", "")
    if own_cure:
        return str(own_cure)
    if error["type"] in BY_VALIDATORS and "; " in str(context.get("error", "")):
        return str(context["error"]).partition("; ")[2]
    if error["type"] in _CHOICES:
        expected = " ".join(e["ctx"]["expected"] for e in errors if e["type"] in _CHOICES)
        return did_you_mean(str(error["input"]), re.findall(r"'([^']*)'", expected))
    if error["input"] is None and error["type"] == "string_type":
        return "write it after the colon; text that begins with # needs quotes"
    example = _example(field) or _example_inside(above)
    single = isinstance(error["input"], dict) and error["type"] not in BY_VALIDATORS
    if example.startswith("[{") and single and error["input"]:
        return f"begin each entry of the list with a dash: - {next(iter(error['input']))}: …"
    number = isinstance(error["input"], (int, float))
    # `true` in quotes is no address either.
    address = "://" in example and isinstance(error["input"], bool)
    if error["type"] == "string_type" and number and not address:
        return "put it in quotes"
    if example:
        return f"for example {example}"
    mapping = _KINDS.get(error["type"], "").startswith("a mapping")
    return "write its names and values below it, indented" if mapping else ""


def missing_cure(name: str, field: FieldInfo | None) -> str:
    """Return how to fix a missing name: the name with an example."""
    example = _example(field)
    return f"for example {name}: {example}" if example else f"write {name}: and its value"


def _shown(value: Any) -> str:
    return f' "{value}"' if isinstance(value, (str, int, float)) and len(str(value)) < 60 else ""


def _example(field: FieldInfo | None) -> str:
    examples = [e for e in (field.examples or ()) if e not in (None, "", [], {})] if field else []
    return _flow(examples[0]) if examples else ""


def _example_inside(field: FieldInfo | None) -> str:
    """Return an example of a value of a mapping with free names."""
    mappings = [e for e in (field.examples or ()) if isinstance(e, dict) and e] if field else []
    return _flow(next(iter(mappings[0].values()))) if mappings else ""


def _flow(value: Any) -> str:
    """Return a value as YAML has it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and not (_NEEDS_NO_QUOTES.fullmatch(value) and plain(value) == value):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


# In quotes, a tag such as `!secret name` would be ordinary text.
_NEEDS_NO_QUOTES = re.compile(r"!\w+ [\w-]+|[\w$./<(](?:[^{}\[\],#:\n\"]|:(?! )(?!$))*(?<! )")
