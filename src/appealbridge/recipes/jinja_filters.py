"""Jinja's own filters, as many as a recipe may use: none of them can run away, or print what is no text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from itertools import islice
from typing import Any

import regex
from jinja2 import pass_environment
from jinja2.environment import Environment
from jinja2.filters import FILTERS as JINJAS
from jinja2.filters import make_attrgetter

from appealbridge.recipes.bounds import LIMIT, LIST_LIMIT, TooMuch

Whole = int
"""An argument that must be a whole number; one that is written as another is refused at load."""

_DIGITS = 15


def entries(items: Any, name: str) -> list[Any]:
    """Return what a filter is given as a list; raise `ValueError` where it is none."""
    if isinstance(items, (str, int, float)) or not isinstance(items, Iterable):
        str(items)  # a missing value says so itself
        raise ValueError(f"{name} needs a list")
    return list(islice(items, LIMIT))


@pass_environment
def total(environment: Environment, numbers: Any, attribute: str | int | None = None) -> float:
    """Return the sum of a list of numbers, or of one field of each entry."""
    found = entries(numbers, "sum")
    if attribute is not None:
        found = [*map(make_attrgetter(environment, attribute), found)]
    if not all(isinstance(one, (int, float)) for one in found):
        raise ValueError("sum finds an entry that is no number")
    added: float = sum(found)
    return added


def rounded(number: Any, precision: Whole = 0, method: str = "common") -> float:
    """Return a number with so many digits after its point."""
    if type(precision) is not int or abs(precision) > _DIGITS:
        raise ValueError(f"round takes at most {_DIGITS} digits")
    return float(JINJAS["round"](_number(number, "round"), precision, method))


def absolute(number: Any) -> float:
    """Return a number without its sign."""
    return abs(_number(number, "abs"))


def string(value: Any) -> str:
    """Return a number, a text or a time as a text."""
    if isinstance(value, (list, tuple, dict)):
        raise ValueError("string cannot write a list or mapping; choose an entry, or use join_and")
    text: str = JINJAS["string"](value)
    return text


def _number(value: Any, name: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    str(value)  # a missing value says so itself
    raise ValueError(f"{name} needs a number")


def _given(filter_: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    return args[1] if hasattr(filter_, "jinja_pass_arg") else args[0]


def _of_text(name: str) -> Callable[..., Any]:
    """Return the filter so that it refuses a list or mapping, which no reader wants to see printed."""
    filter_ = JINJAS[name]

    @wraps(filter_)
    def filtered(*args: Any, **named: Any) -> Any:
        if not isinstance(_given(filter_, args), (str, int, float)):
            str(_given(filter_, args))  # a missing value says so itself
            raise ValueError(f"{name} needs a text")
        return filter_(*args, **named)

    return filtered


def _of_lists(name: str) -> Callable[..., Any]:
    """Return the filter so that it refuses to go through what is too long."""
    filter_ = JINJAS[name]

    @wraps(filter_)
    def filtered(*args: Any, **named: Any) -> Any:
        given = _given(filter_, args)
        if isinstance(given, (str, list, tuple, dict, range)) and len(given) > LIST_LIMIT:
            raise TooMuch(f"{name} goes through {LIST_LIMIT} entries at the most")
        return filter_(*args, **named)

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
    """Return the beginning of a text, cut between two characters as a reader sees them."""
    cut: str = _of_text("truncate")(environment, text, length, killwords, end, leeway)
    whole, place = str(text), len(cut.removesuffix(end))
    if cut == whole or cut.isascii():
        return cut
    # A syllable of Hindi is several letters, and a picture may be as many.
    near = whole[: place + _LONGEST_CHARACTER]
    ends = [found.end() for found in _CHARACTER.finditer(near) if found.end() <= place]
    return whole[: max(ends, default=0)] + end


_CHARACTER = regex.compile(r"\X")
_LONGEST_CHARACTER = 32


_OF_TEXT = "capitalize e escape forceescape lower safe title trim upper urlencode"
_OF_LISTS = "list map max min reject rejectattr reverse select selectattr sort unique"
_OF_ANY = "count d default first float int items last length"

LENT: Mapping[str, Callable[..., Any]] = {
    **{name: JINJAS[name] for name in _OF_ANY.split()},
    **{name: _of_text(name) for name in _OF_TEXT.split()},
    **{name: _of_lists(name) for name in _OF_LISTS.split()},
    "abs": absolute,
    "round": rounded,
    "string": string,
    "sum": total,
    "truncate": truncated,
}
"""By name."""
