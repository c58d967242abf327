"""The real channels against the practice platforms: what was posted unseen is found, what was not is not."""

import random
import time

import pytest

from appealbridge.channels.bluesky.channel import Bluesky
from appealbridge.channels.facebook.channel import Facebook
from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.channels.wordpress.channel import WordPress
from appealbridge.channels.x.channel import X
from appealbridge.plugin import Tools, TryAgain, Unsure
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.practice.app import Sandbox
from appealbridge.practice.faults import FaultName
from appealbridge.testing.channel_case import a_delivery
from appealbridge.testing.server import this_machine

TEXT = (
    "MISSING from Digbeth & Deritend <b>: Aïsha, 14 😷\n\n"
    "https://example.police.uk/a?x=1&y=2 or www.gov.uk/help, not @me@other.example #Missing"
)
CHANNELS = {
    "x": (X(), {}),
    "facebook": (Facebook(), {"page_id": "123456"}),
    "mastodon": (Mastodon(), {}),
    "bluesky": (Bluesky(), {"handle": "force.police.uk"}),
    "wordpress": (WordPress(), {}),
}
POSTED = ["post_then_reset", "post_then_500", "post_then_hang", "truncated"]
NOT_POSTED = ["refuse", "html"]
# On WordPress these meet the search before the post, which is harmless; see tests/unit/practice/test_wordpress.py.
MEETS_THE_SEARCH = {("wordpress", "truncated"), ("wordpress", "refuse")}


def cases(faults):
    pairs = [(platform, fault) for platform in CHANNELS for fault in faults]
    return [pair for pair in pairs if pair not in MEETS_THE_SEARCH]


@pytest.fixture
async def sandbox():
    async with Sandbox() as sandbox:
        yield sandbox


async def attempt(sandbox, platform, fault):
    """Make one attempt under a fault that leaves it open what was done; return what a search says then."""
    channel, options = CHANNELS[platform]
    account = channel.account(**channel.practice("force", options, sandbox.url))
    message = channel.message(text=TEXT)
    now = time.time()
    delivery = a_delivery(planned_at=now, first_begun_at=now)
    async with open_session(policy=this_machine) as session:
        http = Http(session, str, now=time.time, timeout=1.0)
        tools = Tools(http, now, random.Random())
        await channel.check(account, tools)  # it is logged in before the fault
        sandbox.faults.add(platform, FaultName(fault), 1, None)
        # WordPress is asked first whether the post is there, and a question may be put again.
        with pytest.raises((Unsure, TryAgain) if fault in NOT_POSTED else Unsure):
            await channel.deliver(account, message, delivery, tools)
        return await channel.find(account, message, delivery, tools)


@pytest.mark.parametrize(("platform", "fault"), cases(POSTED))
async def test_what_was_posted_unseen_is_found(sandbox, platform, fault):
    sought = await attempt(sandbox, platform, fault)
    posts = [post for post in sandbox.shelf.everything() if post.platform == platform]
    assert [post.id for post in posts] == [sought.receipt.id]


@pytest.mark.parametrize(("platform", "fault"), cases(NOT_POSTED))
async def test_what_was_not_posted_is_surely_absent(sandbox, platform, fault):
    sought = await attempt(sandbox, platform, fault)
    assert (sought.receipt, sought.sure) == (None, True)
