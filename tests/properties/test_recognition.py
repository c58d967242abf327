"""
A post whose answer was lost is known again on the platform that shows it in its own way, and no other is.

The practice platforms render as the real ones do; the texts are made of all that they rewrite.
"""

import asyncio
import random
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from appealbridge.channels.facebook.channel import Facebook
from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.channels.x.channel import X
from appealbridge.model.errors import Rejected, Unsure
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.recognition import canonical, letters
from appealbridge.practice.app import Sandbox
from appealbridge.practice.faults import FaultName
from appealbridge.testing.channel_case import a_delivery
from appealbridge.testing.clock import FakeClock
from appealbridge.testing.server import this_machine
from tests.properties.strategies import drawn

CHANNELS = {
    "x": (X(), {}),
    "facebook": (Facebook(), {"page_id": "100064500000001"}),
    "mastodon": (Mastodon(), {"api": "https://mastodon.example"}),
}

PIECES = st.sampled_from(
    [
        "Missing:", "Aisha, 14,", "last seen in", "Digbeth", "Ref 412", "call 101", "Smith & Sons", "<unit 4>",
        "AT&T", "&amp;", "&lt;b&gt;", "100%", "10%25", "a < b > c", '"quoted"', "it's", "it’s", "“so”", "– and —",
        "wait…", "wait...", "café", "cafe\u0301", "naïve", "Å", "ﬁre", "①", "½", "Ｍ６", "日本語のテキスト",
        "ગુજરાતી", "العربية", "שלום", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "🚧", ":police_car:", "12:30:45", "::",
        "#Missing", "#missing,", "#Missing2026", "#1", "#हिन्दी", "C#", "a#b", "#", "#_", "(#Tag)",
        "@desk", "@desk@police.example", "@Desk@Police.Example", "@desk@other.example", "@gone@nowhere.invalid",
        "press@police.example", "(@desk@police.example)", "@desk@police.example,", "@_x@a.example.", "@",
        "https://example.police.uk/a/412", "https://www.example.police.uk/news?a=1&b=2#part",
        "https://example.police.uk/a/very/long/path/that/is/cut/short/in/the/middle/of/it?and=more&so=on",
        "http://example.org", "https://example.org/", "https://example.org/a_(b)", "https://example.org/söme",
        "https://example.org/%C3%A9", "example.police.uk/appeals", "www.example.org", "(https://example.org/a).",
        "https://mastodon.example/@desk/1", "https://example.org/@desk@police.example/#tag", "https://", "a.b",
        "*bold*", "_it_", "[label](https://example.org/l)", "`code`", "> quote", "- item", "\\", "~", "|",
        "\u200b", "\u00a0", "\u2060", "\u00ad",
    ]
)  # fmt: skip
GAPS = st.sampled_from([" ", " ", " ", "  ", "\n", "\n\n", "\n\n\n", "\r\n", " \n ", "\t"])
TEXTS = st.lists(st.tuples(PIECES, GAPS), min_size=1, max_size=6).map(
    lambda parts: "".join(piece + gap for piece, gap in parts)
)


class Wire:
    """The practice platforms on a loop of their own, and a channel's way to them."""

    def __init__(self, runner):
        self.runner = runner
        self.number = 0

    async def open(self):
        self.clock = FakeClock()
        self.sandbox = await Sandbox(clock=self.clock).__aenter__()
        self.session = open_session(policy=this_machine)

    async def close(self):
        await self.session.close()
        await self.sandbox.__aexit__(None, None, None)

    def account(self, platform):
        channel, options = CHANNELS[platform]
        self.number += 1  # one of its own for each example, so that none sees another's posts
        values = (
            {**options, "page_id": str(10**9 + self.number)} if platform == "facebook" else options
        )
        return channel.account(**channel.practice(f"a{self.number}", values, self.sandbox.url))

    async def put(self, platform, account, text, fault=None, **more):
        channel, _ = CHANNELS[platform]
        message = channel.message(text=text, **more)
        self.number += 1
        now = self.clock.now()
        delivery = a_delivery(id=f"d{self.number}", first_begun_at=now, planned_at=now)
        http = Http(self.session, str, now=self.clock.now)
        tools = Tools(http, self.clock.now(), random.Random(0))
        if fault is not None:
            self.sandbox.faults.add(platform, FaultName(fault), 1, None)
        try:
            return await channel.deliver(account, message, delivery, tools)
        except Unsure:
            return await channel.find(account, message, delivery, tools)
        finally:
            self.sandbox.faults.clear()


@pytest.fixture(scope="module")
def wire():
    with asyncio.Runner() as runner:
        wire = Wire(runner)
        runner.run(wire.open())
        yield wire
        runner.run(wire.close())


def could_be_taken_for(first, other):
    """Whether two texts say the same to a reader, or nothing but what platforms put in another way."""
    return letters(first) == letters(other) or canonical(first) == canonical(other)


@pytest.mark.parametrize("platform", list(CHANNELS))
@given(text=TEXTS, other=TEXTS)
@example(text="Missing @desk@police.example https://example.org/a", other="Missing")
@example(text="Found &amp;amp; well", other="Found & ill")
@example(text="@desk@police.example", other="@desk@other.example")
@example(text="@gone@nowhere.invalid\nhttps://example.police.uk/a/412", other="Missing")
@drawn(150)
def test_what_was_published_without_an_answer_is_found_and_nothing_else(
    wire, platform, text, other
):
    assume(text.strip() and other.strip())

    async def lost():
        account = wire.account(platform)
        try:
            before = await wire.put(platform, account, other)
            sought = await wire.put(platform, account, text, "post_then_reset")
        except Rejected:
            return None  # nothing that this platform takes
        return before, sought

    output = wire.runner.run(lost())
    assume(output is not None)
    before, sought = output
    if could_be_taken_for(text, other):
        assert sought.receipt is not None or not sought.sure
    else:
        assert sought.receipt is not None, sought.seen
        assert sought.receipt.id != before.id


@pytest.mark.parametrize("platform", list(CHANNELS))
@given(text=TEXTS, other=TEXTS)
@drawn(100)
def test_what_was_not_published_is_absent_whatever_else_stands_there(wire, platform, text, other):
    assume(text.strip() and other.strip() and not could_be_taken_for(text, other))

    async def lost():
        account = wire.account(platform)
        try:
            await wire.put(platform, account, other)
            return await wire.put(platform, account, text, "html")
        except Rejected:
            return None

    sought = wire.runner.run(lost())
    assume(sought is not None)
    assert (sought.receipt, sought.sure) == (None, True), sought.seen


@pytest.mark.parametrize("platform", ["mastodon"])
@given(text=TEXTS, warning=TEXTS)
@drawn(30)
def test_a_warning_before_it_is_part_of_a_post(wire, platform, text, warning):
    assume(text.strip() and warning.strip())

    async def lost():
        account = wire.account(platform)
        try:
            return await wire.put(platform, account, text, "post_then_500", spoiler_text=warning)
        except Rejected:
            return None

    sought = wire.runner.run(lost())
    assume(sought is not None)
    assert sought.receipt is not None, sought.seen


@given(text=TEXTS, form=st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
@drawn(200)
def test_no_normal_form_makes_another_text(text, form):
    assert canonical(unicodedata.normalize(form, text)) == canonical(text)
