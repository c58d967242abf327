"""Any bytes as a recipe, settings, a list, a template, a blueprint, an event or an appeal: problems, never an error."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appealbridge.blueprints.filling import fill
from appealbridge.blueprints.reading import read_blueprint
from appealbridge.documents import InvalidDocuments
from appealbridge.documents.diagnostic import REPORT
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.parsing.load_folder import load_book
from appealbridge.recipes.rehearsal.preview import preview
from appealbridge.recipes.rehearsal.selftest import run_tests
from appealbridge.settings.load import load_settings
from appealbridge.triggers.appeal.files import read_appeals
from tests.docs.pages import ROOT
from tests.properties.strategies import drawn
from tests.recipes.plugins import catalogue
from tests.unit.recipes.conftest import recipe_of
from tests.unit.settings.conftest import PLATFORMS, SECTIONS

HOSTILE = st.sampled_from(
    ["%YAML 1.3\n---\n", "%TAG ! a:\n", "\0", "\x1b[2J", "&a ", "*a", "!!binary x", "!secret x",
     "!include /dev/zero", "!include .", "<<: *a\n", "[" * 40, "{a: " * 70, "]", "}", "\ud800", "\udcff",
     '"\\ud800"', '"\\0"', '"\\U00110000"', "9" * 400, "1e999", "-.inf", ".nan", "0x" + "f" * 100, "? ", "|\n",
     ">\n", "'", '"', "\t", "{{", "}}", "{% if a %}" * 30, "{{ " + "(" * 200, "{% for a in b %}" * 30,
     "{{ 9**9**9 }}", "$" + "[0]" * 900, "$..*", "$[?(@.a==1)]", "$[", "null",
     "true", "~", "--- \n", "...\n", "\u2028", "\u202e", "a" * 3000, "99999999999d", '""', "[[]]", "{a: {a: {a: 1}}}",
     "25:99", "{{ now + 1 }}", "{{ results }}", "https://[", "http://a:b@c", "..", "/", "a@b", "\u00a0", "\ufeff",
     "Europe/../London", "sqlite:///\0", "unix:/", "127.0.0.1:99999"]
)  # fmt: skip


@st.composite
def spoilt(draw, *texts: str) -> bytes:
    """Draw a good text with something in it that does not belong there, or no text at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=80))
    raw = draw(st.sampled_from(texts)).encode()
    for _ in range(draw(st.integers(1, 3))):
        odd = (
            draw(HOSTILE).encode("utf-8", "surrogatepass")
            if draw(st.booleans())
            else draw(st.binary(max_size=3))
        )
        begin = draw(st.integers(0, len(raw)))
        raw = raw[:begin] + odd + raw[begin + draw(st.integers(0, 30)) :]
    return raw


def texts(*patterns: str) -> list[str]:
    return [file.read_text("utf-8") for pattern in patterns for file in sorted(ROOT.glob(pattern))]


RECIPES = texts(
    "recipes/*.yaml", "tests/recipes/problems/ch*.yaml", "tests/recipes/problems/t*.yaml"
)
SETTINGS = texts("examples/appealbridge.yaml")[0] + "lists: { a: !include list.yaml }\n"
EVENT = 'type: appeal.new\ndata: { title: "Aisha, 14" }\ntime: 2026-05-01T14:30:00+01:00\n'
APPEAL = "---\nreference: WMP-1\ntitle: Aisha, 14\nkind: missing\narea: Moseley\n---\n\nHave you *seen* her?\n"
TEMPLATED = recipe_of(
    "actions: [{ action: email, channel: press_office, to: a@b.c, subject: A, text: A }]"
)


def no_fault_of_ours(problems):
    for problem in problems:
        assert problem.text()
        assert problem.as_json()
        assert problem.cure != REPORT, problem.text()


@given(spoilt(*RECIPES))
@example(b"%YAML 1.3\n---\nalias: b\n")
@drawn(200)
def test_a_recipe(raw):
    recipe, problems = load_recipe(raw, "recipes/a.yaml", "a", catalogue())
    no_fault_of_ours(problems)
    assert recipe is not None or problems
    if recipe is not None:
        run_tests(recipe)


@given(spoilt(SETTINGS), spoilt("- a@example.org\n- b@example.org\n"))
@drawn(100)
def test_settings_and_a_list(tmp_path, raw, listed):
    file = tmp_path / "appealbridge.yaml"
    file.write_bytes(raw)
    (tmp_path / "list.yaml").write_bytes(listed)
    with contextlib.suppress(InvalidDocuments):
        try:
            load_settings(file, platforms=PLATFORMS, sections=SECTIONS, environ={}, offline=True)
        except InvalidDocuments as invalid:
            no_fault_of_ours(invalid.problems)
            raise


@given(
    spoilt("<p>{{ event.data.title }}</p>\n{% if appeal.area %}in {{ appeal.area }}{% endif %}\n")
)
@drawn(100)
@pytest.mark.parametrize("ending", ["html", "txt"])
def test_a_template(tmp_path, ending, raw):
    (tmp_path / f"press.{ending}").write_bytes(raw)
    text = TEMPLATED.text.replace("text: A", "template: press")
    recipe, problems = load_recipe(text, "a.yaml", "a", catalogue(templates=tmp_path))
    no_fault_of_ours(problems)
    assert recipe is not None or problems


@given(spoilt(*texts("blueprints/*.yaml")))
@drawn(60)
def test_a_blueprint(raw):
    try:
        blueprint = read_blueprint(raw, "b.yaml", "b")
    except InvalidDocuments as invalid:
        no_fault_of_ours(invalid.problems)
    else:
        with contextlib.suppress(ValueError):
            fill(blueprint, dict.fromkeys(blueprint.inputs, "x"))


@given(spoilt(EVENT))
@drawn(60)
def test_an_event(tmp_path, raw):
    file = tmp_path / "event.yaml"
    file.write_bytes(raw)
    try:
        preview(TEMPLATED, file)
    except InvalidDocuments as invalid:
        no_fault_of_ours(invalid.problems)


@given(spoilt(APPEAL))
@drawn(100)
@pytest.mark.parametrize("name", ["a.md", "a.yaml"])
def test_an_appeal_of_which_the_others_are_read(tmp_path, name, raw):
    (tmp_path / name).write_bytes(raw)
    (tmp_path / "good.md").write_text(APPEAL.replace("WMP-1", "GOOD"))
    result, notes = read_appeals(tmp_path, 9e9, first=True)
    assert "GOOD" in {file.appeal.reference for file in result}
    assert not [note for note in notes if REPORT in note]


@given(spoilt(*RECIPES))
@drawn(40)
def test_a_recipe_among_others(tmp_path, raw):
    good = "triggers: [{ trigger: appeal }]\nactions: [{ action: tweet, text: Hello }]\napproval: none\n"
    (tmp_path / "a.yaml").write_bytes(raw)
    (tmp_path / "good.yaml").write_text(good)
    assert "good" in load_book(tmp_path, catalogue()).recipes
