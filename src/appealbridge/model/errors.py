"""
Every error that AppealBridge raises on purpose, drawn as one tree.

    AppealBridgeError               the root; its message says what, where and what to do
    ├── DeliveryError               one attempt at a delivery did not end in a receipt
    │   ├── TryAgain                surely not done: the same attempt may be made later
    │   │   ├── LoginExpired        surely not done, and nothing on this channel will be until its login works
    │   │   └── AccountRefused      surely not done, and nothing on this channel will be until its account may publish
    │   │       └── AddressNotAllowed   the settings do not allow this address, which is inside the network
    │   ├── Unsure                  perhaps done: look on the account before anything is repeated
    │   └── Rejected                never, as it is: the platform refuses this very message
    ├── SourceError                 one look at a source, or one request from it, did not end in events
    │   ├── SourceDown              the source could not be read this time; look again later
    │   └── Refused                 the request is not accepted; carries the HTTP status to answer
    ├── InvalidDocuments            (in documents) files of ours with problems; carries them all, each with its place
    ├── RenderError                 a template or JSONPath of a recipe has no value for this event
    └── StoreError                  the store refuses
        ├── IllegalMove             a delivery was asked to make a move that its table does not have
        ├── StoreLocked             another daemon, or another program, has this store to itself
        ├── StoreBusy               more waits to be stored than can be; nothing was written
        ├── StoreFull               the disk has no room; nothing was written
        ├── Unkeepable              the store works, and this very thing cannot be kept in it
        ├── StoreNearlyFull         the last of the room is kept for what was accepted
        ├── TooMuch                 what is asked for is longer than an answer may be
        └── NotFound                nothing in the store has this id
"""

from __future__ import annotations


class AppealBridgeError(Exception):
    """The root of the tree above."""


class DeliveryError(AppealBridgeError):
    """
    One attempt did not end in a receipt; the subclass says what may be done next.

    `status` is the code of the platform's answer (of HTTP or SMTP), `None` where there was none.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TryAgain(DeliveryError):
    """
    Surely not done: the same attempt may be made later.

    `after` is the platform's own wish in seconds from now, `None` where it has none.
    `throttled` marks a rate-limit answer, which is the platform's doing and not a failed attempt.
    """

    def __init__(
        self,
        message: str,
        *,
        after: float | None = None,
        throttled: bool = False,
        status: int | None = None,
    ) -> None:
        super().__init__(message, status=status)
        self.after = after
        self.throttled = throttled

    @property
    def is_about_the_account(self) -> bool:
        """Whether it is the account that is stopped, by a rate limit or its login, and not this message."""
        return self.throttled or isinstance(self, LoginExpired | AccountRefused)


class LoginExpired(TryAgain):
    """Surely not done, and no delivery on this channel will be until its login works again."""


class AccountRefused(TryAgain):
    """
    Surely not done: the login works, but the account may not publish. It is suspended or read-only, say.

    `sure` is False where the platform's answer could also be about this one message. If other messages
    go out afterwards and this one is refused again, it is rejected.
    """

    def __init__(
        self,
        message: str,
        *,
        sure: bool = True,
        after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, after=after, status=status)
        self.sure = sure


class AddressNotAllowed(AccountRefused):
    """
    Surely not done: the address is inside the network, and the settings do not allow it.

    `reason` is the message without its cure.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class Unsure(DeliveryError):
    """Perhaps done: the platform may hold the post although no receipt came back."""


class Rejected(DeliveryError):
    """Never, as it is: the platform refuses this very message, in its own words."""


class SourceError(AppealBridgeError):
    """One look at a source, or one request from it, did not end in events."""


class SourceDown(SourceError):
    """
    The source could not be read this time; `after` is its own wish in seconds from now.

    `by_settings` says that only a change of the settings helps, so people are told at once.
    """

    def __init__(
        self, message: str, *, after: float | None = None, by_settings: bool = False
    ) -> None:
        super().__init__(message)
        self.after = after
        self.by_settings = by_settings


class Refused(SourceError):
    """
    The request is not accepted; `status` is the HTTP status to answer, `title` its short name.

    `after` is in how many seconds it may come again, `None` where it must not come as it is.
    """

    def __init__(self, status: int, title: str, detail: str, *, after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.after = after


class RenderError(AppealBridgeError):
    """
    A template or JSONPath of a recipe has no value for this event.

    `path` is the place in the recipe, as `actions[2].text`.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class StoreError(AppealBridgeError):
    """The store refuses."""


class IllegalMove(StoreError):
    """A delivery was asked to make a move that its table does not have."""


class StoreLocked(StoreError):
    """Another daemon, or another program, has this store to itself."""


class StoreBusy(StoreError):
    """More waits to be stored than can be; nothing was written, and the sender is to come again."""


class StoreFull(StoreError):
    """The disk has no room; nothing was written, and what was accepted stays."""


class Unkeepable(StoreError):
    """The store works, and this very thing cannot be kept in it, now or later."""


class StoreNearlyFull(StoreError):
    """The last of the disk's room is kept for what was accepted; nothing was written, come again later."""


class TooMuch(StoreError):
    """What is asked for is longer than an answer may be; nothing is answered."""


class NotFound(StoreError):
    """Nothing in the store has this id."""
