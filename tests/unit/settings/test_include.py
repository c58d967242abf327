"""Lists in files of their own."""

import pytest

from appealbridge.documents import InvalidDocuments
from appealbridge.settings.load import load_settings


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / "conf"
    folder.mkdir()
    (tmp_path / "outside.yaml").write_text("- stolen\n")

    def load(include, content=None):
        if content is not None:
            (folder / "press.yaml").write_text(content)
        file = folder / "appealbridge.yaml"
        file.write_text(f"lists:\n  press: !include {include}\n")
        return load_settings(file, platforms={}, sections={}, environ={}).lists

    return load


def test_a_list_may_stand_in_a_file_of_its_own(lists):
    assert lists("press.yaml", "- a@x.uk\n- b@x.uk\n") == {"press": ("a@x.uk", "b@x.uk")}
    assert lists("./press.yaml", "[]\n") == {"press": ()}


@pytest.mark.parametrize("include", ["../outside.yaml", "/etc/passwd", "link.yaml"])
def test_nothing_outside_the_folder_is_included(lists, tmp_path, include):
    (tmp_path / "conf" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    with pytest.raises(InvalidDocuments, match="must be in this folder"):
        lists(include)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"appealbridge\.yaml:2:10: lists\.press: cannot read press\.yaml: No such file"),
        ("a: b\n", r"press\.yaml:1:1: must be a list"),
        ("", r"press\.yaml:1:1: must be a list"),
        ("- a\n- 7\n- [x]\n", r"press\.yaml:2:3: \[1\]: must be text"),
        ("- ''\n", r"press\.yaml:1:3: \[0\]: must be text"),
        ("- [\n", r"press\.yaml:"),
        ("- !include press.yaml\n", "unknown tag !include"),
        ("!include press.yaml\n", "unknown tag !include"),
        ("- !secret x\n", "unknown tag !secret"),
    ],
)
def test_a_file_that_is_no_list_is_said_with_its_place(lists, content, message):
    with pytest.raises(InvalidDocuments, match=message):
        lists("press.yaml", content)
