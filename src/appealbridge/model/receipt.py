"""What a platform gave back for a post: the proof that it is there, and the handle to take it back."""

from __future__ import annotations

from appealbridge.model.value import value


@value
class Receipt:
    """
    The platform's own id of the post and its public address.

    `time` is when the platform says it was published, in Unix seconds UTC, `None` where it does not.
    """

    id: str
    url: str = ""
    time: float | None = None
