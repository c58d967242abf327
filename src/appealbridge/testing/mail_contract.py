"""What every channel owes whose platform speaks SMTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from appealbridge.model.errors import DeliveryError, LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.plugin.channel import Tools
from appealbridge.testing.channel_contract import ChannelContract
from appealbridge.testing.mail_server import FINAL_DOT, GREETING, ScriptedMailServer
from appealbridge.testing.server import DAWDLE, HANG_UP, Spoilt

REPLIES: list[tuple[str, str | Spoilt, type[DeliveryError]]] = [
    (GREETING, "421 too busy", TryAgain),
    (GREETING, "554 go away", TryAgain),
    (GREETING, "<html>502</html>", TryAgain),
    (GREETING, HANG_UP, TryAgain),
    ("EHLO", HANG_UP, TryAgain),
    ("AUTH", "454 4.7.0 not now", TryAgain),
    ("AUTH", "535 5.7.8 no such login", LoginExpired),
    ("AUTH", HANG_UP, TryAgain),
    ("MAIL", "421 4.3.2 closing", TryAgain),
    ("MAIL", "451 4.3.0 not now", TryAgain),
    ("MAIL", "530 5.7.0 log in first", LoginExpired),
    ("MAIL", "550 5.7.1 not your address", LoginExpired),
    ("MAIL", "550 5.4.5 daily limit exceeded", TryAgain),
    ("MAIL", "552 5.3.4 too big", Rejected),
    ("MAIL", HANG_UP, TryAgain),
    ("RCPT", "450 4.2.0 greylisted", TryAgain),
    ("RCPT", "550 5.1.1 nobody of that name", Rejected),
    ("RCPT", HANG_UP, TryAgain),
    ("DATA", "451 4.3.0 not now", TryAgain),
    ("DATA", "554 5.7.1 no", Rejected),
    (FINAL_DOT, "451 4.3.0 not now", TryAgain),
    (FINAL_DOT, "421 4.3.2 closing", TryAgain),
    (FINAL_DOT, "552 5.2.2 mailbox full", Rejected),
    (FINAL_DOT, "554 5.7.1 spam", Rejected),
    (FINAL_DOT, HANG_UP, Unsure),
    (FINAL_DOT, "huh", Unsure),
]


class MailChannelContract(ChannelContract):
    """The common contract, and what SMTP adds to it."""

    scheme = "smtp"

    @pytest.fixture
    async def platform(self) -> AsyncIterator[ScriptedMailServer]:
        """Start the mail server; left alone, it takes every mail."""
        async with ScriptedMailServer() as server:
            yield server

    def loses_the_answer(self, platform: ScriptedMailServer) -> None:
        """Hang up after the final dot."""
        platform.replies[FINAL_DOT] = HANG_UP

    async def dawdles(self, platform: ScriptedMailServer) -> None:
        """Say nothing after the final dot."""
        platform.replies[FINAL_DOT] = DAWDLE
        await platform.is_handed(1)

    def repeats_what_it_heard(self, platform: ScriptedMailServer) -> None:
        """Refuse the sender with everything."""
        platform.replies["MAIL"] = "550 {heard}"

    @pytest.mark.parametrize(
        ("moment", "reply", "failure"), REPLIES, ids=[f"{m}-{r}"[:40] for m, r, _ in REPLIES]
    )
    async def test_every_reply_means_what_the_table_says(
        self,
        platform: ScriptedMailServer,
        tools: Tools,
        moment: str,
        reply: str | Spoilt,
        failure: type[DeliveryError],
    ) -> None:
        """Before the final dot nothing is sent; after it only the reply tells."""
        platform.replies[moment] = reply
        with pytest.raises(DeliveryError) as caught:
            await self.case.deliver(platform.url, tools)
        assert type(caught.value) is failure
