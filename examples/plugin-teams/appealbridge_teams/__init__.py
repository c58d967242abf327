"""
Publish in a channel or chat of Microsoft Teams, by the address of a workflow.

A step of a recipe:

    - action: teams_message
      channel: control_room
      title: "MISSING: {{ appeal.title }}"
      text: "{{ appeal.text }}"

The account, in appealbridge.yaml:

    control_room:
      platform: teams
      url: !secret control_room_teams_url
      rate: 60 per 1m

In Teams, make a workflow from the template "Send webhook alerts to a channel" and copy its address. Whoever has the
address can post, so it is a secret. "Who can trigger the flow" has to be "Anyone": AppealBridge does not log in.

Teams answers that the workflow has begun (202), not that the message is there. If the workflow then fails, only its
history in Power Automate shows it. A message cannot be searched for, corrected or deleted.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from appealbridge.plugin import (
    Account,
    Appearance,
    Channel,
    Delivery,
    Field,
    Measure,
    Options,
    Receipt,
    Registry,
    Repeat,
    SecretAddress,
    Tools,
)
from appealbridge.plugin.http import Reply

_LIMIT = 28_000
"""How many bytes Teams takes in one message; a workflow that gets more begins, and then fails."""

_RUN = "x-ms-workflow-run-id"
"""The header of an answer that names the run of the workflow."""


class TeamsAccount(Account):
    """One workflow, which posts in one channel or chat."""

    url: SecretAddress = Field(
        description="The address of the workflow.", examples=["!secret control_room_teams_url"]
    )


class TeamsMessage(Options):
    """One message, shown as a card."""

    text: str = Field(
        min_length=1,
        description="The text, with Markdown's bold, italics, lists and links.",
        examples=["{{ appeal.text }}"],
    )
    title: str | None = Field(
        None,
        min_length=1,
        description="A heading above the text.",
        examples=["MISSING: {{ appeal.title }}"],
    )


class Teams(Channel[TeamsAccount, TeamsMessage]):
    """Posts a card."""

    platform: ClassVar[str] = "teams"
    action: ClassVar[str] = "teams_message"
    appearance: ClassVar[Appearance] = Appearance("Microsoft Teams", "#4b53bc")
    account = TeamsAccount
    message = TeamsMessage
    repeat: ClassVar[Repeat] = Repeat.NEITHER
    practice_answer: ClassVar[tuple[int, Any]] = (202, "")

    async def deliver(
        self, account: TeamsAccount, message: TeamsMessage, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Start the workflow once."""
        reply = await tools.http.post(account.url.get_secret_value(), json=_card(message))
        return Receipt(_run(reply))

    def measure(self, account: TeamsAccount, message: TeamsMessage) -> Measure:
        """Count the bytes of the text that the rest of the message leaves room for."""
        rest = _size(_card(message.model_copy(update={"text": ""})))
        return Measure("text", _size(message.text) - 2, _LIMIT - rest, "bytes")


def _run(reply: Reply) -> str:
    """Return the name of the run; whatever else answers may be no workflow at all."""
    with reply.expecting("a workflow that has begun"):
        if _RUN in reply.headers:
            return reply.name(reply.headers[_RUN])
        if reply.status != 202:
            raise ValueError("it names no run")
    return "accepted"


def _card(message: TeamsMessage) -> dict[str, Any]:
    title = {
        "type": "TextBlock",
        "text": message.title,
        "wrap": True,
        "weight": "bolder",
        "size": "large",
    }
    text = {"type": "TextBlock", "text": message.text, "wrap": True}
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [title, text] if message.title else [text],
                },
            }
        ],
    }


def _size(value: Any) -> int:
    """Return how many bytes a value takes up as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(Teams())
