"""Recipes under any event: plans are the same twice, key order means nothing, and hostile values do no harm."""

import json

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.model.errors import RenderError
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.planning.match import match
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.rehearsal.simulate import rehearse
from appealbridge.recipes.templates.compiled import JinjaFiller
from appealbridge.recipes.templates.expression import compile_template
from appealbridge.recipes.templates.public_text import without_invisible
from appealbridge.recipes.templates.scope import Unfillable
from appealbridge.recipes.templates.syntax import Malformed
from tests.properties.strategies import drawn
from tests.recipes.golden import HERE
from tests.recipes.plugins import catalogue
from tests.unit.recipes.conftest import event_of, recipe_of, scope_of

NOW = 1_777_636_811.0
RECIPE = recipe_of(
    """
triggers: [{ trigger: webhook, webhook_id: incident-desk }]
conditions:
  - any:
      - { field: $.a, equals: x }
      - { field: $.b.c, above: 3 }
      - { field: $.a, contains: y }
      - { field: $.b, within: { centre: [52.48, -1.89], radius: 5km } }
      - none: [{ field: $.b, exists: true, not_in: [x, 1] }]
      - "{{ event.data.a | default('') | string | length > 2 }}"
variables:
  a: $.a
  deep: $..c
  both: "{{ a | default('none') }} {{ event.data.b.c | default('none') }}"
actions:
  - action: tweet
    id: x
    text: "{{ both }} {% for one in event.data.l | default([]) %}{{ one | string | upper }}{% endfor %}"
  - action: email
    channel: press_office
    to: desk@example.org
    subject: "{{ event.data.a | default('A') }}"
    text: "{{ event.data.a | default('A') | string | plain }}"
approval: none
"""
)
WHOLE_LANGUAGE = recipe_of(
    """
triggers:
  - { trigger: appeal, kinds: [missing] }
  - { trigger: webhook, webhook_id: incident-desk }
variables:
  a: $.a
  late: { first: "{{ event.data.b.a | default('none') }}", then: ["{{ a | default('none') }}"] }
actions:
  - action: post
    id: all
    to: [force_x, press_office]
    text: "{{ a | default('A') | string }}"
    overflow: shorten
    per_channel:
      force_x: { overflow: thread }
      press_office: { to: [desk@example.org, news@example.org], subject: "{{ event.type }}" }
  - choose:
      - conditions: [{ field: $.a, equals: x }]
        sequence:
          - { delay: { until: "07:00" } }
          - { action: tweet, id: x, text: "{{ late.first }}", in_reply_to: "{{ results.all.force_x.id }}" }
      - conditions: [{ field: $.b, exists: true }, "{{ results.all.force_x.state == 'delivered' }}"]
        sequence:
          - wait_for: { types: ["*.closed"], conditions: [{ field: $.a, exists: true }] }
            timeout: 2h
            on_timeout: [{ action: tweet, text: "{{ late.then | join }} still" }, { stop: nobody came }]
    default:
      - if: "{{ event.data.l is defined }}"
        then: [{ delay: "{{ event.data.c | default(5) | int(0) | abs }}s" }]
        else: [{ stop: "nothing of {{ a | default('it') }}" }]
  - { action: tweet, id: last, after: all, even_if_failed: true, text: "{{ wait.event.data.a | default('B') }} last" }
mode: restart
publish_within: 1h
burst: { deliveries: 3, within: 1h }
approval: none
"""
)
HOSTILE = st.sampled_from(
    ["{{ lists }}", "{% for a in range(10**9) %}", "__class__", "items", "x" * 5000, "<b>", "\x00", "$.a",
     "%s", "{0.__class__}", "\u202e", "y"]
) | st.text(max_size=8)  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | HOSTILE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("abcl") | HOSTILE, inner, max_size=4)
    ),
    max_leaves=20,
)
DATA = st.dictionaries(st.sampled_from("abcl"), JSON, max_size=4) | JSON


def outcome(data):
    """Return all that comes of an event, errors too."""
    event = event_of(data, source="webhook:incident-desk", type="incident")
    try:
        return match(RECIPE, event), plan(RECIPE, event, {}, NOW)
    except RenderError as failure:
        return str(failure)


def matching(data):
    """Return whether the conditions hold; the words that say why not quote the data as it came."""
    event = event_of(data, source="webhook:incident-desk", type="incident")
    try:
        return not match(RECIPE, event)
    except RenderError as failure:
        return str(failure)


def played(data, closing):
    """Return all that comes of an event in every part of the language, one that ends its wait included."""
    event = event_of(data, source="webhook:incident-desk", type="incident")
    later = event_of(closing, id="e2", type="case.closed", received_at=event.received_at + 60)
    try:
        return rehearse(WHOLE_LANGUAGE, event, event.received_at, [later])
    except RenderError as failure:
        return str(failure)


def turned(value):
    """Return the same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        return {key: turned(item) for key, item in reversed(value.items())}
    return [turned(each) for each in value] if isinstance(value, list) else value


KEYED = st.dictionaries(st.sampled_from("abcl"), JSON, max_size=4)


@given(DATA)
def test_planning_twice_is_the_same(data):
    assert outcome(data) == outcome(data)


@given(DATA, DATA)
def test_playing_the_whole_language_twice_is_the_same(data, closing):
    assert played(data, closing) == played(data, closing)


@given(KEYED)
def test_the_order_of_keys_means_nothing(data):
    assert outcome(data) == outcome(dict(reversed(data.items())))


@given(DATA)
def test_the_order_of_keys_at_any_depth_means_nothing_to_conditions(data):
    assert matching(data) == matching(turned(data))


@given(KEYED, KEYED)
def test_the_order_of_keys_means_nothing_in_the_whole_language(data, closing):
    assert played(data, closing) == played(turned(data), turned(closing))


@given(HOSTILE)
def test_a_value_comes_out_as_it_went_in_but_for_what_does_not_show(value):
    expression = compile_template("<{{ event.data.a }}|{{ event.data.a | string }}>")
    shown = without_invisible(value)
    assert expression.fill(scope_of({"a": value})) == f"<{shown}|{shown}>"


PIECES = st.sampled_from(
    ["{{ appeal.a }}", "{{ appeal.b.c }}", "{{ appeal.l[0] }}", "{{ appeal.a | upper }}", "words ", "\n",
     "{{ appeal.items }}", "{{ appeal.l }}", "{{ appeal.a.b }}", "}}", "{{ '}}' }}", "{{ appeal.a ~ 1 }}"]
)  # fmt: skip


@given(st.lists(PIECES, min_size=2, max_size=5).map("".join), DATA)
def test_a_template_cut_up_comes_to_what_jinja_makes_of_it(text, data):
    def result(fill):
        try:
            return fill(scope_of(data))
        except Unfillable:
            return None

    whole = text.removesuffix("\n")
    try:
        jinja = JinjaFiller(whole + "{% if true %}{% endif %}")
    except Malformed:
        return
    expression = compile_template(text)
    filled = result(expression.fill)
    assert (str(filled) if filled is not None else None) == result(jinja) or isinstance(
        filled, (list, dict, bool)
    )


KEYS = st.sampled_from(
    ["alias", "triggers", "conditions", "variables", "actions", "approval", "tests", "mode", "on_failure",
     "publish_within", "trigger", "if", "then", "else", "choose", "conditions", "sequence", "default",
     "delay", "until", "wait_for", "types", "timeout", "on_timeout", "stop",
     "action", "text", "to", "field", "in", "any", "between", "after", "id",
     "channel", "template", "event", "expect", "name", "type", "within",
     "centre", "radius", "coordinates", "none", "exists"]
)  # fmt: skip
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(
        ["tweet", "email", "appeal", "Polygon", "5km", "52.48, -1.89", "regional_press",
        "webhook", "{{ a", "{{ results.x }}", "$.a", "$.[", "none", "2h", "x", ""]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


WHOLE = {
    "alias": "A",
    "triggers": [{"trigger": "webhook", "webhook_id": "incident-desk"}, {"trigger": "appeal"}],
    "conditions": [
        "{{ event.data.a }}",
        {"field": "$.a", "in": ["a"], "matches": "a"},
        {"any": [{"field": "$.a", "above": 1}]},
        {"between": ["07:00", "22:00"], "time_zone": "Europe/London"},
        {"field": "$.a", "within": {"centre": [52.48, -1.89], "radius": "5km"}},
        {"field": "$.a", "within": [[52, -2], [52, -1], [53, -1]]},
        {"field": "$.a", "within": {"type": "Polygon", "coordinates": [[[-2, 52], [-1, 52], [-1, 53]]]}},
        {"none": [{"field": "$.a", "not": "a", "exists": True}]},
    ],
    "variables": {"a": "$.a", "b": "{{ a }}"},
    "actions": [
        {"action": "tweet", "id": "x", "channel": "force_x", "text": "{{ a }}", "after": ["y"]},
        {"action": "email", "id": "y", "channel": "press_office", "to": "a", "subject": "A",
         "template": "press-appeal", "even_if_failed": True},
        {"if": [{"field": "$.a", "equals": 1}], "then": [{"delay": {"until": "07:00"}}],
         "else": [{"choose": [{"conditions": ["{{ a }}"], "sequence": [{"delay": "2h"}]}], "default": []}]},
        {"wait_for": {"types": ["a"], "conditions": ["{{ event.data.a }}"]}, "timeout": "2h",
         "on_timeout": [{"stop": "a"}], "after": "x"},
    ],
    "approval": "none",
    "publish_within": "2h",
    "on_failure": ["duty_comms"],
    "tests": [
        {"name": "a", "event": {"type": "x", "time": "2026-05-01T12:00:00Z"},
         "events": [{"after": "1h", "type": "a"}], "after": "2h",
         "expect": [{"action": "tweet", "channel": "force_x", "text": "*"}]}
    ],
}  # fmt: skip


def places(value, path=()):
    yield path
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inside:
        yield from places(each, (*path, key))


def changed(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


@given(st.sampled_from([*places(WHOLE)]), SHAPES)
@drawn(400)
def test_a_file_of_any_shape_is_a_recipe_or_has_problems(path, shape):
    text = json.dumps(changed(WHOLE, path, shape))
    recipe, problems = load_recipe(text, "a.yaml", "a", catalogue(templates=HERE / "templates"))
    assert (recipe is None) == any(problem.level == "error" for problem in problems)
    assert all(problem.text() for problem in problems)
