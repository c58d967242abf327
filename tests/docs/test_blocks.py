"""Every block of YAML in the docs is what it seems to be: a recipe, settings, an appeal, a list, or a part of one."""

import pytest

from appealbridge.daemon.assembly import assemble
from appealbridge.documents import read
from appealbridge.plugin.registry import load
from appealbridge.recipes.model.schema import Shape
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.settings.include import Include
from appealbridge.settings.load import load_settings
from appealbridge.settings.model import DaemonSettings
from appealbridge.settings.secrets import SecretRef
from appealbridge.triggers.appeal.files import read_appeals
from tests.docs import workplace
from tests.docs.pages import PAGES, blocks

BASE = {
    "triggers": "triggers: [{ trigger: appeal }]",
    "actions": "actions: [{ action: tweet, channel: force_x, text: Seen. }]",
}
"""What a part of a recipe needs to be a whole one."""

SECTIONS = {t.section: t.source_options for t in load().triggers.values() if t.section}
RECIPE = frozenset(Shape.model_fields)
SETTINGS = frozenset(DaemonSettings.model_fields) | {"channels", "lists"} | SECTIONS.keys()

YAML = [
    block
    for block in blocks()
    if block.language == "yaml"
    and block.word not in ("broken", "blueprint", "plugin", "prometheus")
]


def parametrized(chosen):
    return pytest.mark.parametrize("block", chosen, ids=str)


def kind_of(block) -> str:
    value = read(block.text, str(block), {"!secret": SecretRef, "!include": Include}).value
    if isinstance(value, list):
        return "list"
    names = frozenset(value)
    if names <= RECIPE:
        return "recipe"
    if names <= SETTINGS:
        return "settings"
    return "appeal" if "reference" in names else f"nothing known: {', '.join(names)}"


def kinds(*expected):
    return [block for block in YAML if kind_of(block) in expected]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_fence_of_a_page_opens_or_closes_a_block(page):
    fences = [
        line for line in page.read_text("utf-8").splitlines() if line.lstrip().startswith("```")
    ]
    assert len(fences) == 2 * sum(block.page == page for block in blocks())


@parametrized(YAML)
def test_every_block_is_something(block):
    assert kind_of(block) in ("recipe", "settings", "appeal", "list")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    return assemble(workplace.build(folder), offline=True).catalogue


@parametrized([block for block in kinds("recipe") if block.word != "cookbook"])
def test_a_recipe_loads_without_errors(block, catalogue):
    written = read(block.text, str(block)).value
    missing = [text for name, text in BASE.items() if name not in written]
    whole = "\n".join([block.text, *missing])
    recipe, problems = load_recipe(whole, str(block), "block", catalogue)
    errors = [problem.text() for problem in problems if problem.level == "error"]
    assert recipe is not None, "\n".join(errors)


@parametrized(kinds("settings"))
def test_settings_load_without_errors(block, tmp_path):
    file = tmp_path / "appealbridge.yaml"
    file.write_text(block.text, "utf-8")
    for listed in kinds("list"):
        (tmp_path / "lists").mkdir()
        (tmp_path / "lists" / "regional-press.yaml").write_text(listed.text, "utf-8")
    plugins = load()
    settings = load_settings(
        file,
        platforms={name: channel.account for name, channel in plugins.channels.items()},
        sections=SECTIONS,
        practise=lambda platform, *call: plugins.channels[platform].practice(*call),
        environ=workplace.AnySecret(),
        offline=True,  # the file of an authority is on their machine
    )
    assert settings.file == file


@parametrized([*kinds("appeal"), *(block for block in blocks() if block.language == "markdown")])
def test_the_file_of_an_appeal_is_read(block, tmp_path):
    ending = "yaml" if block.language == "yaml" else "md"
    (tmp_path / f"appeal.{ending}").write_text(block.text, "utf-8")
    (item,), problems = read_appeals(tmp_path, now=0.0, first=True)
    assert item.appeal.reference in block.text
    assert not problems


@parametrized(kinds("list"))
def test_a_list_is_one_of_texts(block):
    assert all(isinstance(entry, str) for entry in read(block.text, str(block)).value)


def test_the_first_recipe_that_a_visitor_sees_has_about_ten_lines():
    (first, *_) = [block for block in kinds("recipe") if block.page.name == "README.md"]
    assert len(first.text.splitlines()) <= 11
    assert set(read(first.text, str(first)).value) >= {"triggers", "actions"}
