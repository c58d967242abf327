"""
Publish to any service that takes JSON by POST and answers with an id.

A step of a recipe:

    - action: outgoing_post
      channel: intranet
      text: "MISSING: {{ appeal.title }}"

The account, in appealbridge.yaml:

    intranet:
      platform: outgoing
      api: https://intranet.example.org/api/posts
      credentials: { token: !secret intranet_token }
"""

from __future__ import annotations

from typing import Any, ClassVar

from appealbridge.plugin import (
    Account,
    Address,
    Channel,
    Delivery,
    Field,
    Measure,
    Options,
    Receipt,
    Repeat,
    Secret,
    Tools,
)


class OutgoingCredentials(Options):
    """The login of an account."""

    token: Secret = Field(
        description="The token that the service gave you.", examples=["!secret intranet_token"]
    )


class OutgoingAccount(Account):
    """One place to post to."""

    api: Address = Field(
        description="The address to post to.", examples=["https://intranet.example.org/api/posts"]
    )
    credentials: OutgoingCredentials = Field(
        description="The login.", examples=[{"token": "!secret intranet_token"}]
    )
    max_characters: int = Field(
        2000, ge=1, description="The longest text that the service takes.", examples=[2000]
    )


class OutgoingPost(Options):
    """One post."""

    text: str = Field(
        min_length=1, description="The text of the post.", examples=["MISSING: {{ appeal.title }}"]
    )
    link: str | None = Field(
        None, description="The address of a page about it.", examples=["{{ appeal.url }}"]
    )


class Outgoing(Channel[OutgoingAccount, OutgoingPost]):
    """Posts JSON."""

    platform: ClassVar[str] = "outgoing"
    action: ClassVar[str] = "outgoing_post"
    account = OutgoingAccount
    message = OutgoingPost
    # The service cannot be searched, so a person decides about a post whose answer was lost.
    repeat: ClassVar[Repeat] = Repeat.NEITHER
    practice_answer: ClassVar[tuple[int, Any]] = (201, {"id": "{id}", "url": ""})

    async def deliver(
        self, account: OutgoingAccount, message: OutgoingPost, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Make one attempt."""
        reply = await tools.http.post(
            account.api,
            json=message.model_dump(exclude_none=True),
            bearer=account.credentials.token,
            headers={"Idempotency-Key": delivery.id},
        )
        with reply.expecting("a post"):
            answer = reply.json()
            return Receipt(reply.name(answer["id"]), reply.web_address(answer.get("url")))

    def measure(self, account: OutgoingAccount, message: OutgoingPost) -> Measure:
        """Count characters."""
        return Measure("text", len(message.text), account.max_characters, "characters")
