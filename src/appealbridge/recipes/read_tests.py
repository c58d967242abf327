"""From the `tests:` of a file to checked tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from appealbridge.documents.problem import did_you_mean
from appealbridge.recipes.reading import Reading
from appealbridge.recipes.recipe import RecipeTest
from appealbridge.recipes.shape import Test


def read_tests(reading: Reading, tests: Sequence[Test]) -> list[RecipeTest]:
    """Return the tests, complaining about those that expect what cannot be."""
    return [_test(reading, test, number) for number, test in enumerate(tests)]


def _test(reading: Reading, test: Test, number: int) -> RecipeTest:
    path = ("tests", number)
    if test.expect is None and not test.expect_failure:
        reading.complain(
            path, "the test expects nothing said", "add expect: [] for no post at all", key=True
        )
    if test.event.time is not None and not _is_time(test.event.time):
        cure = "for example 2026-05-01T14:30:00+01:00"
        reading.complain((*path, "event", "time"), "is no time", cure)
    for position, wanted in enumerate(test.expect or ()):
        _check(reading, wanted, (*path, "expect", position))
    return RecipeTest(
        test.name,
        f"tests[{number}]",
        test.event.model_dump(exclude_none=True, exclude={"data"}) | {"data": test.event.data},
        test.expect,
        test.expect_failure,
        tuple(event.model_dump(exclude_none=True) for event in test.events),
        test.after,
    )


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check(reading: Reading, wanted: dict[str, Any], path: tuple[str | int, ...]) -> None:
    actions = reading.catalogue.registry.actions
    for name, declared in (("action", actions), ("channel", reading.catalogue.channels)):
        if name in wanted and str(wanted[name]) not in declared:
            reading.unknown((*path, name), name, wanted[name], declared)
    action = str(wanted.get("action", ""))
    plugins = [actions[action]] if action in actions else [*actions.values()]
    known = {name for plugin in plugins for name in plugin.message.model_fields}
    for key in wanted:
        if key not in ("action", "channel") and key not in known:
            cure = did_you_mean(key, {"action", "channel", *known})
            what = f' for "{action}"' if action in actions else ""
            reading.complain((*path, key), f'unknown option "{key}"{what}', cure, key=True)
