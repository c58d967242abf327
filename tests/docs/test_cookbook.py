"""The cookbook's recipes are fit to be copied: nothing is wrong with them, and they do what is asked for."""

import pytest

from appealbridge.daemon.assembly import assemble
from appealbridge.recipes.rehearsal.selftest import run_tests
from tests.docs import cookbook, workplace


@pytest.fixture(scope="module")
def assembly(tmp_path_factory):
    home = tmp_path_factory.mktemp("cookbook") / "home"
    with pytest.MonkeyPatch.context() as patch:
        for hook in ("ROADS", "WEATHER", "CONTROL_ROOM"):
            patch.setenv(f"APPEALBRIDGE_SECRET_HOOK_{hook}", workplace.SECRET)
        return assemble(cookbook.build(home), offline=True)


def test_there_are_ten():
    assert len(cookbook.RECIPES) == 11


def test_check_has_nothing_to_say_of_them_but_what_the_page_speaks_of(assembly):
    everything = [problem.text() for problem in assembly.problems]
    limits = ("which cannot edit", "nothing can be withdrawn")
    (reminder,) = [text for text in everything if not any(limit in text for limit in limits)]
    assert all("missing-child.yaml" in text for text in everything if text != reminder)
    assert "approval is missing" in reminder
    assert "two-audiences.yaml" in reminder


@pytest.mark.parametrize("name", cookbook.RECIPES)
def test_a_recipe_passes_its_own_tests(assembly, name):
    results = run_tests(assembly.book.recipes[name])
    assert len(results) > 0
    assert not [f"{result.name}: {result.why}" for result in results if not result.passed]
