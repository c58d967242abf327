"""The decorator for all values of the model: slots, equality by fields, and no changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field
from typing import TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def value(cls: type[T], /) -> type[T]: ...


@overload
def value(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field, Field))
def value(
    cls: type[T] | None = None, /, *, kw_only: bool = False
) -> type[T] | Callable[[type[T]], type[T]]:
    """
    Make a class a value: compared and hashed by its fields, and never changed.

    It is the type checker that refuses a change. Python's own `frozen` would refuse it at run time
    too, and sets each field through a function for that, which makes an object four times as dear;
    some twenty of them are made for each event.
    """

    def decorated(plain: type[T]) -> type[T]:
        return dataclass(slots=True, unsafe_hash=True, kw_only=kw_only)(plain)

    return decorated if cls is None else decorated(cls)
