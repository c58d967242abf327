"""Whatever an event holds: a text that is shortened fits, and keeps every word of the recipe and every link."""

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin.channel import Account
from appealbridge.plugin.text.counting import X_LIMIT, x_length
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.templates.public_text import without_invisible
from tests.unit.recipes.conftest import event_of
from tests.unit.recipes.planning.test_overflow import recipe

LINK = "https://www.example.police.uk/appeals/0412"
WORDS = st.lists(
    st.sampled_from(
        ["Call 999.", "Ref", "#Missing", "Do not approach him.", "كراچی", "ਪੰਜਾਬੀ", LINK]
    ),
    max_size=3,  # the recipe's own words must fit, or it is refused
).map(" ".join)
PIECES = ["red", "coat", "seen", "at", "Digbeth", "失踪者", "👮🏽", LINK, "a.co"]
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
    st.lists(st.sampled_from(PIECES), max_size=200).map(" ".join),
)


@given(own=st.tuples(WORDS, WORDS, WORDS), values=st.tuples(VALUES, VALUES), mark=st.booleans())
def test_a_shortened_text_fits_and_keeps_the_recipes_own_words(own, values, mark):
    first, second = (
        "{{ event.data.a | shorten }}" if mark else "{{ event.data.a }}",
        "{{ event.data.b }}",
    )
    result = recipe(f"x {own[0]} {first} {own[1]} {second} {own[2]}")
    event = event_of({"a": values[0], "b": values[1]})
    planned = plan(result, event, {}, event.received_at)
    if planned.failed:
        assert planned.deliveries == ()
        return
    (delivery,) = planned.deliveries
    text = result.steps[0].plugin.message.model_validate_json(delivery.content).text
    assert x_length(text) <= X_LIMIT
    assert result.steps[0].plugin.measure(Account(), result.steps[0].plugin.message(text=text)).fits
    place = 0
    for phrase in own:
        place = text.index(phrase, place) + len(phrase)
    if mark:
        # Mentions in a value are broken up by a hair space.
        assert without_invisible(values[1]).replace("\u200a", "") in text.replace("\u200a", "")
