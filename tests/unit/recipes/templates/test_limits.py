"""No template makes something huge or goes on without end, however it is written and whatever an event contains."""

from time import thread_time

import pytest

from appealbridge.model.errors import RenderError
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.templates.expression import compile_text
from appealbridge.recipes.templates.limits import LIMIT, LIST_LIMIT
from appealbridge.recipes.templates.scope import Unfillable
from tests.unit.recipes.conftest import event_of, recipe_of, scope_of

LONG = "x" * (LIMIT + 1)


def failed(text, data, **more):
    """Return why a recipe fails for an event with these data."""
    recipe = recipe_of(text, **more)
    return plan(recipe, event_of(data), {}, 1_777_636_811.0).failed


@pytest.mark.parametrize(
    "text",
    [
        "{{ event.data.text }}",
        "$.text",
        "{{ event.data.text | default('') }}",
        "{{ long }}",
        "{{ path }}",
        "a {{ event.data.text }}",
        "{% if true %}{{ event.data.text }}{% endif %}",
    ],
)
def test_a_text_is_bounded_however_little_its_template_says(text):
    variables = '{ long: "{{ event.data.text }}", path: $.text }'
    actions = f'[{{ action: tweet, text: "{text}" }}]'
    why = failed(f"variables: {variables}\nactions: {actions}\n", {"text": LONG})
    assert f"longer than {LIMIT} characters" in why or f"more than {LIMIT} characters" in why


def test_every_option_is_bounded_not_only_the_text():
    recipe = "actions: [{ action: tweet, text: Hello, reply_to: '{{ event.data.text }}' }]\n"
    assert f"longer than {LIMIT} characters" in failed(recipe, {"text": LONG})


def test_a_list_is_bounded_as_a_text_is():
    actions = (
        "[{ action: email, channel: press_office, to: '{{ event.data.to }}', subject: a, text: b }]"
    )
    recipe = f"actions: {actions}\n"
    assert f"more than {LIST_LIMIT} entries" in failed(recipe, {"to": ["a@b.co"] * 10_001})
    assert f"longer than {LIMIT} characters" in failed(recipe, {"to": ["a@b.co", LONG]})


def test_a_file_of_one_expression_is_bounded(tmp_path):
    (tmp_path / "press.txt").write_text("{{ event.data.text }}\n")
    mail = "{ action: email, channel: press_office, to: a@b.co, subject: a, template: press }"
    why = failed(f"actions: [{mail}]\n", {"text": LONG}, templates=tmp_path)
    assert f"longer than {LIMIT} characters" in why


def test_a_long_text_may_be_shortened_all_the_same():
    scope = scope_of({"text": "closed road " * 90_000}, {"long": "$.text"})
    for text in ("{{ event.data.text | shorten(20) }}", "{{ long | shorten(20) }}"):
        assert compile_text(text).fill(scope) == "closed road closed…"


DATA = {
    "long": "x" * 1_000_000,
    "half": "x" * 90_000,
    "hex": "f" * 90_000,
    "one": ["a"],
    "list": ["a"] * 10_001,
    "html": "<b>" * 10_001 + "&amp;" * 10_000,
}
TOO_MUCH = [
    "{{ 9 ** 9 ** 9 }}",
    "{% set a = 999999 ** 64 %}{% set a = a * a %}{% set a = a * a %}{% set a = a * a %}{{ a }}",
    "{{ event.data.hex | int(0, 16) }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ event.data.half ~ event.data.half }}",
    "{{ event.data.half + event.data.half }}",
    "{{ event.data.long | upper }}",
    "{{ event.data.long | hashtag }}",
    "{{ event.data.long | replace('x', 'y') }}",
    "{{ event.data.long | trim }}",
    "{{ event.data.long | urlencode }}",
    "{{ event.data.long | wordcount }}",
    "{{ event.data.long | mentions }}",
    "{{ event.data.long.upper() }}",
    "{{ event.data.long.split('y') | length }}",
    "{{ event.data.half.strip(event.data.half) }}",
    "{{ event.data.half | trim(event.data.half) }}",
    "{{ event.data.half | replace('x', 'xx') }}",
    "{{ event.data.half | urlencode | urlencode }}{{ ('%' * 50000) | urlencode | urlencode }}",
    "{{ event.data.html | plain }}",
    "{{ event.data.list | join }}",
    "{{ event.data.list | join_and }}",
    "{{ event.data.list | sort | first }}",
    "{{ event.data.list | map('upper') | list | length }}",
    "{{ (event.data.one | map('replace', 'a', event.data.half) | list)[0] ~ event.data.half }}",
    "{{ ([event.data.half] * 10000) | sort | first }}",
    "{{ ([event.data.half] * 10000) | map('upper') | unique | list | length }}",
    "{{ ([event.data.list] * 10000) | sort | length }}",
    "{{ event.data.one | first | local_time('%H' * 101) }}",
    "{% for i in range(3000) %}.{% endfor %}",
    "{% for i in range(60) %}{% for j in range(60) %}.{% endfor %}{% endfor %}",
    "{% for i in event.data.long %}.{% endfor %}",
    "{% for i in range(1000) %}{{ event.data.half }}{% endfor %}",
]


@pytest.mark.parametrize("text", TOO_MUCH)
def test_what_is_too_much_is_refused_at_once(text):
    begun = thread_time()
    with pytest.raises(Unfillable):
        compile_text(text).fill(scope_of(DATA))
    assert thread_time() - begun < 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ 2 ** 62 }}", 2**62),
        ("{{ 1e308 | int | string | length }}", 309),
        ("{{ 'ff' | int(0, 16) }}", 255),
        ("{{ 7 // 2 - 1 }}", 2),
        ("{{ ['b', 'a'] | sort | join }}", "ab"),
        ("{{ ['b', 'a'] | reverse | join }}", "ab"),
        ("{{ 'ab' | reverse }}", "ba"),
        ("{{ {'b': 1, 'a': 2} | sort | join }}", "ab"),
        ("{{ range(3) | list | length }}", 3),
        ("{% for i in range(2000 - 1) %}.{% endfor %}", "." * 1999),
        ("{% for i in [1, 2] %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/2 2/2 "),
        ("{{ '  a ' | trim }}", "a"),
        ("{{ ('<b>' * 9000) | plain | length }}", 0),
    ],
)
def test_what_recipes_need_is_not_too_much(text, expected):
    assert compile_text(text).fill(scope_of(DATA)) == expected


def test_the_reason_names_the_place_and_what_to_do():
    recipe = recipe_of("actions: [{ action: tweet, text: '{{ event.data.text }}' }]\n")
    (step,) = recipe.steps
    text = r"actions\[0\].text: a value is longer than 100000 characters; shorten it"
    with pytest.raises(RenderError, match=text):
        step.fill(scope_of({"text": LONG}))
