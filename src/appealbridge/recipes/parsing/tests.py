"""Checks the names in `tests:` against the settings and the plug-ins."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.documents import Path
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.recipes.model.entries import AMEND
from appealbridge.recipes.model.schema import Expected, Test
from appealbridge.recipes.model.withdraw import actions_of
from appealbridge.recipes.parsing.context import ParsingContext


def check_tests(reading: ParsingContext, tests: Sequence[Test]) -> None:
    """Report tests that expect unknown actions, channels or options."""
    for number, test in enumerate(tests):
        path = ("tests", number)
        for name in ("expect", "expect_at_least"):
            for position, expected in enumerate(getattr(test, name) or ()):
                _check(reading, expected, (*path, name, position))


def _check(reading: ParsingContext, expected: Expected, path: Path) -> None:
    actions = actions_of(reading.catalogue.registry)
    action, written = expected.action, expected.model_fields_set
    for name, declared in (("action", {*actions, AMEND}), ("channel", reading.catalogue.channels)):
        if name in written and getattr(expected, name) not in declared:
            reading.unknown((*path, name), name, getattr(expected, name), declared)
    plugins = [actions[action]] if action in actions else [*actions.values()]
    known = {name for plugin in plugins for name in plugin.message.model_fields}
    for key in expected.model_extra or ():
        if key not in known:
            cure = did_you_mean(key, {*Expected.model_fields, *known})
            what = f' for "{action}"' if action in actions else ""
            reading.complain((*path, key), f'unknown option "{key}"{what}', cure, key=True)
