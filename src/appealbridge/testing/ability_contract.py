"""
What a channel owes that can change its posts after they are published; each ability has a suite of its own.

    class TestToot(HttpChannelContract, RemovesContract, EditsContract):
        case = ChannelCase(channel=Mastodon(), ..., published=PublishedCase(...))

The suites are for platforms that speak HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from urllib.parse import unquote_plus

import pytest

from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.published import Standing
from appealbridge.testing.channel_case import (
    ChannelCase,
    PublishedCase,
    a_delivery,
    forms_of_the_planted_secret,
)
from appealbridge.testing.server import HANG_UP, TRUNCATE, ScriptedServer

STATUSES = [*range(200, 600)]

UNSEEN = (AccountRefused, LoginExpired, TryAgain, Unsure)
"""What a look may raise. None of them says that a post is gone."""

REFUSAL = [{"error": {"message": "no"}}]

BY_HAND = "Somebody wrote this on the platform itself."


async def outcomes_by_status(
    answer: Callable[[int], object], attempt: Callable[[], Awaitable[object]]
) -> dict[int, type[BaseException] | None]:
    """Return what comes of an attempt for each status; `answer` has the platform answer the next one with it."""
    outcomes: dict[int, type[BaseException] | None] = {}
    for status in STATUSES:
        answer(status)
        try:
            await attempt()
        except DeliveryError as error:
            outcomes[status] = type(error)
        else:
            outcomes[status] = None
    return outcomes


async def believed(
    platform: ScriptedServer, look: Callable[[], Awaitable[object]]
) -> dict[int, str]:
    """Return what a look makes of a page of HTML, by each status with which it believes that the platform answered."""
    wrong = {}
    for status in STATUSES:
        platform.answers((status, "<html>Not found</html>"))
        try:
            wrong[status] = repr(await look())
        except UNSEEN:
            continue
        except DeliveryError as error:
            wrong[status] = repr(error)
    return wrong


def meaning(status: int) -> type[DeliveryError] | None:
    """Return what a status means for a message that was to be created; `None` for done."""
    if status in (204, 304):
        return Unsure  # it has no body, so it tells nothing of what was made
    if 200 <= status < 300:
        return None
    surely_not_done = {401: LoginExpired, 425: TryAgain, 429: TryAgain, 503: TryAgain}
    if status in surely_not_done:
        return surely_not_done[status]
    if status in (301, 307, 308, 402, 403, 404, 405, 407, 410):
        return AccountRefused
    return Rejected if 400 <= status < 500 and status != 408 else Unsure


def meaning_of_change(status: int) -> type[DeliveryError] | None:
    """Return what a status means for a post that was to be changed or removed; `None` for done."""
    if status in (204, 304):
        return Unsure  # it has no body, so the platform does not say what it did
    if 200 <= status < 300:
        return None
    surely_not_done = {401: LoginExpired, 425: TryAgain, 429: TryAgain, 503: TryAgain}
    if status in surely_not_done:
        return surely_not_done[status]
    if status in (404, 410):
        return AlreadyGone
    if status in (301, 307, 308, 402, 403, 405, 407):
        return AccountRefused
    return Rejected if 400 <= status < 500 and status != 408 else Unsure


class AbilityContract:
    """What both suites need. It is inherited beside the contract of the channel, which has the fixtures."""

    case: ClassVar[ChannelCase]

    @property
    def channel(self) -> Any:
        """Return the channel, which has the ability."""
        return self.case.channel

    @property
    def post(self) -> PublishedCase:
        """Return what the platform answers about the published post."""
        published = self.case.published
        assert published is not None, "give the case `published`"
        return published

    async def look(self, platform: ScriptedServer, tools: Tools, *, swapped: bool = False) -> Any:
        """Look at the post once."""
        account = self.account(platform.url, swapped=swapped)
        return await self.channel.look(account, self.post.receipt, a_delivery(), tools)

    def account(self, url: str, *, swapped: bool = False) -> Any:
        """Return the account, or the one that took its place in the settings."""
        return self.case.account(url, **(self.post.swapped_options if swapped else {}))

    async def every_status(
        self, platform: ScriptedServer, good: Any, attempt: Callable[[], Awaitable[object]]
    ) -> dict[int, type[BaseException] | None]:
        """Return what comes of an attempt for each status."""
        return await outcomes_by_status(
            lambda status: platform.answers((status, good[1] if status < 300 else REFUSAL)), attempt
        )

    def wanted_outcomes(self) -> dict[int, type[DeliveryError] | None]:
        """Return what the table says, and what is special about the platform."""
        special = {
            status: expected for status, expected in self.case.special.items() if status >= 300
        }
        return {status: meaning_of_change(status) for status in STATUSES} | special

    async def tells_no_secret(
        self, platform: ScriptedServer, attempt: Callable[[], Awaitable[object]]
    ) -> None:
        """Fail if the error of a refusal that repeats the request has a secret in it."""
        platform.answers(lambda request: (400, f"{[*request.headers.items()]} {request.query}"))
        with pytest.raises(DeliveryError) as caught:
            await attempt()
        text = f"{caught.value} {caught.value!r}"
        assert not [form for form in forms_of_the_planted_secret() if form in text]

    # -- looking --------------------------------------------------------------------------------

    async def test_a_post_that_stands_is_seen_with_its_text(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Removals and edits are believed only after a look."""
        platform.answers(*self.post.standing(self.case.text()))
        standing: Standing = await self.look(platform, tools)
        assert standing.there
        assert standing.seen
        assert standing.text == self.case.text()

    async def test_a_post_that_is_gone_is_not_there(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """The platform says so in its own words."""
        platform.answers(*self.post.absent)
        standing: Standing = await self.look(platform, tools)
        assert (standing.there, standing.text) == (False, "")
        assert standing.seen

    async def test_only_the_platform_itself_can_say_that_a_post_is_gone(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """A proxy's error page or a wrong address must never count as a removal."""
        assert await believed(platform, lambda: self.look(platform, tools)) == {}

    @pytest.mark.parametrize("body", ["", "[]", "{}", "null", "7"])
    async def test_a_good_status_with_something_else_in_it_shows_nothing(
        self, platform: ScriptedServer, tools: Tools, body: str
    ) -> None:
        """Nobody knows what is there."""
        platform.answers((200, body))
        with pytest.raises(UNSEEN):
            await self.look(platform, tools)

    @pytest.mark.parametrize("spoilt", [HANG_UP, TRUNCATE], ids=["lost", "truncated"])
    async def test_a_lost_expectedto_a_look_is_try_again(
        self, platform: ScriptedServer, tools: Tools, spoilt: Any
    ) -> None:
        """A look changes nothing, so it can be repeated."""
        platform.answers(spoilt, spoilt)
        with pytest.raises(TryAgain):
            await self.look(platform, tools)

    async def test_no_look_tells_a_secret(self, platform: ScriptedServer, tools: Tools) -> None:
        """What was seen is stored and shown."""
        await self.tells_no_secret(platform, lambda: self.look(platform, tools))

    async def test_a_receipt_names_its_account_as_check_does(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Later it has to be known whether the login is still the one that published."""
        platform.answers(*self.post.check)
        name = await self.case.channel.check(self.account(platform.url), tools)
        assert name
        assert (await self.case.deliver(platform.url, tools)).account in ("", name)

    async def test_check_tells_a_swapped_account(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """To another account, a post may look as if it were gone."""
        platform.answers(*self.post.check, *self.post.swapped_check)
        check = self.case.channel.check
        own = await check(self.account(platform.url), tools)
        assert own != await check(self.account(platform.url, swapped=True), tools)


class RemovesContract(AbilityContract):
    """What a channel owes that can remove its posts."""

    async def remove(self, platform: ScriptedServer, tools: Tools, *, swapped: bool = False) -> Any:
        """Make one attempt to remove the post."""
        account = self.account(platform.url, swapped=swapped)
        return await self.channel.remove(account, self.post.receipt, a_delivery(), tools)

    async def test_removing_asks_for_this_post_and_says_what_came(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Once, and no other post."""
        platform.answers(self.post.removed)
        assert await self.remove(platform, tools)
        (request,) = platform.requests
        assert self.post.number in f"{request.path} {request.body!r}"

    async def test_removing_twice_finds_nothing_the_second_time(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """A platform that answers both times alike gives no `gone`; then the look is what tells."""
        platform.answers(self.post.removed)
        await self.remove(platform, tools)
        if self.post.gone is None:
            platform.answers(self.post.removed)
            await self.remove(platform, tools)
        else:
            platform.answers(self.post.gone)
            with pytest.raises(AlreadyGone):
                await self.remove(platform, tools)
        platform.answers(*self.post.absent)
        assert not (await self.look(platform, tools)).there

    async def test_a_removal_that_the_platform_only_claims_is_seen_through(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """The platform acknowledges it, and the post is still there."""
        platform.answers(self.post.removed, *self.post.standing(self.case.text()))
        await self.remove(platform, tools)
        assert (await self.look(platform, tools)).there

    async def test_a_removal_that_is_refused_is_not_done(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """The permission was lost since. It may be about this one post, so `sure` is False."""
        platform.answers(self.post.refused)
        with pytest.raises(AccountRefused) as caught:
            await self.remove(platform, tools)
        assert not caught.value.sure

    async def test_another_account_removes_nothing(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """It must not look like a success: somebody put another login into the settings."""
        platform.answers(self.post.swapped)
        with pytest.raises((AccountRefused, AlreadyGone, LoginExpired)):
            await self.remove(platform, tools, swapped=True)

    async def test_every_status_of_a_removal_means_what_the_table_says(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """One table for all, and only what is special about a platform differs from it."""
        outcomes = await self.every_status(
            platform, self.post.removed, lambda: self.remove(platform, tools)
        )
        assert outcomes == self.wanted_outcomes()

    @pytest.mark.parametrize("spoilt", [HANG_UP, TRUNCATE], ids=["lost", "truncated"])
    async def test_a_removal_without_a_whole_expectedis_unsure(
        self, platform: ScriptedServer, tools: Tools, spoilt: Any
    ) -> None:
        """It may be done, so a look has to tell."""
        platform.answers(spoilt)
        with pytest.raises(Unsure):
            await self.remove(platform, tools)

    @pytest.mark.parametrize("body", ["<html>Log in to the network</html>", "", "[]", "{}"])
    async def test_a_good_status_with_something_else_in_it_is_no_removal(
        self, platform: ScriptedServer, tools: Tools, body: str
    ) -> None:
        """Whoever answered, nobody knows what was done."""
        platform.answers((200, body))
        with pytest.raises(Unsure):
            await self.remove(platform, tools)

    async def test_no_removal_tells_a_secret(self, platform: ScriptedServer, tools: Tools) -> None:
        """Errors are stored, logged and shown."""
        await self.tells_no_secret(platform, lambda: self.remove(platform, tools))


class EditsContract(AbilityContract):
    """What a channel owes that can edit its posts."""

    @property
    def edited(self) -> Any:
        """Return the platform's answer to an edit."""
        assert self.post.edited is not None, "give the case's `published` the answer `edited`"
        return self.post.edited

    async def edit(self, platform: ScriptedServer, tools: Tools) -> Receipt:
        """Make one attempt to replace the post by the case's message."""
        receipt: Receipt = await self.channel.edit(
            self.account(platform.url), self.case.wanted(), self.post.receipt, a_delivery(), tools
        )
        return receipt

    async def test_an_edit_sends_the_whole_text_and_keeps_the_post(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Once, to this post; its id and address stay."""
        platform.answers(self.edited)
        receipt = await self.edit(platform, tools)
        assert (receipt.id, receipt.url) == (self.post.receipt.id, self.post.receipt.url)
        (request,) = platform.requests
        assert self.post.number in f"{request.path} {request.body!r}"
        assert self.case.wanted().text in unquote_plus(request.body.decode())

    async def test_an_edit_is_recognised_and_so_is_a_lost_one(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Edited to what is there already, or not edited although the platform said so."""
        channel, message = self.channel, self.case.wanted()
        earlier = message.model_copy(update={"text": "What was published before"})
        platform.answers(self.edited, *self.post.standing(self.case.text()))
        await self.edit(platform, tools)
        standing = await self.look(platform, tools)
        assert channel.shows(message, standing)
        assert not channel.shows(earlier, standing)
        platform.answers(self.edited, *self.post.standing(channel.shown_text(earlier)))
        await self.edit(platform, tools)
        standing = await self.look(platform, tools)
        assert channel.shows(earlier, standing)
        assert not channel.shows(message, standing)

    async def test_what_somebody_changed_by_hand_is_seen(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """It must not be overwritten without a person who has read it."""
        platform.answers(*self.post.standing(BY_HAND))
        standing = await self.look(platform, tools)
        assert standing.text == BY_HAND
        assert not self.channel.shows(self.case.wanted(), standing)

    async def test_a_post_that_is_gone_shows_nothing(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """An edit cannot bring it back."""
        platform.answers(*self.post.absent)
        standing = await self.look(platform, tools)
        assert not self.channel.shows(self.case.wanted(), standing)

    async def test_every_status_of_an_edit_means_what_the_table_says(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """One table for all, and only what is special about a platform differs from it."""
        outcomes = await self.every_status(
            platform, self.edited, lambda: self.edit(platform, tools)
        )
        assert outcomes == self.wanted_outcomes()

    @pytest.mark.parametrize("spoilt", [HANG_UP, TRUNCATE], ids=["lost", "truncated"])
    async def test_an_edit_without_a_whole_expectedis_unsure(
        self, platform: ScriptedServer, tools: Tools, spoilt: Any
    ) -> None:
        """It may be done, so a look has to tell."""
        platform.answers(spoilt)
        with pytest.raises(Unsure):
            await self.edit(platform, tools)

    @pytest.mark.parametrize("body", ["<html>Log in to the network</html>", "", "[]", "{}"])
    async def test_a_good_status_with_something_else_in_it_is_no_edit(
        self, platform: ScriptedServer, tools: Tools, body: str
    ) -> None:
        """Whoever answered, nobody knows what was done."""
        platform.answers((200, body))
        with pytest.raises(Unsure):
            await self.edit(platform, tools)

    async def test_no_edit_tells_a_secret(self, platform: ScriptedServer, tools: Tools) -> None:
        """Errors are stored, logged and shown."""
        await self.tells_no_secret(platform, lambda: self.edit(platform, tools))
