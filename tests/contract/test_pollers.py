"""The built-in triggers that poll are held to the contract that third parties' triggers are held to."""

from appealbridge.plugin import Poller
from appealbridge.plugin.registry import load
from appealbridge.testing import PLANTED, PollerCase, PollerContract
from appealbridge.triggers.appeal.trigger import AppealTrigger
from appealbridge.triggers.feed.trigger import Feed

ITEM = "<item><title>{0}</title><guid>{0}</guid><link>https://a.example/{0}</link></item>"
LISTING = f"<rss version='2.0'><channel>{ITEM.format('one')}{ITEM.format('two')}</channel></rss>"


class TestFeed(PollerContract):
    case = PollerCase(
        trigger=Feed(),
        listing=(200, LISTING),
        options={"feed": "news"},
        secrets={"credentials": {"username": "press", "password": PLANTED}},
    )


def test_no_built_in_trigger_that_polls_over_http_escapes():
    polling = {
        type(trigger)
        for trigger in load(third_party=False).triggers.values()
        if isinstance(trigger, Poller)
    }
    held = {type(suite.case.trigger) for suite in PollerContract.__subclasses__()}
    assert polling - held == {AppealTrigger}  # it reads a folder
