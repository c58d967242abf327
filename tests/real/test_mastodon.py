"""Mastodon as others built it: mastodon-mock takes our posts, and Mastodon.py reads them."""

import asyncio
import json

import pytest

from tests.real.house import command, house
from tests.real.losing import Losing
from tests.real.servers import HERE, free_port, install, output_of, running
from tests.stories.processes import until

CHANNELS = """
force_mastodon:
  platform: mastodon
  api: {url}
  credentials: {{ access_token: !secret mastodon_token }}
"""
TOKEN = "mock_token"
TOOT = """
alias: Incident
triggers: [{ trigger: webhook, webhook_id: desk }]
actions: [{ action: mastodon_post, channel: force_mastodon, text: "{{ event.data.text }}" }]
approval: none
"""
EVENT = {
    "type": "incident",
    "subject": "M6",
    "text": "M6 closed <both ways> & slow\n\nUse the A38.",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A mastodon-mock: its address, and a function that reads the account's posts."""
    folder, port = install("mastodon"), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [folder / "bin/mastodon_mock", "serve", "--in-memory", "--port", str(port)]

    def read():
        return json.loads(output_of([folder / "bin/python", HERE / "mastodon/read.py", url, TOKEN]))

    with running(command, port, tmp_path_factory.mktemp("mastodon") / "log"):
        yield url, read


async def test_a_post_whose_answer_is_lost_is_published_once_and_removed_for_good(server, tmp_path):
    url, read = server
    async with Losing(url) as way:
        channels = CHANNELS.format(url=way.url)
        async with house(
            tmp_path / "stage", channels, {"toot": TOOT}, mastodon_token=TOKEN
        ) as force:
            way.lose("/statuses")
            await force.receives("msg_1", EVENT)
            (delivery,) = await force.has(1, "delivered")
            assert way.lost == ["/api/v1/statuses"]
            (post,) = read()
            assert "M6 closed &lt;both ways&gt; &amp; slow" in post["content"]
            assert delivery["receipt"]["id"] == post["id"]
            await command(force, "withdraw", "M6", "--reason", "Reopened")

            async def is_gone():
                return await asyncio.to_thread(read) == []

            await until(is_gone, "the removal")


PICTURED = """
alias: Appeal
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'correction' }}"
    then:
      - action: amend
        of: toot
        text: "{{ event.data.text }}"
        images: [{ file: blue.jpg, alt: A blue coat }]
    else:
      - action: mastodon_post
        id: toot
        channel: force_mastodon
        text: "{{ event.data.text }}"
        images: [{ file: red.png, alt: A red coat }, { file: blue.jpg, alt: The station }]
approval: none
"""


async def test_a_post_has_its_pictures_with_their_descriptions_once(server, tmp_path):
    url, read = server
    event = {"type": "appeal", "subject": "MP-1", "text": "Missing: Aisha"}
    async with Losing(url) as way:
        channels = CHANNELS.format(url=way.url)
        recipes = {"toot": PICTURED}
        async with house(tmp_path / "stage", channels, recipes, mastodon_token=TOKEN) as force:
            way.lose("/media")
            way.lose("/statuses")
            await force.receives("msg_1", event)
            await force.has(1, "delivered")
            assert len(way.lost) == 2
            (post,) = read()
            assert post["pictures"] == ["A red coat", "The station"]
            way.lose("/statuses/")
            correction = {**event, "type": "correction", "text": "Missing: Aisha, 14"}
            await force.receives("msg_2", correction)
            await force.has(2, "delivered")
            (corrected,) = read()
            assert (corrected["id"], "Aisha, 14" in corrected["content"]) == (post["id"], True)
            # mastodon-mock takes the new picture, but an edit leaves a post's pictures as they are.
            assert len(way.requests_for("/media")) == 4
            assert way.lost[2:] == [f"/api/v1/statuses/{post['id']}"]
            await command(force, "withdraw", "MP-1", "--reason", "Found")

            async def is_gone():
                return await asyncio.to_thread(read) == []

            await until(is_gone, "the removal")
