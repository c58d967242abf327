"""Finds the value of a chain of names, and checks the values that a template returns or prints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from appealbridge.recipes.templates.limits import LIMIT
from appealbridge.recipes.templates.scope import ABSENT, Missing, NotThere, Scope, Unfillable, reach
from appealbridge.recipes.templates.syntax import Chain, chain_text


def follow(scope: Scope, chain: Chain) -> Any:
    """Return the value of a chain; raise `Unfillable` if there is none."""
    name, keys = chain
    value: Any = scope[name] if name in scope else ABSENT  # noqa: SIM401 - `get` would pass variables by
    for key in keys:
        if value is ABSENT or type(value) is Missing:
            break
        value = reach(value, key)
    if type(value) is str:
        return value
    if type(value) is Missing:
        hint = value._undefined_hint  # noqa: SLF001 - Jinja has no other way to ask
        raise NotThere(hint or _missing(chain))
    if value is ABSENT or value is None or callable(value):
        raise NotThere(_missing(chain))
    return value


def _missing(chain: Chain) -> str:
    text = chain_text(chain)
    return f'{text} is missing; give a default: {{{{ {text} | default("…") }}}}'


def plain_value(value: Any) -> Any:
    """Return a value that JSON can have; raise `Unfillable` if it is not one."""
    if isinstance(value, (str, bool, int, float, list, dict)):
        return value
    if isinstance(value, date):
        return str(value)
    if isinstance(value, (tuple, Iterator)):
        return list(islice(value, LIMIT))
    raise Unfillable("the template has no value")


def word(value: Any, text: str) -> str:
    """Return a value as it is printed in a text; `text` is its expression."""
    if isinstance(value, (list, tuple, dict)):
        raise Unfillable(f"{text} is a list or mapping; choose an entry, or use join_and")
    return str(plain_value(value))
