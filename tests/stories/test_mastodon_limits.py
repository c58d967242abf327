"""A server's own limits count as soon as the daemon has asked for them."""

import json

from appealbridge.channels.mastodon.instance import INSTANCES
from appealbridge.practice import mastodon

RECIPE = """
alias: A long post
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: mastodon_post
    channel: force_mastodon
    text: "{{ event.data.text }}"
approval: none
"""


async def test_a_text_that_the_server_allows_goes_out_whole(story, monkeypatch):
    monkeypatch.setattr(INSTANCES, "_known", {})
    monkeypatch.setattr(mastodon, "_LONGEST", 700)
    await story.begins({"long": RECIPE})
    text = "seen " * 130
    await story.is_sent(json.dumps({"type": "appeal", "subject": "1", "text": text}).encode(), "1")
    await story.state(1, "delivered")
    (post,) = story.sandbox.shelf.everything()
    assert post.text.strip() == text.strip()
