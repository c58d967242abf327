"""
All errors that AppealBridge raises on purpose, as one tree.

    AppealBridgeError               the root; its message says what, where and what to do
    ├── DeliveryError               one attempt at a delivery did not end in a receipt
    │   ├── TryAgain                certainly not published: it may be tried again later
    │   │   ├── UploadExpired       certainly not published: the platform no longer has one of its images
    │   │   ├── AnswerTooLong       (in plugin.http) the answer to a question is larger than may be read
    │   │   ├── LoginExpired        certainly not published; nothing is on this channel until its login works
    │   │   │   └── StaleLogin      (in plugin.http) the token of a login has ended; renew it and try again at once
    │   │   └── AccountRefused      certainly not published; nothing is on this channel until its account may publish
    │   │       └── AddressNotAllowed   the settings do not allow this address, which is inside the network
    │   ├── Unsure                  perhaps published: search the account before anything is repeated
    │   ├── AlreadyGone             the post that was to be changed or removed is not there
    │   └── Rejected                the platform refuses this message for good
    ├── SourceError                 one poll of a source, or one request from it, failed
    │   ├── SourceDown              the source could not be read this time; poll it again later
    │   └── Refused                 the request is not accepted; carries the HTTP status to answer
    ├── NotAMember                  (in cli) this user may not use the daemon
    ├── NotProven                   (in engine.people) nobody has shown who they are
    ├── TooSoon                     (in engine.people) too many wrong passwords; wait before the next
    ├── InvalidDocuments            (in documents) files with problems; has them all, each with its place
    ├── RenderError                 a template or JSONPath of a recipe has no value for this event
    └── StoreError                  the store refuses
        ├── IllegalMove             a change of state that is not allowed
        │   └── StaleRevision       the message is not the one that the person was shown
        ├── StoreLocked             another daemon or program has locked this store
        ├── StoreBusy               too much waits to be stored; nothing was written
        ├── StoreFull               the disk is full; nothing was written
        ├── Unkeepable              the store works, but cannot store this
        ├── StoreNearlyFull         the last space is kept for what was accepted
        ├── TooMuch                 the answer would be too long
        └── NotFound                nothing in the store has this id
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class AppealBridgeError(Exception):
    """The root of the tree above."""


class DeliveryError(AppealBridgeError):
    """
    One attempt did not end in a receipt. The subclass says what may be done next.

    `status` is the code of the platform's answer (of HTTP or SMTP), `None` where there was none. `sent` is False if the
    platform certainly got nothing, because no connection came about.
    """

    sent = True

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TryAgain(DeliveryError):
    """
    Certainly not published: it may be tried again later.

    `after` is the platform's own wish in seconds from now, `None` where it has none.
    `throttled` marks a rate limit, which does not count as a failed attempt.
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
        """Whether the account is stopped, by a rate limit or its login, and not only this message."""
        return self.throttled or isinstance(self, LoginExpired | AccountRefused)


class UploadExpired(TryAgain):
    """Certainly not published: the platform no longer has an image that was uploaded, so all are uploaded again."""


class LoginExpired(TryAgain):
    """Certainly not published; nothing is published on this channel until its login works again."""


class AccountRefused(TryAgain):
    """
    Certainly not published: the login works, but the account may not publish, for example if it is suspended.

    `sure` is False if the platform's answer could also be about this one message. If other messages
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
    Certainly not published: the address is inside the network, and the settings do not allow it.

    Or the proxy of the settings refuses it, or our login.

    `reason` is the message without its cure.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class Unsure(DeliveryError):
    """Perhaps published: the platform may have the post although no receipt came back."""


class AlreadyGone(DeliveryError):
    """
    The post that was to be changed or removed is not there.

    A platform may answer the same to another account, or to one that has lost its permission. So this counts as removed
    only while `check` names the account that published the post.
    """


class Rejected(DeliveryError):
    """The platform refuses this message for good; the message has its own words."""


class SourceError(AppealBridgeError):
    """One poll of a source, or one request from it, failed."""


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

    `after` is in how many seconds it may be sent again, `None` if it must not be sent again as it is. `lost` is whether
    its sender will not correct it, so that people have to be told.
    """

    def __init__(self, status: int, title: str, detail: str, *, after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.after = after
        self.lost = status == 413


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
    """A change of state that is not allowed."""


class StaleRevision(IllegalMove):
    """
    The message is not the one that the person was shown.

    `difference` has what changed since, as `model.approval.differences` returns it.
    """

    def __init__(self, message: str, difference: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.difference = difference


class StoreLocked(StoreError):
    """Another daemon or program has locked this store."""


class StoreBusy(StoreError):
    """Too much waits to be stored; nothing was written, and the sender should send it again."""


class StoreFull(StoreError):
    """The disk is full; nothing was written, and what was accepted stays."""


class Unkeepable(StoreError):
    """The store works, but cannot store this, now or later."""


class StoreNearlyFull(StoreError):
    """The last space on the disk is kept for what was accepted; nothing was written, send it again later."""


class TooMuch(StoreError):
    """The answer would be too long, so there is none."""


class NotFound(StoreError):
    """Nothing in the store has this id."""
