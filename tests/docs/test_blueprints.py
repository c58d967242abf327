"""The blueprint that the page shows works, and the page names every one that comes with the program."""

import re

from appealbridge.blueprints.filling import fill
from appealbridge.blueprints.find import names
from appealbridge.blueprints.reading import read_blueprint
from tests.docs.pages import blocks, text_of
from tests.unit.blueprints.test_shipped import check

(SHOWN,) = [block for block in blocks() if block.word == "blueprint"]


def test_the_blueprint_of_the_page_makes_a_recipe_that_passes():
    blueprint = read_blueprint(SHOWN.text, str(SHOWN), "burglary")
    answers = {"webhook": "roads", "ward": "Moseley", "x": "force_x", "who": None}
    check(fill(blueprint, answers), "burglary")


def test_every_blueprint_stands_on_the_page():
    assert (
        re.findall(r"^\| `([\w-]+-[\w-]+)` \|", text_of("blueprints.md"), re.MULTILINE) == names()
    )
