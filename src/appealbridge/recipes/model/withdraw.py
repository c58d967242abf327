"""The action `withdraw`: takes back what was published about the subject of an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, StrictBool, StringConstraints

from appealbridge.model.delivery import Delivery
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Account, AnyChannel, Channel, Repeat, Tools
from appealbridge.plugin.options import Options
from appealbridge.plugin.registry import Registry

WITHDRAW = "withdraw"


_Names = Annotated[
    list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


class CorrectionMail(Options):
    """A mail for everybody who had a mail that is withdrawn; mail programs show it below that one."""

    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        description="The subject.", examples=["Appeal closed: {{ appeal.title }}"]
    )
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        description="The mail as plain text.",
        examples=["This appeal is closed. Please remove what you have published."],
    )
    channels: _Names = Field(
        default_factory=list,
        description="Only for the mails of these channels. If left out, of all mail accounts.",
        examples=[["press_office"]],
    )


class WithdrawMessage(Options):
    """What to take back, and why."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        description="Why it is taken back; people see it, and nobody else.",
        examples=["{{ appeal.closed_reason }}"],
    )
    of: _Names = Field(
        default_factory=list,
        description="Only what these steps of this recipe published. If left out, everything that was "
        "published about the subject.",
        examples=["tweet"],
    )
    channels: _Names = Field(
        default_factory=list,
        description="Only what is on these channels. If left out, on all.",
        examples=[["force_x", "force_facebook"]],
    )
    correction: CorrectionMail | None = Field(
        None,
        description="A mail for everybody who had a mail that is withdrawn, because mail cannot be removed. If left "
        "out, nobody gets one.",
        examples=[{"subject": "Closed: {{ appeal.title }}", "text": "Please remove this appeal."}],
    )
    approval: StrictBool = Field(
        False, description="Whether a person must agree first.", examples=[True]
    )


class WithdrawAction(Channel[Account, WithdrawMessage]):
    """
    Reads the options of the action like those of a channel's message.

    What it plans is an order: a delivery of the kind `withdraw` without a channel, which the store carries out when it
    stores it, or when a person releases it.
    """

    platform: ClassVar[str] = ""
    action: ClassVar[str] = WITHDRAW
    account = Account
    message = WithdrawMessage
    repeat: ClassVar[Repeat] = Repeat.NEITHER

    async def deliver(
        self, account: Account, message: WithdrawMessage, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Raise an error, for nothing is sent."""
        raise NotImplementedError


ACTION = WithdrawAction()


def actions_of(registry: Registry) -> Mapping[str, AnyChannel]:
    """Return everything that `action` may name except `post`: the actions of the channels, and `withdraw`."""
    return {**registry.actions, WITHDRAW: ACTION}
