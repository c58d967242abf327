"""Jinja's own filters, as far as recipes may use them, with limits on time and size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2 import pass_environment
from jinja2.environment import Environment
from jinja2.filters import FILTERS as JINJAS
from jinja2.filters import make_attrgetter

from appealbridge.plugin.text.counting import LONGEST_LINK, whole_characters
from appealbridge.recipes.templates.limits import (
    ARGUMENT_LIMIT,
    LIST_LIMIT,
    LimitExceeded,
    bounded_list,
    bounded_number,
    bounded_text,
)

Whole = int
"""An argument that must be a whole number; anything else is refused when the recipe is read."""

_DIGITS = 15


def entries(items: Any, name: str) -> list[Any]:
    """Return a filter's input as a list; raise `ValueError` if it is not one."""
    if isinstance(items, (str, int, float)) or not isinstance(items, Iterable):
        str(items)  # using a missing value raises its own error
        raise ValueError(f"{name} needs a list")
    return bounded_list(items, name)


@pass_environment
def total(environment: Environment, numbers: Any, attribute: str | int | None = None) -> float:
    """Return the sum of a list of numbers, or of one field of each entry."""
    values = entries(numbers, "sum")
    if attribute is not None:
        values = [*map(make_attrgetter(environment, attribute), values)]
    if not all(isinstance(value, (int, float)) for value in values):
        raise ValueError("sum finds an entry that is not a number")
    added: float = bounded_number(sum(values))
    return added


def rounded(number: Any, precision: Whole = 0, method: str = "common") -> float:
    """Return a number with so many decimal places."""
    if type(precision) is not int or abs(precision) > _DIGITS:
        raise ValueError(f"round takes at most {_DIGITS} digits")
    return float(JINJAS["round"](_number(number, "round"), precision, method))


def absolute(number: Any) -> float:
    """Return a number without its sign."""
    return abs(_number(number, "abs"))


def whole(value: Any, default: int = 0, base: int = 10) -> int:
    """Return a text or a number as a whole number, or `default` if it is not one."""
    number: int = bounded_number(JINJAS["int"](value, default, base))
    return number


def trim(text: Any, chars: str | None = None) -> str:
    """Return a text without the white space, or these characters, at its ends."""
    if chars is not None and len(chars) > ARGUMENT_LIMIT:
        raise LimitExceeded(f"trim takes at most {ARGUMENT_LIMIT} characters in its brackets")
    trimmed: str = JINJAS["trim"](text, chars)
    return trimmed


def string(value: Any) -> str:
    """Return a number, a text or a time as a text."""
    if isinstance(value, (list, tuple, dict)):
        raise ValueError("string cannot write a list or mapping; choose an entry, or use join_and")
    text: str = JINJAS["string"](value)
    return text


def _number(value: Any, name: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    str(value)  # using a missing value raises its own error
    raise ValueError(f"{name} needs a number")


def _first_argument(filter_: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    return args[1] if hasattr(filter_, "jinja_pass_arg") else args[0]


def _of_text(name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Return the filter, changed to refuse lists, mappings, and texts that are too long."""

    @wraps(filter_)
    def filtered(*args: Any, **named: Any) -> Any:
        value = _first_argument(filter_, args)
        if isinstance(value, str):
            bounded_text(value, name)
        elif not isinstance(value, (int, float)):
            str(value)  # using a missing value raises its own error
            raise ValueError(f"{name} needs a text")
        return filter_(*args, **named)

    return filtered


def _of_lists(name: str) -> Callable[..., Any]:
    """Return the filter, changed to refuse lists that are too long."""
    filter_ = JINJAS[name]

    @wraps(filter_)
    def filtered(*args: Any, **named: Any) -> Any:
        value = _first_argument(filter_, args)
        if not isinstance(value, str):
            value = bounded_list(value, name)
        elif len(value) > LIST_LIMIT:
            raise LimitExceeded(f"{name} takes at most {LIST_LIMIT} entries")
        place = 1 if hasattr(filter_, "jinja_pass_arg") else 0
        return filter_(*args[:place], value, *args[place + 1 :], **named)

    return filtered


@pass_environment
def truncated(
    environment: Environment,
    text: Any,
    length: int = 255,
    killwords: bool = False,
    end: str = "...",
    leeway: int | None = None,
) -> str:
    """Return the beginning of a text, cut in nothing that must stay whole."""
    truncate = _of_text("truncate", JINJAS["truncate"])
    cut: str = truncate(environment, text, length, killwords, end, leeway)
    place = len(cut.removesuffix(end))
    if cut == text:
        return cut
    near = max(0, place - LONGEST_LINK)
    places = whole_characters(str(text)[near : place + LONGEST_LINK], near)
    before = max((whole for whole in places if whole <= place), default=0)
    return cut if before == place else cut[:before].rstrip() + end


_OF_TEXT = "capitalize e escape forceescape lower safe title upper urlencode"
_OF_LISTS = "list map max min reject rejectattr reverse select selectattr sort unique"
_OF_ANY = "count d default first float items last length"

LENT: Mapping[str, Callable[..., Any]] = {
    **{name: JINJAS[name] for name in _OF_ANY.split()},
    **{name: _of_text(name, JINJAS[name]) for name in _OF_TEXT.split()},
    **{name: _of_lists(name) for name in _OF_LISTS.split()},
    "abs": absolute,
    "int": whole,
    "round": rounded,
    "string": string,
    "sum": total,
    "trim": _of_text("trim", trim),
    "truncate": truncated,
}
"""By name."""
