"""Acceptance: an admin who did not write a version of a recipe lets it publish without approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from appealbridge.model.value import value


@value(kw_only=True)
class RecipeContent:
    """What somebody accepts: a recipe's text, and the templates and lists that it uses, by name."""

    text: str
    templates: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)


@value(kw_only=True)
class RecipeAcceptance:
    """That a person accepted a version of a recipe, with its hash; `at` is in Unix seconds UTC."""

    version: str
    recipe: str
    person: str
    at: float
