"""One channel with an account, a message and a platform's good answer, as the contract suite wants it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import DeliveryError
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import AnyChannel, Tools

PLANTED = "pl4nted-s3cret/with+odd=signs&more"
"""Stands in the place of every secret of a case, and must never be seen again."""

PLANTED_IN_ADDRESS = quote(PLANTED, safe="")
"""The same where it stands in an address."""

NOW = 1_795_000_000.0
"""The time of every delivery that a case makes."""


def forms_of_the_planted_secret() -> list[str]:
    """Return every spelling in which it might come back."""
    shifted = [base64.b64encode(b"x" * n + PLANTED.encode()).decode()[4:-4] for n in range(3)]
    return [PLANTED, quote(PLANTED, safe=""), html.escape(PLANTED), json.dumps(PLANTED), *shifted]


def a_delivery(**changes: Any) -> Delivery:
    """Return a delivery under way at `NOW`, with changes."""
    usual: dict[str, Any] = {
        "id": "0abcdefgh1234567.new-appeal.step1",
        "run_id": "0abcdefgh1234567.new-appeal",
        "event_id": "0abcdefgh1234567",
        "recipe": "new-appeal",
        "step": "step1",
        "subject": "WMP-2026-0412",
        "channel": "force",
        "action": "tweet",
        "content": "{}",
        "content_hash": "0" * 64,
        "state": State.SENDING,
        "planned_at": NOW,
        "due_at": NOW,
        "attempts": 1,
        "begun_at": NOW,
        "first_begun_at": NOW,
    }
    return Delivery(**{**usual, **changes})


@dataclass(frozen=True)
class ChannelCase:
    """
    One channel, ready for the suite.

    `options` are an account's in appealbridge.yaml without `platform`, its secrets and its address,
    which stands under the name `address`; `secrets` are the options that hold secrets, with
    `PLANTED` in them. An address that is itself a secret ends in `path`, with `PLANTED_IN_ADDRESS` in it.
    `message` is a step's. `receipt` is what the platform answers when all is well: status, JSON body or
    text, and headers if they matter. `special` maps each status that means something else here than in the
    common table to its failure, or to `None` if it means success.
    """

    channel: AnyChannel
    options: Mapping[str, Any]
    secrets: Mapping[str, Any]
    message: Mapping[str, Any]
    receipt: tuple[int, Any] | tuple[int, Any, Mapping[str, str]] = (200, {})
    address: str = "api"
    path: str = ""
    special: Mapping[int, type[DeliveryError] | None] = field(default_factory=dict)

    def account(self, url: str) -> Any:
        """Return the account as it is at a server."""
        options = {**self.options, **self.secrets, self.address: url + self.path}
        return self.channel.account.model_validate(options)

    def wanted(self) -> Any:
        """Return the message."""
        return self.channel.message.model_validate(self.message)

    async def deliver(self, url: str, tools: Tools) -> Receipt:
        """Make one attempt at a server."""
        delivery = a_delivery(content=self.wanted().model_dump_json(), action=self.channel.action)
        return await self.channel.deliver(self.account(url), self.wanted(), delivery, tools)
