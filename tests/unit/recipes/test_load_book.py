import errno
from pathlib import Path

import pytest

from appealbridge.documents import InvalidDocuments
from appealbridge.recipes.load_book import load_book, recipe_name
from tests.recipes.plugins import HookSource, catalogue

GOOD = (
    "triggers: [{ trigger: appeal }]\nactions: [{ action: tweet, text: Hello }]\napproval: none\n"
)
KEYED = """
triggers: [{ trigger: webhook, webhook_id: incident-desk, key: %s }]
actions: [{ action: tweet, text: Hello }]
approval: none
"""


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        for name, text in files.items():
            file = tmp_path / (name.replace("__", "/") + ".yaml")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


def test_every_file_below_the_folder_is_a_recipe(folder):
    book = load_book(folder(a=GOOD, appeals__b=GOOD), catalogue())
    assert list(book.recipes) == ["a", "appeals-b"]
    assert book.problems == []


def test_a_folder_that_cannot_be_listed_does_not_pass_for_an_empty_one(folder, monkeypatch):
    place = folder(a=GOOD, shut__b=GOOD)
    listed = Path.iterdir

    def iterdir(path):
        if path.name == "shut":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)  # whoever runs the tests may be root
    with pytest.raises(InvalidDocuments) as wrong:
        load_book(place, catalogue())
    assert [(problem.problem, problem.cure) for problem in wrong.value.problems] == [
        ("cannot be listed: Permission denied", "give the daemon's user the right to read it")
    ]


def test_a_bad_recipe_is_quarantined_and_the_rest_load(folder):
    place = folder(a=GOOD, b="triggers: 5", c=GOOD)
    book = load_book(place, catalogue())
    assert list(book.recipes) == ["a", "c"]
    assert list(book.quarantined) == [str(place / "b.yaml")]
    assert book.problems


def test_two_files_of_one_name_are_a_problem_of_the_second(folder):
    place = folder(a__b=GOOD)
    (place / "a-b.yml").write_text(GOOD)
    book = load_book(place, catalogue())
    assert list(book.recipes) == ["a-b"]
    (problem,) = book.problems
    assert problem.problem == 'there are two recipes called "a-b"'
    assert problem.cure.endswith("a/b.yaml")
    assert problem.file.endswith("a-b.yml")


def test_hidden_files_and_others_are_left_alone(folder):
    place = folder(a=GOOD)
    (place / ".b.yaml").write_text("x")
    (place / "notes.txt").write_text("x")
    assert list(load_book(place, catalogue()).recipes) == ["a"]


def test_only_some_files_may_be_read(folder, tmp_path_factory):
    place = folder(a=GOOD, b=GOOD, more__c=GOOD)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "d.yaml"
    elsewhere.write_text(GOOD)
    book = load_book(place, catalogue(), [place / "b.yaml", place / "more", elsewhere])
    assert list(book.recipes) == ["b", "d", "more-c"]


def test_a_folder_that_is_not_there_has_no_recipes(tmp_path):
    assert load_book(tmp_path / "none", catalogue()).recipes == {}


def test_a_file_that_cannot_be_read_is_quarantined(folder):
    place = folder(a=GOOD)
    (place / "b.yaml").symlink_to(place / "nowhere")
    (place / "c.yaml").write_bytes(b"\xff")
    assert list(load_book(place, catalogue()).quarantined) == [str(place / "c.yaml")]


@pytest.mark.parametrize("name", ["b.txt", "b.yaml.txt", "B.YAML", "b.json"])
def test_a_recipe_that_is_none_by_its_name_is_noted(folder, name):
    place = folder(a=GOOD)
    (place / name).write_text(GOOD)
    (place / "readme.txt").write_text("Recipes have triggers:\nand actions")
    (note,) = load_book(place, catalogue()).problems
    assert (note.file, note.level) == (str(place / name), "note")
    assert "does not end in .yaml" in note.problem


def test_what_recipes_say_of_a_webhook_counts(folder):
    declared = {"webhook:incident-desk": HookSource()}
    book = load_book(folder(a=KEYED % "$.id"), catalogue(declared=declared))
    assert book.told("webhook:incident-desk", HookSource()) == HookSource(key="$.id")


def test_a_recipe_that_disagrees_about_a_webhook_is_quarantined(folder):
    declared = {"webhook:incident-desk": HookSource()}
    place = folder(a=KEYED % "$.id", b=KEYED % "$.number", c=KEYED % "$.id")
    book = load_book(place, catalogue(declared=declared))
    assert list(book.recipes) == ["a", "c"]
    (problem,) = book.problems
    assert problem.problem == "key is $.id elsewhere and $.number here"
    assert problem.cure == "settle it"
    assert (problem.line, problem.path) == (2, "triggers[0]")
    assert "$.number" in problem.source_line


def test_two_recipes_of_one_alias_are_worth_a_note(folder):
    named = "alias: Road closed\n" + GOOD
    book = load_book(folder(a=named, b=named, c=GOOD, d=GOOD), catalogue())
    assert list(book.recipes) == ["a", "b", "c", "d"]
    (note,) = book.problems
    assert (note.level, note.path, note.line) == ("note", "alias", 1)
    assert note.problem.endswith("a.yaml has this alias too")


def test_the_name_is_the_path_without_its_ending(tmp_path):
    assert recipe_name(tmp_path / "a" / "b.c.yaml", tmp_path) == "a-b.c"
