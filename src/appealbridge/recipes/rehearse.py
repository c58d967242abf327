"""Rehearsals: a recipe's own tests and previews of its posts. Nothing can be published from here."""

from appealbridge.recipes.play import Post, Rehearsal, rehearse
from appealbridge.recipes.preview import Preview, preview
from appealbridge.recipes.selftest import TestResult, made_up_event, run_tests

__all__ = [
    "Post",
    "Preview",
    "Rehearsal",
    "TestResult",
    "made_up_event",
    "preview",
    "rehearse",
    "run_tests",
]
