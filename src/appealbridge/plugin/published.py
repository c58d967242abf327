"""
What can be done with a post that is published: look at it, remove it, edit it.

A channel has an ability if it inherits its class. `isinstance(channel, Removes)` is the only test of it: for the
engine, the documentation, the editor's schema and the contract suites alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    Rejected,
    TryAgain,
)
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value
from appealbridge.plugin.channel import Account, Tools
from appealbridge.plugin.http.reply import ABOUT_THE_ACCOUNT, PAGE_SAYS_NO, Effect, Reply
from appealbridge.plugin.options import Options
from appealbridge.plugin.recognition import canonical

__all__ = ["AlreadyGone", "Edits", "Removes", "Standing", "looking", "page_answers"]

A = TypeVar("A", bound=Account)
M = TypeVar("M", bound=Options)


@value
class Standing:
    """
    What a look at one post showed.

    `there` says whether readers can still see it. `text` is its text as they see it, empty where the platform does not
    give it. `seen` says for people what was asked and what came.
    """

    there: bool
    text: str = ""
    seen: str = ""


class Looks(ABC, Generic[A]):
    """The ability to look at one post, which every other ability here needs."""

    @abstractmethod
    async def look(
        self, account: A, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Standing:
        """
        Look whether the post of a receipt is there, and with which text.

        Return that it is not there only if the platform says so in its own words; a page of a proxy does not. Raise
        `TryAgain`, `Unsure`, `LoginExpired` or `AccountRefused` if it could not be seen: `looking` makes these of all
        other answers.
        """


class Removes(Looks[A]):
    """
    The ability to remove a post.

    A removal is one attempt, as `deliver` is. It is believed only when a later `look` shows that it happened.
    """

    @abstractmethod
    async def remove(self, account: A, receipt: Receipt, delivery: Delivery, tools: Tools) -> str:
        """
        Remove the post of a receipt and return what the platform said.

        Raise `AlreadyGone` if it is not there, `Rejected` if it can never be removed, `Unsure` if nobody knows, and
        otherwise what `deliver` raises. `tools.http.change` does so for all HTTP statuses.
        """


class Edits(Looks[A], Generic[A, M]):
    """The ability to give a published post another text. Its address stays the same."""

    @abstractmethod
    async def edit(
        self, account: A, message: M, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """
        Replace the post of a receipt by a message and return its receipt.

        Send the whole message, because a platform may drop what an edit leaves out. Raise what `remove` raises.
        """

    def shows(self, message: M, standing: Standing) -> bool:
        """
        Return whether a message is what stands there, apart from what platforms change in texts.

        If it is not what was last published, somebody edited the post by hand.
        """
        return standing.there and canonical(self.shown_text(message)) == canonical(standing.text)

    def shown_text(self, message: M) -> str:
        """Return the text that readers see of a message, to compare with that of a `Standing`."""
        return str(
            getattr(message, "text", "")
        )  # the usual name; a channel with another overrides this


def looking(failure: Callable[[Reply], DeliveryError]) -> Callable[[Reply], DeliveryError]:
    """
    Return what an answer to a `look` means if `failure` says what it means to other requests.

    A refusal to show a post does not say that it is gone, so the account is at fault or it is tried again.
    """

    def meaning(reply: Reply) -> DeliveryError:
        error = failure(reply)
        if not isinstance(error, Rejected | AlreadyGone):
            return error
        if reply.status in ABOUT_THE_ACCOUNT:
            return AccountRefused(str(error), sure=False, status=reply.status)
        return TryAgain(str(error), status=reply.status)

    return meaning


async def page_answers(tools: Tools, address: str) -> bool:
    """
    Return whether readers still get something at the address of a post or upload that was removed.

    A cache in front of a site may show it for hours after its API says that it is gone.
    """
    reply = await tools.http.request(
        "HEAD", address, Effect.READ, accept=PAGE_SAYS_NO, failure=looking(Reply.failure)
    )
    return reply.status < 300


AnyEdits = Edits[Any, Any]
