"""The platforms of the withdrawal machine: what is really up, and what an attempt, a removal or a look does there."""

from __future__ import annotations

from dataclasses import dataclass, field

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import SearchResult
from appealbridge.plugin.published import Standing

ACCOUNT = "@force"
MAIL = "press_office"
"""The channel on which nothing can be searched or removed."""


@dataclass(slots=True)
class Post:
    """One post of a delivery."""

    id: str
    delivery: str
    channel: str
    up: bool = True
    edit: str = ""
    """The id of the delivery that gave it its present text, if it was edited."""


@dataclass(slots=True)
class World:
    """
    Every post that was ever published, in the order in which they appeared.

    `late` are deliveries that a slow platform publishes, and posts that it removes, when some time passes.
    """

    posts: list[Post] = field(default_factory=list)
    late: list[Delivery | Post] = field(default_factory=list)

    def up(self) -> list[Post]:
        """Return what readers can see, mails left out: they cannot be seen by anybody else."""
        return [post for post in self.posts if post.up and post.channel != MAIL]

    def of(self, delivery: str) -> Post | None:
        """Return the post of a delivery that is up."""
        return next((post for post in self.posts if post.up and post.delivery == delivery), None)

    def publish(self, delivery: Delivery, how: str) -> Receipt | DeliveryError:
        """Make an attempt to publish."""
        match how:
            case "try again":
                return TryAgain("503")
            case "rejected":
                return Rejected("400")
            case "lost":
                return Unsure("connection lost")
            case "late":
                self.late.append(delivery)
                return Unsure("no answer")
        receipt = self._add(delivery)
        return Unsure("connection lost") if how == "unsure" else receipt

    def edits(
        self, delivery: Delivery, receipt: Receipt | None, how: str
    ) -> Receipt | DeliveryError:
        """Make an attempt to edit the post of a receipt."""
        post = self._standing(receipt)
        if post is None or receipt is None:
            return Rejected("its post is no longer there")
        match how:
            case "try again":
                return TryAgain("503")
            case "rejected":
                return Rejected("400")
            case "lost" | "late":
                return Unsure("connection lost")
        post.edit = delivery.id
        return Unsure("connection lost") if how == "unsure" else receipt

    def shows(
        self, edit: Delivery, receipt: Receipt | None, *, fails: bool
    ) -> SearchResult | DeliveryError:
        """Look whether an edit has arrived."""
        if fails:
            return TryAgain("503")
        post = self._standing(receipt)
        if post is None:
            return SearchResult(None, sure=False, seen="404")
        arrived = receipt if post.edit == edit.id else None
        return SearchResult(arrived, sure=True, seen="the post")

    def _standing(self, receipt: Receipt | None) -> Post | None:
        return next((p for p in self.posts if receipt and p.id == receipt.id and p.up), None)

    def remove(self, removal: Delivery, receipt: Receipt | None, how: str) -> str | DeliveryError:
        """Make an attempt to remove the post of a receipt."""
        if removal.channel == MAIL or receipt is None:
            return Rejected("mail cannot be removed")
        post = next((post for post in self.posts if post.id == receipt.id and post.up), None)
        match how:
            case "try again":
                return TryAgain("503")
            case "rejected":
                return AccountRefused("403", sure=False)
            case "lost":
                return Unsure("connection lost")
            case "lies":
                return "200 deleted"
        if post is None:
            return AlreadyGone("404")
        if how == "late":
            self.late.append(post)
        else:
            post.up = False
        return Unsure("connection lost") if how == "unsure" else "200 deleted"

    def look(self, receipt: Receipt | None, *, fails: bool) -> Standing | DeliveryError:
        """Look at the post of a receipt."""
        if fails or receipt is None:
            return TryAgain("503")
        there = any(post.up and post.id == receipt.id for post in self.posts)
        return Standing(there, "", "200" if there else "404")

    def search(self, delivery: Delivery, *, fails: bool) -> SearchResult | DeliveryError:
        """Search for the post of a delivery."""
        if fails:
            return TryAgain("503")
        post = self.of(delivery.id)
        if post is None:
            return SearchResult(None, sure=True, seen="the newest posts")
        return SearchResult(Receipt(post.id, "", None, ACCOUNT), sure=True, seen="found")

    def time_passes(self) -> None:
        """Let what is slow happen."""
        for thing in self.late:
            if isinstance(thing, Post):
                thing.up = False
            else:
                self._add(thing)
        self.late.clear()

    def _add(self, delivery: Delivery) -> Receipt:
        post = Post(f"post-{len(self.posts)}", delivery.id, delivery.channel)
        self.posts.append(post)
        return Receipt(post.id, "", None, ACCOUNT)
