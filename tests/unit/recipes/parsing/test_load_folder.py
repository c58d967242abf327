import errno
import os
from pathlib import Path

import pytest

from appealbridge.documents import InvalidDocuments
from appealbridge.plugin.registry import load
from appealbridge.recipes.parsing.load_folder import load_book, recipe_name
from tests.recipes.plugins import HookSource, catalogue
from tests.unit.recipes.conftest import event_of

GOOD = (
    "triggers: [{ trigger: appeal }]\nactions: [{ action: tweet, text: Hello }]\napproval: none\n"
)
OTHER = "triggers: [{ trigger: appeal }]\nactions: [{ action: tweet, text: Bye }]\napproval: none\n"
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
    book = load_book(folder(a=GOOD, appeals__b=OTHER), catalogue())
    assert list(book.recipes) == ["a", "appeals-b"]
    assert book.problems == []


def test_a_folder_that_cannot_be_listed_does_not_pass_for_an_empty_one(folder, monkeypatch):
    place = folder(a=GOOD, shut__b=OTHER)
    before = load_book(place, catalogue()).recipes
    shut(monkeypatch, place)
    with pytest.raises(InvalidDocuments) as wrong:
        load_book(place, catalogue())
    assert [(problem.problem, problem.cure) for problem in wrong.value.problems] == [UNLISTED]
    shut(monkeypatch, place / "shut")
    book = load_book(place, catalogue())
    assert [*book.recipes] == ["a"]
    assert [(problem.problem, problem.cure) for problem in book.problems] == [UNLISTED]
    assert [*load_book(place, catalogue(), before=before).recipes] == ["a", "shut-b"]


UNLISTED = ("cannot be listed: Permission denied", "give the daemon's user permission to read it")


def shut(monkeypatch, folder):
    """Let nobody list a folder: whoever runs the tests may be root."""

    def iterdir(path):
        if path == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return iter(path / name for name in os.listdir(path))  # noqa: PTH208 - what is replaced here

    monkeypatch.setattr(Path, "iterdir", iterdir)


def test_a_bad_recipe_is_quarantined_and_the_rest_load(folder):
    place = folder(a=GOOD, b="triggers: 5", c=OTHER)
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
    assert list(load_book(place, catalogue()).quarantined) == [
        str(place / "b.yaml"),
        str(place / "c.yaml"),
    ]


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
    assert book.declared["webhook:incident-desk"] == HookSource(key="$.id")


def test_a_recipe_that_disagrees_about_a_webhook_is_quarantined(folder):
    declared = {"webhook:incident-desk": HookSource()}
    place = folder(a=KEYED % "$.id", b=KEYED % "$.number", c=KEYED.replace("Hello", "Bye") % "$.id")
    book = load_book(place, catalogue(declared=declared))
    assert list(book.recipes) == ["a", "c"]
    (problem,) = book.problems
    assert problem.problem == "key is $.id elsewhere and $.number here"
    assert problem.cure == "settle it"
    assert (problem.line, problem.path) == (2, "triggers[0]")
    assert "$.number" in problem.source_line


def test_two_recipes_of_one_alias_are_worth_a_note(folder):
    named = "alias: Road closed\n" + GOOD
    book = load_book(folder(a=named, b="alias: Road closed\n" + OTHER), catalogue())
    assert list(book.recipes) == ["a", "b"]
    (note,) = book.problems
    assert (note.level, note.path, note.line) == ("note", "alias", 1)
    assert note.problem.endswith("a.yaml has this alias too")


COPIES = {
    "the same": ({"a": GOOD, "b": GOOD}, "a.yaml is the same"),
    "the same but for comments and the alias": (
        {"a": GOOD, "b": "# mine\nalias: B\n\n" + GOOD},
        "a.yaml is the same",
    ),
    "copied and changed": ({"road": GOOD, "road-copy": OTHER}, "looks like a copy of"),
    "numbered": ({"road": GOOD, "road-2": OTHER}, "looks like a copy of"),
    "an old one": ({"old_road": OTHER, "road": GOOD}, "looks like a copy of"),
    "in a folder of old ones": ({"old__road": OTHER}, 'a folder called "old"'),
}


@pytest.mark.parametrize(("files", "expected"), COPIES.values(), ids=COPIES)
def test_what_looks_like_a_copy_and_is_in_force_is_noted(folder, files, expected):
    book = load_book(folder(**files), catalogue())
    assert len(book.recipes) == len(files)
    (note,) = book.problems
    assert note.level == "note"
    assert expected in note.problem


APART = {
    "a copy that is off": {"road": GOOD, "road-copy": "enabled: false\n" + GOOD},
    "two that differ": {"road": GOOD, "rail": OTHER},
    "two of a number that react to different things": {
        "road-1": GOOD,
        "road-2": OTHER.replace("on: [new]", "on: [closed]"),
    },
}


@pytest.mark.parametrize("files", APART.values(), ids=APART)
def test_what_is_no_copy_is_left_alone(folder, files):
    assert load_book(folder(**files), catalogue()).problems == []


def test_the_name_is_the_path_without_its_ending(tmp_path):
    assert recipe_name(tmp_path / "a" / "b.c.yaml", tmp_path) == "a-b.c"


OFF = "enabled: false\n" + OTHER


def test_a_recipe_that_is_off_is_loaded_and_wants_nothing(folder):
    book = load_book(folder(a=GOOD, b=OFF), catalogue())
    assert (list(book.recipes), list(book.off), list(book.loaded)) == (["a"], ["b"], ["a", "b"])
    assert book.problems == []
    assert [recipe.name for recipe in book.for_event(event_of())] == ["a"]


def test_the_source_of_a_recipe_that_is_off_is_read_all_the_same(folder):
    described = OFF.replace("trigger: appeal", "trigger: feed, url: https://a.example/rss")
    known = catalogue(registry=load(third_party=False))
    book = load_book(folder(b=described), known)
    assert [*book.off] == ["b"], book.problems
    assert [*book.sources()] == ["feed:https://a.example/rss"]


@pytest.mark.parametrize("word", ["false", "no", "off", '"false"'])
def test_who_switches_a_recipe_off_and_makes_a_mistake_has_it_off(folder, word):
    place = folder(a=GOOD)
    before = load_book(place, catalogue()).recipes
    (place / "a.yaml").write_text(GOOD.replace("text:", "txet:") + f"enabled: {word}\n")
    book = load_book(place, catalogue(), before=before)
    assert (list(book.recipes), list(book.unchanged)) == ([], [])


NOT_READ = ["b", "b.yaml.bak", "b.yaml~", "b.txt", "b.YAML", "b.yaml.orig", "#b.yaml#", ".b.yaml"]


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_left_over_and_not_read_is_named(folder, name):
    place = folder(a=GOOD)
    (place / name).write_text(GOOD)
    (note,) = load_book(place, catalogue()).problems
    assert (note.file, note.level) == (str(place / name), "note")
    assert "this file is not read" in note.problem


def test_a_pipe_among_the_recipes_is_not_waited_for(folder):
    place = folder(a=GOOD)
    os.mkfifo(place / "b.yaml")
    os.mkfifo(place / "c.txt")
    assert [*load_book(place, catalogue()).recipes] == ["a"]


def test_a_file_without_end_is_not_read_to_its_end(folder):
    place = folder(a=GOOD)
    with (place / "b.yaml").open("wb") as huge:
        huge.truncate(1 << 40)
    book = load_book(place, catalogue())
    assert [*book.recipes] == ["a"]
    assert book.problems[0].problem == "longer than 1024 KiB"


@pytest.mark.parametrize(
    "raised", [KeyError("a"), RecursionError(), MemoryError(), SystemError("b")]
)
def test_whatever_the_reading_of_one_raises_is_its_own_problem(folder, monkeypatch, raised):
    place = folder(a=GOOD, b=OTHER, c=KEYED % "$.id")
    read = load_book.__globals__["load_recipe"]

    def raising(raw, file, name, catalogue, templates=None):
        if name == "b":
            raise raised
        return read(raw, file, name, catalogue, templates)

    monkeypatch.setitem(load_book.__globals__, "load_recipe", raising)
    book = load_book(place, catalogue())
    assert [*book.recipes] == ["a", "c"]
    (problem,) = book.problems
    assert problem.file == str(place / "b.yaml")
    assert "please report it" in problem.cure
