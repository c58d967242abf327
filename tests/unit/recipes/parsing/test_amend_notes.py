"""What `check` says about channels that cannot edit."""

from dataclasses import replace

from appealbridge.plugin.registry import load
from appealbridge.recipes.parsing.load import load_recipe
from tests.recipes.plugins import catalogue

RECIPE = """
alias: Corrected
triggers: [{ trigger: webhook, webhook_id: incident-desk }]
actions:
  - action: post
    id: report
    to: [force_x, press_office]
    text: Closed
    per_channel: { press_office: { to: desk@example.org, subject: Closed } }
  - action: amend
    of: report
    text: Open
    per_channel: { press_office: { subject: Open } }
approval: none
"""


def test_where_a_channel_cannot_edit_it_says_what_follows():
    real = replace(catalogue(), registry=load())
    _, problems = load_recipe(RECIPE, "recipes/a.yaml", "a", real)
    notes = [problem.text() for problem in problems if "which cannot edit" in problem.text()]
    assert len(notes) == 2
    assert "press_office" not in notes[0]
    assert "this text follows as a reply" in notes[0]
    assert "this text follows as a mail below the first one" in notes[1]
