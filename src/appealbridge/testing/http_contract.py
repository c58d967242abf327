"""What every channel owes whose platform speaks HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any

import pytest

from appealbridge.model.errors import (
    DeliveryError,
    TryAgain,
    Unsure,
)
from appealbridge.plugin.channel import Tools
from appealbridge.testing.ability_contract import (
    REFUSAL,
    STATUSES,
    meaning,
    outcomes_by_status,
)
from appealbridge.testing.channel_case import PLANTED, forms_of_the_planted_secret
from appealbridge.testing.channel_contract import ChannelContract
from appealbridge.testing.server import DAWDLE, HANG_UP, TRUNCATE, ScriptedServer


class HttpChannelContract(ChannelContract):
    """The common contract, and what HTTP adds to it."""

    @pytest.fixture
    async def platform(self) -> AsyncIterator[ScriptedServer]:
        """Start the platform's server; left alone, it answers that all is well."""
        async with ScriptedServer(self.case.receipt, aside=self.case.aside) as server:
            yield server

    def loses_the_answer(self, platform: ScriptedServer) -> None:
        """Hang up instead of answering."""
        platform.answers(HANG_UP)

    async def dawdles(self, platform: ScriptedServer) -> None:
        """Say nothing."""
        platform.answers(DAWDLE)
        await platform.hears(1)

    def repeats_what_it_heard(self, platform: ScriptedServer) -> None:
        """Answer 400 with everything."""
        platform.answers(
            lambda request: (
                400,
                f"{[*request.headers.items()]} {request.path} {request.query} {request.body!r}",
            )
        )

    async def test_every_status_means_what_the_table_says(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """One table for all, and only what is special about a platform differs from it."""
        _, *good = self.case.receipt
        outcomes = await outcomes_by_status(
            lambda status: platform.answers((status, *(good if status < 300 else REFUSAL))),
            lambda: self.case.deliver(platform.url, tools),
        )
        assert outcomes == {status: meaning(status) for status in STATUSES} | dict(
            self.case.special
        )

    @pytest.mark.parametrize("status", [429, 503])
    async def test_retry_after_in_seconds_is_handed_on(
        self, platform: ScriptedServer, tools: Tools, status: int
    ) -> None:
        """The platform knows best when it wants to see us again."""
        platform.answers((status, {}, {"Retry-After": "7"}))
        with pytest.raises(TryAgain) as caught:
            await self.case.deliver(platform.url, tools)
        assert (caught.value.after, caught.value.throttled) == (7.0, status == 429)

    async def test_retry_after_as_a_date_is_reckoned_from_the_answers_own(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Whose clock differs from ours by an hour may still say `in a minute`."""
        headers = {
            "Retry-After": formatdate(60_060, usegmt=True),
            "Date": formatdate(60_000, usegmt=True),
        }
        platform.answers((503, {}, headers))
        with pytest.raises(TryAgain) as caught:
            await self.case.deliver(platform.url, tools)
        assert caught.value.after == 60.0

    @pytest.mark.parametrize(
        "body", ["<html>Welcome to the hotel's network</html>", "", "[]", "{}"]
    )
    async def test_a_good_status_with_something_else_in_it_is_unsure(
        self, platform: ScriptedServer, tools: Tools, body: str
    ) -> None:
        """Whoever answered, nobody knows what was made."""
        platform.answers((200, body))
        with pytest.raises(Unsure):
            await self.case.deliver(platform.url, tools)

    @pytest.mark.parametrize("name", ["id", "url", "permalink_url", "uri"])
    async def test_no_receipt_tells_a_secret(
        self, platform: ScriptedServer, tools: Tools, name: str
    ) -> None:
        """Receipts are stored and shown; some platforms repeat in them what they were sent."""
        status, body, *headers = self.case.receipt
        platform.answers((status, _with(body, name, f"https://a.example/{PLANTED}"), *headers))
        try:
            text = repr(await self.case.deliver(platform.url, tools))
        except DeliveryError as error:
            assert isinstance(error, Unsure)  # noqa: PT017 - either outcome is right
            text = str(error)
        assert not [form for form in forms_of_the_planted_secret() if form in text]

    async def test_a_truncated_answer_is_unsure(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """Its beginning was good; its end is missing."""
        platform.answers(TRUNCATE)
        with pytest.raises(Unsure):
            await self.case.deliver(platform.url, tools)

    async def test_every_answer_is_read_to_its_end(
        self, platform: ScriptedServer, tools: Tools
    ) -> None:
        """What is left unread costs the connection."""
        platform.answers((400, {"error": {"message": "no " * 100_000}}))
        with pytest.raises(DeliveryError):
            await self.case.deliver(platform.url, tools)
        await self.case.deliver(platform.url, tools)
        first, second = platform.requests
        assert first.connection == second.connection


def _with(body: Any, name: str, value: str) -> Any:
    """Return a platform's good answer with another value under a name, wherever the name may stand."""
    if not isinstance(body, dict):
        return body
    return {**{key: _with(inner, name, value) for key, inner in body.items()}, name: value}
