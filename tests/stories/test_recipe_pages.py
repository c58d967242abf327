"""The pages of recipes: an admin reads what has changed in one, and accepts it."""

import os
import re

import pytest

from appealbridge.model.people import Role
from tests.stories.crew import MAIL, UIDS, Crew, as_root, open_folder
from tests.stories.test_acceptances import mailed, state
from tests.stories.test_log_in import enrols, public

pytestmark = as_root
ASKS = MAIL.replace("approval: none\n", "")


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder, live=True)


async def begins(crew):
    """Begin with a recipe that has to be accepted and one that asks; return the browser of the admin."""
    await crew.begins(
        {"news": MAIL, "asks": ASKS.replace("desk }", "desk, types: [x] }")}, public()
    )
    tab, _ = await enrols(crew, "admin")
    return tab


def hash_in(tab):
    return re.search(r'name="hash" value="(\w+)"', tab.page)[1]


async def test_an_admin_reads_a_recipe_and_accepts_it_and_what_waits_goes_out(crew):
    story, tab = crew.story, await begins(crew)
    await story.receives("M6 closed")
    await state(story, 1, "held")
    await tab.get("/")
    assert "<strong>1</strong> recipe to be accepted" in tab.page
    await tab.get("/recipes")
    assert "Not accepted: 1 post waits" in tab.page
    assert "asks" in tab.page.partition("Recipes that ask for approval")[2]
    address = re.search(r'href="(/recipes/news\?hash=\w+)"', tab.page)[1]
    assert await tab.get(address) == 200
    assert "to: desk@example-radio.example" in tab.page
    assert await tab.post("/recipes/news/accept") == 303
    await state(story, 1, "delivered")
    assert mailed(story) == ["M6 closed"]
    await tab.get("/recipes")
    assert "Accepted by admin on" in tab.page
    await tab.get("/recipes/news")
    assert "Accept this recipe" not in tab.page


async def test_what_has_changed_since_it_was_accepted_is_shown_and_only_that_is_accepted(crew):
    """Whoever changes a recipe while an admin reads it does not get the change accepted."""
    story, tab = crew.story, await begins(crew)
    await tab.get("/recipes/news")
    assert await tab.post("/recipes/news/accept") == 303
    recipes = [MAIL.replace("subject: News", f"subject: {word}") for word in ("Roads", "Sale")]
    story.stage.recipe("news", recipes[0])
    await crew.asks(UIDS[Role.ADMIN], "POST", "/api/v1/reload")
    await tab.get("/recipes/news")
    assert "What changed since admin accepted it" in tab.page
    assert '<del dir="ltr">-    subject: News</del>' in tab.page
    assert '<ins dir="ltr">+    subject: Roads</ins>' in tab.page
    hash_ = hash_in(tab)
    story.stage.recipe("news", recipes[1])
    await crew.asks(UIDS[Role.ADMIN], "POST", "/api/v1/reload")
    assert await tab.post("/recipes/news/accept", hash=hash_) == 409
    assert "Nothing was accepted" in tab.page
    assert "subject: Sale" in tab.page
    assert hash_in(tab) != hash_
    assert [line["by"] for line in story.logged("recipe_accepted")] == ["admin"]


async def test_who_wrote_it_and_who_is_no_admin_cannot_accept_it(crew):
    story, tab = crew.story, await begins(crew)
    author, _ = await enrols(crew, "author")
    assert await author.get("/recipes/news") == 200
    assert "An admin accepts it." in author.page
    assert await author.post("/recipes/news/accept", hash=hash_of(story)) == 403
    approver, _ = await enrols(crew, "approver")
    assert await approver.get("/recipes") == 403
    os.chown(story.stage.recipes / "news.yaml", UIDS[Role.ADMIN], -1)
    await crew.asks(UIDS[Role.AUTHOR], "POST", "/api/v1/reload")
    await tab.get("/recipes/news")
    assert "nobody accepts what they wrote" in tab.page
    assert "Accept this recipe" not in tab.page
    assert await tab.post("/recipes/news/accept", hash=hash_of(story)) == 409
    assert await tab.get("/recipes/none") == 404


def hash_of(story):
    return story.bridge.engine.active.book.loaded["news"].version
