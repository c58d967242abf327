"""Whatever a stranger sends: no recipe hangs on it, fills the memory with it, runs it, or tells of the settings."""

import json
import tracemalloc
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.model.errors import RenderError
from appealbridge.recipes.planning.match import match
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.templates.limits import LIMIT
from tests.properties.strategies import drawn
from tests.unit.recipes.conftest import event_of, recipe_of

NOW = 1_777_636_811.0
SECRET = "not-for-the-public@example.org"
HEAD = "triggers: [{ trigger: webhook, webhook_id: incident-desk }]\napproval: none\n"
SEND = "actions: [{ action: tweet, text: Hello }]\n"
CIRCLE = "{ centre: [52.48, -1.89], radius: 5km }"
CONDITIONS = [
    "equals: a", "equals: 5", "not: a", "not: 5", "in: [a, 5]", "not_in: [a, 5]", "contains: a", "contains: 5",
    "starts_with: a", "matches: '(a+)+$'", "matches: '^(([a-z])+.)+[A-Z]([a-z])+$'", "above: 5", "below: 5",
    "exists: true", "exists: false", f"within: {CIRCLE}", "within: [[52, -2], [52, -1], [53, -1]]",
]  # fmt: skip
FIELDS = ["$.a", "$..a", "'$.a[0]'", "'$.a[*].a'", "\"$.a[?(@.a == 'a')]\"", "'{{ event.data.a }}'"]
TEXTS = [
    "{{ event.data.a }}",
    "{{ event.data.a }} {{ event.data.b | default('none') }}",
    "{{ event.data.a | shorten(50) }}",
    "{{ event.data.a | plain | shorten(50) }}",
    "{{ event.data.a | hashtag }}",
    "{{ event.data.a | local_time }}",
    "{{ event.data.a | local_time(event.data.b | default('%H')) }}",
    "{{ event.data.a | join_and | shorten(50) }}",
    "{{ event.data.a | join(event.data.b | default('-')) }}",
    "{{ event.data.a | replace('a', event.data.b | default('b')) }}",
    "{{ event.data.a | string | length }}",
    "{{ event.data.a * event.data.b }}",
    "{{ event.data.a + event.data.b }}",
    "{{ event.data.a ~ event.data.b ~ event.data.a }}",
    "{{ event.data.a ** event.data.b }}",
    "{{ event.data.a % event.data.b }}",
    "{{ range(event.data.b) | list | length }}",
    "{{ event.data.a | round(event.data.b) }}",
    "{{ event.data.a | sort | join }}",
    "{{ event.data.a | unique | list | length }}",
    "{{ event.data.a | select('in', event.data.b) | list | length }}",
    "{{ event.data.a | map('upper') | join }}",
    "{{ event.data.a | sum }}",
    "{{ event.data.a | truncate(event.data.b) }}",
    "{{ event.data.a | int(0) }} {{ event.data.a | float(0) }}",
    "{% for x in event.data.a %}{{ x }}{% for y in event.data.a %}{{ y }}{% endfor %}{% endfor %}",
    "{% for x in event.data.a %}{% set z = x ~ x %}{{ z }}{% endfor %}",
    "{% for k, v in event.data | items %}{{ k }}: {{ v }}{% endfor %}",
    "{% if event.data.a in event.data.b %}{{ event.data.a[:50] }}{% endif %}",
    "{{ event.data.a.split(event.data.b) | length }}",
    "{{ event.data.a.upper().strip() }}",
]
ASKING = [
    recipe_of(f"{HEAD}conditions: [{{ field: {field}, {test} }}]\n{SEND}")
    for field in FIELDS
    for test in CONDITIONS
]
TELLING = [
    recipe_of(
        f"{HEAD}actions: [{{ action: tweet, text: {json.dumps(text)} }}]\n",
        lists={"press": [SECRET]},
    )
    for text in TEXTS
]


def nested(levels: int) -> object:
    value: object = "a"
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


WIDE = 60_000
EVENTS = {
    "deep": nested(200),
    "a wide mapping": {f"key{n}": n for n in range(WIDE)},
    "a long list": ["a"] * WIDE,
    "a list of lists": [[1]] * WIDE,
    "a long text": "a" * 500_000,
    "a long text for a pattern": "aA" * 250_000 + "!",
    "markup never closed": "<a " * 150_000,
    "comments never closed": "<!--" * 100_000,
    "names of hosts": "https://" + "a." * 100_000,
    "flags": "\U0001f1e6" * 100_000,
    "blanks": " " * 500_000,
    "a template": "{{ lists.press }}{% for a in range(10**9) %}{{ a }}{% endfor %}",
    "a format": "{0.__class__.__init__.__globals__} %(press)s %s %1000000000d",
    "a huge number": 2**63 - 1,
    "a tiny number": -(2**63),
    "a huge fraction": 1.7e308,
    "half a character": "\ud800",
    "no character": "\x00",
    "nothing": None,
    "a truth": True,
}
OTHERS = {
    "many": 10**9,
    "text": "a",
    "long": "b" * 100_000,
    "list": ["a"] * 10_000,
    "form": "%c" * 9,
}


def outcome(recipe, data) -> str:
    """Return the words that come of an event: why it is not for the recipe, why it stops, or what is sent."""
    event = event_of(data, source="webhook:incident-desk", type="incident")
    try:
        why = match(recipe, event)
    except RenderError as failure:
        return str(failure)
    planned = plan(recipe, event, {}, NOW)
    return why + planned.failed + "".join(delivery.content for delivery in planned.deliveries)


PAIRS = [(recipe, 1) for recipe in ASKING] + [(recipe, b) for recipe in TELLING for b in OTHERS]


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_a_stranger_sends_takes_long_or_makes_much(name):
    for recipe, other in PAIRS:
        begun = process_time()
        text = outcome(recipe, {"a": EVENTS[name], "b": other})
        assert process_time() - begun < 3, recipe.text
        assert len(text) < 4 * LIMIT
        assert SECRET not in text


@pytest.mark.parametrize("name", ["a long text", "a wide mapping"])
def test_the_memory_stays_within_bounds(name):
    data = {"a": EVENTS[name], "b": 10**9}
    tracemalloc.start()
    try:
        for recipe in [*ASKING[:20], *TELLING]:
            outcome(recipe, data)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 64 * 1024 * 1024


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=9)
    | st.sampled_from([value for value in EVENTS.values() if len(str(value)) < 100]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from([*ASKING, *TELLING]), VALUES, VALUES)
@drawn(300)
def test_any_event_has_an_outcome_and_no_other_error(recipe, first, second):
    assert SECRET not in outcome(recipe, {"a": first, "b": second})
