"""The recipes that come with the program are fit to be copied."""

import pytest

from appealbridge.daemon.assembly import assemble
from appealbridge.recipes.rehearsal.selftest import run_tests
from tests.docs.pages import ROOT

ASSEMBLY = assemble(ROOT / "examples" / "appealbridge.yaml", offline=True)
RECIPES = sorted(ASSEMBLY.book.recipes.values(), key=lambda recipe: recipe.name)


def test_none_of_them_has_an_error():
    assert not ASSEMBLY.book.quarantined
    assert len(RECIPES) == len(list((ROOT / "recipes").rglob("*.yaml")))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_it_says_what_it_is_and_passes_its_own_tests(recipe):
    assert recipe.alias
    assert recipe.description
    results = run_tests(recipe)
    assert results
    assert not [result.why for result in results if not result.passed]
