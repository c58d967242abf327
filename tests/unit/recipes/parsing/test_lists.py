"""A wrong address on a list is found when the files are read, at its place, and stops no recipe."""

import pytest

from appealbridge.channels.email.channel import EmailAccount, Mail
from appealbridge.daemon.assembly import Known, assemble, taken
from appealbridge.plugin import Registry
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.lists import list_problems
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.triggers.webhook.trigger import Webhook

SETTINGS = """
channels:
  press: { platform: email, smtp: "smtp://mail.example:587", sender: press@example.org }
webhooks:
  w: { signature: none, allow_unsigned: true }
lists:
  regional_press:
    - newsdesk@example-mail.example
    - sport#example-tv.example
    - A <a@example.org>; b@example
    - "a@example.org, c at example.org"
  radio: !include radio.yaml
  one: desk#example-tv.example
  two: "a@example.org; b@example.org"
  wards: [Digbeth, Aston]
  names: [anna, ben]
"""
RADIO = "- desk@example-radio.example\n- nobody\n"
RECIPE = """
alias: To the press
triggers: [{ trigger: webhook, webhook_id: w }]
variables:
  press: "{{ lists.regional_press }}"
actions:
  - action: email
    to: TO
    subject: Appeal
    text: "{{ event.data.text }} {{ press | length }}"
approval: none
"""


@pytest.fixture
def loaded(tmp_path):
    def of(to, more=None):
        (tmp_path / "recipes").mkdir(exist_ok=True)
        (tmp_path / "appealbridge.yaml").write_text(SETTINGS)
        (tmp_path / "radio.yaml").write_text(RADIO)
        (tmp_path / "recipes/a.yaml").write_text(RECIPE.replace("TO", to))
        if more:
            (tmp_path / "recipes/b.yaml").write_text(more)
        return assemble(tmp_path / "appealbridge.yaml", offline=True)

    return of


def errors_of(assembly):
    return [
        f"{problem.file.rpartition('/')[2]}:{problem.line}: {problem.path}: {problem.problem}"
        for problem in assembly.problems
        if problem.level == "error"
    ]


NOT_ONE = "is not an address such as press@example.org"
PRESS = [
    f'appealbridge.yaml:9: lists.regional_press[1]: "sport#example-tv.example" {NOT_ONE}',
    f'appealbridge.yaml:11: lists.regional_press[3]: "c at example.org" {NOT_ONE}',
]


@pytest.mark.parametrize(
    "to",
    [
        '"{{ lists.regional_press }}"',
        '"{{ press }}"',
        '["{{ event.data.desk }}", "{{ press | first }}"]',
        '"{{ lists.regional_press if event.data.north else lists.two }}"',
        "\"{{ lists.regional_press | join(', ') }}\"",
    ],
)
def test_each_wrong_entry_of_a_list_that_stands_in_a_to_is_named_at_its_place(loaded, to):
    assembly = loaded(to)
    assert errors_of(assembly) == PRESS
    assert list(assembly.book.recipes) == ["a"]


def test_an_entry_of_an_included_file_is_named_there(loaded):
    assert errors_of(loaded('"{{ lists.radio }}"')) == [f'radio.yaml:2: [1]: "nobody" {NOT_ONE}']


def test_a_list_of_one_may_be_written_as_a_word(loaded):
    assert errors_of(loaded('"{{ lists.one }}"')) == [
        f'appealbridge.yaml:13: lists.one: "desk#example-tv.example" {NOT_ONE}'
    ]
    assert loaded('"{{ lists.two }}"').catalogue.lists["two"] == ("a@example.org; b@example.org",)
    assert errors_of(loaded('"{{ lists.two }}"')) == []


@pytest.mark.parametrize(
    "to",
    [
        "\"{{ lists.names | join('@example.org, ') }}@example.org\"",
        '"{{ lists.two }}"',
        "desk@example.org",
    ],
)
def test_a_list_of_something_else_is_left_alone(loaded, to):
    assert errors_of(loaded(to)) == []


def test_a_wrong_entry_is_told_once_however_many_recipes_read_it(loaded):
    other = RECIPE.replace("TO", '"{{ lists.regional_press }}"').replace("To the press", "Again")
    assert errors_of(loaded('"{{ lists.regional_press }}"', other)) == PRESS


def test_a_reload_tells_of_it_too(loaded):
    assembly = loaded('"{{ lists.regional_press }}"')
    result = taken(Known.of(assembly), assembly)
    assert [problem["path"] for problem in result["problems"]] == [
        "lists.regional_press[1]",
        "lists.regional_press[3]",
    ]
    assert result["loaded"] == ["a"]


@pytest.mark.parametrize(
    ("to", "place", "problem", "cure"),
    [
        ("desk#example.org", "actions[0].to", f'"desk#example.org" {NOT_ONE}', ""),
        ("[a@example.org, b]", "actions[0].to[1]", f'"b" {NOT_ONE}', ""),
        ("lists.radio", "actions[0].to", f'"lists.radio" {NOT_ONE}', 'write "{{ lists.radio }}"'),
        (
            "Smith, John (News) <john@example.org>",
            "actions[0].to",
            f'"Smith" {NOT_ONE}',
            'a name with a comma needs quotes: "Smith, John (News)" <…>',
        ),
        ('["{{ lists.two }}", "x at y"]', "actions[0].to[1]", f'"x at y" {NOT_ONE}', ""),
    ],
)
def test_a_wrong_address_in_a_recipe_is_an_error_at_its_place(loaded, to, place, problem, cure):
    assembly = loaded(to)
    (wrong,) = [problem for problem in assembly.problems if problem.level == "error"]
    assert (wrong.path, wrong.problem, wrong.cure) == (place, problem, cure)
    assert not assembly.book.recipes


@pytest.mark.parametrize(
    "to", ["news@bbc.example; desk@itv.example", "a@b.example,", '"a@b.example\\nc@d.example"']
)
def test_addresses_as_other_programs_list_them_are_fine(loaded, to):
    assert errors_of(loaded(to)) == []


class Broken(Mail):
    platform = action = "broken"

    def flaw(self, option, text):
        raise RuntimeError(f"a bug over {text}")


def test_a_plug_in_that_breaks_over_a_text_concerns_that_text_alone():
    registry = Registry()
    registry.add(Broken())
    registry.add(Webhook())
    office = EmailAccount(smtp="smtp://mail.example", sender="press@example.org")
    known = Catalogue(
        registry,
        channels={"press": ("broken", office)},
        sources={"webhooks": frozenset({"w"})},
        lists={"regional_press": ["a@example.org"]},
    )
    step = "{ action: broken, to: $.to, subject: $.subject, text: TEXT }"
    recipe = f"alias: A\ntriggers: [{{ trigger: webhook, webhook_id: w }}]\nactions: [{step}]\n"
    fixed, problems = load_recipe(recipe.replace("TEXT", "Seen"), "a.yaml", "a", known)
    assert fixed is None
    assert [problem.problem for problem in problems if problem.level == "error"] == [
        "broken fails on this: RuntimeError"
    ]
    listed, _ = load_recipe(
        recipe.replace("TEXT", '"{{ lists.regional_press }}"'), "a.yaml", "a", known
    )
    assert [problem.path for problem in list_problems([listed], known)] == [
        "lists.regional_press[0]"
    ]
