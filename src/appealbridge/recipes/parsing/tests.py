"""From the `tests:` of a file to checked tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appealbridge.documents import Path
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.model.delivery import Hold
from appealbridge.model.moment import NoTime, read
from appealbridge.recipes.model.recipe import RecipeTest
from appealbridge.recipes.model.schema import Test
from appealbridge.recipes.parsing.context import Reading
from appealbridge.recipes.planning.times import is_length, length
from appealbridge.recipes.rehearsal.expectation import AFTER, AT, BESIDE, HELD, NOT_HELD, TEXT_NOT

OF_THE_ENTRY = ("action", "channel", *BESIDE)
"""What an entry of `expect` may say besides what stands in the message."""


def read_tests(reading: Reading, tests: Sequence[Test]) -> list[RecipeTest]:
    """Return the tests, complaining about those that expect what cannot be."""
    return [_test(reading, test, number) for number, test in enumerate(tests)]


def _test(reading: Reading, test: Test, number: int) -> RecipeTest:
    path = ("tests", number)
    lists = {"expect": test.expect, "expect_at_least": test.expect_at_least}
    if all(one is not None for one in lists.values()):
        words = '"expect" and "expect_at_least" stand here together'
        cure = "expect lists all that goes out already; leave one out"
        reading.complain((*path, "expect_at_least"), words, cure, key=True)
    said = (test.expect_failure, test.text_not, test.nothing_until)
    if not any(said) and all(one is None for one in lists.values()):
        reading.complain(
            path, "the test expects nothing said", "add expect: [] for no post at all", key=True
        )
    if test.nothing_until is not None:
        _check_when(reading, test.nothing_until, (*path, "nothing_until"))
    for name, wanted in lists.items():
        for position, one in enumerate(wanted or ()):
            _check(reading, one, (*path, name, position))
    return RecipeTest(
        test.name,
        f"tests[{number}]",
        test.event.model_dump(exclude_none=True, exclude={"data"}) | {"data": test.event.data},
        test.expect,
        test.expect_failure,
        tuple(event.model_dump(exclude_none=True) for event in test.events),
        test.after,
        test.expect_at_least,
        (test.text_not,) if isinstance(test.text_not, str) else tuple(test.text_not),
        test.nothing_until or "",
    )


def _check(reading: Reading, wanted: dict[str, Any], path: Path) -> None:
    actions = reading.catalogue.registry.actions
    for name, declared in (("action", actions), ("channel", reading.catalogue.channels)):
        if name in wanted and str(wanted[name]) not in declared:
            reading.unknown((*path, name), name, wanted[name], declared)
    action = str(wanted.get("action", ""))
    plugins = [actions[action]] if action in actions else [*actions.values()]
    known = {name for plugin in plugins for name in plugin.message.model_fields}
    for key in wanted:
        if key not in OF_THE_ENTRY and key not in known:
            cure = did_you_mean(key, {*OF_THE_ENTRY, *known})
            what = f' for "{action}"' if action in actions else ""
            reading.complain((*path, key), f'unknown option "{key}"{what}', cure, key=True)
    _check_entry(reading, wanted, path)


def _check_entry(reading: Reading, wanted: dict[str, Any], path: Path) -> None:
    """Complain about what an entry says of when and how a message goes out, and of what it does not say."""
    if AFTER in wanted and AT in wanted:
        words = f'"{AFTER}" and "{AT}" stand here together'
        reading.complain((*path, AT), words, "leave one out", key=True)
    if AFTER in wanted:
        try:
            length(wanted[AFTER])
        except NoTime as wrong:
            reading.complain((*path, AFTER), str(wrong), wrong.cure)
    if AT in wanted:
        _check_when(reading, wanted[AT], (*path, AT), lengths=False)
    if HELD in wanted and wanted[HELD] not in {*Hold, NOT_HELD}:
        reading.unknown((*path, HELD), "hold", wanted[HELD], {*Hold, NOT_HELD})
    words_not = wanted.get(TEXT_NOT, "")
    several = words_not if isinstance(words_not, list) else [words_not]
    if not all(isinstance(one, str) for one in several):
        cure = 'for example text_not: "Aisha"'
        reading.complain((*path, TEXT_NOT), "must be words, or a list of them", cure)


def _check_when(reading: Reading, written: Any, path: Path, *, lengths: bool = True) -> None:
    try:
        if lengths and is_length(written):
            return
        if not isinstance(written, str):
            raise NoTime(f"{written} is no time")
        read(written, reading.catalogue.zone)
    except NoTime as wrong:
        cure = f"{wrong.cure}, or a length of time as 3d" if lengths else wrong.cure
        reading.complain(path, str(wrong), cure)
