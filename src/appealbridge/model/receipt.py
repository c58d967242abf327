"""A receipt: what a platform returned for a post."""

from __future__ import annotations

from appealbridge.model.value import value


@value
class Receipt:
    """
    The platform's own id of the post and its public address.

    `time` is when the platform says it was published, in Unix seconds UTC, `None` where it does not. `account` is whose
    post it is, in the words of `Channel.check`, empty where the platform does not say.
    """

    id: str
    url: str = ""
    time: float | None = None
    account: str = ""
