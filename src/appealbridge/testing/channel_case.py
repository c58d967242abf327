"""One channel with an account, a message and a platform's good answer, as the contract suite wants it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Mapping, Sequence
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


Answer = tuple[int, Any] | tuple[int, Any, Mapping[str, str]]
"""Status, JSON body or text, and headers if they matter."""


@dataclass(frozen=True, kw_only=True)
class PublishedCase:
    """
    What a platform answers about the case's message once it is published, for the suites about abilities.

    `receipt` is the post's. `check` are the answers to `check`, one for each request. `standing` returns the answers to
    a look at the post with a text, `absent` are those to a look at a post that is gone. `removed` is the answer to a
    removal, `gone` that to a second one, `None` if it is the same. `refused` is the answer if the permission was lost.
    `swapped` is that to another account, whose options are `swapped_options` and whose check has the answers
    `swapped_check`. `edited` is the answer to an edit.
    """

    receipt: Receipt
    check: Sequence[Answer]
    standing: Callable[[str], Sequence[Answer]]
    absent: Sequence[Answer]
    removed: Answer
    gone: Answer | None
    refused: Answer
    swapped: Answer
    swapped_check: Sequence[Answer]
    swapped_options: Mapping[str, Any] = field(default_factory=dict)
    edited: Answer | None = None

    @property
    def number(self) -> str:
        """Return by what the platform knows the post, which is the end of its id."""
        return self.receipt.id.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class UploadsCase:
    """
    What a platform answers about the upload of an image, for the suites about images.

    `uploaded` are the answers to an upload, one for each request, and `media` the id that it gets; `other` is the id of
    another upload. `special` is that of a case, for uploads. `refused` is the answer to a picture that the platform
    does not take, and `refused_because` some of its words. `before` are the answers to what is asked before a message
    with uploads is published or edited. `expired` are the answers to a message with an upload that is gone.

    Only if the platform may work on a picture for a while: `slow` is its answer to such an upload. `working`,
    `finished`, `refused_later` and `gone_while_working` are the answers to the question whether it is ready.

    Only if others can see an upload that no post shows: `found` and `not_found` are the answers
    to a search for it, `None` if the platform cannot be searched. `removed` is the answer to its removal, `gone` that
    to a second one. `standing` and `absent` are those to a look at it.
    """

    uploaded: Sequence[Answer]
    media: str
    other: str
    refused: Answer
    refused_because: str
    expired: Sequence[Answer]
    before: Sequence[Answer] = ()
    special: Mapping[int, type[DeliveryError] | None] = field(default_factory=dict)
    slow: Answer | None = None
    working: Sequence[Answer] = ()
    finished: Sequence[Answer] = ()
    refused_later: Sequence[Answer] = ()
    gone_while_working: Sequence[Answer] = ()
    found: Sequence[Answer] | None = None
    not_found: Sequence[Answer] = ()
    removed: Answer = (200, {})
    gone: Answer = (404, {})
    standing: Sequence[Answer] = ()
    absent: Sequence[Answer] = ()


@dataclass(frozen=True)
class ChannelCase:
    """
    One channel, ready for the suite.

    `options` are an account's in appealbridge.yaml without `platform`, its secrets and its address,
    which stands under the name `address`; `secrets` are the options that hold secrets, with
    `PLANTED` in them. An address that is itself a secret ends in `path`, with `PLANTED_IN_ADDRESS` in it.
    `message` is a step's. `receipt` is what the platform answers when all is well: status, JSON body or
    text, and headers if they matter. `special` maps each status that means something else here than in the
    common table to its failure, or to `None` if it means success. `published` is needed by a channel that can remove or
    edit its posts, `uploads` by one that uploads images. `aside` answers the requests (`ReceivedRequest`) that an
    attempt makes besides the one that counts, such as a search before it; it returns `None` for all others. `login` and
    `login_about` are the tokens of an earlier login, and what is known of it, for a channel that keeps one
    (`plugin.http.Logins`).
    """

    channel: AnyChannel
    options: Mapping[str, Any]
    secrets: Mapping[str, Any]
    message: Mapping[str, Any]
    receipt: Answer = (200, {})
    address: str = "api"
    path: str = ""
    special: Mapping[int, type[DeliveryError] | None] = field(default_factory=dict)
    published: PublishedCase | None = None
    uploads: UploadsCase | None = None
    aside: Callable[[Any], Answer | None] = lambda _: None
    login: Mapping[str, str] = field(default_factory=dict)
    login_about: Mapping[str, str] = field(default_factory=dict)

    def account(self, url: str, **changes: Any) -> Any:
        """Return the account as it is at a server, with changes to its options."""
        options = {**self.options, **self.secrets, self.address: url + self.path, **changes}
        return self.channel.account.model_validate(options)

    def wanted(self) -> Any:
        """Return the message."""
        return self.channel.message.model_validate(self.message)

    def text(self) -> str:
        """Return the message's text."""
        text: str = self.wanted().text
        return text

    async def deliver(self, url: str, tools: Tools) -> Receipt:
        """Make one attempt at a server."""
        return await self.channel.deliver(self.account(url), self.wanted(), self.delivery(), tools)

    def delivery(self) -> Delivery:
        """Return the delivery of the message."""
        return a_delivery(content=self.wanted().model_dump_json(), action=self.channel.action)
