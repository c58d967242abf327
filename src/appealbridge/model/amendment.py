"""An amendment: the correction of a post that is published, or of one that still waits."""

from __future__ import annotations

from enum import StrEnum

from appealbridge.model.value import value


class Change(StrEnum):
    """
    How a delivery corrects another one.

    `edit` gives the same post another text. `follow_up` replies to it, or is a mail that threads onto it. `replace` is
    published anew, and the other one is then withdrawn. `correction` is a mail that follows one that is withdrawn.
    """

    EDIT = "edit"
    FOLLOW_UP = "follow_up"
    REPLACE = "replace"
    CORRECTION = "correction"


class Instead(StrEnum):
    """What to do where a platform cannot edit."""

    FOLLOW_UP = "follow_up"
    REPLACE = "replace"
    NOTHING = "nothing"


@value
class Amends:
    """
    What a planned amendment amends: the posts of the step `of`.

    `edits` says whether the channel can edit, and `instead` what to do if it cannot. `keeps` are options of the message
    that stay as they are in each amended one, such as the recipient of a mail.
    """

    of: str
    edits: bool
    instead: Instead = Instead.FOLLOW_UP
    keeps: tuple[str, ...] = ()


KEPT_IN_CORRECTION = ("to", "reply_to")
"""The options of a mail that its correction has too."""


@value
class Version:
    """
    One version of a post: what was published, and by which delivery.

    `number` is 1 for the post as it was first published. `delivery` is the id of the delivery whose content it is: that
    of the post, or of an amendment. `at` is in Unix seconds UTC.
    """

    number: int
    delivery: str
    content_hash: str
    receipt: str
    at: float
