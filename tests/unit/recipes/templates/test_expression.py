import pytest

from appealbridge.recipes.templates.expression import compile_template, compile_text
from appealbridge.recipes.templates.scope import ResultView, Unfillable
from appealbridge.recipes.templates.syntax import Malformed
from tests.unit.recipes.conftest import scope_of

DATA = {
    "title": "Aisha, 14",
    "area": None,
    "tags": ["red coat", "Digbeth"],
    "count": 5,
    "urgent": True,
    "place": {"items": 3, "town": "Birmingham"},
    "html": "<p>Seen at <b>ten</b></p><p>&amp; later</p><script>x</script>",
    "time": "2026-05-01T12:30:00Z",
    "hostile": "{{ lists.press }}{% for a in range(9) %}",
}


def filled(text, data=DATA, **more):
    return compile_text(text).fill(scope_of(data, **more))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", "plain words"),
        ("one line end goes\n", "one line end goes"),
        ("{{ appeal.title }}!", "Aisha, 14!"),
        ("{{ event.subject }} {{ event.type }}", "WMP-1 appeal.new"),
        ("{{ event.data.place.town }}", "Birmingham"),
        ("{{ appeal.tags[1] }}", "Digbeth"),
        ("{{ appeal.tags }}", ["red coat", "Digbeth"]),
        ("{{ lists.press }}", ["a@example.org", "b@example.org"]),
        ("{{ appeal.count }}", 5),
        ("{{ appeal.count + 1 }}", 6),
        ("{{ appeal.count > 4 }}", True),
        ("{{ appeal.place.items }}", 3),
        ("{{ appeal.area | default('the Midlands') }}", "the Midlands"),
        ("{{ appeal.no.such.field | default('none') }} x", "none x"),
        ("{{ appeal.tags | join_and }}", "red coat and Digbeth"),
        ("{{ appeal.tags | first | hashtag }}", "#RedCoat"),
        ("{{ appeal.html | plain }}", "Seen at ten\n& later"),
        ("{{ appeal.time | local_time }}", "13:30 BST on 1 May 2026"),
        ("{{ appeal.time | local_time('%H:%M') }}", "13:30"),
        ("{{ appeal.title | shorten(7) }}", "Aisha…"),
        ("{{ appeal.title | replace('14', 'fourteen') }}", "Aisha, fourteen"),
        ("{{ appeal.title ~ ' ' ~ appeal.count }}", "Aisha, 14 5"),
        ("{% for tag in appeal.tags %}[{{ tag }}]{% endfor %}", "[red coat][Digbeth]"),
        ("{% if appeal.urgent %}Now{% else %}Later{% endif %}", "Now"),
        ("{%- if true %} x{% endif -%}", " x"),
        ("{{- appeal.title }}", "Aisha, 14"),
        ("{{ appeal.title.upper() }}", "AISHA, 14"),
        ("{{ '}}' }}", "}}"),
        ("{# a remark #}x", "x"),
        ("{{ now.year }}", 2026),
        ("$.title", "Aisha, 14"),
        ("$.place", {"items": 3, "town": "Birmingham"}),
        ("$.tags[*]", ["red coat", "Digbeth"]),
        ("$['title']", "Aisha, 14"),
    ],
)
def test_a_text_is_filled(text, expected):
    assert filled(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{{ appeal.area }}",
            'appeal.area is missing; give a default: {{ appeal.area | default("…") }}',
        ),
        ("In {{ appeal.area }}", "appeal.area is missing"),
        ("In {{ appeal.area | upper }}", "appeal.area is missing"),
        ("{% if appeal.nothing %}x{% endif %}", "appeal.nothing is missing"),
        ("{{ appeal.place.street.number }}", "appeal.place.street.number is missing"),
        ("{{ appeal.tags[7] }}", "appeal.tags[7] is missing"),
        ("{{ appeal.keys }}", "appeal.keys is missing"),
        ("{{ appeal.title.__class__ }}", "appeal.title.__class__ is missing"),
        ("{{ event._event }}", "event._event is missing"),
        ("{{ results.blog.url }}", "results.blog.url is missing"),
        ("{{ appeal.area | default('x') }}{{ appeal.gone }}", "appeal.gone is missing"),
        ("$.nothing", "$.nothing finds nothing in the event"),
        ("$.area", "$.area finds nothing in the event"),
        ("{{ none }}", "no value"),
        (
            "Tags: {{ appeal.tags }}",
            "appeal.tags is a list or mapping; choose an entry, or use join_and",
        ),
        ("{% if true %}{{ appeal.tags }}{% endif %}", "a list or mapping cannot be printed"),
        ("{{ appeal.title | local_time }}", "local_time needs a time"),
        ("{{ [] | join_and }}", "join_and has an empty list"),
        ("{{ '…' | hashtag }}", "hashtag finds no letter"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ appeal.title + 1 }}", "can only concatenate"),
    ],
)
def test_what_cannot_be_filled_says_why(text, message):
    with pytest.raises(Unfillable, match=r".") as failure:
        filled(text)
    assert message in str(failure.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 10 ** 9 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ range(10 ** 9) | list }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'x' | replace('x', 'y' * 90000) | replace('y', 'z' * 90000) }}",
        "{% for a in range(90000) %}x{% endfor %}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
        "{% set a = 'x' * 60000 %}{{ a ~ a }}",
        "{% set a = 'x' * 60000 %}{{ a + a }}",
        "{% set a = 'x' * 60000 %}{{ a }}{{ a }}",
        "{% set a = 'x' * 60000 %}{{ [a, a] | join }}",
        "{{ event.time | local_time('%1000000000d') }}",
        "{{ 1 | round(10 ** 9) }}",
        "{{ range(90000) | list | length }}",
        "{{ range(90000) | map('upper') | list | length }}",
        "{{ (10 ** 60) ** 60 }}",
        "{{ range(50000) | join }}",
    ],
)
def test_a_template_cannot_run_away(text):
    with pytest.raises(Unfillable):
        filled(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ lipsum() }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ event.data.__init__.__globals__ }}",
        "{{ cycler.__init__ }}",
        "{{ appeal.title.format(event) }}",
        "{{ self }}",
        "{{ appeal.update({'a': 1}) }}",
        "{{ appeal | attr('__class__') }}",
        "{{ event._event }}",
        "{{ event.__init__.__globals__ }}",
        "{{ results.__class__ }}",
        "{{ lists.__init__ }}",
        "{{ now.tzinfo }}",
        "{{ range.__globals__ }}",
        "{{ (appeal | items).gi_frame }}",
        "{{ [appeal] | map(attribute='__class__') | list }}",
        "{{ appeal.title.join }}",
        "{{ appeal.title.encode() }}",
        "{{ appeal.place.items.__self__ }}",
        "{% for a in appeal.tags %}{{ loop.__class__ }}{% endfor %}",
        "{% set a = event %}{{ a ~ '' }}",
        "{% for a in appeal.tags %}{{ loop }}{% endfor %}",
        "{% if true %}{{ appeal.tags | map('upper') }}{% endif %}",
        "{% if true %}{{ range }}{% endif %}",
        "{% if true %}{{ appeal.place.keys() }}{% endif %}",
    ],
)
def test_a_template_reaches_nothing_but_values(text):
    with pytest.raises((Unfillable, Malformed)):
        filled(text)


def test_a_template_in_an_events_value_is_only_text():
    assert filled("{{ appeal.hostile }}") == DATA["hostile"]
    assert filled("{{ appeal.hostile | trim }}!") == DATA["hostile"] + "!"


def test_a_variable_is_filled_when_it_is_used_and_may_use_others():
    variables = {"headline": "$.title", "whole": "{{ headline }}!", "gone": "{{ appeal.area }}"}
    assert filled("{{ whole }}", variables=variables) == "Aisha, 14!"
    assert filled("{{ gone | default('x') }}", variables=variables) == "x"
    with pytest.raises(Unfillable, match=r"gone is missing: appeal\.area is missing"):
        filled("{{ gone }}", variables=variables)


def test_a_result_has_an_id_an_address_and_a_state():
    results = {"blog": ResultView("delivered", "7", "https://example.org/7")}
    text = "{{ results.blog.url }} {{ results.blog.id }} {{ results.blog.state }}"
    assert filled(text, results=results) == "https://example.org/7 7 delivered"


def test_what_is_no_appeal_has_none():
    with pytest.raises(Unfillable, match="appeal is missing: this event is not about an appeal"):
        filled("{{ appeal.title }}", source="webhook:a", type="incident")


def test_only_an_html_template_escapes():
    text = "<b>{{ event.data.a }}</b>{% if true %}{% endif %}"
    data = {"a": "<i>&"}
    assert compile_template(text, html=True).fill(scope_of(data)) == "<b>&lt;i&gt;&amp;</b>"
    assert compile_template(text).fill(scope_of(data)) == "<b><i>&</b>"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("{{ a | shoten }}", 'unknown filter "shoten"', 1),
        ("x\n{{ a | shoten }}", 'unknown filter "shoten"', 2),
        ("{{ a is odder }}", 'unknown test "odder"', 1),
        ("x\n{{ a", "{{ is never closed", 2),
        ("{% if a %}\n", "{% if %} is never closed", 1),
        ("{% include 'x' %}", "include is not allowed in recipes", 1),
        ("{% for a in b recursive %}{% endfor %}", "for is not allowed in recipes", 1),
        ("{{ a b }}", '"b" is not expected here', 1),
        ("x\n{% if a", "{% is never closed", 2),
        ("$.a[", "is not a JSONPath", 1),
        ("{{ 1" + "0" * 5000 + " }}", "it contains a number that is too long", 1),
        ("{{ a" + " | upper" * 2000 + " }}", "nested too deeply", 1),
        ("{{ " + "1 + " * 3000 + "1 }}", "nested too deeply", 1),
        ("{{ a" + ".b" * 3000 + " }}{# x #}", "nested too deeply", 1),
        ("x\n{% endif %}", "{% endif %} has no beginning", 2),
        ("{% iff a %}", "unknown tag {% iff %}", 1),
        ("{{ }}", "is not finished", 1),
    ],
)
def test_what_cannot_be_compiled_says_why_and_where(text, message, line):
    with pytest.raises(Malformed) as flaw:
        compile_text(text)
    assert message in flaw.value.problem
    assert flaw.value.line == line


def test_an_expression_tells_its_names_and_its_fixed_words():
    expression = compile_text("New {{ headline | upper }} at {{ results.blog.url }}!")
    assert expression.chains == (("headline", ()), ("results", ("blog", "url")))
    assert expression.literal == "New  at !"
    assert not expression.constant


def test_names_bound_inside_a_template_are_none_of_the_scopes():
    text = "{% for tag in appeal.tags %}{{ loop.index }}{{ tag }}{% endfor %}{% set a = b %}{{ a }}"
    assert compile_text(text).chains == (("appeal", ("tags",)), ("b", ()))
