"""The channels themselves remove and edit posts on the practice platforms, as they will on the real ones."""

import asyncio
import random
from dataclasses import replace

import pytest

from appealbridge.channels.facebook.channel import Facebook
from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.channels.wordpress.channel import WordPress
from appealbridge.channels.x.channel import X
from appealbridge.model.errors import AccountRefused, AlreadyGone, Rejected, Unsure
from appealbridge.plugin import Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.channel_case import a_delivery
from appealbridge.testing.server import this_machine

TEXT = "MISSING: Aisha & Ben, 14 https://example.police.uk/a/412"
CORRECTED = "MISSING: Aisha & Ben, 15 https://example.police.uk/a/412"
CHANNELS = [X(), Facebook(), Mastodon(), WordPress()]
EDITORS = [Facebook(), Mastodon(), WordPress()]


class Published:
    """A post on a practice platform, and what its channel can do with it."""

    def __init__(self, channel, sandbox, tools, clock):
        self.channel, self.sandbox, self.tools, self.clock = channel, sandbox, tools, clock
        self.account = self.account_of("force")
        self.receipt = None

    def account_of(self, name, **options):
        own = {"page_id": "123456"} if self.channel.platform == "facebook" else {}
        result = self.channel.practice(name, {**own, **options}, self.sandbox.url)
        return self.channel.account.model_validate(result)

    def message(self, text=TEXT, **more):
        return self.channel.message.model_validate({"text": text, **more})

    async def publish(self, text=TEXT, **more):
        message = self.message(text, **more)
        self.receipt = await self.channel.deliver(self.account, message, a_delivery(), self.tools)

    async def remove(self, account=None):
        return await self.channel.remove(
            account or self.account, self.receipt, a_delivery(), self.tools
        )

    async def edit(self, text=CORRECTED, **more):
        return await self.channel.edit(
            self.account, self.message(text, **more), self.receipt, a_delivery(), self.tools
        )

    async def look(self, account=None):
        return await self.channel.look(
            account or self.account, self.receipt, a_delivery(), self.tools
        )

    async def shows(self, text, **more):
        return self.channel.shows(self.message(text, **more), await self.look())


@pytest.fixture
async def tools():
    async with open_session(policy=this_machine) as session:
        http = Http(session, str, now=lambda: 1_790_000_000.0, timeout=5.0)
        yield Tools(http, 1_790_000_000.0, random.Random(1))


@pytest.fixture(params=CHANNELS, ids=lambda channel: channel.platform)
async def post(request, sandbox, tools, clock):
    published = Published(request.param, sandbox, tools, clock)
    await published.publish()
    return published


@pytest.fixture(params=EDITORS, ids=lambda channel: channel.platform)
async def editable(request, sandbox, tools, clock):
    published = Published(request.param, sandbox, tools, clock)
    await published.publish()
    return published


async def test_a_post_is_there_with_its_text_until_it_is_removed(post, call):
    assert (await post.look()).there
    assert await post.remove()
    assert not (await post.look()).there
    assert (await call.posts())[0]["deleted_at"]


async def test_removing_twice_is_already_gone_except_on_x_which_says_so_of_both(post):
    await post.remove()
    if post.channel.platform == "x":
        await post.remove()
    else:
        with pytest.raises(AlreadyGone):
            await post.remove()
    assert not (await post.look()).there


async def test_a_delete_that_lies_is_seen_through(post, call):
    await call.fault(post.channel.platform, "delete_lies")
    await post.remove()
    assert (await post.look()).there
    await post.remove()
    assert not (await post.look()).there


async def test_a_slow_delete_happens_later(post, call, sandbox):
    began, gate = [], asyncio.Event()

    async def held(seconds):
        began.append(seconds)
        await gate.wait()

    sandbox.clock.sleep = held
    await call.fault(post.channel.platform, "delete_slow", seconds=90)
    await post.remove()
    assert (await post.look()).there
    assert began == [90]
    gate.set()
    assert not (await post.look()).there


async def test_a_lost_permission_is_about_the_account_perhaps_only_for_this_post(post, call):
    await call.fault(post.channel.platform, "delete_403")
    with pytest.raises(AccountRefused) as caught:
        await post.remove()
    assert not caught.value.sure
    assert (await post.look()).there


async def test_a_lost_answer_to_a_delete_is_unsure_and_the_look_tells(post, call):
    await call.fault(post.channel.platform, "post_then_reset")
    with pytest.raises(Unsure):
        await post.remove()
    assert not (await post.look()).there


async def test_another_account_removes_nothing(post, call):
    swapped = {"page_id": "654321"} if post.channel.platform == "facebook" else {}
    other = post.account_of("other", **swapped)
    with pytest.raises((AccountRefused, AlreadyGone)):
        await post.remove(other)
    assert (await call.posts())[0]["deleted_at"] is None
    own = await post.channel.check(post.account, post.tools)
    assert own != await post.channel.check(other, post.tools)
    assert post.receipt.account in ("", own)


async def test_mastodon_says_whose_post_it_is(sandbox, tools, clock):
    post = Published(Mastodon(), sandbox, tools, clock)
    await post.publish()
    assert post.receipt.account == await post.channel.check(post.account, tools)
    assert post.receipt.account.startswith("@force@127.0.0.1:")


async def test_an_edit_keeps_the_post_and_its_address(editable, call):
    assert await editable.shows(TEXT)
    receipt = await editable.edit()
    assert (receipt.id, receipt.url) == (editable.receipt.id, editable.receipt.url)
    assert await editable.shows(CORRECTED)
    assert not await editable.shows(TEXT)
    (post,) = await call.posts()
    assert (post["text"], [edit["text"] for edit in post["edits"]]) == (CORRECTED, [TEXT])


async def test_an_edit_to_what_is_there_already_changes_nothing(editable, call):
    await editable.edit(TEXT)
    assert await editable.shows(TEXT)
    assert (await call.posts())[0]["edits"] == []


async def test_an_edit_that_is_refused_is_refused_for_good(editable, call):
    await call.fault(editable.channel.platform, "edit_refused")
    with pytest.raises(Rejected):
        await editable.edit()
    assert await editable.shows(TEXT)


async def test_an_edit_whose_answer_is_lost_is_unsure_and_the_look_tells(editable, call):
    await call.fault(editable.channel.platform, "post_then_500")
    with pytest.raises(Unsure):
        await editable.edit()
    assert await editable.shows(CORRECTED)


async def test_what_somebody_changed_by_hand_is_seen(editable, call):
    await call.fault(editable.channel.platform, "edited_by_hand")
    standing = await editable.look()
    assert standing.text.endswith("(changed by hand)")
    assert not editable.channel.shows(editable.message(), standing)


async def test_an_edit_of_a_post_that_is_gone_does_not_bring_it_back(editable, call):
    await editable.remove()
    with pytest.raises(AlreadyGone):
        await editable.edit()
    assert (await call.posts())[0]["deleted_at"]
    assert not (await editable.look()).there


async def test_mastodon_keeps_the_warning_that_an_edit_says_again(sandbox, tools, clock, call):
    post = Published(Mastodon(), sandbox, tools, clock)
    await post.publish(spoiler_text="Upsetting")
    await post.edit(spoiler_text="Upsetting")
    assert await post.shows(CORRECTED, spoiler_text="Upsetting")
    await post.edit()
    assert (await call.posts())[0]["spoiler_text"] == ""
    assert await post.shows(CORRECTED)


async def test_facebook_does_not_call_a_post_gone_that_the_token_may_not_see(
    sandbox, tools, clock, call
):
    post = Published(Facebook(), sandbox, tools, clock)
    await post.publish()
    post.receipt = replace(post.receipt, id=f"{post.receipt.id}9")
    assert not (await post.look()).there
    await call.fault("facebook", "read_only", seconds=60)
    with pytest.raises(AccountRefused):
        await post.look()


@pytest.mark.parametrize(
    "text",
    [
        "MISSING <b>: A\u0308isha, 14 😷\n\n\nhttps://example.police.uk/a?x=1&y=2 or www.gov.uk/help #Missing ",
        "Thanks to @fire@other.example and @nobody@none.invalid — “all safe”",
        "&amp; &lt;b&gt; %20 https://bücher.example/straße",
    ],
    ids=["markup", "mentions", "escapes"],
)
async def test_what_platforms_do_to_a_text_is_not_taken_for_an_edit_by_hand(editable, text, call):
    await editable.edit(text)
    assert await editable.shows(text)
    await editable.edit(text)
    assert len((await call.posts())[0]["edits"]) == 1
