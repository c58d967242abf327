"""Rehearsals: a recipe's own tests, previews of its posts, drafts over past events. Nothing is published from here."""

from appealbridge.recipes.backtest import Backtest, Finding
from appealbridge.recipes.play import Post, Rehearsal, rehearse
from appealbridge.recipes.preview import Preview, preview
from appealbridge.recipes.selftest import TestResult, made_up_event, run_tests

__all__ = [
    "Backtest",
    "Finding",
    "Post",
    "Preview",
    "Rehearsal",
    "TestResult",
    "made_up_event",
    "preview",
    "rehearse",
    "run_tests",
]
