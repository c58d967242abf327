"""
A plug-in that hangs: its time is bounded, its place is given back, and a person can call it off.

And one that says of its account what is true of one message only.
"""

import asyncio

import pytest

from appealbridge.plugin import (
    Account,
    AccountRefused,
    Address,
    Channel,
    Field,
    LoginExpired,
    Options,
    Receipt,
    Registry,
    Repeat,
    SearchResult,
)
from appealbridge.plugin import registry as plugins
from appealbridge.triggers.appeal.trigger import AppealTrigger
from tests.stories import staging

SIGN = """
alias: Incident, on the sign
triggers: [{ trigger: webhook, webhook_id: desk }]
actions: [{ action: show, channel: sign, text: "{{ event.data.text }}" }]
approval: none
"""
APPEAL = """
alias: Appeal, on the sign
triggers: [{ trigger: appeal, status: open }]
actions: [{ action: show, channel: sign, text: "{{ appeal.title }}" }]
approval: none
"""
CHANNELS = staging.CHANNELS + "sign: { platform: sign, concurrency: 1, repeat_after: 30s }\n"


class SignAccount(Account):
    """A road sign."""

    api: Address = Field("http://127.0.0.1:9", description="Where.", examples=["http://a.example"])


class Words(Options):
    """What it shows."""

    text: str = Field(description="The words.", examples=["Closed"])


class Sign(Channel[SignAccount, Words]):
    """Hangs in whatever it is told to hang in, and may not even let itself be cancelled."""

    platform = "sign"
    action = "show"
    account = SignAccount
    message = Words
    repeat = Repeat.FINDABLE
    time_limit = 60.0

    def __init__(self):
        self.hangs = set()
        self.stubborn = False
        self.shown = []
        self.refused = set()
        self.unreadable = False
        self.looks = 0

    async def _does(self, what):
        while what in self.hangs:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise

    async def deliver(self, account, message, delivery, tools):
        await self._does("deliver")
        if message.text in self.refused:
            raise AccountRefused("403 You may not do this", sure=False, status=403)
        self.shown.append(message.text)
        return Receipt(str(len(self.shown)))

    async def find(self, account, message, delivery, tools):
        self.looks += 1
        await self._does("find")
        if self.unreadable:
            raise AccountRefused("403 You may not read this", status=403)
        number = self.shown.index(message.text) + 1 if message.text in self.shown else 0
        return SearchResult(
            Receipt(str(number)) if number else None, sure=True, seen="looked at the sign"
        )

    async def check(self, account, tools):
        await self._does("check")
        return "sign"


class Appeals(AppealTrigger):
    """Looks at a folder, and hangs for as long as `hangs` says so."""

    hangs = True

    async def poll(self, source, cursor, tools):
        if self.hangs:
            await asyncio.Event().wait()
        return await super().poll(source, cursor, tools)


@pytest.fixture
def sign(monkeypatch):
    whole, registry, single = plugins.load(), Registry(), Sign()
    triggers = {**whole.triggers, "appeal": Appeals()}
    for plugin in [*whole.channels.values(), *triggers.values(), single]:
        registry.add(plugin)
    monkeypatch.setattr("appealbridge.daemon.assembly.load_plugins", lambda: registry)
    yield single
    single.hangs.clear()
    single.stubborn = False


@pytest.fixture
def appeals(sign, monkeypatch):
    monkeypatch.setattr(Appeals, "hangs", True)
    return Appeals


@pytest.mark.parametrize("stubborn", [False, True])
async def test_an_attempt_that_hangs_is_given_up_looked_into_and_made_again(story, sign, stubborn):
    sign.hangs, sign.stubborn = {"deliver"}, stubborn
    await story.begins({"sign": SIGN}, CHANNELS)
    await story.receives("M6 closed")
    await story.receives("A38 closed")
    (unsure,) = await story.until(lambda: story.logged("unsure"), passing=1)
    assert "it did not end within 60 seconds; it may be published" in unsure["reason"]
    sign.hangs = set()
    await story.state(2, "delivered", passing=1)
    assert sorted(sign.shown) == ["A38 closed", "M6 closed"]
    assert sign.looks >= 2


async def test_a_look_that_hangs_is_given_up_and_made_again(story, sign):
    sign.hangs = {"deliver", "find"}
    await story.begins({"sign": SIGN}, CHANNELS)
    await story.receives("M6 closed")
    await story.until(lambda: sign.looks == 2, passing=1)
    sign.hangs = set()
    (delivery,) = await story.state(1, "delivered", passing=1)
    _, answer = await story.asks("GET", f"/deliveries/{delivery['number']}")
    assert any("the search was ended" in (each["detail"] or "") for each in answer["history"])


async def test_an_attempt_that_hangs_can_be_called_off(story, sign):
    sign.hangs, sign.stubborn = {"deliver"}, True
    await story.begins({"sign": SIGN}, CHANNELS)
    await story.receives("M6 closed")
    await story.until(lambda: story.deliveries(state="sending"))
    await story.receives("A38 closed")
    first, _ = await story.deliveries()
    status, answer = await story.asks("POST", f"/deliveries/{first['number']}/cancel?reason=wrong")
    assert (status, answer["state"]) == (200, "cancelled"), answer
    assert answer["reason"] == "wrong; it may be published all the same, so check the account"
    sign.hangs = set()
    await story.until(lambda: sign.shown == ["A38 closed"], passing=1)


async def test_what_is_being_looked_for_can_be_called_off(story, sign):
    sign.hangs = {"deliver"}
    await story.begins({"sign": SIGN}, CHANNELS)
    await story.receives("M6 closed")
    (delivery,) = await story.state(1, "unknown", passing=1)
    status, answer = await story.asks("POST", f"/deliveries/{delivery['number']}/cancel")
    assert (status, answer["state"]) == (200, "cancelled"), answer
    await story.clock.passes(minutes=10)
    await story.settles()
    assert sign.shown == []


async def test_a_login_whose_trial_hangs_is_tried_again(story, sign):
    await story.begins({"sign": SIGN}, CHANNELS)
    lane = story.bridge.engine.lanes["sign"]
    sign.hangs = {"check"}
    lane.on_result(LoginExpired("401"), story.clock.now())
    await story.receives("M6 closed")
    text = "could not be tested: it did not end within 60 seconds"
    await story.until(lambda: text in lane.health.reason, passing=1)
    sign.hangs = set()
    await story.until(lambda: sign.shown == ["M6 closed"], passing=5)


async def test_a_source_whose_look_hangs_is_down_and_looked_at_again(story, appeals):
    await story.begins({"sign": SIGN, "appeal": APPEAL}, CHANNELS)
    (down,) = await story.until(lambda: story.logged("source_down"), passing=30)
    assert "the poll was ended: it did not end within 900 seconds" in down["reason"]
    appeals.hangs = False
    await story.until(lambda: story.logged("source_back"), passing=10)


async def test_one_message_that_is_refused_while_others_go_out_fails_in_the_platforms_words(
    story, sign
):
    """A 403 that could be about one message only holds the others up for no more than a moment."""
    sign.refused = {"Strange"}
    await story.begins({"sign": SIGN}, CHANNELS)
    lane = story.bridge.engine.lanes["sign"]
    await story.receives("Strange")
    await story.until(lambda: lane.health.condition == "refused", passing=0.1)
    begun = story.clock.now()
    for number in range(3):
        await story.receives(f"Road {number} closed")
    await story.until(lambda: len(sign.shown) == 3, passing=0.5)
    assert story.clock.now() - begun < 10
    (failed,) = await story.until(lambda: story.deliveries(state="failed"), passing=0.5)
    assert (failed["content"]["text"], failed["reason"]) == ("Strange", "403 You may not do this")
    assert not [line for line in story.logged("alarm") if line["kind"] == "channel.refused"]


async def test_the_only_message_there_is_is_not_given_up_for_its_account(story, sign):
    sign.refused = {"M6 closed"}
    await story.begins({"sign": SIGN}, CHANNELS)
    await story.receives("M6 closed")
    await story.clock.passes(hours=3, step=600)
    await story.settles()
    (waiting,) = await story.deliveries()
    assert waiting["state"] == "ready"
    sign.refused = set()
    await story.until(lambda: sign.shown == ["M6 closed"], passing=20)


async def test_an_account_that_may_publish_and_not_read_leaves_it_to_a_person_after_a_while(
    story, sign
):
    """Some of X's plans are such; an account that is suspended for a minute is not."""
    sign.hangs, sign.unreadable = {"deliver"}, True
    await story.begins({"sign": SIGN}, CHANNELS)
    await story.receives("M6 closed")
    await story.until(lambda: sign.looks == 3, passing=1)
    (delivery,) = await story.deliveries()
    assert delivery["state"] == "unknown"
    (held,) = await story.state(1, "held", passing=5)
    assert held["hold"] == "unknown"
    assert "403 You may not read this" in held["reason"]
    assert story.bridge.engine.lanes["sign"].health.condition == "working"
