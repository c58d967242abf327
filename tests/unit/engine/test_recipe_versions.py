import pytest

from appealbridge.engine.recipe_versions import RecipeVersions
from appealbridge.model.errors import NotFound
from appealbridge.recipes.model.book import bind
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.planning.plan import plan
from appealbridge.store.sqlite.store import SqliteStore
from tests.recipes.plugins import catalogue
from tests.store_contract.case import NOW
from tests.unit.recipes.conftest import event_of

TEXT = """
triggers: [{ trigger: appeal }]
actions:
  - { action: email, channel: press_office, to: a@example.org, subject: A, template: appeal }
"""


@pytest.fixture
async def versions(tmp_path):
    store = await SqliteStore.open(tmp_path / "bridge.db")
    yield RecipeVersions(store)
    await store.close()


@pytest.fixture
def templates(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "appeal.txt").write_text("Before")
    return folder


async def replaced(versions, templates, **later):
    """Keep a recipe, then let it be gone; return its version."""
    known = catalogue(templates=templates)
    recipe, _ = load_recipe(TEXT, "recipes/a.yaml", "a", known)
    await versions.keep(bind({"a": recipe}), known, NOW)
    (templates / "appeal.txt").write_text("After")
    await versions.keep(bind({}), catalogue(templates=templates, **later), NOW)
    return recipe.version


async def test_a_replaced_recipe_keeps_its_templates_too(versions, templates):
    version = await replaced(versions, templates)
    recipe = await versions.version("a", version)
    assert recipe.version == version
    (delivery,) = plan(recipe, event_of(), {}, NOW).deliveries
    assert "Before" in delivery.content


async def test_one_that_no_longer_loads_says_which_error_it_has(versions, templates):
    version = await replaced(versions, templates, channels={})
    with pytest.raises(NotFound, match=r"no longer loads: unknown channel"):
        await versions.version("a", version)
