"""Options: what a person may write, declared once with type, default, sentence and example."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr

Secret = SecretStr
"""A value that prints itself masked; `.get_secret_value()` is for the line that sends it."""


class Options(BaseModel):
    """
    The base of every options model.

    Unknown names are refused, values are not coerced from other types, and instances never change.
    Every field has a `description` and `examples`; a test refuses one without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
