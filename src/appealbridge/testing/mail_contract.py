"""What every channel owes whose platform speaks SMTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from appealbridge.model.errors import (
    AccountRefused,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.plugin.channel import Tools
from appealbridge.testing.channel_contract import ChannelContract
from appealbridge.testing.mail_server import CONTENT, FINAL_DOT, GREETING, ScriptedMailServer
from appealbridge.testing.server import DAWDLE, ENDLESS, HANG_UP, Spoilt

LONG = "x" * 70_000

REPLIES: list[tuple[str, str | Spoilt, type[DeliveryError]]] = [
    (GREETING, "421 too busy", TryAgain),
    (GREETING, "554 go away", AccountRefused),
    (GREETING, "<html>502</html>", TryAgain),
    (GREETING, "250 not a greeting", TryAgain),
    (GREETING, HANG_UP, TryAgain),
    (GREETING, ENDLESS, TryAgain),
    (GREETING, f"220 {LONG}", TryAgain),
    ("EHLO", "421 4.3.2 closing", TryAgain),
    ("EHLO", HANG_UP, TryAgain),
    ("EHLO", ENDLESS, TryAgain),
    ("AUTH", "454 4.7.0 not now", TryAgain),
    ("AUTH", "535 5.7.8 no such login", LoginExpired),
    ("AUTH", "huh", TryAgain),
    ("AUTH", HANG_UP, TryAgain),
    ("MAIL", "421 4.3.2 closing", TryAgain),
    ("MAIL", "451 4.3.0 not now", TryAgain),
    ("MAIL", "530 5.7.0 log in first", LoginExpired),
    ("MAIL", "550 5.7.1 not your address", AccountRefused),
    ("MAIL", "553 5.7.1 sender refused", AccountRefused),
    ("MAIL", "550 5.4.5 daily limit exceeded", TryAgain),
    ("MAIL", "552 5.3.4 too big", Rejected),
    ("MAIL", "huh", TryAgain),
    ("MAIL", "999 what", TryAgain),
    ("MAIL", f"250 {LONG}", TryAgain),
    ("MAIL", HANG_UP, TryAgain),
    ("RCPT", "450 4.2.0 greylisted", TryAgain),
    ("RCPT", "451 4.7.1 greylisted, try again in 300 seconds", TryAgain),
    ("RCPT", "550 5.1.1 nobody of that name", Rejected),
    ("RCPT", "553 5.7.1 sender address rejected: not owned by user press", AccountRefused),
    ("RCPT", "554 5.7.1 relay access denied", AccountRefused),
    ("RCPT", "huh", TryAgain),
    ("RCPT", HANG_UP, TryAgain),
    ("RCPT", ENDLESS, TryAgain),
    ("DATA", "421 4.3.2 closing", TryAgain),
    ("DATA", "451 4.3.0 not now", TryAgain),
    ("DATA", "554 5.7.1 no", Rejected),
    ("DATA", "250 ok", TryAgain),
    ("DATA", "huh", TryAgain),
    ("DATA", HANG_UP, TryAgain),
    (CONTENT, HANG_UP, TryAgain),
    (CONTENT, "421 4.3.2 closing", TryAgain),
    (CONTENT, "552 5.3.4 too big", Rejected),
    (CONTENT, ENDLESS, TryAgain),
    (FINAL_DOT, "451 4.3.0 not now", TryAgain),
    (FINAL_DOT, "421 4.3.2 closing", TryAgain),
    (FINAL_DOT, "552 5.2.2 mailbox full", Rejected),
    (FINAL_DOT, "554 5.7.1 spam", Rejected),
    (
        FINAL_DOT,
        "550 5.7.60 client does not have permissions to send as this sender",
        AccountRefused,
    ),
    (FINAL_DOT, HANG_UP, Unsure),
    (FINAL_DOT, ENDLESS, Unsure),
    (FINAL_DOT, "huh", Unsure),
    (FINAL_DOT, f"250 {LONG}", Unsure),
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
        platform.replies["MAIL"] = "550 {commands}"

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
