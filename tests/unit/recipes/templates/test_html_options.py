"""An option that is a page: what an event puts into it is text, as in a template file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.channels.email.channel import EmailAccount
from appealbridge.model.event import Event
from appealbridge.plugin.registry import load
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.planning.plan import plan

OFFICE = EmailAccount(smtp="smtp://mail.example", sender="press@example.org")
REGISTRY = load(third_party=False)
RECIPE = """
alias: To the press
triggers: [{ trigger: webhook, webhook_id: w }]
variables: { place: $.place }
actions:
  - action: email
    channel: press
    to: desk@example.org
    subject: Appeal
    ACTION
approval: none
"""


def catalogue(folder=None):
    return Catalogue(
        REGISTRY,
        channels={"press": ("email", OFFICE), "desk": ("email", OFFICE)},
        sources={"webhooks": frozenset({"w"})},
        templates=folder,
    )


def loaded(action, folder=None, recipe=RECIPE):
    return load_recipe(recipe.replace("ACTION", action), "recipes/a.yaml", "a", catalogue(folder))


def page(action, data, folder=None, recipe=RECIPE):
    result, problems = loaded(action, folder, recipe)
    assert result is not None, problems
    event = Event("e1", "webhook:w", "x", "s", "k", 0.0, data, 0.0)
    planned = plan(result, event, {}, 0.0)
    assert not planned.failed, planned.failed
    (delivery,) = planned.deliveries
    return result.steps[0].plugin.message.model_validate_json(delivery.content).html


HOSTILE = '<script>alert("1")</script>&\''


@pytest.mark.parametrize(
    "html",
    [
        "<p>{{ event.data.text }}</p>",
        "{{ event.data.text }}",
        "$.text",
        "{{ place ~ event.data.text }}",
    ],
)
def test_a_value_in_a_page_is_escaped(html):
    shown = page(f"html: {html!r}", {"text": HOSTILE, "place": ""})
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&amp;&#39;" in shown


def test_a_value_that_is_a_page_itself_is_put_in_as_it_is_where_that_is_said():
    shown = page('html: "<p>{{ event.data.body_html | safe }}</p>"', {"body_html": "<b>x</b>"})
    assert shown == "<p><b>x</b></p>"


def test_the_plain_text_beside_it_stays_as_it_is():
    result, _ = loaded('html: "{{ event.data.text }}"\n    text: "{{ event.data.text }}"')
    event = Event("e1", "webhook:w", "x", "s", "k", 0.0, {"text": "<b>"}, 0.0)
    (delivery,) = plan(result, event, {}, 0.0).deliveries
    message = result.steps[0].plugin.message.model_validate_json(delivery.content)
    assert (message.html, message.text) == ("&lt;b&gt;", "<b>")


@given(text=st.text())
def test_a_page_in_a_recipe_says_what_the_same_file_says(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    html = '<p title="{{ event.data.text }}">{{ event.data.text | upper }}: {{ place }}</p>'
    (folder / "same.html").write_text(html, "utf-8")
    data = {"text": text, "place": text}
    assert page(f"html: {html!r}", data) == page("template: same", data, folder)


POST = """
alias: To the press
triggers: [{ trigger: webhook, webhook_id: w }]
actions:
  - action: post
    to: [press]
    ACTION
approval: none
"""


@pytest.mark.parametrize(
    "action",
    [
        'html: "{{ event.data.text }}"\n    per_channel: { press: { to: a@b.example, subject: A } }',
        'per_channel: { press: { to: a@b.example, subject: A, html: "{{ event.data.text }}" } }',
    ],
)
def test_a_page_in_a_post_is_escaped_too(action):
    assert page(action, {"text": HOSTILE}, recipe=POST).startswith("&lt;script&gt;")


@pytest.mark.parametrize(
    "html", ["{{ event.data.body_html }}", "<p>{{ event.data.body_html}}</p>", "$.body_html"]
)
def test_html_that_would_be_shown_with_its_tags_is_noted(html):
    _, problems = loaded(f"html: {html!r}")
    (note,) = [problem for problem in problems if "variable" not in problem.problem]
    assert (note.level, note.path, note.line) == ("note", "actions[0].html", 10)
    assert "| safe" in note.cure


def test_an_event_cannot_make_a_link_that_runs_something():
    shown = page("""html: '<a href="{{ event.data.url }}">more</a>'""", {"url": "java\nscript:x"})
    assert shown == '<a href="#">more</a>'
