"""How `check` speaks to a GitHub workflow."""

from appealbridge.cli.recipes import _annotation
from appealbridge.documents import Problem


def test_an_annotation_names_the_place_and_the_cure():
    problem = Problem("recipes/a.yaml", 7, 5, "actions[0]", "is wrong", "mend it")
    assert _annotation(problem) == (
        "::error file=recipes/a.yaml,line=7,col=5::actions[0]: is wrong; mend it"
    )


def test_an_annotation_of_a_whole_file_has_no_empty_place():
    problem = Problem("recipes/a.yaml", 1, 1, "", "100%\nwrong", "", level="note")
    assert _annotation(problem) == "::notice file=recipes/a.yaml,line=1,col=1::100%25%0Awrong"
