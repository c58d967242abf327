"""Rehearsals: a recipe's own tests, previews of its posts, drafts over past events. Nothing is published from here."""

from appealbridge.recipes.rehearsal.backtest import Backtest, Finding
from appealbridge.recipes.rehearsal.preview import Preview, preview
from appealbridge.recipes.rehearsal.selftest import TestResult, made_up_event, run_tests
from appealbridge.recipes.rehearsal.simulate import Rehearsal, SimulatedPost, rehearse

__all__ = [
    "Backtest",
    "Finding",
    "Preview",
    "Rehearsal",
    "SimulatedPost",
    "TestResult",
    "made_up_event",
    "preview",
    "rehearse",
    "run_tests",
]
