"""A text that is too long: what gives way, what stays, and what is said of it."""

import orjson
import pytest

from appealbridge.plugin import Measure, Registry
from appealbridge.plugin.text.counting import X_LIMIT, x_length
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.planning.shortening import LEAST
from appealbridge.recipes.rehearsal.preview import heading
from appealbridge.recipes.rehearsal.simulate import rehearse
from tests.recipes.plugins import Appeal, X
from tests.unit.recipes.conftest import event_of, recipe_of

LINK = "https://www.example.police.uk/appeals/0412"
CALL = "Call 999, ref WMP-12."
STORY = ("Aisha was last seen near the market and wore a red coat with a yellow bag. " * 12).strip()
APPEAL = {"title": "Missing: Aisha, 9", "text": STORY, "url": LINK, "reference": "WMP-12"}
WHOLE = "{{ appeal.title }}\n\n{{ appeal.text }}\n\nCall 999, ref {{ appeal.reference }}. {{ appeal.url }}"


class Counting(X):
    """Counts as X does."""

    def measure(self, account, message):
        return Measure("text", x_length(message.text), X_LIMIT, "characters as X counts")


def recipe(text, overflow="shorten", **variables):
    registry = Registry()
    for plugin in (Counting(), Appeal()):
        registry.add(plugin)
    actions = [{"action": "tweet", "overflow": overflow, "text": text}]
    whole = {"triggers": [{"trigger": "appeal"}], "approval": "none", "actions": actions}
    whole["variables"] = variables
    return recipe_of(f"# triggers:\n{orjson.dumps(whole).decode()}", registry=registry)


def planned(text, data=None, overflow="shorten", **variables):
    event = event_of({**APPEAL, **(data or {})})
    return plan(recipe(text, overflow, **variables), event, {}, event.received_at)


def written(*args, **kwargs):
    result = planned(*args, **kwargs)
    assert not result.failed
    texts = [orjson.loads(delivery.content)["text"] for delivery in result.deliveries]
    assert all(x_length(text) <= X_LIMIT for text in texts)
    return texts[0]


# -- by itself, what comes with the event gives way -------------------------------------------------


def test_a_text_that_fits_is_left_alone():
    assert written(WHOLE, {"text": "Red coat."}) == (
        f"Missing: Aisha, 9\n\nRed coat.\n\n{CALL} {LINK}"
    )


def test_the_recipes_own_words_its_links_and_short_values_stay():
    text = written(WHOLE)
    assert text.startswith("Missing: Aisha, 9\n\nAisha was last seen near the market")
    assert text.endswith(f"…\n\n{CALL} {LINK}")
    assert X_LIMIT - x_length(text) < 12  # a word more would not fit


def test_the_longest_values_give_way_first_and_evenly():
    title = "Wanted: " + "burglary in Moseley and " * 20
    text = written(WHOLE, {"title": title})
    first, second, last = text.split("\n\n")
    assert last == f"{CALL} {LINK}"
    assert first.endswith("…")
    assert second.endswith("…")
    assert abs(len(first) - len(second)) < 30


@pytest.mark.parametrize("reference", ["WMP-12", "x" * LEAST])
def test_what_is_short_is_never_cut(reference):
    assert f"ref {reference}." in written(WHOLE, {"reference": reference})


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("{{ appeal.text }} {{ 'Call 999, and say it is about Aisha of Digbeth' }}", "of Digbeth"),
        ("{{ appeal.text }} {{ appeal.more | default('Call 999, and ask for the duty officer') }}", "duty officer"),
        ("{{ appeal.text }} {{ appeal.more | d('Call 999, and ask for the duty officer') | upper }}", "DUTY OFFICER"),
        ("{{ appeal.text }} {{ 'Call 999 at once, ref ' ~ appeal.reference ~ ' is enough' }}", "is enough"),
        ("{{ appeal.text }} {{ 'Call 999 and ask for the officer' if appeal.url else '' }}", "the officer"),
        ("{% if appeal.text %}{{ appeal.text }}{% endif %} Call 999, ref {{ appeal.reference }}", "ref WMP-12"),
        ("{% set call = 'Call 999 and ask for the duty officer' %}{{ appeal.text }} {{ call }}", "duty officer"),
        ("{% for one in ['Call 999 and ask for', 'the duty officer'] %}{{ one }} {% endfor %}{{ appeal.text }}",
         "Call 999 and ask for the duty officer"),
        ("{{ appeal.text }} {{ 'hashtag of many words that is one thing alone' | hashtag }}",
         "#HashtagOfManyWordsThatIsOneThingAlone"),
        ("{{ appeal.text }} {{ lists.regional_press | join(', ') }} and others", "b@example.org and others"),
    ],
)  # fmt: skip
def test_words_that_no_event_brings_stay_wherever_they_stand(text, stays):
    assert stays in written(text)


def test_a_variable_made_of_words_and_values_keeps_its_words():
    text = written(
        "{{ body }} {{ call }}",
        what="$.text",
        body="{{ what }} Have you seen her? Please share this with your neighbours.",
        call="Call 999 and quote reference {{ appeal.reference }} to any operator.",
    )
    assert "… Have you seen her? Please share this with your neighbours." in text
    assert text.endswith("Call 999 and quote reference WMP-12 to any operator.")


@pytest.mark.parametrize(
    "text", ["$.text", "{{ appeal.text }}", "{{ appeal.text | upper }}", "{{ what }}"]
)
def test_a_text_that_is_one_value_gives_way(text):
    assert written(text, what="$.text").endswith("…")


def test_a_variable_that_is_one_value_gives_way_where_it_is_printed_alone():
    # What the template asks of the value itself is the same, however short it is printed.
    text = "{{ what }}{% if 'yellow bag' in what %} and a yellow bag{% endif %}"
    assert written(text, {"text": "A red coat. " * 40 + "yellow bag"}, what="$.text").endswith(
        "… and a yellow bag"
    )


def test_a_link_that_a_value_ends_with_stays_and_none_is_cut():
    assert written("{{ appeal.text }}", {"text": f"{STORY} {LINK}"}).endswith(f"… {LINK}")
    long = "https://www.example.police.uk/" + "a" * 300
    assert written("{{ appeal.text }} {{ appeal.url }}", {"url": long}).endswith(f"… {long}")


def test_scripts_that_count_double_are_counted_as_the_platform_does():
    text = written(WHOLE, {"text": "失踪者の情報を求めています。" * 40})
    assert text.endswith(f"…\n\n{CALL} {LINK}")
    assert X_LIMIT - x_length(text) < 4


# -- where values are marked, these alone give way --------------------------------------------------


@pytest.mark.parametrize("overflow", ["shorten", "fail"])
def test_what_is_marked_gives_way_and_nothing_else_does(overflow):
    marked = WHOLE.replace("appeal.text", "appeal.text | shorten")
    title = "Missing: Aisha of Digbeth, who is nine, with long hair, in a coat of red and gold"
    text = written(marked, {"title": title}, overflow)
    assert text.startswith(f"{title}\n\nAisha was")
    assert text.endswith(f"…\n\n{CALL} {LINK}")


def test_a_mark_in_a_variable_or_a_branch_counts_as_well():
    assert written("{{ short }} Call 999.", short="{{ appeal.text | shorten }}").endswith(
        "… Call 999."
    )
    branch = "{% if appeal.text %}{{ appeal.text | shorten }}{% endif %} Call 999."
    assert written(branch, overflow="fail").endswith("… Call 999.")


def test_several_marked_values_give_way_evenly():
    text = written(
        "{{ appeal.title | shorten }}\n{{ appeal.text | shorten }}\nCall 999.", {"title": STORY}
    )
    first, second, last = text.split("\n")
    assert (first.endswith("…"), second.endswith("…"), last) == (True, True, "Call 999.")
    assert abs(len(first) - len(second)) < 20


def test_a_limit_of_its_own_is_an_upper_bound_still():
    text = written("{{ appeal.title | shorten(30) }} {{ appeal.text | shorten }}", {"title": STORY})
    assert text.startswith("Aisha was last seen near the… Aisha was")


def test_without_a_mark_and_without_overflow_nothing_is_shortened():
    result = planned(WHOLE, overflow="fail")
    assert result.deliveries == ()
    assert "characters as X counts, but force_x allows 280" in result.failed
    assert result.failed.endswith("or put | shorten after a value that may be shortened")


# -- what does not fit even so ----------------------------------------------------------------------


def test_where_the_rest_leaves_too_little_room_nothing_goes_out():
    result = planned(f"{{{{ appeal.text }}}} {'Do not approach him. ' * 12}Call 999.")
    assert result.deliveries == ()
    assert "even with the marked values shortened it is too long" in result.failed


def test_where_nothing_may_give_way_nothing_goes_out():
    text = "{{ 'Call 999 ' ~ appeal.text }}"
    assert planned(text).failed
    assert planned(text.replace("~ appeal.text", "~ (appeal.text | shorten)")).failed == ""


# -- what is said of it -----------------------------------------------------------------------------


def test_the_trace_and_the_preview_say_that_a_text_was_shortened():
    result = planned(WHOLE)
    before = x_length(WHOLE.replace("{{ appeal.title }}", APPEAL["title"]).replace("{{ appeal.text }}", STORY)
                      .replace("{{ appeal.reference }}", "WMP-12").replace("{{ appeal.url }}", LINK))  # fmt: skip
    assert result.trace[-1]["message"] == (
        f"planned a delivery on force_x, shortened from {before} characters as X counts"
    )
    event = event_of(APPEAL)
    (post,) = rehearse(recipe(WHOLE), event, event.received_at).posts
    assert f"of 280 characters as X counts, shortened from {before}" in heading(post)


# -- what it costs ----------------------------------------------------------------------------------


def test_a_text_is_written_a_few_times_however_long_it_is(monkeypatch):
    counted = []
    measure = Counting.measure
    monkeypatch.setattr(
        Counting,
        "measure",
        lambda self, a, m: (counted.append(len(m.text)), measure(self, a, m))[1],
    )
    result = recipe(WHOLE)
    event = event_of({**APPEAL, "text": "A red coat was seen. " * 4000})
    counted.clear()
    assert plan(result, event, {}, event.received_at).failed == ""
    whole = [length for length in counted if length > 10_000]
    assert len(whole) < 12
