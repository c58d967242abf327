"""What `check` says about channels that cannot edit, and about sources that may take down everything."""

from dataclasses import replace

import pytest

from appealbridge.plugin.receiver import Burst
from appealbridge.plugin.registry import load
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.triggers.webhook.trigger import WebhookSource
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


CLOSING = """
alias: Closed
triggers: [{ trigger: webhook, webhook_id: incident-desk }]
actions:
  - { action: withdraw, reason: closed }
approval: none
"""
UNLIMITED = WebhookSource(secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
LIMITED = CLOSING + "burst: { deliveries: 9, within: 10m }\n"
POSTING = CLOSING.replace("withdraw, reason: closed", "tweet, channel: force_x, text: closed")


@pytest.mark.parametrize(
    ("recipe", "source", "noted"),
    [
        (CLOSING, UNLIMITED, True),
        (CLOSING, UNLIMITED.model_copy(update={"burst": Burst(events=9, within=600)}), False),
        (LIMITED, UNLIMITED, False),
        (POSTING, UNLIMITED, False),
    ],
)
def test_a_source_without_a_limit_that_may_take_down_everything_is_noted(recipe, source, noted):
    """A system that closes every case by mistake must not delete everything."""
    declared = {"webhook:incident-desk": source}
    real = replace(catalogue(declared=declared), registry=load())
    _, problems = load_recipe(recipe, "recipes/a.yaml", "a", real)
    assert not [problem.text() for problem in problems if problem.level != "note"]
    assert noted == any("has no burst" in problem.text() for problem in problems)
